"""Every command, test and tag that Eilbote understands, with the extension that it belongs to.

One table a kind: a row says what the name needs (`require`), its tags and its arguments in order.
Nothing here decides; the checker reads it, and the documentation's table is held against it by a test.
"""

from __future__ import annotations

from enum import Enum, auto

from msgspec import Struct


class Kind(Enum):
    """What an argument is, and what it is for."""

    TEXT = auto()
    TEXTS = auto()
    """A list of texts, or one (RFC 5228 section 2.4.2.1)."""
    NUMBER = auto()
    CONSTANT = auto()
    """A text that variables cannot make, as it is needed before the script runs."""
    CONSTANTS = auto()
    FIELDS = auto()
    """Names of header fields."""
    FIELD = auto()
    ADDRESS_FIELDS = auto()
    ENVELOPE_PARTS = auto()
    KEYS = auto()
    """What a match type compares with."""
    KEY = auto()
    COMPARATOR = auto()
    RELATION = auto()
    DATE_PART = auto()
    ZONE = auto()
    MAILBOX = auto()
    MAILBOXES = auto()
    ADDRESS = auto()
    """One address, with or without a name (RFC 5228 section 2.4.2.3)."""
    FLAGS = auto()
    VARIABLE = auto()
    VARIABLES = auto()
    METHOD = auto()
    """A URI of a notification method."""
    IMPORTANCE = auto()


LISTS = frozenset(
    {
        Kind.TEXTS,
        Kind.CONSTANTS,
        Kind.FIELDS,
        Kind.ADDRESS_FIELDS,
        Kind.ENVELOPE_PARTS,
        Kind.KEYS,
        Kind.MAILBOXES,
        Kind.FLAGS,
        Kind.VARIABLES,
    }
)
"""The kinds of which there may be several."""


class TagWord(Struct, frozen=True):
    """A tag: what it needs, the value that follows it, and the group of which only one may stand."""

    name: str
    needs: str = ""
    value: Kind | None = None
    group: str = ""
    with_tag: str = ""
    """The tag without which it means nothing."""


class Word(Struct, frozen=True):
    """A command or test. `tests`: how many follow, -1 for a list. `first_optional`, `last_optional`: this
    argument may be missing."""

    name: str
    needs: str = ""
    tags: tuple[TagWord, ...] = ()
    arguments: tuple[Kind, ...] = ()
    tests: int = 0
    block: bool = False
    one_of: str = ""
    """The group of tags of which one must stand."""
    first_optional: bool = False
    last_optional: bool = False

    def form(self) -> str:
        """What it looks like without the tags that may be missing, for who wrote it otherwise."""
        tags = [tag for tag in self.tags if self.one_of and tag.group == self.one_of]
        parts = [self.name, *(f":{tag.name}" for tag in tags[:1])]
        parts += (
            "1K" if kind is Kind.NUMBER else '["…"]' if kind in LISTS else '"…"' for kind in self.arguments
        )
        if self.tests:
            parts.append("(…, …)" if self.tests < 0 else "…")
        return " ".join((*parts, "{ … }") if self.block else parts)

    def tag(self, name: str) -> TagWord | None:
        """The tag of this name."""
        return next((tag for tag in self.tags if tag.name == name), None)


_COMPARATOR = (TagWord("comparator", value=Kind.COMPARATOR),)
_MATCH = (
    TagWord("is", group="match"),
    TagWord("contains", group="match"),
    TagWord("matches", group="match"),
    TagWord("count", "relational", Kind.RELATION, "match"),
    TagWord("value", "relational", Kind.RELATION, "match"),
    TagWord("regex", "regex", group="match"),
    TagWord("list", "extlists", group="match"),
)
_COMPARED = (*_COMPARATOR, *_MATCH)
_PART = (
    TagWord("all", group="part"),
    TagWord("localpart", group="part"),
    TagWord("domain", group="part"),
    TagWord("user", "subaddress", group="part"),
    TagWord("detail", "subaddress", group="part"),
)
_INDEX = (TagWord("index", "index", Kind.NUMBER), TagWord("last", "index", with_tag="index"))
_MIME = (TagWord("mime", "mime"), TagWord("anychild", "mime", with_tag="mime"))
_MIME_PART = (
    TagWord("type", "mime", group="mime", with_tag="mime"),
    TagWord("subtype", "mime", group="mime", with_tag="mime"),
    TagWord("contenttype", "mime", group="mime", with_tag="mime"),
    TagWord("param", "mime", Kind.TEXTS, "mime", with_tag="mime"),
)
_FLAGS = (TagWord("flags", "imap4flags", Kind.FLAGS),)
_COPY = (TagWord("copy", "copy"),)
_MODIFIERS = (
    TagWord("lower", "variables", group="case"),
    TagWord("upper", "variables", group="case"),
    TagWord("lowerfirst", "variables", group="first"),
    TagWord("upperfirst", "variables", group="first"),
    TagWord("quotewildcard", "variables", group="quote"),
    TagWord("quoteregex", "regex", group="quote"),
    TagWord("encodeurl", "enotify", group="encode"),
    TagWord("length", "variables", group="length"),
)

_COMMANDS = (
    # RFC 5228
    Word("require", arguments=(Kind.CONSTANTS,)),
    Word("if", tests=1, block=True),
    Word("elsif", tests=1, block=True),
    Word("else", block=True),
    Word("stop"),
    Word("keep", tags=_FLAGS),
    Word("discard"),
    Word("redirect", tags=(*_COPY, TagWord("list", "extlists")), arguments=(Kind.ADDRESS,)),
    Word(
        "fileinto",
        "fileinto",
        (
            *_FLAGS,
            *_COPY,
            TagWord("create", "mailbox"),
            # RFC 9042 section 4.3: never both.
            TagWord("specialuse", "special-use", Kind.TEXT, "target"),
            TagWord("mailboxid", "mailboxid", Kind.TEXT, "target"),
        ),
        (Kind.MAILBOX,),
    ),
    # RFC 5429
    Word("reject", "reject", arguments=(Kind.TEXT,)),
    Word("ereject", "ereject", arguments=(Kind.TEXT,)),
    # RFC 5229
    Word("set", "variables", _MODIFIERS, (Kind.VARIABLE, Kind.TEXT)),
    # RFC 5230, RFC 6131
    Word(
        "vacation",
        "vacation",
        (
            TagWord("days", value=Kind.NUMBER, group="time"),
            TagWord("seconds", "vacation-seconds", Kind.NUMBER, "time"),
            TagWord("subject", value=Kind.TEXT),
            TagWord("from", value=Kind.ADDRESS),
            TagWord("addresses", value=Kind.TEXTS),
            TagWord("mime"),
            TagWord("handle", value=Kind.TEXT),
        ),
        (Kind.TEXT,),
    ),
    # RFC 5232
    Word("setflag", "imap4flags", arguments=(Kind.VARIABLE, Kind.FLAGS), first_optional=True),
    Word("addflag", "imap4flags", arguments=(Kind.VARIABLE, Kind.FLAGS), first_optional=True),
    Word("removeflag", "imap4flags", arguments=(Kind.VARIABLE, Kind.FLAGS), first_optional=True),
    # RFC 5293
    Word("addheader", "editheader", (TagWord("last"),), (Kind.FIELD, Kind.TEXT)),
    Word(
        "deleteheader",
        "editheader",
        (*_COMPARED, TagWord("index", value=Kind.NUMBER), TagWord("last", with_tag="index")),
        (Kind.FIELD, Kind.KEYS),
        last_optional=True,
    ),
    # RFC 5435
    Word(
        "notify",
        "enotify",
        (
            TagWord("from", value=Kind.TEXT),
            TagWord("importance", value=Kind.IMPORTANCE),
            TagWord("options", value=Kind.TEXTS),
            TagWord("message", value=Kind.TEXT),
        ),
        (Kind.METHOD,),
    ),
    # RFC 6609
    Word(
        "include",
        "include",
        (
            TagWord("personal", group="place"),
            TagWord("global", group="place"),
            TagWord("once"),
            TagWord("optional"),
        ),
        (Kind.CONSTANT,),
    ),
    Word("return", "include"),
    Word("global", "include", arguments=(Kind.VARIABLES,)),
    # RFC 5703
    Word("foreverypart", "foreverypart", (TagWord("name", value=Kind.CONSTANT),), block=True),
    Word("break", "foreverypart", (TagWord("name", value=Kind.CONSTANT),)),
    Word("extracttext", "extracttext", (*_MODIFIERS, TagWord("first", value=Kind.NUMBER)), (Kind.VARIABLE,)),
    # RFC 5463
    Word("error", "ihave", arguments=(Kind.TEXT,)),
)

_TESTS = (
    # RFC 5228
    Word("true"),
    Word("false"),
    Word("not", tests=1),
    Word("allof", tests=-1),
    Word("anyof", tests=-1),
    Word(
        "size",
        tags=(TagWord("over", group="size"), TagWord("under", group="size")),
        arguments=(Kind.NUMBER,),
        one_of="size",
    ),
    Word("exists", tags=_MIME, arguments=(Kind.FIELDS,)),
    Word("header", tags=(*_COMPARED, *_INDEX, *_MIME, *_MIME_PART), arguments=(Kind.FIELDS, Kind.KEYS)),
    Word("address", tags=(*_COMPARED, *_PART, *_INDEX, *_MIME), arguments=(Kind.ADDRESS_FIELDS, Kind.KEYS)),
    Word("envelope", "envelope", (*_COMPARED, *_PART), (Kind.ENVELOPE_PARTS, Kind.KEYS)),
    # RFC 5229
    Word("string", "variables", _COMPARED, (Kind.TEXTS, Kind.KEYS)),
    # RFC 5232
    Word("hasflag", "imap4flags", _COMPARED, (Kind.VARIABLES, Kind.KEYS), first_optional=True),
    # RFC 5235
    Word("spamtest", "spamtest", (*_COMPARED, TagWord("percent", "spamtestplus")), (Kind.KEY,)),
    Word("virustest", "virustest", _COMPARED, (Kind.KEY,)),
    # RFC 5260
    Word(
        "date",
        "date",
        (
            *_COMPARED,
            *_INDEX,
            TagWord("zone", value=Kind.ZONE, group="zone"),
            TagWord("originalzone", group="zone"),
        ),
        (Kind.FIELD, Kind.DATE_PART, Kind.KEYS),
    ),
    Word(
        "currentdate",
        "date",
        (*_COMPARED, TagWord("zone", value=Kind.ZONE)),
        (Kind.DATE_PART, Kind.KEYS),
    ),
    # RFC 5173
    Word(
        "body",
        "body",
        (
            *_COMPARED,
            TagWord("raw", group="body"),
            TagWord("content", value=Kind.TEXTS, group="body"),
            TagWord("text", group="body"),
        ),
        (Kind.KEYS,),
    ),
    # RFC 5183
    Word("environment", "environment", _COMPARED, (Kind.TEXT, Kind.KEYS)),
    # RFC 5435
    Word("valid_notify_method", "enotify", arguments=(Kind.TEXTS,)),
    Word("notify_method_capability", "enotify", _COMPARED, (Kind.TEXT, Kind.TEXT, Kind.KEYS)),
    # RFC 5490, RFC 9042, RFC 8579
    Word("mailboxexists", "mailbox", arguments=(Kind.MAILBOXES,)),
    Word("mailboxidexists", "mailboxid", arguments=(Kind.TEXTS,)),
    Word("specialuse_exists", "special-use", arguments=(Kind.MAILBOX, Kind.TEXTS), first_optional=True),
    # RFC 5463
    Word("ihave", "ihave", arguments=(Kind.CONSTANTS,)),
    # RFC 7352
    Word(
        "duplicate",
        "duplicate",
        (
            TagWord("handle", value=Kind.TEXT),
            TagWord("header", value=Kind.FIELD, group="unique"),
            TagWord("uniqueid", value=Kind.TEXT, group="unique"),
            TagWord("seconds", value=Kind.NUMBER),
            TagWord("last"),
        ),
    ),
    # RFC 6134
    Word("valid_ext_list", "extlists", arguments=(Kind.TEXTS,)),
    # Eilbote's own: what the assistant has said, and what a mail is written in
    Word("eilbote_sender", "vnd.eilbote.sender", _COMPARED, (Kind.KEYS,)),
    Word("eilbote_category", "vnd.eilbote.category", _COMPARED, (Kind.KEYS,)),
    Word("eilbote_language", "vnd.eilbote.language", _COMPARED, (Kind.KEYS,)),
    Word("eilbote_spam", "vnd.eilbote.spam", _COMPARED, (Kind.KEYS,)),
)

COMMANDS = {word.name: word for word in _COMMANDS}
TESTS = {word.name: word for word in _TESTS}

COMPARATORS = frozenset({"i;octet", "i;ascii-casemap", "i;ascii-numeric", "i;unicode-casemap"})

EXTENSIONS = frozenset(
    {
        "body", "copy", "date", "duplicate", "editheader", "encoded-character", "enotify", "envelope",
        "environment", "ereject", "extlists", "extracttext", "fileinto", "foreverypart", "ihave",
        "imap4flags", "imapsieve", "include", "index", "mailbox", "mailboxid", "mime", "regex", "reject",
        "relational", "spamtest", "spamtestplus", "special-use", "subaddress", "vacation",
        "vacation-seconds", "variables", "virustest", "vnd.eilbote.category", "vnd.eilbote.language",
        "vnd.eilbote.sender", "vnd.eilbote.spam", *(f"comparator-{name}" for name in COMPARATORS),
    }
)  # fmt: skip
"""What `require` and `ihave` may name."""

IMPLIED = {
    "vacation-seconds": ("vacation",),  # RFC 6131 section 2
    "spamtestplus": ("spamtest",),  # RFC 5235 section 2.1
    "imapsieve": ("imap4flags",),
}
"""Extensions that come with another."""

ADDRESS_FIELDS = frozenset(
    {
        "from", "to", "cc", "bcc", "sender", "reply-to", "resent-from", "resent-to", "resent-cc",
        "resent-bcc", "resent-sender", "resent-reply-to", "return-path", "delivered-to", "errors-to",
        "disposition-notification-to", "apparently-to", "x-original-to", "envelope-to", "return-receipt-to",
        "mail-followup-to", "mail-reply-to", "x-envelope-to", "approved",
    }
)  # fmt: skip
"""Fields of addresses: RFC 5228 section 5.1 wants the `address` test bound to such."""

RELATIONS = frozenset({"gt", "ge", "lt", "le", "eq", "ne"})
ENVELOPE_PARTS = frozenset({"from", "to", "auth"})
DATE_PARTS = frozenset(
    {
        "year", "month", "day", "date", "julian", "hour", "minute", "second", "time", "iso8601", "std11",
        "zone", "weekday",
    }
)  # fmt: skip
