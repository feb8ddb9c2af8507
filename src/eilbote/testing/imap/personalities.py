"""Particular mail servers, played by the test server: what they announce, and what they do oddly.

Each row stands for reports of the field, named in `source` with the day on which they were read. What a
personality does not do oddly is the common server's behaviour, which is compared with a real Dovecot.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, field

from eilbote.mail.mailbox import SpecialUse
from eilbote.testing.imap.behaviour import Behaviour
from eilbote.testing.imap.gmail import gmail_store
from eilbote.testing.imap.mailstore import Mailstore
from eilbote.testing.imap.oddities import BARE_LF, EIGHT_BIT_HEADER, NO_FINAL_CRLF, NUL, Oddities

_PLAIN = frozenset({"IMAP4rev1", "IDLE", "NAMESPACE", "UIDPLUS", "ID", "SASL-IR"})
_PLATFORM_1AND1 = _PLAIN | {"MOVE", "QUOTA", "SPECIAL-USE", "WITHIN", "LIST-STATUS", "LIST-EXTENDED"}


class Personality(Struct, frozen=True):
    """One kind of server. `labels`: a mail lies in every mailbox whose label it has, as on Gmail.
    `mailboxes`: those of a new account, and their roles. `delimiter` of its
    names. `shows_at_most`: so many mails of a mailbox, the newest."""

    name: str
    behaviour: Behaviour
    source: str
    seen: str
    mailboxes: dict[str, SpecialUse | None] = field(default_factory=dict)
    delimiter: str = "/"
    labels: bool = False
    shows_at_most: int = 0

    def store(self, now: Callable[[], float]) -> Mailstore:
        """A new account's mail on such a server."""
        if self.labels:
            gmail = gmail_store(now)
            gmail.shows_at_most = self.shows_at_most
            return gmail
        made = Mailstore(now, self.delimiter, shows_at_most=self.shows_at_most)
        for name, role in self.mailboxes.items():
            made.create(name, role)
            made.subscribed.add(name)
        return made


_ENGLISH: dict[str, SpecialUse | None] = {
    "Archive": SpecialUse.ARCHIVE,
    "Drafts": SpecialUse.DRAFTS,
    "Junk": SpecialUse.JUNK,
    "Sent": SpecialUse.SENT,
    "Trash": SpecialUse.TRASH,
}
_GERMAN: dict[str, SpecialUse | None] = {
    "Archiv": SpecialUse.ARCHIVE,
    "Entwürfe": SpecialUse.DRAFTS,
    "Spamverdacht": SpecialUse.JUNK,
    "Gesendet": SpecialUse.SENT,
    "Papierkorb": SpecialUse.TRASH,
}


def _named(told: str, capabilities: frozenset[str], **more: object) -> Behaviour:
    return Behaviour(name=told, capabilities=capabilities, **more)  # type: ignore[arg-type]


PERSONALITIES = (
    Personality(
        "exchange",
        _named(
            "Microsoft.Exchange.Imap4.Imap4Server",
            _PLAIN | {"MOVE", "UNSELECT", "LITERAL+"},
            extra=("IMAP4rev2",),
            odd=Oddities(
                answers={
                    "LSUB": "BAD Command Argument Error. 11",
                    "ENABLE": "BAD Command Argument Error. 11",
                },
                sizes_off=7,
                reserved={"Files": "NO Folder name is reserved"},
                empty_id="BAD Command Argument Error. 11",
                append={BARE_LF: "NO Message contains bare newlines"},
                append_line=9900,
            ),
        ),
        "warmbly#346; MailKit#1494; modern-email/defects#13; imapsync FAQ.Exchange",
        "2026-11",
        {
            "Archive": SpecialUse.ARCHIVE,
            "Drafts": SpecialUse.DRAFTS,
            "Junk Email": SpecialUse.JUNK,
            "Sent Items": SpecialUse.SENT,
            "Deleted Items": SpecialUse.TRASH,
        },
    ),
    Personality(
        "icloud",
        _named(
            "iCloud",
            _PLAIN | {"CONDSTORE", "QRESYNC", "ENABLE", "ESEARCH", "LIST-STATUS", "UNSELECT"},
            extra=("XAPPLEPUSHSERVICE",),
            odd=Oddities(
                changedsince_ignored=True,
                enabled_untold=True,
                vanished_malformed=True,
                rfc822_empty=True,
                search_descending=True,
            ),
        ),
        "Mailspring-Sync MailUtils.cpp; MailFlow; modern-email/defects#36",
        "2026-11",
        {
            "Archive": None,
            "Drafts": None,
            "Junk": None,
            "Sent Messages": None,
            "Deleted Messages": None,
        },
    ),
    Personality(
        "yahoo",
        _named(
            "Y!IMAP",
            _PLAIN | {"MOVE", "OBJECTID", "UNSELECT", "SPECIAL-USE"},
            extra=("XYMHIGHESTMODSEQ",),
            odd=Oddities(
                search_most=1000,
                search_header="NO [CANNOT] SEARCH HEADER is not supported",
                append={NO_FINAL_CRLF: "BAD APPEND Additional arguments"},
            ),
        ),
        "bichon#144, #271; imapsync#119; MailKit#358; imapsync FAQ.Yahoo",
        "2026-11",
        {
            "Archive": SpecialUse.ARCHIVE,
            "Draft": SpecialUse.DRAFTS,
            "Bulk": SpecialUse.JUNK,
            "Sent": SpecialUse.SENT,
            "Trash": SpecialUse.TRASH,
        },
        shows_at_most=10_000,
    ),
    Personality(
        "gmx",
        _named(
            "1&1 IMAP Nemesis",
            _PLATFORM_1AND1,
            odd=Oddities(empty_id="BAD expected a list of parameters", mailboxes_most=20),
        ),
        "imapsync#140; modern-email/defects#13; provider-db#56",
        "2026-11",
        _GERMAN,
    ),
    Personality(
        "ionos",
        _named(
            "1&1 IMAP Nemesis",
            _PLATFORM_1AND1,
            odd=Oddities(empty_id="BAD expected a list of parameters", search_descending=True),
        ),
        "imapsync#140; nextcloud/mail#5721",
        "2026-11",
        _GERMAN,
    ),
    Personality(
        "t-online",
        _named("T-Online IMAP", _PLAIN - {"ID"}),
        "provider-db t-online.md; limits not known",
        "2026-11",
        {"Archiv": None, "Drafts": None, "Spam": None, "Sent": None, "Trash": None},
    ),
    Personality(
        "mailbox-org",
        _named(
            "mailbox.org IMAP",
            _PLAIN
            | {"MOVE", "CONDSTORE", "ENABLE", "ESEARCH", "LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE"},
            odd=Oddities(idle_silent=True),
        ),
        "chatmail/core#5093",
        "2026-11",
        _ENGLISH,
    ),
    Personality(
        "dovecot",
        Behaviour(
            name="Dovecot", odd=Oddities(childless="NO Mailbox doesn't allow inferior mailboxes")
        ).without("OBJECTID", "IMAP4rev2"),
        "imapsync FAQ.Dovecot; imapflow commands/list.js; Dovecot 2.3.19 and 2.4.1, tried",
        "2026-11-27",
        _ENGLISH,
    ),
    Personality(
        "courier",
        _named(
            "Courier-IMAP",
            _PLAIN - {"ID", "UIDPLUS"},
            extra=("SORT", "THREAD=ORDEREDSUBJECT", "THREAD=REFERENCES"),
            odd=Oddities(
                answers=dict.fromkeys(
                    ("SORT", "THREAD", "UID SORT", "UID THREAD"), "NO Sort and thread are disabled"
                ),
                namespace='(("INBOX." ".")) NIL (("#shared." ".")("shared." ".")) ()',
            ),
            prefix="INBOX.",
        ),
        "nextcloud/mail#50; MailFlow; imapflow#351",
        "2026-11",
        {f"INBOX.{name}": role for name, role in _ENGLISH.items()},
        ".",
    ),
    Personality(
        "cyrus",
        Behaviour(
            name="Cyrus IMAPD",
            odd=Oddities(
                append={
                    BARE_LF: "NO Message contains bare newlines",
                    NUL: "NO Message contains NUL characters",
                    EIGHT_BIT_HEADER: "NO Message contains invalid header",
                }
            ),
        ).without("IMAP4rev2", "UTF8=ACCEPT"),
        "mustang#640; feed2imap-go#46; cyrus#5582; Cyrus 3.6.1, tried",
        "2026-11-27",
        _ENGLISH,
    ),
    Personality(
        "proton-bridge",
        _named("Proton Mail Bridge", _PLAIN | {"MOVE", "UNSELECT", "SPECIAL-USE"}),
        "proton-bridge#220; himalaya#453; Mailspring",
        "2026-11",
        {**_ENGLISH, "All Mail": SpecialUse.ALL, "Labels/Rechnung": None},
    ),
    Personality(
        "coremail",
        _named(
            "Coremail IMAP",
            (_PLAIN - {"IDLE", "NAMESPACE"}) | {"SPECIAL-USE"},
            odd=Oddities(
                before_id="NO SELECT Unsafe Login. Please contact kefu@188.com for help",
                descending_sets="BAD Invalid message set",
                search_descending=True,
                status_empty=True,
            ),
        ),
        "EmailEngine imap-client.js; flowcrypt#1011; modern-email/defects#15; Wino#575",
        "2026-11",
        {
            "Drafts": SpecialUse.DRAFTS,
            "Junk": SpecialUse.JUNK,
            "Sent Messages": SpecialUse.SENT,
            "Deleted Messages": SpecialUse.TRASH,
            "Archive": SpecialUse.ARCHIVE,
        },
    ),
    Personality(
        "mail2world",
        _named(
            "Mail2World",
            _PLAIN - {"IDLE", "NAMESPACE", "SASL-IR"},
            odd=Oddities(search_all="BAD UID SEARCH wrong arguments passed"),
        ),
        "nylas crispin.py",
        "2026-11",
        dict.fromkeys(_ENGLISH),
    ),
    Personality(
        "purelymail",
        _named(
            "PurelyMail",
            _PLAIN | {"MOVE", "SPECIAL-USE", "CONDSTORE", "ENABLE"},
            odd=Oddities(bodies_alone=True),
        ),
        "MailFlow",
        "2026-11",
        _ENGLISH,
    ),
    Personality(
        "gmail",
        _named(
            "GImap",
            _PLAIN
            | {"CONDSTORE", "ENABLE", "ESEARCH", "LIST-EXTENDED", "LIST-STATUS", "MOVE", "QUOTA"}
            | {"SPECIAL-USE", "UNSELECT", "UTF8=ACCEPT", "APPENDLIMIT", "X-GM-EXT-1"},
            odd=Oddities(flags_unpushed=True),
            append_limit=35_651_584,
        ),
        "Gmail IMAP extensions; mxr#50; MailFlow; nylas crispin.py; himalaya#741",
        "2026-11",
        labels=True,
    ),
)
BY_NAME = {one.name: one for one in PERSONALITIES}
