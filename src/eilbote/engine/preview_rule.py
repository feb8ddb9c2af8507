"""What a rule that is still being written would do with the newest mail that is there. Changes nothing, and
is bounded in mails and in time, so that it can be asked at every pause in typing.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial

from msgspec import Struct, field
from msgspec.structs import replace

from eilbote.engine.app import App
from eilbote.engine.chosen_rules import Lies
from eilbote.engine.rule_scripts import Entry, decider_for
from eilbote.engine.stored_mail import StoredMail
from eilbote.engine.try_rules import Tried, Trying
from eilbote.engine.users import accounts_of
from eilbote.errors import Problem
from eilbote.mail.mailbox import SpecialUse
from eilbote.sieve.rule import OwnScript, Rule
from eilbote.sieve.rule_book import judge_book
from eilbote.store.rule_values import Deed
from eilbote.store.values import Account, Mailbox, Narrowed, Placement, User

MOST_MAILS = 1_000
MOST_SECONDS = 1.5
SAMPLES = 8
_PATIENCE = 5.0

_PAGE = 100
_NOT_RECEIVED = frozenset(
    {
        SpecialUse.SENT,
        SpecialUse.DRAFTS,
        SpecialUse.TRASH,
        SpecialUse.JUNK,
        SpecialUse.FLAGGED,
        SpecialUse.IMPORTANT,
    }
)


class Sample(Struct, frozen=True):
    """A mail that the rule is for."""

    mail: Placement
    tried: Tried


class Preview(Struct):
    """The newest mails, of which `looked` were judged back to `since` (seconds since 1970, 0 for none);
    `whole`: those are all that there are. `deeds` counts mails by what is done, `troubled` those that could
    not be judged."""

    looked: int = 0
    since: float = 0.0
    whole: bool = True
    touched: int = 0
    troubled: int = 0
    deeds: Counter[Deed] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)
    problem: Problem | None = None


_looking = threading.BoundedSemaphore(2)
"""Previews at the same time: whoever types keeps no other visitor of the page waiting."""


def preview_rule(app: App, user: User, entry: Entry) -> Preview:
    """What this rule or script alone would do, whether it is switched on or not."""
    found = Preview()
    if not _looking.acquire(timeout=_PATIENCE):
        found.problem = Problem("rules.preview_busy")
        return found
    try:
        _look(app, user, entry, found)
    finally:
        _looking.release()
    return found


def _look(app: App, user: User, entry: Entry, found: Preview) -> None:
    wanted = replace(entry, enabled=True) if isinstance(entry, Rule) else replace(entry, run=True)
    accounts = [
        one
        for one in accounts_of(app, user)
        if not entry.account or one.address.lower() == entry.account.lower()
    ]
    trying = {one.id: made for one in accounts if (made := _trying(app, one, wanted, found)) is not None}
    boxes = {box.id: box for one in trying for box in _received(app, one)}
    end = app.clock.monotonic() + MOST_SECONDS
    ids = app.store.messages.ids_in(list(boxes), Narrowed(), MOST_MAILS + 1) if boxes else []
    found.whole = len(ids) <= MOST_MAILS
    explained: Counter[str] = Counter()
    for mail, lies in _lying(app, boxes, ids[:MOST_MAILS]):
        if app.clock.monotonic() > end:
            found.whole = False
            break
        found.looked += 1
        found.since = mail.internal_date
        tried = trying[mail.account].judge(lies, explained)
        if tried is not None:
            _count(found, Sample(mail, replace(tried, deeds=tuple(map(_as_new, tried.deeds)))))


def _as_new(deed: Deed) -> Deed:
    """What would be sent because of new mail is not refused for being old."""
    return replace(deed, refused="") if deed.refused == "run" else deed


def _trying(app: App, account: Account, entry: Entry, found: Preview) -> Trying | None:
    book, problems = judge_book(app.store.rule_book.get().text)
    known = () if problems else book.of(account.address)
    others = [one for one in known if not (isinstance(one, OwnScript) and one.name == entry.name)]
    entry = entry if isinstance(entry, Rule) else replace(entry, on=(), mailbox="")
    quick = decider_for(app, [entry], [*others, entry], 0, trace=False)
    slow = decider_for(app, [entry], [*others, entry], 0)
    if quick.problem is not None:
        found.problem = quick.problem
        return None
    return Trying(app, account, quick, slow)


def _received(app: App, account: int) -> list[Mailbox]:
    return [
        box for box in app.store.mailboxes.all(account) if box.selectable and box.role not in _NOT_RECEIVED
    ]


def _lying(app: App, boxes: dict[int, Mailbox], ids: Sequence[int]) -> Iterator[tuple[Placement, Lies]]:
    """Each mail where it lies, in the order of the ids."""
    names = {(box.account, str(box.name)): box for box in boxes.values()}
    for at in range(0, len(ids), _PAGE):
        page: dict[int, Placement] = {}
        for one in app.store.messages.placements(ids[at : at + _PAGE]):
            if (one.account, one.mailbox) in names:
                page.setdefault(one.id, one)
        raws = dict(app.store.messages.stream_raw(page, checked=False))
        for number, one in page.items():
            if number not in raws:
                continue
            mail = StoredMail(number, one.size, partial(bytes, raws[number]), whole=one.whole)
            box = names[one.account, one.mailbox]
            yield one, Lies(number, box, one.uid, one.flags, one.internal_date, mail)


def _count(found: Preview, sample: Sample) -> None:
    if sample.tried.problem is not None:
        found.troubled += 1
    else:
        found.touched += 1
        for deed in dict.fromkeys(replace(one, line=0, rule="") for one in sample.tried.deeds):
            found.deeds[deed] += 1
    if len(found.samples) < SAMPLES:
        found.samples.append(sample)
