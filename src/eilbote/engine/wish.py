"""What a `sync` or an `outbox run` beside a running `serve` asks of it, and the answers, as the store keeps
them."""

from __future__ import annotations

import msgspec

from eilbote.engine.progress import Delivered, SyncReport
from eilbote.errors import Misused

SYNC_WISH = "sync"
DELIVER_WISH = "deliver"
"""Its words are the address of the account whose outbox is to be delivered."""


class SyncWish(msgspec.Struct, frozen=True):
    """One pass over `accounts` (empty: all that are not paused), all mailboxes or one."""

    accounts: tuple[str, ...]
    mailbox: str | None = None

    def written(self) -> str:
        """As the store keeps it."""
        return msgspec.json.encode(self).decode()


def read_wish(text: str) -> SyncWish:
    """The inverse of `SyncWish.written`. Misused `sync.unreadable_wish` for anything else."""
    try:
        return msgspec.json.decode(text, type=SyncWish)
    except msgspec.MsgspecError:
        raise Misused("sync.unreadable_wish") from None


def written_reports(reports: list[SyncReport]) -> str:
    """The answer to a wish."""
    return msgspec.json.encode(reports).decode()


def read_reports(text: str) -> list[SyncReport]:
    """The inverse of `written_reports`."""
    return msgspec.json.decode(text, type=list[SyncReport], strict=False)


def written_delivered(delivered: Delivered) -> str:
    """The answer to a wish for delivery."""
    return msgspec.json.encode(delivered).decode()


def read_delivered(text: str) -> Delivered:
    """The inverse of `written_delivered`."""
    return msgspec.json.decode(text, type=Delivered, strict=False)
