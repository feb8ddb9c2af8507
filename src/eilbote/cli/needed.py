"""What has to be done at a provider before the login, in words, with the path of the menus."""

from __future__ import annotations

from eilbote.cli.command import mark
from eilbote.cli.face import Face
from eilbote.clock import SystemClock
from eilbote.engine.providers import before_login, known_providers
from eilbote.figures import number
from eilbote.providers.needs import Needed
from eilbote.providers.values import Provider

NEEDED = {
    Needed.SWITCH_ON: mark("{provider} lets mail programs in only after you have switched that on."),
    Needed.APP_PASSWORD: mark(
        "{provider} refuses your usual password in mail programs. Make one for this program there (an “app"
        " password”) and use it here."
    ),
    Needed.TWO_STEP: mark(
        "If you log in to {provider} with a second factor, make a password for this program there and use it"
        " here."
    ),
    Needed.OAUTH: mark(
        "{provider} takes no passwords from mail programs. You sign in on its own page (--oauth)."
    ),
    Needed.BRIDGE: mark(
        "{provider} is reached through its program on this machine. Use the password that it shows."
    ),
    Needed.NO_ACCESS: mark("{provider} lets no mail program in."),
}


_OF_PASSWORDS = (Needed.APP_PASSWORD, Needed.TWO_STEP, Needed.OAUTH)


def tell_needs(face: Face, provider: Provider, *, signs_in: bool = False) -> None:
    """Each thing to do, and where it is found at the provider. `signs_in`: no password is to be used."""
    for line in need_lines(face, provider, signs_in=signs_in):
        face.note("{line}", line=line)


def need_lines(face: Face, provider: Provider, *, signs_in: bool = False) -> list[str]:
    """The same as lines; what was compared with its sources long ago says so."""
    language = face.catalogue.language
    lines: list[str] = []
    for need in before_login(provider):
        if signs_in and need.kind in _OF_PASSWORDS:
            continue
        lines.append(face.text(NEEDED[need.kind], provider=provider.name))
        if need.menu is not None:
            lines.append(f"  {need.menu.text(language)}")
            if need.menu.url:
                lines.append(f"  {need.menu.url}")
    access = provider.access
    if access is not None and access.note is not None and not signs_in:
        lines.append(access.note.text(language))
    if lines and provider.help:
        lines.append(f"  {provider.help}")
    (known,) = known_providers(SystemClock(), provider.id)
    if lines and known.age is not None:
        days = number(known.age, language)
        checked = mark("Last checked on {day}, {days} days ago: menus may have changed.")
        lines.append(face.text(checked, day=known.checked.isoformat(), days=days))
    return lines
