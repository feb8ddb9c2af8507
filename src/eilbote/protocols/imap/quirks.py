"""What certain servers announce and do not keep, or do in a way of their own. Each row is named, dated,
and says where it was seen; docs/servers.md says what is done about it, and which test plays it.

Facts only, keyed by host, by the name that the server gives in its ID, or by a telling capability.
"""

from __future__ import annotations

from eilbote.mail.mailbox import SpecialUse
from eilbote.protocols.imap.traits import Quirk, Trait

_GMAIL = (
    Quirk(
        "gmail-labels",  # every label is a mailbox, and every mail lies in All Mail once more
        "Gmail IMAP extensions; mxr#50; MailFlow",
        "2026-11",
        traits=frozenset({Trait.LABELS}),
        mirror_roles=frozenset({SpecialUse.FLAGGED, SpecialUse.IMPORTANT}),
        capability="X-GM-EXT-1",
    ),
    Quirk(
        "gmail-expunge",
        "Gmail API ImapSettings: autoExpunge, expungeBehavior",
        "2026-11",
        traits=frozenset({Trait.EXPUNGE_TAKES_A_LABEL}),
        capability="X-GM-EXT-1",
    ),
    Quirk(
        "gmail-window",  # a setting of the account
        "Gmail API ImapSettings: maxFolderSize",
        "2026-11",
        shows_at_most=frozenset({1_000, 2_000, 5_000, 10_000}),
        capability="X-GM-EXT-1",
    ),
    Quirk(
        "gmail-flags",
        "MailFlow",
        "2026-11",
        traits=frozenset({Trait.FLAGS_UNPUSHED}),
        capability="X-GM-EXT-1",
    ),
    Quirk(
        "gmail-throttling",  # [OVERQUOTA], or less than 1 kB a second
        "imapsync FAQ.Gmail; cloudhq; efolder KB",
        "2026-11",
        everywhere=True,
        capability="X-GM-EXT-1",
    ),
    Quirk(
        "gmail-draft-becomes-sent",  # for a while both are one mail: deleting the draft deletes the sent one
        "nylas crispin.py",
        "2026-11",
        everywhere=True,
        capability="X-GM-EXT-1",
    ),
    Quirk("gmail-no-sort", "himalaya#741", "2026-11", everywhere=True, capability="X-GM-EXT-1"),
)
_EXCHANGE = (
    Quirk(
        "exchange-rev2",  # announces IMAP4rev2 through a proxy that answers parts of it with BAD
        "imapflow commands/list.js",
        "2026-08",
        distrusted=frozenset({"IMAP4REV2"}),
        host="outlook.office365.com",
        server="microsoft.exchange",
    ),
    Quirk(
        "exchange-no-condstore",
        "warmbly#346; MailKit#1494",
        "2026-11",
        everywhere=True,
        host="outlook.office365.com",
        server="microsoft.exchange",
    ),
    Quirk(
        "exchange-not-connected",  # AUTHENTICATE OK, then BAD to everything
        "email-oauth2-proxy#74, #275; imapflow#314; MailKit#1494",
        "2026-11",
        everywhere=True,
        host="outlook.office365.com",
        server="microsoft.exchange",
    ),
    Quirk(
        "exchange-throttling",  # Suggested Backoff Time
        "imapsync FAQ.Office365",
        "2026-11",
        everywhere=True,
        host="outlook.office365.com",
        server="microsoft.exchange",
    ),
    Quirk(
        "exchange-sizes",  # as of general knowledge; Safe Links rewrite what was counted before
        "imapwiki.org ServerBugs/MSExchange; imapsync#466; email-oauth2-proxy",
        "2026-11",
        traits=frozenset({Trait.SIZES_UNRELIABLE}),
        host="outlook.office365.com",
        server="microsoft.exchange",
    ),
    Quirk(
        "exchange-sequence-numbers",  # wrong right after EXISTS
        "imapwiki.org ServerBugs/MSExchange",
        "2026-11",
        everywhere=True,
        host="outlook.office365.com",
        server="microsoft.exchange",
    ),
    Quirk(
        "exchange-rewrites",  # links and recipients of mails that are there already
        "imapsync#466; email-oauth2-proxy",
        "2026-11",
        everywhere=True,
        host="outlook.office365.com",
        server="microsoft.exchange",
    ),
    Quirk(
        "exchange-append",  # long lines, bare newlines
        "imapsync FAQ.Exchange",
        "2026-11",
        everywhere=True,
        host="outlook.office365.com",
        server="microsoft.exchange",
    ),
    Quirk(
        "exchange-reserved-names",  # Files
        "imapsync FAQ.Exchange",
        "2026-11",
        everywhere=True,
        host="outlook.office365.com",
        server="microsoft.exchange",
    ),
    Quirk(
        "exchange-empty-id",
        "modern-email/defects#13",
        "2026-11",
        everywhere=True,
        host="outlook.office365.com",
        server="microsoft.exchange",
    ),
)
_ICLOUD = (
    Quirk(
        "icloud-qresync",  # malformed VANISHED and no ENABLED answer: messages seemed deleted
        "Mailspring-Sync MailUtils.cpp",
        "2026-09",
        distrusted=frozenset({"QRESYNC"}),
        host="mail.me.com",
        capability="XAPPLEPUSHSERVICE",
    ),
    Quirk(
        "icloud-login",  # AUTHENTICATE PLAIN may be refused with a password that LOGIN takes
        "OpenArchiver#319; QuickMail#32; imapfilter#125",
        "2026-11",
        traits=frozenset({Trait.LOGIN_BEFORE_PLAIN}),
        host="mail.me.com",
        capability="XAPPLEPUSHSERVICE",
    ),
    Quirk(
        "icloud-changedsince",  # announces CONDSTORE, and tells of every message
        "MailFlow",
        "2026-11",
        everywhere=True,
        host="mail.me.com",
        capability="XAPPLEPUSHSERVICE",
    ),
    Quirk(
        "icloud-rfc822",  # FETCH RFC822 and RFC822.TEXT give nothing
        "hermes-agent#98597; freescout#4202",
        "2026-11",
        everywhere=True,
        host="mail.me.com",
        capability="XAPPLEPUSHSERVICE",
    ),
    Quirk(
        "icloud-phantoms",  # listed and never given; the same mail in several mailboxes
        "Mailspring; MailFlow",
        "2026-11",
        everywhere=True,
        host="mail.me.com",
        capability="XAPPLEPUSHSERVICE",
    ),
)
_YAHOO = (
    Quirk(
        "yahoo-window",
        "bichon#144, #271; imapsync FAQ.Yahoo",
        "2026-11",
        shows_at_most=frozenset({10_000}),
        host="mail.yahoo.com",
        capability="XYMHIGHESTMODSEQ",
    ),
    Quirk(
        "yahoo-search-stops",  # at 1,000 numbers
        "bichon#144, #271",
        "2026-11",
        everywhere=True,
        host="mail.yahoo.com",
        capability="XYMHIGHESTMODSEQ",
    ),
    Quirk(
        "yahoo-unavailable",  # single mails
        "imapsync#119",
        "2026-11",
        everywhere=True,
        host="mail.yahoo.com",
        capability="XYMHIGHESTMODSEQ",
    ),
    Quirk(
        "yahoo-no-condstore",  # XYMHIGHESTMODSEQ instead
        "MailKit#358",
        "2026-11",
        everywhere=True,
        host="mail.yahoo.com",
        capability="XYMHIGHESTMODSEQ",
    ),
    Quirk(
        "yahoo-final-crlf",  # APPEND without it: BAD Additional arguments
        "imapsync FAQ.Yahoo",
        "2026-11",
        everywhere=True,
        host="mail.yahoo.com",
        capability="XYMHIGHESTMODSEQ",
    ),
    Quirk(
        "yahoo-search-header",
        "tidymail#20",
        "2026-11",
        everywhere=True,
        host="mail.yahoo.com",
        capability="XYMHIGHESTMODSEQ",
    ),
)
_GERMANY = (
    Quirk(
        "nemesis-bare-no",  # access is switched off, or the password is wrong: it does not say which
        "provider-db; OpenArchiver#431",
        "2026-11",
        everywhere=True,
        server="nemesis",
    ),
    Quirk("nemesis-no-condstore", "imapsync#140 (2018)", "2026-11", everywhere=True, server="nemesis"),
    Quirk("nemesis-empty-id", "modern-email/defects#13", "2026-11", everywhere=True, server="nemesis"),
    Quirk(
        "nemesis-mailboxes",  # 20 (GMX), 40 (WEB.DE) of a free account
        "provider-db#56",
        "2026-11",
        everywhere=True,
        server="nemesis",
    ),
    Quirk(
        "unsorted-search",
        "nextcloud/mail#5721; DirectoryTree/ImapEngine#93",
        "2026-11",
        everywhere=True,
        server="nemesis",
    ),
    Quirk(
        "mailbox-org-idle",  # stalls
        "chatmail/core#5093",
        "2026-11",
        everywhere=True,
        host="mailbox.org",
        server="mailbox.org",
    ),
)
_PROGRAMS = (
    Quirk(
        "dovecot-connections",  # 10 of a user and an address
        "Dovecot mail_max_userip_connections; MailFlow",
        "2026-11",
        everywhere=True,
        server="dovecot",
    ),
    Quirk(
        "dovecot-list-return",  # only what RETURN asks for comes back (2.4)
        "imapflow commands/list.js",
        "2026-11",
        everywhere=True,
        server="dovecot",
    ),
    Quirk(
        "dovecot-locks",  # a lock that is not free in 180 s
        "imapsync FAQ.Dovecot",
        "2026-11",
        everywhere=True,
        server="dovecot",
    ),
    Quirk("dovecot-no-inferiors", "imapsync FAQ.Dovecot", "2026-11", everywhere=True, server="dovecot"),
    Quirk(
        "courier-sort",  # announced, and refused where it is disabled
        "nextcloud/mail#50",
        "2026-11",
        everywhere=True,
        server="courier",
    ),
    Quirk(
        "courier-namespace",  # INBOX. before every name; NAMESPACE is not always well formed
        "MailFlow; imapflow#351",
        "2026-11",
        everywhere=True,
        server="courier",
    ),
    Quirk(
        "cyrus-append",  # no bare newlines, NULs or 8-bit headers
        "mustang#640; feed2imap-go#46; offlineimap#215; cyrus#5582",
        "2026-11",
        everywhere=True,
        server="cyrus",
    ),
    Quirk(
        "cyrus-status-mailboxid",
        "Cyrus 3.6.1 of Debian 12, tried",
        "2026-11-27",
        traits=frozenset({Trait.STATUS_MAILBOXID_GARBLED}),
        server="cyrus",
    ),
    Quirk(
        "proton-bridge-uids",  # after an update of the Bridge clients deleted other messages
        "proton-bridge#220",
        "2026-11",
        traits=frozenset({Trait.UIDS_MAY_SHIFT}),
        server="proton",
    ),
    Quirk(
        "proton-bridge-mirrors",  # every mail lies in All Mail and once more below each label
        "himalaya#453; Mailspring-Sync",
        "2026-11",
        mirrors=("All Mail", "Labels/"),
        server="proton",
    ),
    Quirk(
        "proton-bridge-bye",  # with no reason
        "proton-bridge#220",
        "2026-11",
        everywhere=True,
        server="proton",
    ),
)
_OTHERS = (
    Quirk(
        "coremail-id",  # before SELECT, else Unsafe Login
        "EmailEngine imap-client.js",
        "2026-11",
        everywhere=True,
        server="coremail",
    ),
    Quirk(
        "coremail-noop",
        "flowcrypt#1011; EmailEngine imap-client.js",
        "2026-11",
        traits=frozenset({Trait.NOOP_IS_NO_SIGN}),
        server="coremail",
    ),
    Quirk(
        "coremail-no-idle",
        "EmailEngine imap-client.js",
        "2026-11",
        everywhere=True,
        server="coremail",
    ),
    Quirk(
        "coremail-empty-status",
        "modern-email/defects#15",
        "2026-11",
        everywhere=True,
        server="coremail",
    ),
    Quirk(
        "coremail-descending-sets",  # UID FETCH 1593:1580 is refused
        "Wino#575",
        "2026-11",
        everywhere=True,
        server="coremail",
    ),
    Quirk(
        "mail2world-search-all",  # refused
        "nylas crispin.py",
        "2026-11",
        everywhere=True,
        server="mail2world",
    ),
    Quirk(
        "purelymail-bodies",  # literals of no bytes where several parts are fetched at once
        "MailFlow",
        "2026-11",
        everywhere=True,
        host="purelymail.com",
        server="purelymail",
    ),
    Quirk(
        "purelymail-logins",  # counted by address
        "MailFlow",
        "2026-11",
        everywhere=True,
        host="purelymail.com",
        server="purelymail",
    ),
)
QUIRKS = _GMAIL + _EXCHANGE + _ICLOUD + _YAHOO + _GERMANY + _PROGRAMS + _OTHERS


def quirks_of(host: str, server: str, capabilities: frozenset[str]) -> tuple[Quirk, ...]:
    """Every quirk of this server."""
    return tuple(quirk for quirk in QUIRKS if quirk.fits(host, server, capabilities))
