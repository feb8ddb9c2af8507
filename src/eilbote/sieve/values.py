"""The words of rules: where in a script, what is wrong with it, what it wants done with a mail, and why.

Values without logic, so that every layer may speak about them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from enum import StrEnum

from msgspec import Struct

from eilbote.errors import Problem


class Position(Struct, frozen=True):
    """A place in a script: line and column (characters), both from 1."""

    line: int
    column: int


class ScriptProblem(Struct, frozen=True):
    """What is wrong with a script, and where. The catalogue's `what` says it, its `do` is the remedy."""

    at: Position
    problem: Problem
    script: str = ""
    """The name of the included script that it stands in; empty for the script itself."""


class Limits(Struct, frozen=True):
    """What one script may cost. Reaching one is a problem of the script; the mail then stays where it is."""

    script_bytes: int = 1 << 20
    nesting: int = 32
    """Blocks, tests and includes within each other (RFC 5228 section 2.10.5 wants at least 15)."""
    commands: int = 50_000
    instructions: int = 500_000
    """Commands and tests carried out for one mail, those of loops and of included scripts too."""
    actions: int = 64
    redirects: int = 8
    variables: int = 512
    variable_bytes: int = 64 * 1024
    """RFC 5229 section 6 wants at least 4,000."""
    includes: int = 64
    match_steps: int = 200_000
    """Steps of one `:matches` or `:regex` comparison."""
    body_bytes: int = 8 << 20
    """Bytes of decoded text that tests of bodies read in one mail."""


class Keep(Struct, frozen=True, tag="keep"):
    """The mail stays in the inbox, with these flags. `implicit`: no action cancelled the implicit keep."""

    at: Position
    flags: tuple[str, ...] = ()
    implicit: bool = False


class FileInto(Struct, frozen=True, tag="fileinto"):
    """The mail lies in this mailbox, with these flags. `create`: make it where it is missing (RFC 5490);
    `special_use`: prefer the mailbox of this role (RFC 8579); `mailbox_id`: prefer the one of this id
    (RFC 9042). `copy` (RFC 3894): the implicit keep stands."""

    at: Position
    mailbox: str
    flags: tuple[str, ...] = ()
    copy: bool = False
    create: bool = False
    special_use: str = ""
    mailbox_id: str = ""


class Redirect(Struct, frozen=True, tag="redirect"):
    """The mail goes on to this address as it is (or as `headers` were edited). `list_name`: the addresses
    are those of an external list (RFC 6134)."""

    at: Position
    address: str
    copy: bool = False
    list_name: str = ""


class Discard(Struct, frozen=True, tag="discard"):
    """The mail is thrown away (into the trash, from where it can be taken back)."""

    at: Position


class Reject(Struct, frozen=True, tag="reject"):
    """The sender is told that the mail is refused, for this reason (RFC 5429). `protocol`: as `ereject`."""

    at: Position
    reason: str
    protocol: bool = False


class Vacation(Struct, frozen=True, tag="vacation"):
    """The sender is answered once in `seconds` (RFC 5230, 6131). `handle` names what is answered; `reason`
    is the text, or a whole MIME entity with `mime`. Whether an answer is due, memory decides."""

    at: Position
    handle: str
    seconds: int
    reason: str
    subject: str = ""
    sender: str = ""
    addresses: tuple[str, ...] = ()
    mime: bool = False


class Notify(Struct, frozen=True, tag="notify"):
    """Somebody is told of the mail (RFC 5435). `method` is a URI; `mailto:` sends a mail (RFC 5436)."""

    at: Position
    method: str
    sender: str = ""
    importance: int = 2
    options: tuple[str, ...] = ()
    message: str = ""


Action = Keep | FileInto | Redirect | Discard | Reject | Vacation | Notify
"""What a script wants done, in its order."""


class HeaderEdit(Struct, frozen=True):
    """A field added or deleted (RFC 5293). Of a deletion `value` is what stood there. `last`: added below."""

    at: Position
    added: bool
    name: str
    value: str
    last: bool = False


class Step(Struct, frozen=True):
    """A step of the trace: a command or a test, what it compared with what, and what came of it.

    `rule` is the name of the friendly rule it stands in, `script` of the included script; both may be
    empty. `result` is None for commands.
    """

    at: Position
    name: str
    detail: str = ""
    result: bool | None = None
    rule: str = ""
    script: str = ""


class Remembered(Struct, frozen=True):
    """What `duplicate` (RFC 7352) wants remembered if the script ends well: until `seconds` from now."""

    handle: str
    unique_id: str
    seconds: int


class Outcome(Struct, frozen=True):
    """What a script decided about one mail. With a `problem` it ended early: then the mail is kept, what
    was decided before does not count, and a person should look (RFC 5228 section 2.10.6)."""

    actions: tuple[Action, ...]
    implicit_keep: bool
    edits: tuple[HeaderEdit, ...] = ()
    headers: bytes | None = None
    """The header block as edited, with its blank line; None where it is unchanged."""
    remembered: tuple[Remembered, ...] = ()
    trace: tuple[Step, ...] = ()
    rules: tuple[str, ...] = ()
    """For each action, in its order, the name of the friendly rule that wanted it, else of the included
    script; empty without either. Of the implicit keep, what changed its flags last."""
    problem: ScriptProblem | None = None
    warnings: tuple[ScriptProblem, ...] = ()


class Importance(StrEnum):
    """How important a contact is, as the assistant has said."""

    NONE = "none"
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class Said(Struct, frozen=True):
    """What the assistant has said of a mail, for `vnd.eilbote.*` and `spamtest`. None: nothing, and the
    test is false."""

    spam: float | None = None
    """Probability, 0 to 1."""
    virus: int | None = None
    """0 to 5 as RFC 5235 section 3.5 has it."""
    category: str | None = None
    importance: Importance | None = None
    known: bool | None = None
    """Whether the sender is somebody this account has dealt with."""
    first_contact: bool | None = None


class MailboxSeen(Struct, frozen=True):
    """A mailbox as tests see it: its name, its role with backslash (`\\Junk`) or empty, its id or empty."""

    name: str
    special_use: str = ""
    id: str = ""


class World(Struct, frozen=True):
    """What a script may ask beside the mail. Time is Unix seconds; `offset` the seconds east of UTC of the
    owner's wall clock at `now`. Lists are named by URI (RFC 6134)."""

    now: float
    offset: int = 0
    envelope_from: str | None = None
    envelope_to: str | None = None
    auth: str | None = None
    own_addresses: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    """The flags that the mail has when the script begins."""
    mailboxes: tuple[MailboxSeen, ...] = ()
    environment: Mapping[str, str] = {}
    lists: Mapping[str, frozenset[str]] = {}
    seen_before: Container[tuple[str, str]] = frozenset()
    """Pairs (handle, unique id) that `duplicate` remembers and that are still young enough."""
    said: Said = Said()
    received: float | None = None
    """When the mail arrived; None: unknown."""
    offset_at: Callable[[float], int] | None = None
    """As `offset`, at another moment: summer and winter differ. None: it is always `offset`."""
