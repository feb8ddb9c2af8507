"""The JSON shapes that scripts rely on, described in `docs/schemas/`. Fields may join, none may leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eilbote.clock import rfc3339
from eilbote.delivery.values import Outgoing, Recipient, SendState
from eilbote.engine.progress import Delivered, SyncReport
from eilbote.errors import Problem
from eilbote.mail.keep import KeepKind
from eilbote.store.values import Account, Holder, Mailbox, Placement, Quarantined, Server, Watched

if TYPE_CHECKING:
    from eilbote.engine.complete import Contact
    from eilbote.engine.export_mail import ExportReport
    from eilbote.engine.import_mail import ImportReport
    from eilbote.engine.migrate import MigrateReport
    from eilbote.engine.read import Attachment, DecidedConflict, Shown
    from eilbote.engine.verify import Healed, VerifyReport
    from eilbote.mail.identity import Identity
    from eilbote.store.outgoing_attempts import Attempt
    from eilbote.store.rule_values import Run
from eilbote.store.sending_pauses import Pause

JSON = dict[str, object]


def account_shape(account: Account) -> JSON:
    """`account add`, `show`, `list` and all that change one."""
    problem = account.problem
    return {
        "id": str(account.id),
        "address": account.address,
        "name": account.name,
        "state": account.state.value,
        "imap": _place(account.imap),
        "smtp": _place(account.smtp),
        "pop3": _place(account.pop3),
        "direct": account.direct,
        "on_server": _on_server(account),
        "security": {
            "imap": account.imap and account.imap.security.value,
            "smtp": account.smtp and account.smtp.security.value,
            "pop3": account.pop3 and account.pop3.security.value,
        },
        "user": account.user,
        "auth": account.auth.value,
        "bodies": "headers" if account.keep.kind is KeepKind.HEADERS else "everything",
        "keep": str(account.keep),
        "trusted": list(account.trusted),
        "problem": None if problem is None else problem_shape(problem),
        "synced": None if account.synced is None else rfc3339(account.synced),
    }


def mailbox_shape(address: str, mailbox: Mailbox) -> JSON:
    """A line of `mailboxes`."""
    return {
        "account": address,
        "name": mailbox.name,
        "role": mailbox.role and mailbox.role.value,
        "messages": mailbox.messages,
        "unread": mailbox.unread,
        "uidvalidity": mailbox.watermarks.uidvalidity,
        "subscribed": mailbox.subscribed,
        "selectable": mailbox.selectable,
        "delimiter": mailbox.delimiter,
        "keep": None if mailbox.keep is None else str(mailbox.keep),
    }


def mail_shape(placement: Placement) -> JSON:
    """A line of `list`, `search` and `thread`. `uid` is null until the server has numbered the mail."""
    envelope = placement.envelope
    date = placement.internal_date if envelope.date is None else envelope.date
    return {
        "id": str(placement.id),
        "account": placement.address,
        "mailbox": placement.mailbox,
        "uid": placement.uid if placement.uid > 0 else None,
        "message_id": envelope.message_id,
        "subject": envelope.subject,
        "from": ", ".join(map(str, envelope.sender)),
        "to": [str(each) for each in envelope.to],
        "date": moment(date),
        "flags": sorted(placement.flags),
        "size": placement.size,
        "sha256": placement.sha256,
        "thread": str(placement.thread),
        "attachments": envelope.attachments,
        "cc": [str(each) for each in envelope.cc],
        "received": moment(placement.internal_date),
        "whole": placement.whole,
    }


def shown_shape(shown: Shown) -> JSON:
    """`show`: the line of the mail, and where it lies, what it says, what hangs on it."""
    return {
        **mail_shape(shown.placements[0]),
        "placements": [
            {
                "mailbox": each.mailbox,
                "uid": each.uid if each.uid > 0 else None,
                "flags": sorted(each.flags),
            }
            for each in shown.placements
        ],
        "labels": list(shown.labels),
        "text": shown.text,
        "parts": [part_shape(each) for each in shown.attachments],
        "defects": list(shown.defects),
        "rules": [ruled_shape(run) for run in shown.ruled],
    }


def ruled_shape(run: Run) -> JSON:
    """One of `rules` in `show`: what a rule did with the mail; `rules history ENTRY` says why."""
    return {
        "entry": str(run.id),
        "date": moment(run.ran),
        "origin": run.origin.value,
        "rules": list(run.rules),
        "actions": [{"action": deed.action, "argument": deed.argument or None} for deed in run.deeds],
        "problem": None if run.problem is None else problem_shape(run.problem),
        "undone": moment(run.undone),
    }


def part_shape(attachment: Attachment) -> JSON:
    """A line of `attachments`, and of `parts` in `show`."""
    return {
        "part": attachment.number,
        "name": attachment.name,
        "type": attachment.type,
        "size": attachment.size,
        "here": attachment.here,
    }


def verify_shape(report: VerifyReport) -> JSON:
    """A line of `verify`."""
    return {
        "account": report.account,
        "mailbox": report.mailbox,
        "server": report.server,
        "store": report.store,
        "missing": report.missing,
        "extra": report.extra,
        "flags_differ": report.flags_differ,
        "content_differ": report.content_differ,
        "ok": report.ok,
        "pending": report.pending,
        "quarantined": report.quarantined,
        "left_out": report.left_out,
        "out_of_sight": report.out_of_sight,
        "counts_differ": report.counts_differ,
        **({} if report.healed is None else {"healed": _healed_shape(report.healed)}),
        "examples": list(report.examples),
        "problem": None if report.problem is None else problem_shape(report.problem),
    }


def _healed_shape(healed: Healed) -> JSON:
    return {
        "missing": healed.missing,
        "extra": healed.extra,
        "flags": healed.flags,
        "content": healed.content,
        "counts": healed.counts,
        "quarantined": healed.quarantined,
    }


def quarantine_shape(mail: Quarantined) -> JSON:
    """A line of `quarantine`."""
    return {
        "account": mail.account,
        "mailbox": mail.mailbox,
        "uid": mail.uid,
        "problem": problem_shape(mail.problem),
        "since": moment(mail.since),
    }


def conflict_shape(decided: DecidedConflict) -> JSON:
    """A line of `conflicts`."""
    conflict = decided.conflict
    return {
        "id": str(conflict.id),
        "account": decided.account,
        "mailbox": decided.mailbox,
        "message": str(conflict.message) if conflict.message else None,
        "rule": conflict.rule,
        "detail": dict(conflict.detail),
        "date": moment(conflict.created),
    }


def export_shape(report: ExportReport) -> JSON:
    """A line of `export`."""
    return {
        "account": report.account,
        "mailbox": report.mailbox,
        "path": report.path,
        "mails": report.mails,
        "exported": report.exported,
        "present": report.present,
        "failed": report.failed,
    }


def import_shape(report: ImportReport) -> JSON:
    """A line of `import`."""
    return {
        "account": report.account,
        "mailbox": report.mailbox,
        "found": report.found,
        "imported": report.imported,
        "present": report.present,
        "failed": report.failed,
    }


def migrate_shape(report: MigrateReport) -> JSON:
    """A line of `migrate`."""
    return {
        "from": report.source_account,
        "to": report.target_account,
        "mailbox": report.mailbox,
        "target_mailbox": report.target_mailbox,
        "source": report.source,
        "target": report.target,
        "copied": report.copied,
        "present": report.present,
        "failed": report.failed,
        "missing": report.missing,
        "verified": report.verified,
        "ok": report.ok,
    }


def report_shape(report: SyncReport) -> JSON:
    """The last line of `sync` for an account."""
    return {
        "account": report.account,
        "new": report.new,
        "changed": report.changed,
        "deleted": report.deleted,
        "pushed": report.pushed,
        "conflicts": report.conflicts,
        "stored_seconds": round(report.stored_seconds, 3),
        "seconds": round(report.seconds, 3),
        "round_trips": report.round_trips,
        "bytes": report.bytes,
        "problems": [{"mailbox": mailbox, **problem_shape(problem)} for mailbox, problem in report.problems],
        "failed": None if report.failed is None else problem_shape(report.failed),
        "alerts": report.alerts,
        "delivered": None if report.delivered is None else delivered_shape(report.delivered),
    }


def delivered_shape(delivered: Delivered) -> JSON:
    """What became of an account's mail that was due to be sent."""
    return {
        "account": delivered.account,
        "sent": delivered.sent,
        "deferred": delivered.deferred,
        "failed": delivered.failed,
        "uncertain": delivered.uncertain,
        "refused": delivered.refused,
        "paused": delivered.paused,
        "next_at": moment(delivered.next_at),
        "asked": [str(mail) for mail in delivered.asked],
        "delayed": [str(mail) for mail in delivered.delayed],
        "problem": None if delivered.problem is None else problem_shape(delivered.problem),
    }


def contact_shape(contact: Contact) -> JSON:
    """A line of `complete`."""
    return {
        "address": contact.address.spec,
        "name": contact.address.name,
        "written": contact.written,
        "received": contact.received,
        "last": moment(contact.last),
    }


def identity_shape(account: str, identity: Identity, *, usual: bool) -> JSON:
    """A line of `account identity`."""
    return {
        "account": account,
        "address": identity.address,
        "name": identity.name,
        "reply_to": [str(each) for each in identity.reply_to],
        "signature": identity.signature,
        "organization": identity.organization,
        "aliases": list(identity.aliases),
        "usual": usual,
    }


def shown_state(state: SendState) -> str:
    """The state as scripts and people see it: those in which a server is spoken to are one."""
    match state:
        case SendState.ACCEPTED:
            return "queued"
        case SendState.DATA_OPEN | SendState.DOT_SENT:
            return "sending"
        case _:
            return state.value


def queued_shape(mail: Outgoing) -> JSON:
    """`send`: the beginning of a line of `outbox list`."""
    return {"id": str(mail.id), "message_id": mail.message_id, "state": shown_state(mail.state)}


def outgoing_shape(mail: Outgoing, address: str) -> JSON:
    """A line of `outbox list`, and all commands that change a mail of the outbox."""
    return {
        **queued_shape(mail),
        "not_before": moment(mail.not_before) if mail.not_before else None,
        "recipients": [_recipient_shape(one) for one in mail.recipients],
        "account": address,
        "from": mail.sender,
        "subject": mail.subject,
        "size": mail.size,
        "sha256": mail.sha256.hex(),
        "queued": moment(mail.created),
        "changed": moment(mail.touched),
        "attempts": mail.attempts,
        "policy": mail.policy.value,
        "copy": mail.copy.value,
        "key": mail.key or None,
        "queue_id": mail.queue_id or None,
        "answers": str(mail.answers) if mail.answers else None,
        "problem": None if mail.problem is None else problem_shape(mail.problem),
    }


def _recipient_shape(one: Recipient) -> JSON:
    return {
        "address": one.address,
        "state": one.state.value,
        "code": one.answer and one.answer.code,
        "reply": one.answer and f"{one.answer.enhanced} {one.answer.text}".strip(),
        "attempts": one.attempts,
        "report": one.report or None,
        "problem": None if one.problem is None else problem_shape(one.problem),
    }


def attempt_shape(attempt: Attempt) -> JSON:
    """One of `transcript` in `outbox show --transcript`."""
    return {
        "began": moment(attempt.began),
        "ended": moment(attempt.ended),
        "server": attempt.server,
        "phase": attempt.phase.value,
        "lines": attempt.transcript.split("\n"),
    }


def pause_shape(pause: Pause) -> JSON:
    """`account show`: why nothing of the account is sent. `next_try`: null where a person must act."""
    return {
        "since": moment(pause.since),
        "tries": pause.tries,
        "next_try": moment(pause.next_try),
        "problem": problem_shape(pause.problem),
    }


def watch_shape(watched: Watched) -> JSON:
    """What the process that serves does for an account: in `account show` and in `serve`."""
    return {
        "state": watched.state,
        "since": moment(watched.since),
        "until": moment(watched.until),
        "problem": None if watched.problem is None else problem_shape(watched.problem),
    }


def holder_shape(holder: Holder) -> JSON:
    """The process that holds an account."""
    return {
        "pid": holder.pid,
        "host": holder.host,
        "since": moment(holder.since),
        "purpose": holder.purpose,
    }


def problem_shape(problem: Problem) -> JSON:
    """A problem inside another object."""
    return {"code": problem.code, "parameters": dict(problem.parameters)}


def moment(seconds: float | None) -> str | None:
    """RFC 3339, or None where no calendar can say it."""
    if seconds is None:
        return None
    try:
        return rfc3339(seconds)
    except (OverflowError, ValueError, OSError):
        return None


def _on_server(account: Account) -> str | None:
    """Of an account that collects by POP3: `keep`, `when-deleted`, or after how many days."""
    if account.pop3 is None or account.imap is not None:
        return None
    if account.on_server.when_deleted:
        return "when-deleted"
    return "keep" if account.on_server.days is None else str(account.on_server.days)


def _place(server: Server | None) -> str | None:
    if server is None:
        return None
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"{host}:{server.port}"
