"""What `sync --dry-run` shows: the steps that a pass would take, as a table or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from eilbote.cli.command import mark
from eilbote.cli.face import Face
from eilbote.cli.shapes import JSON
from eilbote.cli.table import Column, Row
from eilbote.engine.preview import Preview
from eilbote.mail.mailbox import UidSet
from eilbote.sync.state import (
    Advance,
    ApplyFlags,
    ApplyLabels,
    Compare,
    Confirm,
    Fetch,
    Push,
    Rematch,
    Remove,
    Step,
)

_STEPS: dict[type[Step], str] = {
    Rematch: mark("recognise anew"),
    Compare: mark("compare all"),
    ApplyFlags: mark("take over flags"),
    ApplyLabels: mark("take over labels"),
    Remove: mark("remove"),
    Confirm: mark("ask whether gone"),
    Fetch: mark("fetch"),
    Push: mark("carry to the server"),
}

_REASONS = {
    "uidvalidity-changed": mark("renumbered on the server"),
    "uids-not-sticky": mark("the server keeps no numbers"),
    "count-differs": mark("another number of mails"),
    "flags-on-server": mark("changed on the server"),
    "labels-on-server": mark("changed on the server"),
    "everything-gone": mark("everything seems gone"),
    "vanished-on-server": mark("gone on the server"),
    "not-listed": mark("not listed any more"),
    "arrived": mark("arrived"),
    "interrupted": mark("still missing here"),
}
_KINDS = {
    "flag": mark("flags"),
    "move": mark("move"),
    "copy": mark("copy"),
    "delete": mark("delete"),
    "append": mark("upload"),
    "create": mark("create"),
    "rename": mark("rename"),
    "remove-mailbox": mark("delete"),
    "subscribe": mark("subscribe"),
    "unsubscribe": mark("unsubscribe"),
}


def show_previews(face: Face, previews: Sequence[Preview]) -> None:
    """What each account's pass would do, and why it could not be told."""
    for preview in previews:
        if face.json:
            for step in preview.steps:
                face.record(step_shape(preview.account, step))
        elif preview.failed is None:
            _show_steps(face, preview)
        if preview.failed is not None:
            face.problem(preview.failed, about=preview.account)


def _show_steps(face: Face, preview: Preview) -> None:
    steps = [step for step in preview.steps if not isinstance(step, Advance)]
    if not steps:
        face.say(mark("{account}: nothing to do."), account=preview.account)
        return
    face.say(mark("{account} would:"), account=preview.account)
    shapes = [step_shape(preview.account, step) for step in steps]
    columns = [
        Column(face.text(mark("Step")), style="bold"),
        Column(face.text(mark("Mailbox")), share=2),
        Column(face.text(mark("Mails")), right=True),
        Column("UID", share=2),
        Column(face.text(mark("Reason")), share=2, style="dim"),
    ]
    rows = [
        Row(
            (
                face.text(_STEPS[type(step)]),
                step.mailbox,
                str(shape["count"] or ""),
                str(shape["uid"]),
                _why(face, step),
            )
        )
        for step, shape in zip(steps, shapes, strict=True)
    ]
    face.table(columns, rows)


def _why(face: Face, step: Step) -> str:
    """The reason in words; one without words shows its code."""
    if isinstance(step, Push):
        return f"{face.text(_KINDS.get(step.kind, step.kind))} {step.detail}".rstrip()
    return face.text(_REASONS.get(step.reason, step.reason))


def step_shape(account: str, step: Step) -> JSON:
    """A line of `sync --dry-run`. `uid` is an IMAP sequence set; empty where the step is about all."""
    uids, more = _step_details(step)
    return {
        "step": type(step).__name__.lower(),
        "account": account,
        "mailbox": step.mailbox,
        "uid": str(uids),
        "count": len(uids),
        "reason": step.reason,
        **more,
    }


def _step_details(step: Step) -> tuple[UidSet, JSON]:
    match step:
        case Rematch():
            return UidSet(), {"uidvalidity": step.uidvalidity}
        case Compare():
            return UidSet(), {}
        case ApplyFlags():
            flags = {str(change.uid): sorted(change.flags) for change in step.changes}
            return UidSet.of(change.uid for change in step.changes), {"flags": flags}
        case ApplyLabels():
            labels = {str(change.uid): sorted(change.labels) for change in step.changes}
            return UidSet.of(change.uid for change in step.changes), {"labels": labels}
        case Remove() | Fetch():
            return step.uids, {}
        case Confirm():
            return step.uids, {"anew": step.anew}
        case Push():
            return step.uids, {"kind": step.kind, "detail": step.detail}
        case Advance():
            return UidSet(), {"cursor": step.cursor, "modseq": step.modseq, "backfill": str(step.backfill)}
        case _:
            assert_never(step)
