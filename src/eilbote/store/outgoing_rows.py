"""Outgoing mails as rows: written, read, found by their state. Nothing here decides what a state means."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from eilbote.delivery.values import (
    Copy,
    Options,
    Outgoing,
    Policy,
    Recipient,
    SendState,
    Submission,
)
from eilbote.store.database import Row, Session, blob, chunked, in_list, integer, real, text
from eilbote.store.envelopes import clean
from eilbote.store.problems import problem_from_text

COLUMNS = (
    "account",
    "state",
    "message_id",
    "sender",
    "subject",
    "size",
    "sha256",
    "recipients",
    "options",
    "not_before",
    "created",
    "touched",
    "policy",
    "copying",
    "copy_debt",
    "origin",
    "submission_key",
    "attempts",
    "queue_id",
    "told",
    "begins",
    "resent",
    "uncertain_since",
    "answers",
    "marks",
)
_SELECT = f"id, {', '.join(COLUMNS)}, problem"

_recipients = msgspec.json.Decoder(tuple[Recipient, ...])
_options = msgspec.json.Decoder(Options)
_encoder = msgspec.json.Encoder()


def insert(session: Session, mail: Submission, sha256: bytes, now: float) -> int:
    """Writes a new mail and its bytes; returns its id."""
    row = session.one(
        f"INSERT INTO outgoing ({', '.join(COLUMNS)}) VALUES {in_list(len(COLUMNS))} RETURNING id",
        (
            mail.account,
            SendState.ACCEPTED.value,
            clean(mail.message_id),
            clean(mail.sender),
            clean(mail.subject),
            len(mail.raw),
            sha256,
            recipients_to_text([Recipient(address) for address in mail.recipients]),
            _encoder.encode(mail.options).decode(),
            mail.not_before,
            now,
            now,
            mail.policy.value,
            mail.copy.value,
            0,
            mail.origin,
            clean(mail.key),
            0,
            "",
            0,
            max(now, mail.not_before),
            0,
            0.0,
            mail.answers,
            mail.marks,
        ),
    )
    assert row is not None
    number = integer(row[0])
    session.run("INSERT INTO outgoing_body (outgoing, raw) VALUES (?, ?)", (number, mail.raw))
    return number


def recipients_to_text(recipients: Sequence[Recipient]) -> str:
    """The column's value."""
    return _encoder.encode(recipients).decode()


def find(session: Session, where: str, params: Sequence[int | float | str], tail: str = "") -> list[Outgoing]:
    """Mails that meet a condition on the columns of `outgoing`."""
    return [
        outgoing(row) for row in session.rows(f"SELECT {_SELECT} FROM outgoing WHERE {where}{tail}", params)
    ]


def move(
    session: Session, mails: Sequence[int], before: Sequence[SendState], after: SendState, now: float
) -> list[Outgoing]:
    """Moves mails from one of the states `before` to `after`; returns those that were in one. A claim:
    what another took already is not among them."""
    moved: list[Outgoing] = []
    states = [state.value for state in before]
    for chunk in chunked(mails):
        rows = session.rows(
            f"UPDATE outgoing SET state = ?, touched = ? WHERE id IN {in_list(len(chunk))}"
            f" AND state IN {in_list(len(states))} RETURNING {_SELECT}",
            (after.value, now, *chunk, *states),
        )
        moved += [outgoing(row) for row in rows]
    return sorted(moved, key=lambda mail: mail.id)


def outgoing(row: Row) -> Outgoing:
    """A row of `_SELECT` as a value."""
    return Outgoing(
        id=integer(row[0]),
        account=integer(row[1]),
        state=SendState(text(row[2])),
        message_id=text(row[3]),
        sender=text(row[4]),
        subject=text(row[5]),
        size=integer(row[6]),
        sha256=blob(row[7]),
        recipients=_recipients.decode(text(row[8])),
        options=_options.decode(text(row[9])),
        not_before=real(row[10]),
        created=real(row[11]),
        touched=real(row[12]),
        policy=Policy(text(row[13])),
        copy=Copy(text(row[14])),
        copy_debt=integer(row[15]),
        origin=text(row[16]),
        key=text(row[17]),
        attempts=integer(row[18]),
        queue_id=text(row[19]),
        told=integer(row[20]),
        begins=real(row[21]),
        resent=bool(row[22]),
        uncertain_since=real(row[23]),
        answers=integer(row[24]),
        marks=text(row[25]),
        problem=problem_from_text(row[26]),
    )
