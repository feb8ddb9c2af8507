"""Opens a home: the folder, the database in it (or a PostgreSQL elsewhere), the packs.

It refuses a folder that is not ours, and never changes one it refuses.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from eilbote.errors import NotAllowed
from eilbote.store.accounts import Accounts
from eilbote.store.batches import Batches
from eilbote.store.belonging import belong_together
from eilbote.store.bodies import Bodies
from eilbote.store.changes import Changes
from eilbote.store.collected import Collected
from eilbote.store.database import Database, Observer
from eilbote.store.dkim_keys import DkimKeys
from eilbote.store.erasing import Erasing
from eilbote.store.failures import files_at
from eilbote.store.fencing import FencedDatabase, Lease
from eilbote.store.findings import Findings
from eilbote.store.grants import Grants
from eilbote.store.identities import Identities
from eilbote.store.invitation_answers import InvitationAnswers
from eilbote.store.journal import Journal
from eilbote.store.keeping import Keeping
from eilbote.store.mailboxes import Mailboxes
from eilbote.store.messages import Messages
from eilbote.store.outbox import Outbox
from eilbote.store.outgoing_attempts import OutgoingAttempts
from eilbote.store.ownership import FileOwnership, Ownership
from eilbote.store.packs import Packs
from eilbote.store.picture_senders import PictureSenders
from eilbote.store.policies import Policies
from eilbote.store.refused_logins import RefusedLogins
from eilbote.store.rule_book import RuleBook
from eilbote.store.rule_events import RuleEvents
from eilbote.store.rule_runs import RuleRuns
from eilbote.store.schema.migrations import migrate
from eilbote.store.search import SEARCH_FILE, Search
from eilbote.store.sending_pauses import SendingPauses
from eilbote.store.sqlite import SqliteDatabase
from eilbote.store.tls_results import TlsResults
from eilbote.store.users import Users
from eilbote.store.values import Erased
from eilbote.store.watches import Watches
from eilbote.store.wishes import Wishes
from eilbote.store.writings import Writings

DATABASE = "eilbote.sqlite"
PACKS = "packs"
LEASE_SECONDS = 24.0
_OURS = (DATABASE, PACKS, "uploads", "owner.lock", SEARCH_FILE, "eilbote.toml", "config.toml")


class Store:
    """Everything that is remembered, in one home. Safe to use from any thread."""

    def __init__(
        self,
        home: Path,
        database: Database,
        ownership: Ownership,
        packs: Packs,
        observer: Observer | None = None,
    ) -> None:
        self.home = home
        self.database = database
        self._observer = observer
        self._whole = self
        self._search: Search | None = None
        self._search_lock = threading.Lock()
        self.ownership = ownership
        self.bodies = Bodies(database, packs)
        self.accounts = Accounts(database)
        self.mailboxes = Mailboxes(database)
        self.messages = Messages(database, self.bodies)
        self.journal = Journal(database, self.bodies)
        self.collected = Collected(database, self.bodies)
        self.changes = Changes(database)
        self.findings = Findings(database)
        self.keeping = Keeping(database, self.bodies)
        self.wishes = Wishes(database)
        self.watches = Watches(database)
        self.outbox = Outbox(database, self.bodies)
        self.outgoing_attempts = OutgoingAttempts(database)
        self.sending_pauses = SendingPauses(database)
        self.refused_logins = RefusedLogins(database)
        self.grants = Grants(database)
        self.policies = Policies(database)
        self.dkim_keys = DkimKeys(database)
        self.tls_results = TlsResults(database)
        self.identities = Identities(database)
        self.users = Users(database)
        self.invitation_answers = InvitationAnswers(database)
        self.picture_senders = PictureSenders(database)
        self.batches = Batches(database)
        self.writings = Writings(database, self.bodies)
        self.rule_book = RuleBook(database)
        self.rule_runs = RuleRuns(database, self.bodies)
        self.rule_events = RuleEvents(database)
        self._erasing = Erasing(database, self.bodies, self._forget)

    @classmethod
    def open(
        cls,
        home: Path,
        url: str | None = None,
        *,
        observer: Observer | None = None,
        lease_seconds: float = LEASE_SECONDS,
    ) -> Store:
        """Opens or makes a home. `url` (postgresql://...) keeps the rows in PostgreSQL instead of
        `home/eilbote.sqlite`; the packs lie in the home either way. There, an account whose process
        has been silent for `lease_seconds` may be taken over.

        NotAllowed `store.not_a_home`, `store.unreadable`, `store.newer`, `store.other_home`,
        `store.other_database`; Unreachable `store.full`; Gone `store.damaged`."""
        _prepare(home, url)
        database: Database
        ownership: Ownership
        if url is None:
            database = SqliteDatabase(home / DATABASE, observer=observer)
            ownership = FileOwnership(home / "owner.lock")
        else:
            from eilbote.store.postgres import PostgresDatabase  # noqa: PLC0415  # an extra
            from eilbote.store.postgres_ownership import PostgresOwnership  # noqa: PLC0415

            database = PostgresDatabase(url, observer=observer)
            ownership = PostgresOwnership(url, database.name, lease_seconds)
        try:
            migrate(database)
            belong_together(database, home / PACKS)
            store = cls(home, database, ownership, Packs(home / PACKS, observer), observer)
        except BaseException:
            database.close()
            raise
        try:
            store._erasing.finish()
        except BaseException:
            store.close()
            raise
        return store

    def fenced(self, lease: Lease) -> Store:
        """This store for the work of one account: what it writes is refused (NotAllowed
        `store.fenced`) once the lease is another's. It is closed with this one."""
        fenced = Store(
            self.home, FencedDatabase(self.database, lease), self.ownership, self.bodies.packs, self._observer
        )
        fenced._whole = self._whole
        fenced.grants = self.grants
        return fenced

    def erase(self, messages: Sequence[int], now: float) -> Erased:
        """Erases messages for good: rows, bodies, index, journal, free pages; there is no undo.
        What other messages share stays. A message that still lies on the server is not fetched
        again. Unreachable `store.busy` where a reader keeps the database from being scrubbed; the
        next opening of the home goes on then."""
        return self._erasing.erase(messages, now)

    def compact(self, wasted: float = 0.25) -> int:
        """Gives disk space of bodies that no message has any more back; returns the bytes freed.
        Packs that waste less than the part `wasted` are left alone."""
        return self._erasing.compact(wasted)

    @property
    def search(self) -> Search:
        """The full-text index, opened at first use: most commands never need it."""
        if self._whole is not self:
            return self._whole.search
        with self._search_lock:
            if self._search is None:
                self._search = Search(self.database, self.home, self._observer)
            return self._search

    def _forget(self, messages: Sequence[int]) -> None:
        self.search.forget(messages)

    def close(self) -> None:
        """Closes files and connections; no other thread may use the store any more."""
        if self._search is not None:
            self._search.close()
        self.bodies.packs.close()
        self.database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _prepare(home: Path, url: str | None) -> None:
    """Makes the folder, or refuses one that holds other things than a home does."""
    with files_at(home):
        if home.exists() and not home.is_dir():
            raise NotAllowed("store.not_a_home", path=home)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = home / (DATABASE if url is None else PACKS)
        if known.exists():
            return
        for entry in home.iterdir():
            if not entry.name.startswith((".", "eilbote")) and entry.name not in _OURS:
                raise NotAllowed("store.not_a_home", path=home, found=entry.name)
