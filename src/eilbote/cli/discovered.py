"""How the servers of an address are looked for, and what was found, in words."""

from __future__ import annotations

import sys
from collections.abc import Callable

from eilbote.cli.command import mark
from eilbote.cli.face import Face
from eilbote.cli.shapes import JSON, problem_shape
from eilbote.discovery.values import Candidate, Protocol, Source, Told
from eilbote.engine.discover import Discovered, Step, Tried

PROTOCOLS = {
    Protocol.IMAP: mark("Receive (IMAP)"),
    Protocol.POP3: mark("Receive (POP3)"),
    Protocol.SMTP: mark("Send (SMTP)"),
}

SOURCES = {
    Source.PROVIDER: mark("the built-in table of providers"),
    Source.SRV: mark("records of the domain (DNS SRV)"),
    Source.AUTOCONFIG: mark("a file that the domain publishes (autoconfig)"),
    Source.MX: mark("the built-in table, by the domain's mail server"),
    Source.MX_AUTOCONFIG: mark("a file of whoever runs the domain's mail server"),
    Source.AUTODISCOVER: mark("the domain's Exchange server (autodiscover)"),
    Source.GUESS: mark("a usual name, tried"),
}


_NAMES = {
    Source.PROVIDER: mark("Built-in table"),
    Source.SRV: mark("SRV records of the domain"),
    Source.AUTOCONFIG: mark("Autoconfig file of the domain"),
    Source.MX: mark("Built-in table, by mail server"),
    Source.MX_AUTOCONFIG: mark("Autoconfig file of the mail server's owner"),
    Source.AUTODISCOVER: mark("Autodiscover"),
    Source.GUESS: mark("Usual names"),
}

_ASKING = {
    Source.PROVIDER: mark("Looking into the built-in table of providers …"),
    Source.SRV: mark("Asking DNS which servers the domain names …"),
    Source.AUTOCONFIG: mark("Asking the domain's web server …"),
    Source.MX: mark("Asking who takes the domain's mail …"),
    Source.MX_AUTOCONFIG: mark("Asking who takes the domain's mail …"),
    Source.AUTODISCOVER: mark("Asking for an Exchange server …"),
    Source.GUESS: mark("Trying usual names …"),
}


class Teller:
    """Tells of each step while somebody looks."""

    def __init__(self, face: Face) -> None:
        self._face = face
        self._shows = not face.json and face.is_terminal(sys.stderr)

    def __call__(self, step: Step) -> None:
        if not self._shows:
            return
        if step.asking is not None:
            self._face.note("{line}", line=self._face.text(_ASKING[step.asking]))
        elif step.tried is not None:
            self._face.note("  {told}", told=_outcome(self._face, step.tried))


def tell_discovered(face: Face, found: Discovered) -> None:
    """The servers that were chosen, who named them, and what is advised: beside the result of a command."""
    if face.json:
        return
    _tell_servers(face, found, face.note)
    if found.smtp is None and found.used:
        face.note(mark("No server to send by was found. Name it later:"))
        face.note("  {line}", line=f"eilbote account edit {found.address} --smtp HOST:PORT")


def show_discovered(face: Face, found: Discovered) -> None:
    """The same as the result, and what each source said."""
    _tell_servers(face, found, face.say)
    if found.to_confirm:
        servers = ", ".join(one.place for one in found.to_confirm)
        face.say(mark("Nothing proves that these are your provider's servers: {servers}"), servers=servers)
    face.line()
    face.line(face.text(mark("Asked:")), "bold")
    order = list(Source)
    for told in sorted(found.told, key=lambda told: order.index(told.source)):
        if told.source is not Source.GUESS:
            face.say("  {told}", told=f"{face.text(_NAMES[told.source])}: {_heard(face, told)}")
    others = [one for one in found.tried if one not in found.used and _is_worth_telling(one)]
    if others:
        face.line()
        face.line(face.text(mark("Not used:")), "bold")
    for one in others:
        face.say("  {told}", told=_outcome(face, one))


def _tell_servers(face: Face, found: Discovered, write: Callable[..., None]) -> None:
    if found.provider is not None:
        write(mark("Provider: {name}"), name=found.provider.name)
    for tried in found.used:
        write("  {told}", told=_outcome(face, tried))
    for one in found.disagreements:
        write(
            mark("The sources disagree: {one} says {first}, {other} says {second}. The first is believed."),
            one=face.text(_NAMES[one.one.source]),
            first=one.one.place,
            other=face.text(_NAMES[one.other.source]),
            second=one.other.place,
        )
    if found.imap is not None:
        write(mark("Advice: IMAP. Mail stays on the server, and all your devices show the same."))
    elif found.pop3 is not None:
        write(
            mark(
                "Your provider offers POP3 only. Eilbote collects the mail; it stays on the server as long as"
                " you choose, and folders live only here."
            )
        )


def _heard(face: Face, told: Told) -> str:
    """What one source said, in a few words."""
    if told.problem is not None:
        return face.catalogue.problem(told.problem).what
    if told.refused:
        protocols = ", ".join(sorted(one.value.upper() for one in told.refused))
        return face.text(mark("{protocols} is not offered, it says"), protocols=protocols)
    count = len(told.candidates)
    return face.plural(mark("names {count} server"), mark("names {count} servers"), count)


def _is_worth_telling(tried: Tried) -> bool:
    """A guess that found nobody is none of anybody's business."""
    return tried.proven is not None or tried.candidate.source is not Source.GUESS


def _outcome(face: Face, tried: Tried) -> str:
    one = tried.candidate
    named = face.text(
        mark("{what}: {place}, named by {source}"),
        what=face.text(PROTOCOLS[one.protocol]),
        place=server_text(face, one),
        source=face.text(SOURCES[one.source]),
    )
    if tried.error is None and tried.proven is None:
        return face.text(mark("{named}; not needed"), named=named)
    if tried.error is None:
        return face.text(mark("{named}; certificate checked"), named=named)
    said = face.catalogue.problem(tried.error.problem).what
    return face.text(mark("{named}; not used: {reason}"), named=named, reason=said)


def server_text(face: Face, one: Candidate) -> str:
    """Host, port and how the line is protected."""
    return f"{one.place} ({'STARTTLS' if one.security == 'starttls' else 'TLS'})"


def discovered_shape(found: Discovered) -> JSON:
    """`account discover`."""
    chosen = {one.candidate.protocol.value: one.candidate.place for one in found.chosen}
    return {
        "address": found.address,
        "provider": found.provider and found.provider.id,
        "meant": found.meant or None,
        **{protocol.value: chosen.get(protocol.value) for protocol in Protocol},
        "to_confirm": [one.place for one in found.to_confirm],
        "candidates": [_tried_shape(one) for one in found.tried],
        "sources": [
            {
                "source": one.source.value,
                "where": one.where,
                "servers": len(one.candidates),
                "refused": sorted(protocol.value for protocol in one.refused),
                "problem": one.problem and problem_shape(one.problem),
            }
            for one in found.told
        ],
        "disagreements": [
            {
                "protocol": one.protocol.value,
                "one": {"source": one.one.source.value, "server": one.one.place},
                "other": {"source": one.other.source.value, "server": one.other.place},
            }
            for one in found.disagreements
        ],
        "problem": found.error and problem_shape(found.error.problem),
        "seconds": round(found.seconds, 3),
    }


def _tried_shape(tried: Tried) -> JSON:
    one = tried.candidate
    return {
        "protocol": one.protocol.value,
        "server": one.place,
        "security": one.security,
        "source": one.source.value,
        "where": one.where,
        "user": one.user or None,
        "asks": one.asks,
        "proven": tried.proven is not None,
        "mechanisms": list(tried.proven.mechanisms) if tried.proven else [],
        "problem": tried.error and problem_shape(tried.error.problem),
    }
