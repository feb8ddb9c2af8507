"""The flows over servers that can more or less, without a network."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import pytest

from eilbote.errors import Garbled, NotAllowed, Refused, Unreachable
from eilbote.mail.mailbox import MailboxName, SpecialUse, UidSet
from eilbote.protocols import sasl
from eilbote.protocols.imap import folders, mails
from eilbote.protocols.imap import session as flows
from eilbote.protocols.imap.connection import ImapConnection, Reply
from eilbote.protocols.imap.dialogue import Dialogue, Flow
from eilbote.protocols.imap.responses import Status
from eilbote.protocols.imap.roles import rank_by_name
from eilbote.protocols.imap.search import Header
from eilbote.protocols.imap.types import Known, MailboxListing, Selected
from eilbote.protocols.upgrade import StartDeflate, StartTls
from eilbote.secret import Secret
from tests.protocols.imap.deliveries import GREETING, feed

T = TypeVar("T")
INBOX = MailboxName("INBOX")
Server = dict[str, bytes]
"""Command (a regular expression, from its start) to what is said to it, before `OK` if that has no
tag of its own (`%s`)."""


class Talk:
    """Runs flows against a server that is a table; remembers the commands, one list a round trip."""

    def __init__(
        self, server: Server, capabilities: str = "IMAP4rev1", host: str = "mail.example.org"
    ) -> None:
        self.server = server
        self.connection = ImapConnection()
        self.dialogue = Dialogue(self.connection, host)
        self.rounds: list[list[str]] = []
        feed(self.connection, GREETING)
        if capabilities:
            self.dialogue._announced(frozenset(capabilities.upper().split()))

    def run(self, flow: Flow[T]) -> T:
        answer: list[Reply] | None = None
        while True:
            try:
                wanted = next(flow) if answer is None else flow.send(answer)
            except StopIteration as stop:
                result: T = stop.value
                return result
            if isinstance(wanted, StartTls):
                self.rounds.append(["<TLS>"])
                answer = []
                continue
            assert not isinstance(wanted, StartDeflate)
            self.rounds.append([])
            for one in wanted:
                self.connection.send(one)
            answer = self._answers()
            for reply in answer:
                self.dialogue.learn_all(reply)

    def _answers(self) -> list[Reply]:
        replies: list[Reply] = []
        wire = b""
        while self.connection.waiting:
            wire += bytes(self.connection.data_to_send())
            line, _, wire = wire.partition(b"\r\n")
            tag, _, text = line.decode().partition(" ")
            self.rounds[-1].append(text)
            told = next((said for known, said in self.server.items() if re.match(known, text)), b"")
            whole = told % tag.encode() if b"%s" in told else told + tag.encode() + b" OK\r\n"
            replies += [event for event in feed(self.connection, whole) if isinstance(event, Reply)]
        return replies


# --- listings -------------------------------------------------------------------------------------------

LISTS = (
    b'* LIST (\\HasNoChildren) "." INBOX\r\n* LIST () "." INBOX.Gesendet\r\n'
    b'* LIST (\\Noselect) "." INBOX.Projekte\r\n'
)


def test_an_old_server_is_asked_for_each_mailbox_in_three_round_trips() -> None:
    talk = Talk(
        {
            "LIST": LISTS,
            "LSUB": b'* LSUB () "." INBOX.Gesendet\r\n* LSUB () "." weg\r\n',
            'STATUS "INBOX" ': b"* STATUS INBOX (MESSAGES 3)\r\n",
            'STATUS "INBOX.G': b"%s NO broken\r\n",
        }
    )
    listings = {one.name: one for one in talk.run(folders.list_mailboxes(talk.dialogue, status=True))}
    assert [len(commands) for commands in talk.rounds] == [2, 2]
    assert set(listings) == {"INBOX", "INBOX.Gesendet", "INBOX.Projekte"}
    sent = listings[MailboxName("INBOX.Gesendet")]
    assert (sent.subscribed, sent.status, sent.role) == (True, None, SpecialUse.SENT)
    assert not listings[INBOX].subscribed
    assert listings[INBOX].status is not None


def test_a_new_server_tells_all_at_once() -> None:
    talk = Talk(
        {
            "LIST": b'* LIST (\\Subscribed) "/" INBOX\r\n* STATUS inbox (MESSAGES 3 HIGHESTMODSEQ 7)\r\n'
            b'* LIST (\\Sent) "/" Raus\r\n* LIST () "/" Sent\r\n'
        },
        "IMAP4rev1 LIST-EXTENDED LIST-STATUS SPECIAL-USE CONDSTORE OBJECTID",
    )
    listings = {one.name: one for one in talk.run(folders.list_mailboxes(talk.dialogue, status=True))}
    items = "MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ MAILBOXID"
    assert talk.rounds == [[f'LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE STATUS ({items}))']]
    status = listings[INBOX].status
    assert status is not None
    assert status.highestmodseq == 7
    roles = {one.name: one.role for one in listings.values()}
    assert roles == {"INBOX": SpecialUse.INBOX, "Raus": SpecialUse.SENT, "Sent": None}


def test_cyrus_is_never_asked_for_the_mailbox_id_in_status() -> None:
    """Cyrus 3.6 answers with stray bytes of its memory; its name in ID tells."""
    talk = Talk({"LIST": b'* LIST () "/" INBOX\r\n'}, "IMAP4rev1 LIST-EXTENDED LIST-STATUS OBJECTID")
    talk.dialogue.server_id = {"name": "Cyrus IMAPD"}
    talk.dialogue.judge_server()
    talk.run(folders.list_mailboxes(talk.dialogue, status=True))
    assert "MAILBOXID" not in talk.rounds[0][0]


def test_a_status_that_nobody_can_read_costs_its_own_mailbox_alone() -> None:
    told = b'* LIST () "/" INBOX\r\n* STATUS INBOX (MESSAGES 1 MAILBOXID (\x8a\xef(\x07\xd3uU))\r\n'
    told += b'* LIST () "/" Neu\r\n* STATUS Neu (MESSAGES 2)\r\n'
    talk = Talk({"LIST": told}, "IMAP4rev1 LIST-EXTENDED LIST-STATUS OBJECTID")
    listed = talk.run(folders.list_mailboxes(talk.dialogue, status=True))
    assert [(one.name, one.status and one.status.messages) for one in listed] == [("INBOX", None), ("Neu", 2)]


def test_a_refused_lsub_costs_only_the_subscriptions() -> None:
    talk = Talk({"LIST": LISTS, "LSUB": b"%s BAD unknown\r\n"})
    assert len(talk.run(folders.list_mailboxes(talk.dialogue, status=False))) == 3


@pytest.mark.parametrize("said", [b"", b"%s NO try later\r\n"])
def test_no_listing_is_never_an_empty_one(said: bytes) -> None:
    talk = Talk({"LIST": said, "LSUB": b""})
    with pytest.raises((Garbled, Refused)):
        talk.run(folders.list_mailboxes(talk.dialogue, status=True))


@pytest.mark.parametrize(
    ("name", "delimiter", "role"),
    [
        ("Gesendet", "/", SpecialUse.SENT),
        ("Gesendete Elemente", "/", SpecialUse.SENT),
        ("Gesendete Objekte", "/", SpecialUse.SENT),
        ("Sent Messages", "/", SpecialUse.SENT),
        ("INBOX.Sent", ".", SpecialUse.SENT),
        ("INBOX/Papierkorb", "/", SpecialUse.TRASH),
        ("Gelöschte Elemente", "/", SpecialUse.TRASH),
        ("Gelo\u0308schte Objekte", "/", SpecialUse.TRASH),
        ("Deleted Items", "/", SpecialUse.TRASH),
        ("Entwürfe", "/", SpecialUse.DRAFTS),
        ("ENTWÜRFE", "/", SpecialUse.DRAFTS),
        ("Spam", None, SpecialUse.JUNK),
        ("Spamverdacht", "/", SpecialUse.JUNK),
        ("Junk-E-Mail", "/", SpecialUse.JUNK),
        ("Unerwünscht", "/", SpecialUse.JUNK),
        ("Archiv", "/", SpecialUse.ARCHIVE),
        ("[Google Mail]/Alle Nachrichten", "/", SpecialUse.ALL),
        ("[Gmail]/Papierkorb", "/", SpecialUse.TRASH),
        ("[Gmail]/Wichtig", "/", SpecialUse.IMPORTANT),
        ("Wichtig", "/", None),
        ("Projekte/Archiv", "/", None),
        ("INBOX/Kunden/Spam", "/", None),
        ("Postausgang", "/", None),
        ("Rechnungen", "/", None),
    ],
)
def test_roles_by_name(name: str, delimiter: str | None, role: SpecialUse | None) -> None:
    rank = rank_by_name(name, delimiter)
    assert (rank[0] if rank else None) is role


def test_each_role_is_given_once_and_attributes_win() -> None:
    def listing(name: str, *attributes: str) -> MailboxListing:
        return MailboxListing(MailboxName(name), "/", frozenset(attributes))

    found = folders.with_roles(
        (
            listing("Sent"),
            listing("Gesendet"),
            listing("Abgeschickt", "\\sent"),
            listing("Spamverdacht"),
            listing("Spam"),
            listing("Papierkorb", "\\noselect"),
            listing("inbox"),
        )
    )
    assert {one.name: one.role for one in found if one.role} == {
        "Abgeschickt": SpecialUse.SENT,
        "Spam": SpecialUse.JUNK,
    }


# --- beginning --------------------------------------------------------------------------------------------


def log_in(
    talk: Talk, *, oauth: bool = False, protected: bool = True, user: str = "anna", secret: str = "geheim"
) -> None:
    def start(mechanism: str) -> sasl.Exchange:
        return sasl.start(
            mechanism,
            user=user,
            secret=Secret(secret),
            host="h",
            port=993,
            nonce="nonce",
            channel_binding=None,
        )

    login = sasl.Login(user=user, secret=Secret(secret), start=start, oauth=oauth, protected=protected)
    talk.run(flows.log_in(talk.dialogue, login))


def test_the_login_goes_along_where_the_server_allows_and_waits_elsewhere() -> None:
    early = Talk({"AUTH": b"%s OK [CAPABILITY IMAP4rev1 IDLE] in\r\n"}, "IMAP4rev1 AUTH=PLAIN SASL-IR")
    log_in(early)
    assert early.rounds == [["AUTHENTICATE PLAIN AGFubmEAZ2VoZWlt"]]
    assert early.dialogue.can("IDLE")
    asked = b"+ \r\n%s NO [AUTHENTICATIONFAILED] stop\r\n"
    late = Talk({"CAPA": b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n", "AUTH": asked}, "")
    with pytest.raises(Refused):
        log_in(late, oauth=True)
    assert late.rounds == [["CAPABILITY"], ["AUTHENTICATE XOAUTH2"]]


@pytest.mark.parametrize(
    ("capabilities", "oauth", "protected"),
    [
        ("IMAP4rev1 AUTH=GSSAPI LOGINDISABLED", False, True),
        ("IMAP4rev1 AUTH=PLAIN", True, True),
        ("IMAP4rev1 AUTH=PLAIN", False, False),
        ("IMAP4rev1", False, False),
    ],
    ids=["none known", "no token login", "plain text line", "LOGIN on a plain text line"],
)
def test_no_secret_leaves_without_a_safe_way(capabilities: str, oauth: bool, protected: bool) -> None:
    talk = Talk({}, capabilities)
    with pytest.raises(Refused) as caught:
        log_in(talk, oauth=oauth, protected=protected)
    assert caught.value.problem.code in ("imap.no_mechanism", "imap.login_disabled")
    assert talk.rounds == []


@pytest.mark.parametrize(
    ("host", "capabilities", "command"),
    [
        ("imap.mail.me.com", "IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=ATOKEN", 'LOGIN "anna" "geheim"'),
        ("imap.example.org", "IMAP4rev1 SASL-IR AUTH=PLAIN XAPPLEPUSHSERVICE", 'LOGIN "anna" "geheim"'),
        ("imap.example.org", "IMAP4rev1 SASL-IR AUTH=PLAIN", "AUTHENTICATE PLAIN AGFubmEAZ2VoZWlt"),
        (
            "imap.mail.me.com",
            "IMAP4rev1 SASL-IR AUTH=PLAIN LOGINDISABLED",
            "AUTHENTICATE PLAIN AGFubmEAZ2VoZWlt",
        ),
    ],
    ids=["by host", "by capability", "elsewhere", "LOGIN is switched off"],
)
def test_icloud_is_given_the_password_by_login_and_only_once(
    host: str, capabilities: str, command: str
) -> None:
    talk = Talk(
        {"AUTH": b"%s NO [AUTHENTICATIONFAILED] no\r\n", "LOGIN": b"%s NO no\r\n"}, capabilities, host
    )
    with pytest.raises(Refused):
        log_in(talk)
    assert talk.rounds == [[command]]


def test_icloud_keeps_what_is_better_than_a_password() -> None:
    asked = b"+ \r\n%s NO [AUTHENTICATIONFAILED] stop\r\n"
    talk = Talk({"AUTH": asked}, "IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2", "imap.mail.me.com")
    with pytest.raises(Refused):
        log_in(talk, oauth=True)
    assert talk.rounds == [["AUTHENTICATE XOAUTH2"]]


def test_capabilities_are_asked_again_after_login_and_starttls() -> None:
    talk = Talk(
        {"CAPA": b"* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR\r\n"}, "IMAP4rev1 STARTTLS FAKE"
    )
    talk.run(flows.secure(talk.dialogue, Status("OK", "hello")))
    assert talk.dialogue.capabilities == frozenset()
    log_in(talk)
    asked = [commands[0].split()[0] for commands in talk.rounds]
    assert asked == ["STARTTLS", "<TLS>", "CAPABILITY", "AUTHENTICATE", "CAPABILITY"]
    assert not talk.dialogue.can("FAKE")


def test_a_server_that_asks_for_patience_is_no_wrong_password() -> None:
    said = b"%s NO Request is throttled. Suggested Backoff Time: 299961000 milliseconds\r\n"
    talk = Talk({"AUTH": said}, "IMAP4rev1 AUTH=PLAIN SASL-IR")
    with pytest.raises(Unreachable) as caught:
        log_in(talk)
    assert caught.value.problem.retry_after == 300


def test_what_makes_a_sync_cheap_is_switched_on_in_one_round_trip() -> None:
    talk = Talk(
        {"ID": b'* ID ("name" "Dovecot")\r\n', "ENABLE": b"* ENABLED QRESYNC UTF8=ACCEPT\r\n"},
        "IMAP4rev1 IMAP4rev2 ID NAMESPACE ENABLE QRESYNC CONDSTORE UTF8=ACCEPT",
    )
    talk.run(flows.prepare(talk.dialogue))
    assert talk.rounds == [['ID ("name" "eilbote")', "NAMESPACE", "ENABLE QRESYNC UTF8=ACCEPT IMAP4rev2"]]
    assert talk.dialogue.has_qresync
    assert talk.dialogue.utf8
    assert talk.dialogue.server_id == {"name": "Dovecot"}


def test_qresync_that_was_not_confirmed_is_not_used() -> None:
    talk = Talk({"ENABLE": b"* ENABLED\r\n"}, "IMAP4rev1 ENABLE QRESYNC CONDSTORE")
    talk.run(flows.prepare(talk.dialogue))
    assert not talk.dialogue.has_qresync
    assert talk.dialogue.has_condstore


@pytest.mark.parametrize(
    ("host", "capabilities"),
    [("p01-imap.mail.me.com", ""), ("imap.example.org", " XAPPLEPUSHSERVICE")],
    ids=["by host", "by capability"],
)
def test_icloud_is_never_trusted_with_qresync(host: str, capabilities: str) -> None:
    """Museum: its VANISHED is malformed, so that mail seemed deleted."""
    talk = Talk(
        {"ENABLE": b"* ENABLED QRESYNC\r\n"}, "IMAP4rev1 ENABLE QRESYNC CONDSTORE" + capabilities, host
    )
    talk.run(flows.prepare(talk.dialogue))
    assert talk.rounds == [["ENABLE CONDSTORE"]]
    assert not talk.dialogue.has_qresync
    talk.run(mails.select(talk.dialogue, INBOX, read_only=False, known=Known(1, 2)))
    assert talk.rounds[-1] == ['SELECT "INBOX" (CONDSTORE)']


def test_a_revision_that_is_not_kept_brings_nothing_with_it() -> None:
    """Exchange Online announces IMAP4rev2 at its front, and answers parts of it with BAD."""
    talk = Talk({}, "IMAP4rev1 IMAP4rev2 MOVE", "outlook.office365.com")
    talk.run(flows.prepare(talk.dialogue))
    assert talk.rounds == []
    assert talk.dialogue.can("MOVE")
    assert not [
        name for name in ("IMAP4REV2", "ESEARCH", "LIST-EXTENDED", "ENABLE") if talk.dialogue.can(name)
    ]


# --- the open mailbox -------------------------------------------------------------------------------


def opened(said: bytes, known: Known | None = None) -> Selected:
    talk = Talk({"SELECT": said}, "IMAP4rev1 ENABLE QRESYNC CONDSTORE")
    talk.dialogue.enabled = frozenset({"QRESYNC"})
    return talk.run(mails.select(talk.dialogue, INBOX, read_only=False, known=known))


def test_everything_that_select_tells() -> None:
    selected = opened(
        b"* 172 EXISTS\r\n* 1 RECENT\r\n* OK [UIDVALIDITY 3857529045] x\r\n* OK [UIDNEXT 4392] x\r\n"
        b"* FLAGS (\\Answered)\r\n* OK [PERMANENTFLAGS (\\deleted \\*)] x\r\n"
        b"* OK [HIGHESTMODSEQ 90060115205545359] x\r\n"
        b"* OK [MAILBOXID (F22)] x\r\n* NO [UIDNOTSTICKY] x\r\n%s OK [READ-ONLY] done\r\n"
    )
    assert selected == Selected(
        INBOX,
        3857529045,
        4392,
        172,
        90060115205545359,
        read_only=True,
        uid_not_sticky=True,
        permanent_flags=frozenset({"\\Deleted", "\\*"}),
        mailbox_id="F22",
    )


RESYNC = b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [HIGHESTMODSEQ 20] x\r\n"


def test_resynchronisation_is_complete_or_not_claimed() -> None:
    changed = b"* 1 FETCH (UID 4 FLAGS (\\Seen) MODSEQ (15))\r\n"
    news = b"* VANISHED (EARLIER) 1:2,9\r\n" + changed + b"* VANISHED (EARLIER) 11\r\n"
    whole = opened(RESYNC + news, Known(7, 12, UidSet.range(1, 20)))
    assert whole.resynced
    assert whole.vanished == UidSet.parse("1:2,9,11")
    assert [(one.uid, one.modseq) for one in whole.changed] == [(4, 15)]
    assert not opened(RESYNC, Known(8, 12)).resynced, "another UIDVALIDITY"
    assert not opened(RESYNC + b"* OK [NOMODSEQ] x\r\n", Known(7, 12)).resynced
    assert not opened(b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n", Known(7, 12)).resynced
    assert not opened(RESYNC).resynced
    assert not opened(RESYNC, Known(7, 21)).resynced, "the mod-sequence went down"


@pytest.mark.parametrize(
    "told", [b"[HIGHESTMODSEQ 9223372036854775808]", b"[NOMODSEQ]", b"[HIGHESTMODSEQ x]"]
)
def test_a_mod_sequence_that_is_none_is_forgotten(told: bytes) -> None:
    assert opened(b"* 3 EXISTS\r\n* OK " + told + b" x\r\n").highestmodseq == 0


def test_a_move_without_its_numbers_is_still_a_move() -> None:
    talk = Talk({"UID MOVE": b"* 1 EXPUNGE\r\n"}, "IMAP4rev1 MOVE")
    assert talk.run(mails.move(talk.dialogue, UidSet.of([1]), INBOX)) is None


def test_numbers_of_a_move_come_before_its_end() -> None:
    """RFC 6851 section 4.3: COPYUID stands in an untagged OK."""
    talk = Talk(
        {"UID MOVE": b"* OK [COPYUID 9 1:2 5:6] x\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n"}, "IMAP4rev1 MOVE"
    )
    moved = talk.run(mails.move(talk.dialogue, UidSet.range(1, 2), INBOX))
    assert moved is not None
    assert moved.pairs == ((1, 5), (2, 6))


@pytest.mark.parametrize("flow", [mails.expunge, lambda d, u: mails.move(d, u, INBOX)])
def test_what_the_server_lacks_is_never_sent(flow: Callable[[Dialogue, UidSet], Flow[object]]) -> None:
    talk = Talk({})
    with pytest.raises(NotAllowed):
        talk.run(flow(talk.dialogue, UidSet.of([1])))
    assert talk.rounds == []


def test_searches_speak_as_the_server_does() -> None:
    plain = Talk({"UID SEARCH": b"* SEARCH 5 3 9\r\n"})
    assert plain.run(mails.search(plain.dialogue)) == UidSet.parse("3,5,9")
    assert plain.rounds == [["UID SEARCH ALL"]]
    short = Talk({"UID SEARCH": b'* ESEARCH (TAG "E1") UID ALL 3:5\r\n'}, "IMAP4rev1 ESEARCH")
    assert short.run(mails.search(short.dialogue)) == UidSet.parse("3:5")
    assert short.rounds == [["UID SEARCH RETURN (ALL) ALL"]]
    modern = Talk({}, "IMAP4rev1 UTF8=ACCEPT")
    modern.dialogue.enabled = frozenset({"UTF8=ACCEPT"})
    modern.run(mails.search(modern.dialogue, Header("Subject", "Grüße")))
    assert modern.rounds == [['UID SEARCH HEADER "Subject" "Grüße"']]


def test_a_search_that_stops_early_is_completed() -> None:
    """Yahoo's SEARCH gives 1000 UIDs at most."""
    told = b"* 1 FETCH (UID 4)\r\n* 2 FETCH (UID 5)\r\n* 3 FETCH (UID 9)\r\n"
    talk = Talk(
        {"SELECT": b"* 4 EXISTS\r\n", "UID SEARCH": b"* 2 EXPUNGE\r\n* SEARCH 5 9\r\n", "UID FETCH": told}
    )
    talk.run(mails.select(talk.dialogue, INBOX, read_only=False, known=None))
    assert talk.run(mails.list_uids(talk.dialogue)) == UidSet.parse("4:5,9")
    assert talk.rounds[1:] == [["UID SEARCH ALL"], ["UID FETCH 1:* (UID)"]]
    talk.server["UID SEARCH"] = b"* 1 EXPUNGE\r\n* SEARCH 5 9\r\n"
    assert talk.run(mails.list_uids(talk.dialogue)) == UidSet.parse("5,9")
    assert talk.rounds[3:] == [["UID SEARCH ALL"]]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"Message-ID: <a@b>\r\n\r\n", "a@b"),
        (b"message-id:\r\n <a@b>\r\n\r\n", "a@b"),
        (b"Message-Id: <a\r\n\tb@c>\r\n\r\n", "ab@c"),
        (b"Message-ID: plain\r\n\r\n", "plain"),
        (b"\r\n", ""),
        (b"", ""),
    ],
)
def test_message_ids_from_headers(header: bytes, expected: str) -> None:
    assert mails.message_id(header) == expected
