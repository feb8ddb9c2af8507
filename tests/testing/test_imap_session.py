"""Our IMAP server's own matters: switches, faults, limits, and what Dovecot 2.3 cannot do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.mail.mailbox import SpecialUse
from eilbote.testing.imap.behaviour import CAPABILITIES, Behaviour, Faults
from eilbote.testing.imap.mailstore import Mailstore
from eilbote.testing.imap.session import Session
from eilbote.testing.imap.wire import decode_mailbox, encode_utf7

MAIL = b"Subject: hello\r\nMessage-ID: <a@example.org>\r\n\r\nbody\r\n"


def new_store(mails: int = 3) -> Mailstore:
    store = Mailstore(now=lambda: 1_790_000_000.0)
    store.create("Gesendet", SpecialUse.SENT)
    store.create("Entwürfe", SpecialUse.DRAFTS)
    for _ in range(mails):
        store["INBOX"].append(MAIL)
    return store


def connect(
    store: Mailstore,
    behaviour: Behaviour | None = None,
    faults: Faults | None = None,
    *,
    protected: bool = True,
) -> Session:
    return Session(
        store,
        {"u": "p"},
        behaviour or Behaviour(),
        faults or Faults(),
        protected=protected,
        nonce=lambda: "server-nonce",
    )


def ready(store: Mailstore, behaviour: Behaviour | None = None, faults: Faults | None = None) -> Session:
    """Logged in, with INBOX open."""
    session = connect(store, behaviour, faults)
    session.receive(b"l LOGIN u p\r\ns SELECT INBOX\r\n")
    return session


# --- feeding --------------------------------------------------------------------------------------

DIALOGUE = (
    b"a LOGIN {1}\r\nu {1}\r\np\r\nb SELECT INBOX\r\nc APPEND INBOX (\\Seen) {%d+}\r\n%b\r\n"
    b"d UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])\r\ne IDLE\r\nDONE\r\nf LOGOUT\r\n"
) % (len(MAIL), MAIL)


def test_byte_by_byte_gives_what_one_piece_gives() -> None:
    whole, pieces = connect(new_store()), connect(new_store())
    expected = whole.receive(DIALOGUE)
    assert b"".join(pieces.receive(DIALOGUE[at : at + 1]) for at in range(len(DIALOGUE))) == expected
    assert expected.endswith(b"f OK Logout completed.\r\n")
    assert expected.count(b" FETCH (") == 4


@given(
    st.lists(
        st.binary(max_size=60) | st.sampled_from([b"\r\n", b"a UID FETCH ", b"(", b"{3}\r\n", b'"', b"1:*"])
    )
)
def test_no_input_ends_in_an_exception(pieces: list[bytes]) -> None:
    session = ready(new_store(1))
    for piece in pieces:
        session.receive(piece)


@pytest.mark.parametrize(
    ("hostile", "answer"),
    [
        (b"a" * 70_000, b"* BYE"),
        (b"a SELECT " + b"x" * 70_000 + b"\r\n", b"* BYE"),
        (b"a APPEND INBOX {99999999999+}\r\n", b"* BYE"),
        (b"a APPEND INBOX {99999999999}\r\n", b"a NO [TOOBIG]"),
        (b"a FETCH 1 " + b"(" * 1000 + b")" * 1000 + b"\r\n", b"a BAD"),
        (b"a SEARCH " + b"NOT " * 1000 + b"ALL\r\n", b"a BAD"),
        (b"a FETCH 99999999999999999999 FLAGS\r\n", b"a BAD"),
        (b"a UID STORE 1 +FLAGS (\\Seen\r\n", b"a BAD"),
    ],
)
def test_hostile_input_is_bounded(hostile: bytes, answer: bytes) -> None:
    assert ready(new_store()).receive(hostile).startswith(answer)


# --- switches -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(CAPABILITIES))
def test_a_capability_switched_off_is_not_told(name: str) -> None:
    session = connect(new_store(), Behaviour().without(name))
    told = session.receive(b"l LOGIN u p\r\nc CAPABILITY\r\n")
    words = {word.split(b"=")[0] if name == "APPENDLIMIT" else word for word in told.split()}
    assert name.encode() not in words


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("CONDSTORE", b"SELECT INBOX (CONDSTORE)"),
        ("CONDSTORE", b"UID FETCH 1 (MODSEQ)"),
        ("QRESYNC", b"SELECT INBOX (QRESYNC (1 1))"),
        ("UIDPLUS", b"UID EXPUNGE 1"),
        ("MOVE", b"UID MOVE 1 Gesendet"),
        ("ENABLE", b"ENABLE CONDSTORE"),
        ("IDLE", b"IDLE"),
        ("NAMESPACE", b"NAMESPACE"),
        ("ID", b"ID NIL"),
        ("UNSELECT", b"UNSELECT"),
        ("ESEARCH", b"UID SEARCH RETURN (ALL) ALL"),
        ("LIST-EXTENDED", b'LIST "" * RETURN (SUBSCRIBED)'),
        ("STATUS=SIZE", b"STATUS INBOX (SIZE)"),
        ("OBJECTID", b"UID FETCH 1 EMAILID"),
        ("QUOTA", b"GETQUOTAROOT INBOX"),
        ("BINARY", b"UID FETCH 1 BINARY.PEEK[1]"),
    ],
)
def test_what_is_switched_off_is_refused(name: str, command: bytes) -> None:
    assert b"\na OK" in b"\n" + ready(new_store()).receive(
        b"e ENABLE QRESYNC\r\na " + command + b"\r\nDONE\r\n"
    )
    refused = ready(new_store(), Behaviour().without(name)).receive(b"a " + command + b"\r\n")
    assert b"a BAD" in refused


def test_without_uidplus_no_uids_are_told() -> None:
    session = ready(new_store(), Behaviour().without("UIDPLUS"))
    assert b"COPYUID" not in session.receive(b"a UID COPY 1 Gesendet\r\n")
    assert b"APPENDUID" not in session.receive(b"a APPEND INBOX {%d+}\r\n%b\r\n" % (len(MAIL), MAIL))


# --- faults ---------------------------------------------------------------------------------------


def test_fetch_faults_leave_out_what_they_name() -> None:
    faults = Faults(fetch_without_uid={1}, fetch_omits={2}, fetch_without_body={3})
    told = ready(new_store(), None, faults).receive(b"a UID FETCH 1:* (FLAGS BODY.PEEK[])\r\n")
    assert b"* 1 FETCH (FLAGS () BODY[] " in told
    assert b"* 2 FETCH" not in told
    assert b"* 3 FETCH (UID 3 FLAGS ())" in told
    assert told.endswith(b"a OK Fetch completed.\r\n")


def test_exists_may_come_before_the_mail_can_be_seen() -> None:
    store = new_store(2)
    store["INBOX"].hidden.add(2)
    session = connect(store)
    assert b"* 2 EXISTS" in session.receive(b"l LOGIN u p\r\ns SELECT INBOX\r\n")
    assert session.receive(b"a UID SEARCH ALL\r\n").startswith(b"* SEARCH 1\r\n")
    assert b"* 2 FETCH" not in session.receive(b"a UID FETCH 1:* UID\r\n")
    store["INBOX"].hidden.clear()
    assert b"* 2 FETCH (UID 2)" in session.receive(b"a UID FETCH 1:* UID\r\n")


def test_connections_drop_say_bye_or_go_mute_at_a_command() -> None:
    dropped = ready(new_store(), None, Faults(drop_at="NOOP"))
    assert (dropped.receive(b"a NOOP\r\n"), dropped.closing) == (b"", True)
    bye = ready(new_store(), None, Faults(bye_at="NOOP"))
    assert bye.receive(b"a NOOP\r\n").startswith(b"* BYE")
    assert bye.closing
    mute = ready(new_store(), None, Faults(mute_at="UID FETCH"))
    assert mute.receive(b"a UID FETCH 1 UID\r\nb NOOP\r\n") == b""
    assert not mute.closing


def test_a_refused_command_changes_nothing() -> None:
    store = new_store()
    session = ready(store, None, Faults(refuse={"UID STORE": "Not today"}))
    assert session.receive(b"a UID STORE 1 +FLAGS (\\Seen)\r\n") == b"a NO Not today\r\n"
    assert store["INBOX"].messages[1].flags == frozenset()


def test_new_uidvalidity_is_told_inside_the_session_too() -> None:
    store = new_store()
    session = ready(store)
    store["INBOX"].renumber(uidvalidity=77, first_uid=101)
    assert session.receive(b"a NOOP\r\n").startswith(b"* OK [UIDVALIDITY 77]")
    assert b"(UID 101)" in session.receive(b"a UID FETCH 1:* UID\r\n")


def test_a_forgotten_log_of_expunges_tells_all_that_is_missing() -> None:
    store = new_store(5)
    inbox = store["INBOX"]
    inbox.expunge([2])
    inbox.forget_vanished()
    inbox.expunge([4])
    session = connect(store)
    told = session.receive(b"l LOGIN u p\r\ne ENABLE QRESYNC\r\n")
    told = session.receive(b"s SELECT INBOX (QRESYNC (%d 1 1:5))\r\n" % inbox.uidvalidity)
    assert b"* VANISHED (EARLIER) 2,4\r\n" in told


def test_nomodseq_is_told_and_resync_is_not() -> None:
    store = new_store()
    store["INBOX"].no_modseq = True
    session = connect(store)
    told = session.receive(b"l LOGIN u p\r\ne ENABLE QRESYNC\r\ns SELECT INBOX (QRESYNC (1 1))\r\n")
    assert b"[NOMODSEQ]" in told
    assert b"HIGHESTMODSEQ" not in told


def test_quota_refuses_what_does_not_fit_and_keeps_nothing() -> None:
    store = new_store(1)
    store.quota_bytes = 1024
    session = ready(store)
    assert b"(STORAGE 1 1)" in session.receive(b"a GETQUOTAROOT INBOX\r\n")
    big = b"Subject: x\r\n\r\n" + b"y" * 2000
    assert b"a NO [OVERQUOTA]" in session.receive(b"a APPEND INBOX {%d+}\r\n%b\r\n" % (len(big), big))
    assert len(store["INBOX"].messages) == 1


# --- TLS ------------------------------------------------------------------------------------------


def test_what_is_sent_ahead_of_tls_is_forgotten() -> None:
    session = connect(new_store(), Behaviour(starttls=True, plain_login_needs_tls=True), protected=False)
    told = session.receive(b"c CAPABILITY\r\n")
    assert b"STARTTLS" in told
    assert b"LOGINDISABLED" in told
    assert b"AUTH=PLAIN" not in told
    assert session.receive(b"l LOGIN u p\r\n").startswith(b"l NO [PRIVACYREQUIRED]")
    assert session.receive(b"t STARTTLS\r\ni LOGIN u p\r\n") == b"t OK Begin TLS negotiation now.\r\n"
    assert session.wants_tls
    session.secured()
    assert session.receive(b"n SELECT INBOX\r\n").startswith(b"n BAD")
    assert b"STARTTLS" not in session.receive(b"c CAPABILITY\r\n")
    assert session.receive(b"l LOGIN u p\r\n").startswith(b"l OK")


# --- IMAP4rev2, UTF8=ACCEPT, OBJECTID, SEARCHRES ---------------------------------------------------


def test_imap4rev2_changes_search_select_and_names() -> None:
    session = connect(new_store())
    told = session.receive(b"l LOGIN u p\r\ne ENABLE IMAP4rev2\r\ns SELECT INBOX\r\n")
    assert b"* ENABLED IMAP4rev2" in told
    assert b"RECENT" not in told
    assert b'* LIST () "/" INBOX' in told
    assert session.receive(b"a UID SEARCH ALL\r\n").startswith(b'* ESEARCH (TAG "a") UID ALL 1:3\r\n')
    assert "Entwürfe".encode() in session.receive(b'b LIST "" *\r\n')


def test_utf8_accept_takes_names_and_mails_as_they_are() -> None:
    store = new_store()
    session = ready(store)
    assert b"Entw&APw-rfe" in session.receive(b'a LIST "" E*\r\n')
    session.receive(b"e ENABLE UTF8=ACCEPT\r\n")
    assert '"Entwürfe"'.encode() in session.receive(b'a LIST "" E*\r\n')
    mail = "Subject: Grüße\r\n\r\nx\r\n".encode()
    told = session.receive('a APPEND "Entwürfe" UTF8 (~{%d+}\r\n'.encode() % len(mail) + mail + b")\r\n")
    assert b"a OK [APPENDUID" in told
    assert store["Entwürfe"].messages[1].raw == mail


def test_object_ids_survive_moves_renames_and_new_uidvalidity() -> None:
    store = new_store(1)
    session = ready(store)
    before = session.receive(b"a UID FETCH 1 (EMAILID THREADID)\r\n").split(b"EMAILID")[1].split(b"\r\n")[0]
    session.receive(b"a UID MOVE 1 Gesendet\r\n")
    store["Gesendet"].renumber()
    after = session.receive(b"a SELECT Gesendet\r\nb UID FETCH 1:* (EMAILID THREADID)\r\n")
    assert before in after
    assert b"[MAILBOXID (" + store["Gesendet"].mailbox_id.encode() + b")]" in after


def test_a_saved_search_stands_for_its_messages() -> None:
    store = new_store()
    session = ready(store)
    assert session.receive(b"a UID SEARCH RETURN (SAVE) UID 2:3\r\n") == b"a OK Search completed.\r\n"
    session.receive(b"b UID STORE $ +FLAGS.SILENT (\\Flagged)\r\n")
    assert [uid for uid, one in store["INBOX"].messages.items() if "\\Flagged" in one.flags] == [2, 3]


def test_an_oauth_token_logs_in_and_a_wrong_one_is_explained() -> None:
    behaviour = Behaviour(mechanisms=("XOAUTH2", "OAUTHBEARER"))
    session = connect(new_store(), behaviour)
    wrong = session.receive(b"a AUTHENTICATE XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHgBAQ==\r\n")
    assert wrong.startswith(b"+ ")
    assert session.receive(b"\r\n").startswith(b"a NO [AUTHENTICATIONFAILED]")
    right = session.receive(
        b"a AUTHENTICATE OAUTHBEARER bixhPXUsAWhvc3Q9eAFwb3J0PTE0MwFhdXRoPUJlYXJlciBwAQE=\r\n"
    )
    assert right.startswith(b"a OK")


def test_notifications_reach_only_the_idle() -> None:
    store = new_store(1)
    session = ready(store)
    store["INBOX"].append(MAIL)
    assert session.notify() == b""
    session.receive(b"i IDLE\r\n")
    store["INBOX"].append(MAIL)
    assert session.notify() == b"* 3 EXISTS\r\n"
    assert session.notify() == b""


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"])))
def test_modified_utf7_goes_there_and_back(name: str) -> None:
    assert decode_mailbox(encode_utf7(name), utf8=False) == name


@pytest.mark.parametrize("length", range(9))
def test_text_is_searched_in_its_own_encoding_however_broken(length: int) -> None:
    store = new_store(0)
    whole = b"R3LDvMOfZQ=="  # Grüße
    mail = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    store["INBOX"].append(mail + whole)
    store["INBOX"].append(mail + whole[:length])
    told = ready(store).receive("a SEARCH CHARSET UTF-8 BODY grüße\r\n".encode())
    assert told.startswith(b"* SEARCH 1\r\n")
