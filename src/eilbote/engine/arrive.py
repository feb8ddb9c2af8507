"""What becomes of mail that has just come, within a pass: the rules judge it, and for a mail of which only a
part is here the rest is asked for. While rules are on their way to a server or back, mail waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from eilbote.engine import rule_scripts
from eilbote.engine.app import App
from eilbote.engine.filter import Decider, Filtered, filter_new
from eilbote.engine.filter_events import filter_events, watches
from eilbote.engine.round import to_the_end
from eilbote.errors import EilboteError, Problem
from eilbote.mail.mailbox import Uid
from eilbote.store.values import Account, Finding, FindingKind, Mailbox

Bring = Callable[[Mailbox], Awaitable[None]]
"""Fetches what findings want of a mailbox."""


async def arrived(app: App, account: Account, bring: Bring | None = None) -> Filtered:
    """Judges what is new in the account's inbox. With `bring`, mails whose other half is needed are fetched
    whole and judged at once; else they wait for a later pass."""
    if not await to_the_end(app.store.rule_book.revision):
        return Filtered()
    if await to_the_end(rule_scripts.pending_of, app, account):
        from eilbote.engine.settle_rules import settle  # noqa: PLC0415  # hardly ever, after a kill

        try:
            await settle(app, account)
        except EilboteError as error:
            # Until it is known who carries them out, nobody does; the mail that came waits.
            return Filtered(problems=(error.problem,))
    done = await to_the_end(_judge, app, account)
    if done.lacking and bring is not None and done.inbox is not None:
        await _bring_rest(app, done.inbox, done.lacking, bring)
        done = _and_then(done, await to_the_end(_judge, app, account))
    for watch in await to_the_end(watches, app, account, await to_the_end(_watched, app, account)):
        seen = await to_the_end(filter_events, app, account, watch)
        if seen.lacking and bring is not None:
            await _bring_rest(app, watch.mailbox, seen.lacking, bring)
            seen = _and_then(seen, await to_the_end(filter_events, app, account, watch, last=True))
        done = _and_then(done, seen)
    return done


def _watched(app: App, account: Account) -> dict[str, dict[str, Decider]]:
    return rule_scripts.watched_by(app, account)


async def _bring_rest(app: App, mailbox: Mailbox, uids: Sequence[Uid], bring: Bring) -> None:
    wishes = [Finding(mailbox.id, FindingKind.WANTED, uid) for uid in uids]
    await to_the_end(app.store.findings.file, wishes, app.clock.now())
    try:
        await bring(mailbox)
    finally:
        await to_the_end(app.store.findings.withdraw, wishes)


def _and_then(done: Filtered, then: Filtered) -> Filtered:
    return Filtered(
        done.inbox,
        done.judged + then.judged,
        done.acted + then.acted,
        done.queued + then.queued,
        then.lacking,
        (*done.problems, *then.problems),
    )


def _judge(app: App, account: Account) -> Filtered:
    return filter_new(app, account, rule_scripts.decider_of(app, account))


def noted(filtered: Filtered) -> list[tuple[str, Problem]]:
    """What a pass reports of it: each problem once, under the inbox."""
    name = filtered.inbox.name if filtered.inbox is not None else ""
    return [(name, problem) for problem in filtered.problems]
