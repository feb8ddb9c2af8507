"""`eilbote providers`: what is known of the providers, with its sources and the day it was checked."""

from __future__ import annotations

import click

from eilbote.cli.command import Command, mark
from eilbote.cli.face import Face
from eilbote.cli.needed import need_lines
from eilbote.cli.shapes import JSON
from eilbote.cli.table import Column, Row
from eilbote.clock import SystemClock
from eilbote.engine.providers import Known, known_providers
from eilbote.figures import number, size
from eilbote.providers.needs import Needed
from eilbote.providers.values import Endpoint, Provider

_FIRST = {
    Needed.SWITCH_ON: mark("switch on"),
    Needed.APP_PASSWORD: mark("app password"),
    Needed.TWO_STEP: mark("with second factor: app password"),
    Needed.OAUTH: mark("sign in on its page"),
    Needed.BRIDGE: mark("its own program"),
    Needed.NO_ACCESS: mark("no access"),
}


@click.command(
    "providers",
    cls=Command,
    help=mark(
        "Show what is known of the mail providers: which of them still take a password from a mail program, "
        "what has to be done first, and when that was last checked. NAME may be an id, a domain, an address"
        " or a server; of one provider everything is shown."
    ),
    short_help=mark("Show what is known of the mail providers"),
)
@click.argument("name", required=False, default="")
@click.pass_obj
def providers(face: Face, name: str) -> None:
    show_providers(face, name)


def show_providers(face: Face, name: str) -> None:
    """All rows, or everything of one."""
    found = known_providers(SystemClock(), name)
    if face.json:
        for one in found:
            face.record(provider_shape(one))
    elif name:
        _describe(face, found[0])
    else:
        _table(face, found)


def _table(face: Face, found: tuple[Known, ...]) -> None:
    columns = [
        Column(face.text(mark("Provider")), style="bold", share=1),
        Column(face.text(mark("Own password"))),
        Column(face.text(mark("App password"))),
        Column("OAuth"),
        Column(face.text(mark("First")), share=2),
        Column(face.text(mark("Checked on"))),
    ]
    rows = [
        Row(
            (
                one.provider.name,
                _yes(face, one.access.own_password and one.provider.login.value != "none"),
                _yes(face, one.access.app_password),
                _yes(face, one.access.oauth),
                ", ".join(face.text(_FIRST[need.kind]) for need in one.needs),
                _checked(face, one),
            ),
            "dim" if one.age is not None else "",
        )
        for one in found
    ]
    face.table(columns, rows)


def _describe(face: Face, one: Known) -> None:
    row, language = one.provider, face.catalogue.language
    facts = [
        (mark("Provider"), row.name, "bold"),
        (mark("Domains"), ", ".join(row.domains[:12]) + (" …" if len(row.domains) > 12 else ""), ""),
        (mark("IMAP server"), _server(row.imap), ""),
        (mark("POP3 server"), _server(row.pop3), ""),
        (mark("SMTP server"), _server(row.smtp), ""),
        (mark("User name"), face.text(_user(row)), ""),
        (mark("Limits"), _limits(face, row, language), ""),
        (mark("Mailboxes"), _folders(row), ""),
        (mark("Sent mail"), _sent(face, row), ""),
        (mark("Checked on"), _checked(face, one), ""),
        (mark("Sources"), "; ".join(dict.fromkeys((row.source, one.access.source))), ""),
    ]
    face.facts([(face.text(title), value, look) for title, value, look in facts if value])
    lines = need_lines(face, row)
    if lines:
        face.line()
    for line in lines:
        face.say("{line}", line=line)


def _user(row: Provider) -> str:
    if row.user_is_local_part and not row.smtp_user_is_local_part:
        return mark("receiving: what stands before the @; sending: the whole address")
    return mark("what stands before the @") if row.user_is_local_part else mark("the whole address")


def _sent(face: Face, row: Provider) -> str:
    if row.sending is None or not row.sending.files_sent_copy:
        return ""
    return face.text(mark("the provider keeps a copy itself"))


def _folders(row: Provider) -> str:
    if row.folders is None:
        return ""
    named = (
        getattr(row.folders, field) for field in ("sent", "drafts", "trash", "junk", "archive", "unknown")
    )
    return ", ".join(filter(None, named))


def _limits(face: Face, row: Provider, language: str) -> str:
    parts: list[str] = []
    if row.receiving is not None and row.receiving.connections:
        parts.append(face.text(mark("{count} connections at once"), count=row.receiving.connections))
    if row.receiving is not None and row.receiving.down_per_day:
        amount = size(row.receiving.down_per_day, face.catalogue.language)
        parts.append(face.text(mark("{size} a day to receive"), size=amount))
    if row.receiving is not None and row.receiving.newest:
        amount = number(row.receiving.newest, face.catalogue.language)
        parts.append(face.text(mark("the newest {count} mails of a mailbox"), count=amount))
    if row.receiving is not None and row.receiving.mailboxes:
        parts.append(face.text(mark("{count} mailboxes"), count=row.receiving.mailboxes))
    if row.sending is not None and row.sending.largest_message:
        amount = size(row.sending.largest_message, face.catalogue.language)
        parts.append(face.text(mark("{size} a mail"), size=amount))
    if row.sending is not None and row.sending.messages_per_day:
        amount = number(row.sending.messages_per_day, face.catalogue.language)
        parts.append(face.text(mark("{count} mails a day to send"), count=amount))
    if row.sending is not None and row.sending.recipients_per_message:
        amount = number(row.sending.recipients_per_message, face.catalogue.language)
        parts.append(face.text(mark("{count} recipients a mail"), count=amount))
    return ", ".join(parts)


def _checked(face: Face, one: Known) -> str:
    day = one.checked.isoformat()
    if one.age is None:
        return day
    return face.text(mark("{day} ({days} days ago)"), day=day, days=number(one.age, face.catalogue.language))


def _yes(face: Face, value: bool) -> str:
    return face.text(mark("yes")) if value else "–"


def _server(server: Endpoint | None) -> str:
    if server is None:
        return ""
    return f"{server.host}:{server.port} ({'STARTTLS' if server.security == 'starttls' else 'TLS'})"


def provider_shape(one: Known) -> JSON:
    """`providers`: the row as it is, with what follows from it."""
    import msgspec  # noqa: PLC0415  # only JSON pays for it

    row: JSON = msgspec.to_builtins(one.provider)
    return {
        **row,
        "access": msgspec.to_builtins(one.access),
        "needs": [{"kind": need.kind.value, "menu": msgspec.to_builtins(need.menu)} for need in one.needs],
        "age_days": one.age,
    }
