"""A maildrop (POP3) looked at without changing anything, there or here: for `verify` and `--dry-run`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from hashlib import sha256

from msgspec import Struct

from eilbote.engine.app import App
from eilbote.engine.collect import INBOX, listed_mails, recognised_by_header
from eilbote.engine.connect import open_pop3
from eilbote.errors import EilboteError
from eilbote.mail.mailbox import MailboxName, UidSet
from eilbote.net.pop3 import Pop3Session
from eilbote.store.values import Account
from eilbote.sync.collecting import Matched, is_due, match, worth_a_look
from eilbote.sync.state import Fetch, Push, Step
from eilbote.sync.values import Listed, Seen


class Compared(Struct, frozen=True):
    """A maildrop held against what was collected from it, in message numbers of the server.

    `listed`: mails there. `missing`: not collected yet. `wrong`: another size than when they were
    collected, or, where content was read, other bytes there or here. `owed`: to be deleted there at the
    next pass. What lies only here is no difference: the server may have deleted it."""

    listed: int
    missing: UidSet
    wrong: UidSet
    owed: int


async def compare_maildrop(app: App, account: Account, *, content: bool) -> Compared:
    """Compares unique ids and sizes; with `content` reads every mail that was collected again."""
    session = await open_pop3(app, account)
    try:
        matched = await _look(app, account, session)
        matched = await _recognised_by_content(session, matched)
        wrong = await _wrong_content(session, matched) if content else []
        changed = _changed(matched)
        await _leave(session)
    except BaseException:
        session.abort()
        raise
    missing = UidSet.of(mail.number for mail in matched.unknown) - changed
    owed = await asyncio.to_thread(_owed, app, account, matched)
    listed = len(matched.known) + len(matched.unknown)
    return Compared(listed, missing, UidSet.of(wrong) | changed, len(owed))


async def plan_collection(app: App, account: Account) -> tuple[Step, ...]:
    """What a pass would fetch and delete, in message numbers of the server."""
    session = await open_pop3(app, account)
    try:
        matched = await _look(app, account, session)
        await _leave(session)
    except BaseException:
        session.abort()
        raise
    inbox = MailboxName(INBOX)
    steps: list[Step] = []
    if matched.unknown:
        steps.append(Fetch(inbox, "not-collected", UidSet.of(mail.number for mail in matched.unknown)))
    owed = await asyncio.to_thread(_owed, app, account, matched)
    if owed:
        steps.append(Push(inbox, "collected", "delete", UidSet.of(owed)))
    return tuple(steps)


async def _look(app: App, account: Account, session: Pop3Session) -> Matched:
    listed = listed_mails(await session.maildrop())
    matched = match(listed, await asyncio.to_thread(app.store.collected.seen, account.id))
    return _joined(matched, await recognised_by_header(session, matched))


async def _recognised_by_content(session: Pop3Session, matched: Matched) -> Matched:
    """What a server has that knows neither ids nor TOP is read again, where a size fits."""
    by_number = {mail.number: mail for mail in worth_a_look(matched.unknown, matched.absent)}
    waiting: dict[bytes, list[Seen]] = {}
    for row in matched.absent:
        waiting.setdefault(row.sha256, []).append(row)
    found: dict[Listed, Seen] = {}
    async with aclosing(session.mails(list(by_number))) as answers:
        async for number, reply in answers:
            rows = [] if reply.mail is None else waiting.get(sha256(reply.mail).digest(), [])
            if rows:
                found[by_number[number]] = rows.pop(0)
    return _joined(matched, found)


def _joined(matched: Matched, found: Mapping[Listed, Seen]) -> Matched:
    taken = {row.id for row in found.values()}
    return Matched(
        {**matched.known, **{mail.number: row for mail, row in found.items()}},
        tuple(mail for mail in matched.unknown if mail not in found),
        tuple(row for row in matched.absent if row.id not in taken),
    )


async def _leave(session: Pop3Session) -> None:
    try:
        await session.quit()
    except EilboteError:
        session.abort()  # nothing was marked: how the server says good-bye changes nothing


def _changed(matched: Matched) -> UidSet:
    """Unknown mails whose unique id was collected with another size."""
    ids = {row.uidl for row in matched.absent if row.uidl}
    return UidSet.of(mail.number for mail in matched.unknown if mail.uidl in ids)


async def _wrong_content(session: Pop3Session, matched: Matched) -> list[int]:
    """Numbers of mails that are others there than when they were collected."""
    rows: dict[int, Seen] = {number: row for number, row in matched.known.items() if row.sha256}
    wrong = []
    async with aclosing(session.mails(sorted(rows))) as answers:
        async for number, reply in answers:
            if reply.mail is None or sha256(reply.mail).digest() != rows[number].sha256:
                wrong.append(number)
    return wrong


def _owed(app: App, account: Account, matched: Matched) -> list[int]:
    removed = app.store.collected.removed(account.id)
    now = app.clock.now()
    return [number for number, row in matched.known.items() if is_due(row, account.on_server, removed, now)]
