"""What one step of a sync brings into a mailbox of the store, and what came of it. Values without logic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from msgspec import Struct, field

from eilbote.errors import Problem
from eilbote.mail.mailbox import Flags, ModSeq, Uid, UidSet
from eilbote.store.values import Watermarks
from eilbote.sync.state import LabelsNow

EnvelopeColumns: TypeAlias = tuple[float | None, int, str, str, bytes, bytes, bytes, bytes]
"""What lists show of a mail: the values of `ENVELOPE_COLUMNS`."""


class Prepared(Struct, frozen=True, array_like=True, gc=False):
    """One mail's hash, what lists show of it, and what it says of its conversation: `own` is the key
    of its Message-ID, 0 without one."""

    sha256: bytes
    columns: EnvelopeColumns
    own: int
    ancestors: tuple[int, ...]


class Block(Struct, frozen=True, array_like=True, gc=False):
    """Bodies that become one record: `members` are their places in the batch, `packed` their bytes
    one after the other and compressed, None where compressing does not pay."""

    members: tuple[int, ...]
    packed: bytes | None


class Arrival(NamedTuple):
    """A mail that the server has and we have not, ready to be stored. A tuple, because a first sync
    makes a hundred thousand of them.

    `raw` is the exact bytes received. `email_id` is the server's own identity of the content
    (OBJECTID EMAILID or X-GM-MSGID), `labels` are Gmail's."""

    uid: Uid
    flags: Flags
    internal_date: float
    modseq: ModSeq
    raw: bytes
    prepared: Prepared
    email_id: str = ""
    labels: tuple[str, ...] = ()
    size: int = 0
    """The mail's size in bytes on the server; 0 says that `raw` is the whole mail. Anything else
    with shorter `raw` is a mail of which only a part (`mail.keep.Share`) is here."""
    thread: int = 0
    """The conversation that the server keeps it in (`mail.thread.server_thread`), 0 where it keeps none."""


class FlagChange(Struct, frozen=True):
    uid: Uid
    flags: Flags
    modseq: ModSeq = 0


class MailboxUpdate(Struct, frozen=True):
    """Everything one step of a sync changes in one mailbox; applied in one transaction or not at all.

    `moved_in`: (uid, message id, flags) of mails that the account already holds and that now lie
    here: they keep their id and are not stored again. `blocks`: those of the arrivals, if `prepare`
    made them. `labels`: those of mails that lie here. `removed`: gone from the server, confirmed;
    they become tombstones. `watermarks` None leaves the old ones.
    """

    arrivals: Sequence[Arrival] = ()
    moved_in: Sequence[tuple[Uid, int, FlagChange]] = ()
    flags: Sequence[FlagChange] = ()
    removed: UidSet = field(default_factory=UidSet)
    quarantined: Sequence[tuple[Uid, Problem]] = ()
    watermarks: Watermarks | None = None
    blocks: Sequence[Block] | None = None
    labels: Sequence[LabelsNow] = ()


class Applied(Struct, frozen=True):
    """What an update changed: counts, and the ids given to its arrivals in their order."""

    new: int = 0
    changed: int = 0
    deleted: int = 0
    ids: Sequence[int] = ()
    fresh: Sequence[int] = ()
    """Of `ids` those that the account never held before: only they are news (rules, notices)."""
