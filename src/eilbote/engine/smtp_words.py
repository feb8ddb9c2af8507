"""A mail of the outbox in the words of an SMTP session, and what the session tells of it in the words of
delivery. Translation alone; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from eilbote.delivery.values import Answer, Ended, Outgoing, Phase, Recipient, RecipientState
from eilbote.protocols.smtp import types as smtp

_OPEN = (RecipientState.WAITING, RecipientState.TAKEN)

_HOPELESS = frozenset(
    {
        "smtp.no_recipient",
        "smtp.nul",
        "smtp.long_line",
        "smtp.too_big",
        "smtp.no_smtputf8",
        "smtp.no_8bitmime",
        "smtp.no_requiretls",
        "smtp.address",
        "smtp.argument",
    }
)
"""Why this server cannot be given this mail, today or tomorrow."""

_PHASES = {
    smtp.Phase.NOT_BEGUN: Phase.CONNECT,
    smtp.Phase.ENVELOPE: Phase.ENVELOPE,
    smtp.Phase.CONTENT: Phase.DATA,
    smtp.Phase.ENDED: Phase.DOT,
    smtp.Phase.ANSWERED: Phase.ANSWERED,
}

_LONGEST_TRANSCRIPT = 32_000


def as_mail(mail: Outgoing, raw: bytes) -> smtp.Mail:
    """What a session is given: the recipients alone whose turn it is."""
    notify = tuple(smtp.Notify(word) for word in mail.options.notify)
    waiting = (one for one in mail.recipients if one.state in _OPEN)
    return smtp.Mail(
        key=mail.id,
        sender=mail.sender,
        recipients=tuple(smtp.Recipient(one.address, notify, one.address) for one in waiting),
        content=raw,
        envelope_id=mail.options.envelope_id,
        headers_only=None if mail.options.return_full is None else not mail.options.return_full,
        require_tls=mail.options.require_tls,
    )


def learned(mail: Outgoing, results: Sequence[smtp.RecipientResult]) -> tuple[Recipient, ...]:
    """The recipients as they stand when the mail's end leaves: who may get it now, and what was answered
    so far. Nothing where the mail has only one: without it no end leaves."""
    if len(mail.recipients) < 2:
        return ()
    asked = {one.address: one.reply for one in results}
    return tuple(_told(one, asked[one.address]) if one.address in asked else one for one in mail.recipients)


def _told(one: Recipient, reply: smtp.Reply | None) -> Recipient:
    if reply is None:  # its answer is still to come, behind the mail
        return replace(one, state=RecipientState.TAKEN)
    return replace(one, state=RecipientState.TAKEN if reply.is_ok else one.state, answer=as_answer(reply))


def is_untold(result: smtp.MailResult) -> bool:
    """The server was not told of the mail, for a reason that is not the mail's own."""
    return result.phase is smtp.Phase.NOT_BEGUN and not _is_hopeless(result)


def as_ended(result: smtp.MailResult) -> Ended:
    """A session's result."""
    answers = {one.address: as_answer(one.reply) for one in result.recipients if one.reply is not None}
    last = result.final or result.refusal
    return Ended(
        _PHASES[result.phase],
        answers,
        as_answer(last) if last is not None else None,
        result.problem,
        _is_hopeless(result),
        tuple(one.address for one in result.recipients),
    )


def _is_hopeless(result: smtp.MailResult) -> bool:
    return result.problem is not None and result.problem.code in _HOPELESS


def as_answer(reply: smtp.Reply) -> Answer:
    return Answer(reply.code, reply.enhanced, reply.text[:2000])


def as_transcript(said: Sequence[smtp.Said], ended: Ended, told: str = "") -> str:
    """A dialogue as it is kept: a line each, `>` by us, `<` by the server, `!` what broke it off. `told`:
    its beginning, written so already."""
    lines = [*told.splitlines(), *(f"{'>' if one.by_us else '<'} {one.text}" for one in said)]
    if ended.problem is not None:
        lines.append(f"! {ended.problem}")
    return "\n".join(lines)[:_LONGEST_TRANSCRIPT]
