"""What a run over the outbox did, in one line and what a person must know: for `sync`, `serve` and `outbox
run`."""

from __future__ import annotations

from eilbote.cli.command import mark
from eilbote.cli.face import Face
from eilbote.engine.progress import Delivered
from eilbote.figures import long_date, number

_COUNTS = (
    ("sent", mark("{number} sent")),
    ("deferred", mark("{number} to be tried again")),
    ("failed", mark("{number} failed")),
    ("uncertain", mark("{number} uncertain")),
    ("refused", mark("recipients refused: {number}")),
)


def show_delivered(face: Face, delivered: Delivered) -> None:
    """Nothing where nothing happened and nobody has to act."""
    language = face.catalogue.language
    said = [
        face.text(words, number=number(count, language))
        for name, words in _COUNTS
        if (count := getattr(delivered, name))
    ]
    if said:
        face.say(mark("{account}, outbox: {counts}."), account=delivered.account, counts=", ".join(said))
    if delivered.paused and delivered.next_at is None:
        face.note(
            mark("{account}: sending is paused. Go on with: eilbote outbox resume {account}"),
            account=delivered.account,
        )
    elif delivered.next_at and (delivered.problem is not None or delivered.deferred):
        face.note(
            mark("{account}: the next try is on {when}."),
            account=delivered.account,
            when=long_date(delivered.next_at, language),
        )
    if delivered.failed or delivered.refused:
        face.note(
            mark("What was refused, and why: eilbote outbox list --account {account}"),
            account=delivered.account,
        )
    for mail in delivered.delayed:
        face.note(
            mark(
                "Mail {id} could not be handed over for some time; it is tried again. "
                "Why: eilbote outbox show {id}"
            ),
            id=str(mail),
        )
    for mail in delivered.asked:
        face.note(
            mark(
                "Mail {id} was probably sent; the confirmation is missing. Settle it with: "
                "eilbote outbox resolve {id} --sent, or --resend to send it again"
            ),
            id=str(mail),
        )
    if delivered.problem is not None:
        face.problem(delivered.problem, about=delivered.account, warning=True)


def needs_attention(delivered: Delivered) -> bool:
    """Not all went well."""
    return bool(
        delivered.failed or delivered.refused or delivered.uncertain or delivered.asked or delivered.problem
    )
