"""What an answer of an SMTP server, or its silence, means for a mail and for each of its recipients.

The rules are written once, here. It must never call a mail undelivered that a server may have: after
the final dot only an answer decides.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import assert_never

from msgspec.structs import replace

from eilbote.delivery.retry import next_try
from eilbote.delivery.values import (
    Answer,
    Ended,
    Outgoing,
    Phase,
    Recipient,
    RecipientState,
    SendState,
    Settled,
)
from eilbote.errors import Problem

RATE_PAUSE = 3600.0
"""Seconds to leave a server alone that says a sending limit is used up and not for how long."""

DAILY_PAUSE = 4 * 3600.0

_LOGIN_CODES = frozenset({530, 534, 535, 538})
"""RFC 4954 section 6: the login is missing, too weak, or refused."""

_LOGIN_CLASSES = frozenset({"5.7.8", "5.7.9", "5.7.11", "5.7.14", "5.7.57", "5.7.139", "5.7.30"})

_RATE_WORDS = ("send limit exceeded", "sending limit", "rate limit", "too many messages", "over the limit")


class Meaning(Enum):
    """What one answer says: yes; later; never; never, but servers are known to say it in passing
    (one more try); too many recipients at once; a sending limit; the login is refused."""

    YES = auto()
    LATER = auto()
    NEVER = auto()
    ONCE_MORE = auto()
    SPLIT = auto()
    LIMIT = auto()
    LOGIN = auto()


def meaning_of(answer: Answer, *, of_recipient: bool = True, logs_in: bool = True) -> Meaning:
    """Sorts an answer. The class of the enhanced code wins over the first digit, and known words over
    both: some providers say "mailbox unavailable" where they mean "you have sent too much".

    `of_recipient`: it was said to a RCPT; only there "too much" may mean too many recipients. `logs_in`:
    as in `Ended`."""
    words = answer.text.lower()
    if any(each in words for each in _RATE_WORDS) and answer.code >= 400:
        return Meaning.LIMIT
    match answer.enhanced:
        case "5.4.5" | "5.7.232" | "5.7.233":  # Gmail's and Exchange Online's daily limits
            return Meaning.LIMIT
        case "4.5.3" | "5.5.3" if of_recipient:  # RFC 3463: too many recipients
            return Meaning.SPLIT
    if 200 <= answer.code < 300:
        return Meaning.YES
    if logs_in and answer.code in _LOGIN_CODES and answer.enhanced[:1] != "4":
        return Meaning.LOGIN
    if logs_in and answer.enhanced in _LOGIN_CLASSES:
        return Meaning.LOGIN
    # RFC 5321 section 4.5.3.1.10; 552 is the same, said with the code of RFC 821.
    if of_recipient and answer.code in (452, 552) and not answer.enhanced:
        return Meaning.SPLIT
    if answer.code in (421, 503):
        return Meaning.LATER  # 503: "bad sequence" is said where a session was forgotten
    permanent = answer.enhanced[0] == "5" if answer.enhanced else answer.code >= 500
    if not permanent:
        return Meaning.LATER
    if answer.code == 550 and answer.enhanced == "5.5.0":
        return Meaning.ONCE_MORE
    return Meaning.NEVER


def settle(mail: Outgoing, ended: Ended, now: float, chance: float) -> Settled:
    """What an attempt means for `mail`. `chance`: between 0 and 1, for the jitter of the next try."""
    if not ended.asked:
        return _settled(mail, ended, now, chance)
    asked = tuple(one for one in mail.recipients if one.address in ended.asked)
    settled = _settled(replace(mail, recipients=asked), ended, now, chance)
    return _joined(mail, settled, now, chance)


def _joined(mail: Outgoing, part: Settled, now: float, chance: float) -> Settled:
    """The whole mail where the attempt was about a part of its recipients: those who had no try yet get
    theirs at once."""
    after = {one.address: one for one in part.recipients}
    recipients = tuple(after.get(one.address, one) for one in mail.recipients)
    others = {one.state for one in recipients if one.address not in after}
    if part.state is SendState.UNCERTAIN or part.pauses_queue:
        return replace(part, recipients=recipients)
    if others & {RecipientState.WAITING, RecipientState.TAKEN}:
        return replace(
            part, state=SendState.DEFERRED, recipients=recipients, not_before=now, burns_attempt=False
        )
    if part.state is SendState.DEFERRED:
        return replace(part, recipients=recipients)
    if RecipientState.DEFERRED in others:
        at = next_try(mail.attempts + 1, mail.begins, now, chance)
        problem = part.problem or next((one.problem for one in recipients if one.problem), None)
        if at is None:
            return _given_up(recipients, problem or Problem("send.too_old"), part.queue_id)
        return replace(part, state=SendState.DEFERRED, recipients=recipients, not_before=at, problem=problem)
    sent = any(one.state is RecipientState.SENT for one in recipients)
    return replace(part, state=SendState.SENT if sent else SendState.FAILED, recipients=recipients)


def _settled(mail: Outgoing, ended: Ended, now: float, chance: float) -> Settled:
    if ended.phase is Phase.DOT:
        recipients = tuple(_recipient(one, ended) for one in mail.recipients)
        return Settled(SendState.UNCERTAIN, recipients, problem=ended.problem or Problem("send.uncertain"))
    if ended.hopeless and ended.problem is not None:
        return _given_up(mail.recipients, ended.problem, "")
    if ended.phase in (Phase.CONNECT, Phase.LOGIN) or (ended.answer is None and not ended.recipients):
        return _unasked(mail, ended, now, chance)
    refused = _refused_login(ended)
    if refused is not None:
        return _paused(mail, refusal(refused, ""))
    recipients = tuple(_recipient(one, ended) for one in mail.recipients)
    return _whole(mail, recipients, ended, now, chance)


def _refused_login(ended: Ended) -> Answer | None:
    """The answer by which a server wants a login, or another, before it takes anything from us."""
    if ended.answer is not None and _of_mail(ended.answer, ended) is Meaning.LOGIN:
        return ended.answer
    meanings = [(_of_recipient(one, ended), one) for one in ended.recipients.values()]
    if any(meaning is Meaning.YES for meaning, _ in meanings):
        return None
    return next((one for meaning, one in meanings if meaning is Meaning.LOGIN), None)


def _of_mail(answer: Answer, ended: Ended) -> Meaning:
    return meaning_of(answer, of_recipient=False, logs_in=ended.logs_in)


def _of_recipient(answer: Answer, ended: Ended) -> Meaning:
    return meaning_of(answer, logs_in=ended.logs_in)


def _paused(mail: Outgoing, problem: Problem) -> Settled:
    """The mail waits as before: what must change is the login."""
    recipients = tuple(
        replace(one, state=RecipientState.WAITING) if one.state is RecipientState.TAKEN else one
        for one in mail.recipients
    )
    return Settled(
        SendState.DEFERRED,
        recipients,
        not_before=mail.not_before,
        problem=problem,
        burns_attempt=False,
        pauses_queue=True,
    )


def refusal(answer: Answer, address: str) -> Problem:
    """A server's no as a problem, in its own words."""
    code = "send.refused_recipient" if address else "send.refused"
    parameters = {"code": str(answer.code), "enhanced": answer.enhanced, "text": answer.text[:1000]}
    if address:
        parameters["address"] = address
    return Problem(code, parameters)


def _unasked(mail: Outgoing, ended: Ended, now: float, chance: float) -> Settled:
    """No server was told of the mail: the network, the greeting or the login stood before it."""
    problem = ended.problem or (refusal(ended.answer, "") if ended.answer else Problem("send.interrupted"))
    # Where an access token is not to be had before somebody has signed in again, the mail waits for that.
    signed_out = problem.code.startswith("oauth.") and problem.retry_after is None
    if signed_out or problem.code.endswith((".login_refused", ".no_mechanism")):
        return _paused(mail, problem)
    at = next_try(mail.attempts + 1, mail.begins, now, chance, problem.retry_after or 0.0)
    if at is None:
        return Settled(SendState.FAILED, _give_up(mail.recipients, problem), problem=problem)
    recipients = tuple(
        one
        if one.state in (RecipientState.SENT, RecipientState.FAILED)
        else replace(one, state=RecipientState.DEFERRED, problem=problem)
        for one in mail.recipients
    )
    return Settled(SendState.DEFERRED, recipients, at, problem)


def _recipient(one: Recipient, ended: Ended) -> Recipient:
    """One recipient after an attempt that a server was asked in."""
    if one.state in (RecipientState.SENT, RecipientState.FAILED):
        return one
    own = ended.recipients.get(one.address)
    attempts = one.attempts + 1
    if own is not None and _of_recipient(own, ended) is not Meaning.YES:
        deciding, meaning = own, _of_recipient(own, ended)
    elif ended.phase is Phase.DOT:  # also one whose answer was still to come: the server may have it
        return replace(one, state=RecipientState.TAKEN, answer=own, attempts=attempts)
    elif ended.answer is None:  # the connection ended before the mail was handed over
        return replace(one, state=RecipientState.DEFERRED, answer=own, attempts=attempts)
    else:
        deciding, meaning = ended.answer, _of_mail(ended.answer, ended)
    match meaning:
        case Meaning.YES if ended.phase is Phase.ANSWERED and own is not None:
            return replace(one, state=RecipientState.SENT, answer=deciding, attempts=attempts, problem=None)
        case Meaning.YES | Meaning.LATER | Meaning.SPLIT | Meaning.LIMIT | Meaning.LOGIN:
            problem = None if meaning is Meaning.YES else refusal(deciding, one.address)
            return replace(
                one, state=RecipientState.DEFERRED, answer=deciding, attempts=attempts, problem=problem
            )
        case Meaning.ONCE_MORE if attempts < 2:
            return replace(
                one,
                state=RecipientState.DEFERRED,
                answer=deciding,
                attempts=attempts,
                problem=refusal(deciding, one.address),
            )
        case Meaning.ONCE_MORE | Meaning.NEVER:
            return replace(
                one,
                state=RecipientState.FAILED,
                answer=deciding,
                attempts=attempts,
                problem=refusal(deciding, one.address),
            )
        case never:
            assert_never(never)


def _whole(
    mail: Outgoing, recipients: tuple[Recipient, ...], ended: Ended, now: float, chance: float
) -> Settled:
    """The mail after its recipients are settled: others are tried again as long as one waits."""
    queue_id = ended.answer.text[:500] if ended.phase is Phase.ANSWERED and ended.answer else ""
    waiting = [one for one in recipients if one.state in (RecipientState.DEFERRED, RecipientState.WAITING)]
    problem = ended.problem or next((one.problem for one in recipients if one.problem is not None), None)
    if not waiting:
        if any(one.state is RecipientState.SENT for one in recipients):
            return Settled(SendState.SENT, recipients, problem=problem, queue_id=queue_id)
        return Settled(SendState.FAILED, recipients, problem=problem)
    split = all(
        own is not None and _of_recipient(own, ended) is Meaning.SPLIT
        for own in (ended.recipients.get(one.address) for one in waiting)
    )
    before = {one.address for one in mail.recipients if one.state is RecipientState.SENT}
    if split and any(one.state is RecipientState.SENT and one.address not in before for one in recipients):
        # The server took as many as it takes at once; the others go in the next transaction.
        return Settled(SendState.DEFERRED, recipients, now, problem, queue_id, burns_attempt=False)
    at = next_try(mail.attempts + 1, mail.begins, now, chance, _pause(waiting, ended))
    if at is None:
        return _given_up(recipients, problem or Problem("send.too_old"), queue_id)
    # A stranger's server speaks for itself alone.
    limited = ended.logs_in and any(
        one.answer is not None and meaning_of(one.answer) is Meaning.LIMIT for one in waiting
    )
    return Settled(SendState.DEFERRED, recipients, at, problem, queue_id, holds_until=at if limited else 0.0)


def _given_up(recipients: tuple[Recipient, ...], problem: Problem, queue_id: str) -> Settled:
    ended = _give_up(recipients, problem)
    state = SendState.SENT if any(one.state is RecipientState.SENT for one in ended) else SendState.FAILED
    return Settled(state, ended, problem=problem, queue_id=queue_id)


def _give_up(recipients: tuple[Recipient, ...], problem: Problem) -> tuple[Recipient, ...]:
    return tuple(
        one
        if one.state in (RecipientState.SENT, RecipientState.FAILED)
        else replace(one, state=RecipientState.FAILED, problem=one.problem or problem)
        for one in recipients
    )


def _pause(waiting: list[Recipient], ended: Ended) -> float:
    """How long the server wants to be left alone."""
    answers = [one.answer for one in waiting if one.answer is not None]
    if any(meaning_of(one) is Meaning.LIMIT for one in answers):
        daily = any("day" in one.text.lower() or "daily" in one.text.lower() for one in answers)
        return DAILY_PAUSE if daily else RATE_PAUSE
    if ended.problem is not None and ended.problem.retry_after:
        return ended.problem.retry_after
    return 0.0
