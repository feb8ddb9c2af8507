"""What a login that worked shows of the mailboxes behind it. Changes nothing there, and judges nothing."""

from __future__ import annotations

from eilbote.diagnosis.evidence import Box, Folder
from eilbote.errors import EilboteError
from eilbote.mail.mailbox import MailboxName
from eilbote.net.imap import ImapSession

_MOST_FOLDERS = 500
_INBOX = MailboxName("INBOX")
_PLAIN = MailboxName("x")


async def look_into(session: ImapSession) -> Box:
    """The mailboxes, the quota and the inbox, opened twice to see whether its numbers stay."""
    try:
        listings = await session.list_mailboxes()
        first = await session.select(_INBOX, read_only=True)
        second = await session.select(_INBOX, read_only=False)
        quotas = await session.quotas(_INBOX) if "QUOTA" in session.capabilities else ()
    except EilboteError as failure:
        told = failure.problem.parameters
        text = told.get("text", failure.problem.code)
        if code := told.get("code", ""):
            text = f"[{code}] {text}"
        return Box(capabilities=tuple(sorted(session.capabilities)), problem=text[:500])
    storage = next((one.resources["STORAGE"] for one in quotas if "STORAGE" in one.resources), None)
    flags = second.permanent_flags
    return Box(
        capabilities=tuple(sorted(session.capabilities)),
        folders=tuple(
            Folder(
                one.name,
                one.role.value.lower().lstrip("\\") if one.role is not None else "",
                one.status.messages if one.status is not None else None,
                one.subscribed,
            )
            for one in listings[:_MOST_FOLDERS]
            if one.selectable
        ),
        quota_used=storage[0] * 1024 if storage is not None else None,
        quota_limit=storage[1] * 1024 if storage is not None else None,
        read_only=second.read_only,
        keywords=flags is None or "\\*" in flags,
        uidvalidity=(first.uidvalidity, second.uidvalidity),
        uids_stick=not second.uid_not_sticky,
        modseq=bool(second.highestmodseq),
        append_limit=session.append_limit,
        separator=next((one.delimiter or "" for one in listings if one.name.upper() == _INBOX), None),
        prefix=session.personal_name(_PLAIN).removesuffix(_PLAIN),
    )
