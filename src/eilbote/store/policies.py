"""MTA-STS policies as they were fetched, by domain. Nothing here judges whether one still counts."""

from __future__ import annotations

import msgspec

from eilbote.delivery.mta_sts import Kept, Policy
from eilbote.store.database import Database, real, text
from eilbote.store.envelopes import clean

_decoder = msgspec.json.Decoder(Policy)


class Policies:
    """Keeping, finding, forgetting."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, domain: str) -> Kept | None:
        """The policy that was fetched last, however old."""
        with self._database.read() as session:
            row = session.one(
                "SELECT policy, policy_id, fetched FROM sts_policy WHERE domain = ?", (clean(domain),)
            )
        return None if row is None else Kept(_decoder.decode(text(row[0])), text(row[1]), real(row[2]))

    def keep(self, domain: str, kept: Kept) -> None:
        """In place of the one before."""
        with self._database.write() as session:
            session.run(
                "INSERT INTO sts_policy (domain, policy_id, policy, fetched) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (domain) DO UPDATE SET policy_id = excluded.policy_id,"
                " policy = excluded.policy, fetched = excluded.fetched",
                (clean(domain), kept.id, msgspec.json.encode(kept.policy).decode(), kept.fetched),
            )
