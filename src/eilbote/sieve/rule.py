"""The friendly rule: conditions and actions in the words of people, as frozen values without logic.

`rule_check.py` says what is wrong with one, `build.py` makes Sieve of it, `read_back.py` makes it of
Sieve, `rule_book.py` reads and writes it as text. A condition with several values holds if one does.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from eilbote.sieve.values import Importance


class Match(StrEnum):
    """How many of a rule's conditions must hold. A rule without conditions is for every mail."""

    ALL = "all"
    ANY = "any"
    NONE = "none"


class Where(StrEnum):
    """Who carries a rule out. `PENDING`: it is being pushed, so neither here any more nor there yet."""

    HERE = "here"
    PENDING = "pending"
    SERVER = "server"


class How(StrEnum):
    """How a text is compared, upper and lower case being the same. `MATCHES`: `*` is any text, `?` one
    character; `REGEX`: a POSIX extended regular expression."""

    CONTAINS = "contains"
    IS = "is"
    BEGINS = "begins"
    ENDS = "ends"
    MATCHES = "matches"
    REGEX = "regex"


class Part(StrEnum):
    """What of a header field is compared: all of it, or of the addresses in it the whole, what stands
    before the `@`, or behind it."""

    FIELD = "field"
    ADDRESS = "address"
    LOCAL = "local"
    DOMAIN = "domain"


class Level(StrEnum):
    """The priority that a sender gave a mail. `NORMAL`: neither of the others."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Known(StrEnum):
    """What this account has to do with a sender: `KNOWN`, somebody it has dealt with; `FIRST`, the first
    mail of this sender."""

    KNOWN = "known"
    FIRST = "first"


class Flagging(StrEnum):
    """A mark that every mail program shows."""

    READ = "read"
    FLAGGED = "flagged"


class Condition(Struct, frozen=True):
    """What all conditions have: `negated` turns the answer around."""

    negated: bool = False


class Sender(Condition, frozen=True, tag="from"):
    """Who it is from: `anna@example.org`, `@example.org` for a domain, anything else a part of the name."""

    who: tuple[str, ...] = ()


class Recipient(Condition, frozen=True, tag="to"):
    """Whom To and Cc name, written as in `Sender`."""

    who: tuple[str, ...] = ()


class Contact(Condition, frozen=True, tag="contact"):
    """What the account has to do with the sender."""

    known: Known = Known.KNOWN


class Subject(Condition, frozen=True, tag="subject"):
    """What the subject says."""

    texts: tuple[str, ...] = ()
    how: How = How.CONTAINS


class Body(Condition, frozen=True, tag="text"):
    """What the text of the mail says."""

    texts: tuple[str, ...] = ()


class HeaderField(Condition, frozen=True, tag="field"):
    """What one of these fields of the header says. Without texts: that all of them are there."""

    names: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    how: How = How.CONTAINS
    part: Part = Part.FIELD


class Priority(Condition, frozen=True, tag="priority"):
    """What X-Priority, Importance and Priority say."""

    level: Level = Level.HIGH


class Larger(Condition, frozen=True, tag="larger"):
    """More than so many bytes."""

    size: int = 0


class Smaller(Condition, frozen=True, tag="smaller"):
    """Less than so many bytes."""

    size: int = 0


class Older(Condition, frozen=True, tag="older"):
    """Dated more than so many days before the day on which the rule is carried out."""

    days: int = 0


class Newer(Condition, frozen=True, tag="newer"):
    """Dated so many days before the day on which the rule is carried out, or later."""

    days: int = 0


class Before(Condition, frozen=True, tag="before"):
    """Dated before this day (`2026-11-27`)."""

    day: str = ""


class Since(Condition, frozen=True, tag="since"):
    """Dated on this day (`2026-11-27`) or later."""

    day: str = ""


class During(Condition, frozen=True, tag="during"):
    """The day on which the rule is carried out is one of these, both included; an end may be open."""

    first: str = ""
    last: str = ""


class Attachment(Condition, frozen=True, tag="attachment"):
    """A file is attached; with `kinds`, one of these: `pdf` by the end of its name, `*rechnung*.pdf` by
    its name, `image/*` by its media type."""

    kinds: tuple[str, ...] = ()


class MailingList(Condition, frozen=True, tag="list"):
    """It came over a mailing list; with `ids`, over one whose List-Id has this in it."""

    ids: tuple[str, ...] = ()


class Language(Condition, frozen=True, tag="language"):
    """It is written in one of these languages (`de`, `en`), as far as it says so itself."""

    languages: tuple[str, ...] = ()


class Category(Condition, frozen=True, tag="category"):
    """The assistant has put it into one of these categories."""

    names: tuple[str, ...] = ()


class SenderImportance(Condition, frozen=True, tag="importance"):
    """The assistant holds its sender for at least so important."""

    at_least: Importance = Importance.HIGH


class Spam(Condition, frozen=True, tag="spam"):
    """The assistant holds it for spam with at least so many percent."""

    percent: int = 90


AnyCondition = (
    Sender
    | Recipient
    | Contact
    | Subject
    | Body
    | HeaderField
    | Priority
    | Larger
    | Smaller
    | Older
    | Newer
    | Before
    | Since
    | During
    | Attachment
    | MailingList
    | Language
    | Category
    | SenderImportance
    | Spam
)


class Move(Struct, frozen=True, tag="move"):
    """Into this mailbox, which is made where it is missing."""

    mailbox: str


class Copy(Struct, frozen=True, tag="copy"):
    """A copy into this mailbox."""

    mailbox: str


class Archive(Struct, frozen=True, tag="archive"):
    """Into the account's archive, whatever it is called."""


class Label(Struct, frozen=True, tag="label"):
    """These keywords (IMAP keywords: no spaces) are set."""

    labels: tuple[str, ...]


class Mark(Struct, frozen=True, tag="mark"):
    """It is marked as read or flagged."""

    flag: Flagging


class Forward(Struct, frozen=True, tag="forward"):
    """On to this address as it is; it stays here too."""

    address: str


class Redirect(Struct, frozen=True, tag="redirect"):
    """On to this address as it is, and not kept here."""

    address: str


class Reply(Struct, frozen=True, tag="reply"):
    """The sender is answered with this text, at most once in so many days (RFC 5230: never lists, never
    automatic mail). Without a subject it is the mail's own behind "Auto:". `addresses` are own ones besides
    those of the account: only mail that names one of them is answered."""

    text: str
    days: int = 7
    subject: str = ""
    addresses: tuple[str, ...] = ()


class Delete(Struct, frozen=True, tag="delete"):
    """Thrown away: here into the trash; by a server for good."""


class Reject(Struct, frozen=True, tag="reject"):
    """The sender is told that it is refused, and why."""

    reason: str


class Notify(Struct, frozen=True, tag="notify"):
    """This address is told by a mail, with this text if there is one."""

    address: str
    message: str = ""


class Keep(Struct, frozen=True, tag="keep"):
    """It stays in the inbox, whatever else happens to it."""


AnyAction = (
    Move | Copy | Archive | Label | Mark | Forward | Redirect | Reply | Delete | Reject | Notify | Keep
)

FINAL = (Move, Archive, Redirect, Delete, Reject)
"""After one of these a mail has its place: a rule that says nothing else then stops."""


class Rule(Struct, frozen=True):
    """One rule. `stop`: later rules do not see the mails that it is for."""

    name: str
    conditions: tuple[AnyCondition, ...] = ()
    actions: tuple[AnyAction, ...] = ()
    match: Match = Match.ALL
    stop: bool = False
    enabled: bool = True
    account: str = ""
    """The address of the account that it is for; empty: of all."""
    where: Where = Where.HERE


class Event(StrEnum):
    """What happens to a mail in a mailbox (RFC 6785 section 4.3): it is put there, comes there from
    elsewhere, or gets other flags. The values of `imap.cause`."""

    APPEND = "append"
    COPY = "copy"
    FLAG = "flag"


class OwnScript(Struct, frozen=True):
    """A whole Sieve script of the user's, beside or instead of friendly rules. `run`: it is carried out
    in its place among them; without, it is only there to be included. `on`: it is carried out for these
    events in its `mailbox`, and not for new mail."""

    name: str
    sieve: str
    run: bool = True
    account: str = ""
    where: Where = Where.HERE
    on: tuple[Event, ...] = ()
    mailbox: str = ""


def stops_by_itself(actions: tuple[AnyAction, ...]) -> bool:
    """Whether a rule with these actions stops where nothing is said of it."""
    return any(isinstance(each, FINAL) for each in actions)
