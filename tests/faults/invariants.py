"""What must be true whatever happened (reliability C6), each as a check with its number.

A check compares the engine's store with an independent look at the server and with what the test
itself knows; it asks the engine for nothing but its store. AssertionError names what is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from eilbote.engine.app import App
from eilbote.engine.progress import SyncReport
from eilbote.mail.mailbox import UidSet
from eilbote.store.changes import NEW, REMOVED
from eilbote.store.database import integer
from eilbote.store.values import Account, DebtKind, Mailbox
from tests.faults.story import Mails, counted, held_mails


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the checks look at: our store, the server as it is, what the test expects of it, and the
    names of the commands that each connection said."""

    app: App
    account: Account
    server: Mails
    expected: Counter[tuple[str, frozenset[str], bytes]] | None = None
    arrived: Counter[bytes] | None = None
    """How often each mail may have been new; None: as often as it lies on the server."""
    commands: Sequence[Sequence[str]] = ()
    uidvalidity: Mapping[str, int] = field(default_factory=dict)
    """The server's, where it may have changed: the numbers of a mailbox say nothing until we know it."""
    held: Mails = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "held", held_mails(self.app, self.account))

    @property
    def mailboxes(self) -> dict[str, Mailbox]:
        return {one.name: one for one in self.app.store.mailboxes.all(self.account.id)}

    def owed(self, mailbox: int, kinds: Iterable[DebtKind]) -> UidSet:
        """UIDs of which such a change is not carried yet."""
        debts = self.app.store.journal.open_debts(self.account.id)
        return UidSet.of(
            one.uid for one in debts if one.mailbox == mailbox and one.kind in kinds and one.uid > 0
        )


def i1_every_mail_is_here(seen: Evidence) -> None:
    """Every message on the server is in the store, byte for byte, or visibly in quarantine."""
    for name, mails in seen.server.items():
        mailbox = seen.mailboxes[name]
        quarantined = seen.app.store.messages.quarantined(mailbox.id)
        for uid, (_, raw) in mails.items():
            if uid not in quarantined:
                assert uid in seen.held.get(name, {}), f"I1: {name} {uid} is not here"
                assert seen.held[name][uid][1] == raw, f"I1: {name} {uid} has other bytes"


def i2_nothing_is_here_twice(seen: Evidence) -> None:
    """No mailbox of the store holds a content more often than the server's does."""
    there = Counter((name, raw) for name, mails in seen.server.items() for _, raw in mails.values())
    here = Counter((name, raw) for name, mails in seen.held.items() for _, raw in mails.values())
    assert not here - there, f"I2: more often here than there: {_short(here - there)}"


def i3_nothing_is_removed_that_the_server_has(seen: Evidence) -> None:
    """What the server still has and the store had is still here, unless it was moved or deleted
    here. A tombstone of it would be the sign."""
    for name, mails in seen.server.items():
        mailbox = seen.mailboxes.get(name)
        if mailbox is None:
            continue
        leaving = seen.owed(mailbox.id, (DebtKind.MOVE, DebtKind.DELETE))
        here = UidSet.of(seen.held.get(name, ()))
        suspect = (_buried(seen, mailbox).keys() & set(_standing(mails))) - set(leaving) - set(here)
        whole = seen.app.store.messages.whole
        buried = [uid for uid in suspect if whole(_buried(seen, mailbox)[uid]) == mails[uid][1]]
        assert not buried, f"I3: {name} {buried} lies on the server and was removed here"


def i4_flags_are_equal(seen: Evidence) -> None:
    """Flags are the same on both sides, or a local change is pending."""
    for name, mails in seen.server.items():
        mailbox = seen.mailboxes[name]
        pending = seen.owed(mailbox.id, (DebtKind.FLAG,))
        for uid, (flags, _) in mails.items():
            if uid in seen.held.get(name, {}) and uid not in pending:
                here = seen.held[name][uid][0]
                assert here == flags, f"I4: {name} {uid}: here {set(here)}, there {set(flags)}"


def i5_each_mail_is_new_once(seen: Evidence) -> None:
    """No content became a message here more often than somebody made a copy of it: each new message
    is what a notification, a rule or the assistant would hear of. And the change feed tells of none as
    new in a mailbox where it lies already, nor as gone from one where it does not lie; what it tells
    comes to what lies here."""
    store = seen.app.store
    bodies = Counter(store.messages.whole(one) for one in store.messages.ids_of(seen.account.id))
    there = Counter(raw for mails in seen.server.values() for _, raw in mails.values())
    most = there if seen.arrived is None else seen.arrived
    assert not bodies - most, f"I5: new more often than it arrived: {_short(bodies - most)}"
    lying: set[tuple[int, int]] = set()
    for one in store.changes.since(seen.account.id, 0, limit=1_000_000):
        place = (one.mailbox, one.message)
        if one.kind == NEW:
            assert place not in lying, f"I5: told twice as new without having gone: {place}"
            lying.add(place)
        elif one.kind == REMOVED:
            assert place in lying, f"I5: told as gone from where it does not lie: {place}"
            lying.discard(place)
    boxes = {box.id for box in seen.mailboxes.values()}
    lying = {place for place in lying if place[0] in boxes}
    here = {(box.id, message) for box in seen.mailboxes.values() for message in _messages_in(seen, box)}
    assert here == lying, f"I5: the feed comes to {lying - here} too much and {here - lying} too little"


def i6_nothing_vanished_from_the_server(seen: Evidence) -> None:
    """The server holds exactly what is expected: nothing that neither user nor rule deleted is gone,
    and nothing was put there twice."""
    if seen.expected is None:
        return
    there = counted(seen.server)
    assert not seen.expected - there, f"I6: gone or changed on the server: {_short(seen.expected - there)}"
    assert not there - seen.expected, f"I6: too much on the server: {_short(there - seen.expected)}"


def i10_the_watermarks_cover_only_what_is_stored(seen: Evidence) -> None:
    """Up to the cursor every message of the server is here, or named as to be fetched, put aside or
    leaving."""
    for name, mails in seen.server.items():
        mailbox = seen.mailboxes.get(name)
        if mailbox is None or not mailbox.watermarks.uidvalidity:
            continue
        if mailbox.watermarks.uidvalidity != seen.uidvalidity.get(name, mailbox.watermarks.uidvalidity):
            continue
        marks = mailbox.watermarks
        known = (
            UidSet.of(seen.held.get(name, ()))
            | marks.backfill
            | seen.app.store.messages.quarantined(mailbox.id)
            | seen.owed(mailbox.id, (DebtKind.MOVE, DebtKind.DELETE))
        )
        unseen = UidSet.of(uid for uid in _standing(mails) if uid <= marks.cursor) - known
        assert not unseen, f"I10: {name} {unseen} lies below the cursor {marks.cursor} and is nowhere here"


def i11_the_journal_is_empty(seen: Evidence) -> None:
    """Nothing is owed and nothing waits for a number."""
    debts = seen.app.store.journal.open_debts(seen.account.id)
    assert not debts, f"I11: still owed: {debts}"
    for mailbox in seen.mailboxes.values():
        waiting = seen.app.store.messages.waiting(mailbox.id)
        assert not waiting, f"I11: {mailbox.name} still waits for {waiting}"


def i12_another_pass_changes_nothing(again: SyncReport) -> None:
    """A further pass finds nothing to do."""
    assert again.failed is None, f"I12: {again.failed}"
    done = (again.new, again.changed, again.deleted, again.pushed)
    assert done == (0, 0, 0, 0), f"I12: a further pass had work: {again}"


def i13_the_store_is_sound(seen: Evidence) -> None:
    """The database says so itself, the counts of each mailbox are those of its rows, and every body
    has the hash that it was stored under."""
    database = seen.app.store.database
    if database.dialect == "sqlite":
        with database.read() as session:
            assert session.rows("PRAGMA quick_check") == [("ok",)], "I13"
            assert not session.rows("PRAGMA foreign_key_check"), "I13"
    for mailbox in seen.mailboxes.values():
        checked = seen.app.store.keeping.check(mailbox.id, bodies=True)
        assert checked.counts_right, f"I13: {mailbox.name} counts otherwise than it holds"
        assert not checked.damaged, f"I13: {mailbox.name} {checked.damaged} are damaged"


def i16_nothing_after_logout_and_no_plain_expunge(commands: Sequence[Sequence[str]]) -> None:
    """A connection's commands end with LOGOUT, if there is one; none of them removes messages that
    are not named (EXPUNGE, CLOSE)."""
    for connection in commands:
        assert "LOGOUT" not in connection[:-1], f"I16: a command after LOGOUT: {connection}"
        plain = {"EXPUNGE", "CLOSE"} & set(connection)
        assert not plain, f"I16: {plain}"


def i17_attempts_respect_the_back_off(attempts: Sequence[float], allowed: Sequence[float]) -> None:
    """`attempts`: when the server saw each connection, after the first; `allowed`: before which moment
    none was to come after each failure (both in seconds of one clock, in order)."""
    assert len(attempts) <= len(allowed), f"I17: {len(attempts)} attempts after {len(allowed)} failures"
    for attempt, earliest in zip(attempts, allowed, strict=False):
        assert attempt >= earliest - 0.01, f"I17: an attempt {earliest - attempt:.3f} s too early"


def i18_others_go_on(lags: Sequence[float], alone: Sequence[float]) -> None:
    """`lags`: seconds until news were here while another account was broken; `alone`: the same with
    all well. The medians of the two differ by less than a second."""
    broken, well = sorted(lags)[len(lags) // 2], sorted(alone)[len(alone) // 2]
    assert broken < well + 1.0, f"I18: {broken:.3f} s beside a broken account, {well:.3f} s without"


MEANWHILE = (
    i3_nothing_is_removed_that_the_server_has,
    i10_the_watermarks_cover_only_what_is_stored,
)
"""Hold at every moment, also in the middle of trouble."""

AT_REST = (
    i1_every_mail_is_here,
    i2_nothing_is_here_twice,
    *MEANWHILE,
    i4_flags_are_equal,
    i5_each_mail_is_new_once,
    i6_nothing_vanished_from_the_server,
    i11_the_journal_is_empty,
    i13_the_store_is_sound,
)
"""Hold when both sides have come to rest."""


def check_meanwhile(seen: Evidence, *, denied: bool = False) -> None:
    """`denied`: the server says that it has no mail at all; until it says otherwise the watermarks
    can only cover what it does not show."""
    for check in MEANWHILE:
        if not (denied and check is i10_the_watermarks_cover_only_what_is_stored):
            check(seen)
    i16_nothing_after_logout_and_no_plain_expunge(seen.commands)


def check_at_rest(seen: Evidence) -> None:
    """After quiescence; I12 takes a further pass, and is the caller's."""
    for check in AT_REST:
        check(seen)
    i16_nothing_after_logout_and_no_plain_expunge(seen.commands)


def _standing(mails: Mapping[int, tuple[frozenset[str], bytes]]) -> UidSet:
    """Those that nobody has marked as deleted. One that is marked and still there (a server without
    UIDPLUS) is shown again at the next look; until then it may be missing here."""
    return UidSet.of(uid for uid, (flags, _) in mails.items() if "\\Deleted" not in flags)


def _messages_in(seen: Evidence, mailbox: Mailbox) -> set[int]:
    """The messages that lie in a mailbox, those that wait for their number among them."""
    return {one.message for one in seen.app.store.messages.lying(mailbox.id)}


def _buried(seen: Evidence, mailbox: Mailbox) -> dict[int, int]:
    """UID -> message of the mailbox's tombstones."""
    with seen.app.store.database.read() as session:
        rows = session.rows(
            "SELECT uid, message FROM tombstone WHERE mailbox = ? AND mailbox_name = ? AND uid > 0",
            (mailbox.id, mailbox.name),
        )
    return {integer(uid): integer(message) for uid, message in rows}


def _short(found: Iterable[object]) -> list[object]:
    """The subjects of mails, not the mails."""
    named: list[object] = []
    for key in found:
        parts = key if isinstance(key, tuple) else (key,)
        named.append(
            [
                one.partition(b"Subject: ")[2].partition(b"\r\n")[0].decode("utf-8", "replace")
                if isinstance(one, bytes)
                else one
                for one in parts
            ]
        )
    return named
