"""What scripts may ask beside a mail: the time, the envelope, the account's addresses, mailboxes and lists,
and what was seen before.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property

from eilbote.engine.app import App
from eilbote.engine.complete import known_people
from eilbote.engine.rule_homes import Homes
from eilbote.engine.rule_mails import Mailing
from eilbote.engine.ruling import Case
from eilbote.engine.stored_mail import StoredMail
from eilbote.mail.address import read_addresses
from eilbote.search.values import Field, Words
from eilbote.sieve.values import Said, World
from eilbote.store.rule_values import MemoryKind, RunOrigin
from eilbote.store.values import Account

ADDRESS_BOOK = ":addrbook:default"
"""The list of RFC 6134 section 2.4 that everybody has: here, whom the account has written to."""

_SENDER = "vnd.eilbote.sender"
_ASK_ENVELOPE = frozenset({"envelope", "vacation", "vacation-seconds", "reject", "ereject", "enotify"})
_DELIVERED = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to")


class Worlds:
    """Of one account, at one moment."""

    def __init__(self, app: App, account: Account, homes: Homes, mailing: Mailing) -> None:
        self._app = app
        self._account = account
        self._homes = homes
        self._mailboxes = homes.seen()
        self._own = mailing.own_addresses()
        self._lists = _Lists(app, account)
        self._offset = offset_at(app.clock.now())
        self._environment = {
            "name": "Eilbote",
            "location": "MUA",
            "phase": "post",
            "domain": account.address.rpartition("@")[2],
            "imap.user": account.address,
            "imap.email": account.address,
        }
        # RFC 6785 section 4.4; what is new lies in the inbox, and its flags were never others.
        self._of_arrival = self._environment | {"imap.cause": "APPEND", "imap.mailbox": "INBOX"}

    def of(self, case: Case, mail: StoredMail, extensions: frozenset[str] | None = None) -> World:
        """What there is beside this mail, as far as a script with these extensions can ask for it."""
        now = self._app.clock.now()
        arrives = case.origin is RunOrigin.ARRIVAL
        envelope = extensions is None or not _ASK_ENVELOPE.isdisjoint(extensions)
        return World(
            now=now,
            offset=self._offset,
            offset_at=offset_at,
            envelope_from=_return_path(mail) if envelope else None,
            envelope_to=self._delivered_to(mail) if envelope else None,
            own_addresses=self._own,
            # RFC 5232 section 2: what is being delivered has none.
            flags=() if arrives else tuple(sorted(case.flags)),
            mailboxes=self._mailboxes,
            environment=self._of_arrival if arrives else self._of_event(case),
            lists=self._lists,
            # A mail that was there is no duplicate of itself.
            seen_before=_SeenBefore(self._app, self._account.id, now) if arrives else frozenset(),
            said=self._said(case, mail) if extensions is None or _SENDER in extensions else Said(),
            received=case.internal_date,
        )

    def _of_event(self, case: Case) -> dict[str, str]:
        """RFC 6785 section 4.4."""
        event = case.event
        if event is None:
            return self._environment
        return self._environment | {
            "imap.cause": event.cause.upper(),
            "imap.mailbox": self._homes.name_of(event.mailbox),
            "imap.changedflags": " ".join(sorted(event.changed)),
        }

    def _said(self, case: Case, mail: StoredMail) -> Said:
        """What is known of the sender without an assistant: whom the account has written to is known, and who
        neither wrote nor was written to before writes for the first time, as far as the index knows."""
        sender = next(
            (one.spec for text in mail.texts("from") for one in read_addresses(text) if one.spec), ""
        )
        if not sender:
            return Said()
        known = sender.lower() in self._lists[ADDRESS_BOOK]
        if known:
            return Said(known=True, first_contact=False)
        found = self._app.store.search.find(Words(sender, field=Field.SENDER), self._account.id, 2)
        return Said(known=False, first_contact=all(one == case.message for one in found))

    def _delivered_to(self, mail: StoredMail) -> str:
        """Whom the server delivered it to, as it says itself; else the account."""
        for field in _DELIVERED:
            for value in mail.texts(field):
                found = read_addresses(value)
                if found:
                    return found[0].spec
        return self._account.address


class _SeenBefore(Container[tuple[str, str]]):
    """Pairs that `duplicate` remembers, looked up when asked."""

    def __init__(self, app: App, account: int, now: float) -> None:
        self._app = app
        self._account = account
        self._now = now

    def __contains__(self, pair: object) -> bool:
        if not isinstance(pair, tuple) or len(pair) != 2:
            return False
        handle, item = pair
        wanted = [(str(handle), str(item))]
        runs = self._app.store.rule_runs
        return bool(runs.remembered(self._account, MemoryKind.DUPLICATE, wanted, self._now))


class _Lists(Mapping[str, frozenset[str]]):
    """External lists, made when a script asks for one."""

    def __init__(self, app: App, account: Account) -> None:
        self._app = app
        self._account = account

    @cached_property
    def _people(self) -> frozenset[str]:
        return known_people(self._app, self._account)

    def __getitem__(self, name: str) -> frozenset[str]:
        if name != ADDRESS_BOOK:
            raise KeyError(name)
        return self._people

    def __iter__(self) -> Iterator[str]:
        return iter((ADDRESS_BOOK,))

    def __len__(self) -> int:
        return 1


def _return_path(mail: StoredMail) -> str | None:
    """The envelope's sender as the last server wrote it down (RFC 5321 section 4.4): empty for a bounce."""
    for value in mail.sources("return-path"):
        bare = value.strip()
        found = read_addresses(bare)
        if found:
            return found[0].spec
        if bare == "<>":
            return ""
    return None


def offset_at(seconds: float) -> int:
    """Seconds east of UTC that this machine's clock shows then; 0 for years that it does not know."""
    try:
        shift = datetime.fromtimestamp(seconds, UTC).astimezone().utcoffset()
    except (OverflowError, ValueError, OSError):
        return 0
    return int(shift.total_seconds()) if shift is not None else 0
