"""What a client may rely on, tried on our server and on Dovecot alike."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable

import pytest

from eilbote.protocols.sasl import start
from eilbote.secret import Secret
from tests.contract.place import Place
from tests.contract.raw_client import RawClient

Login = Callable[[], RawClient]
MAIL = b"Subject: hello\r\nMessage-ID: <a@example.org>\r\n\r\nbody\r\n"


def fill(client: RawClient, count: int, mailbox: str = "INBOX") -> None:
    for _ in range(count):
        client(f"APPEND {mailbox} {{}}", MAIL, expect="OK")


def two_in_the_inbox(login: Login, mails: int) -> tuple[RawClient, RawClient]:
    """Two sessions that have an inbox with so many mails open."""
    one, other = login(), login()
    fill(one, mails)
    one("SELECT INBOX", expect="OK")
    other("SELECT INBOX", expect="OK")
    return one, other


def resync(client: RawClient, uidvalidity: str, modseq: int, known: str = "") -> list[str]:
    """What SELECT with QRESYNC told: VANISHED and FETCH responses."""
    inside = f"{uidvalidity} {modseq}{' ' if known else ''}{known}"
    reply = client(f"SELECT INBOX (QRESYNC ({inside}))", expect="OK")
    vanished = [text.upper() for text in reply.of("VANISHED")]
    return vanished + [text.partition(" MODSEQ")[0] for text in reply.of("FETCH")]


def watermarks(client: RawClient) -> tuple[str, int]:
    """UIDVALIDITY and HIGHESTMODSEQ of INBOX."""
    reply = client("SELECT INBOX", expect="OK")
    return reply.told("UIDVALIDITY"), int(reply.told("HIGHESTMODSEQ"))


# --- login ----------------------------------------------------------------------------------------


def test_a_wrong_password_and_an_unknown_user_are_refused_alike(place: Place) -> None:
    with place.connect() as client:
        wrong = client(f"LOGIN {place.user} wrong")
        unknown = client("LOGIN nobody wrong")
        plain = client("AUTHENTICATE PLAIN " + b64encode(b"\0x\0y").decode())
        right = client(f"LOGIN {place.user} {place.password}")
    for refused in (wrong, unknown, plain):
        assert (refused.status, refused.code) == ("NO", "AUTHENTICATIONFAILED")
    assert right.status == "OK"
    assert right.code_name == "CAPABILITY"


def test_nothing_works_before_login_but_what_must(place: Place) -> None:
    with place.connect() as client:
        assert client("SELECT INBOX").status == "BAD"
        assert client("NOOP").status == "OK"
        before = client("CAPABILITY").untagged[0].split()
        assert {b"IMAP4rev1", b"SASL-IR", b"LITERAL+", b"AUTH=PLAIN", b"AUTH=SCRAM-SHA-256"} <= set(before)
        assert b"QRESYNC" not in before
        client(f"LOGIN {place.user} {place.password}", expect="OK")
        after = client("CAPABILITY").untagged[0].split()
        assert {b"QRESYNC", b"CONDSTORE", b"UIDPLUS", b"MOVE", b"LIST-STATUS", b"SPECIAL-USE"} <= set(after)
        assert client(f"LOGIN {place.user} {place.password}").status == "BAD"


@pytest.mark.parametrize("early", [True, False], ids=["initial-response", "asked"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256"])
@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
def test_our_logins_are_understood(place: Place, mechanism: str, early: bool, right: bool) -> None:
    secret = Secret(place.password if right else "wrong")
    exchange = start(
        mechanism, user=place.user, secret=secret, host="", port=143, nonce="abcdef", channel_binding=None
    )
    with place.connect() as client:
        first = exchange.initial_response() if early else None
        sent = b"" if first is None else b" " + b64encode(first)
        client.raw(b"t AUTHENTICATE " + mechanism.encode() + sent + b"\r\n")
        line = client.response()
        while line.startswith(b"+"):
            client.raw(b64encode(exchange.respond(b64decode(line[2:]))) + b"\r\n")
            line = client.response()
        if right:
            assert line.startswith(b"t OK")
            exchange.finish(None)
        else:
            assert line.startswith(b"t NO [AUTHENTICATIONFAILED]")


def test_a_client_may_give_up_a_login(place: Place) -> None:
    with place.connect() as client:
        client.raw(b"t AUTHENTICATE PLAIN\r\n")
        assert client.response().rstrip() == b"+"
        client.raw(b"*\r\n")
        assert client.response().startswith(b"t BAD")
        client(f"LOGIN {place.user} {place.password}", expect="OK")


def test_logout_says_bye_then_ok_then_ends(login: Login) -> None:
    client = login()
    reply = client("LOGOUT", expect="OK")
    assert reply.untagged[0].startswith(b"* BYE")
    assert client.at_end()


# --- literals and lines ---------------------------------------------------------------------------


def test_literals_of_both_kinds_stand_anywhere_a_string_may(place: Place) -> None:
    with place.connect() as client:
        user, password = place.user.encode(), place.password.encode()
        client.raw(b"t LOGIN {%d+}\r\n%b {%d+}\r\n%b\r\n" % (len(user), user, len(password), password))
        assert client.finish(b"t").status == "OK"
        client("CREATE {}", b"Mit Leerzeichen", expect="OK")
        listed = client('LIST "" {}', b"Mit*", expect="OK")
        assert listed.of("LIST")[0].endswith('"Mit Leerzeichen"')
        client('APPEND "Mit Leerzeichen" (\\Seen) {}', MAIL, expect="OK")
        client.raw(b'u APPEND "Mit Leerzeichen" {%d+}\r\n%b\r\n' % (len(MAIL), MAIL))
        assert client.finish(b"u").status == "OK"
        told = client('STATUS "Mit Leerzeichen" (MESSAGES UNSEEN)').of("STATUS")[0]
        assert told.endswith("(MESSAGES 2 UNSEEN 1)")


def test_commands_may_be_pipelined(login: Login) -> None:
    client = login()
    fill(client, 2)
    client.raw(b"x SELECT INBOX\r\ny UID FETCH 1:* UID\r\nz NOOP\r\n")
    assert client.finish(b"x").status == "OK"
    assert len(client.finish(b"y").of("FETCH")) == 2
    assert client.finish(b"z").status == "OK"


def test_garbage_is_answered_and_the_session_goes_on(login: Login) -> None:
    client = login()
    for garbage in (b"t )\r\n", b't LIST "\r\n', b"t FETCH (\r\n", b"t FETCH 1:x:y FLAGS\r\n"):
        client.raw(garbage)
        assert client.finish(b"t").status == "BAD"
    client("NOOP", expect="OK")


# --- what others do -------------------------------------------------------------------------------


def test_another_sessions_changes_are_told_at_noop(login: Login) -> None:
    one, other = two_in_the_inbox(login, 3)
    other("UID STORE 1 +FLAGS (\\Flagged)", expect="OK")
    other("UID STORE 2 +FLAGS.SILENT (\\Deleted)", expect="OK")
    other("UID EXPUNGE 2", expect="OK")
    fill(other, 1)
    reply = one("NOOP", expect="OK")
    assert reply.of("EXPUNGE") == ["2 EXPUNGE"]
    assert reply.of("EXISTS") == ["3 EXISTS"]
    assert next(text for text in reply.of("FETCH") if "\\Flagged" in text).startswith("1 FETCH")


def test_expunges_wait_while_numbers_are_in_use(login: Login) -> None:
    one, other = two_in_the_inbox(login, 3)
    other("UID STORE 1 +FLAGS.SILENT (\\Deleted)", expect="OK")
    other("EXPUNGE", expect="OK")
    assert one("FETCH 2:3 UID", expect="OK").of("EXPUNGE") == []
    assert one("STORE 3 +FLAGS (\\Seen)", expect="OK").of("EXPUNGE") == []
    assert one("NOOP", expect="OK").of("EXPUNGE") == ["1 EXPUNGE"]


def test_an_idling_session_hears_of_mail_flags_and_expunges(login: Login) -> None:
    one, other = two_in_the_inbox(login, 2)
    one.raw(b"t IDLE\r\n")
    assert one.response().startswith(b"+ ")

    def hears(wanted: bytes) -> None:
        while wanted not in one.response():
            pass  # Dovecot also tells RECENT and its own liveliness

    fill(other, 1)
    hears(b"* 3 EXISTS")
    other("UID STORE 1 +FLAGS (\\Answered)", expect="OK")
    hears(b"\\Answered")
    other("UID STORE 2 +FLAGS.SILENT (\\Deleted)", expect="OK")
    other("UID EXPUNGE 2", expect="OK")
    hears(b"* 2 EXPUNGE")
    one.raw(b"DONE\r\n")
    assert one.finish(b"t").status == "OK"
    one("NOOP", expect="OK")


def test_qresync_tells_expunges_as_vanished_in_every_session(login: Login) -> None:
    one, other = login(), login()
    fill(one, 3)
    one("ENABLE QRESYNC", expect="OK")
    one("SELECT INBOX", expect="OK")
    other("SELECT INBOX", expect="OK")
    other("UID STORE 1,3 +FLAGS.SILENT (\\Deleted)", expect="OK")
    other("UID EXPUNGE 1,3", expect="OK")
    reply = one("NOOP", expect="OK")
    assert reply.of("VANISHED") == ["VANISHED 1,3"]
    assert reply.of("EXPUNGE") == []


# --- CONDSTORE and QRESYNC ------------------------------------------------------------------------


def test_enable_answers_with_what_it_enabled(login: Login) -> None:
    client = login()
    first = client("ENABLE CONDSTORE QRESYNC NONSENSE", expect="OK").untagged
    words = set(first[0].split()[2:])
    assert first[0].startswith(b"* ENABLED")
    assert b"QRESYNC" in words
    assert b"NONSENSE" not in words


def test_resync_tells_exactly_what_changed_and_vanished(login: Login) -> None:
    client = login()
    fill(client, 6)
    client("ENABLE QRESYNC", expect="OK")
    uidvalidity, modseq = watermarks(client)
    assert resync(client, uidvalidity, modseq) == []
    client("UID STORE 2 +FLAGS (\\Seen)", expect="OK")
    client("UID STORE 4:5 +FLAGS.SILENT (\\Deleted)", expect="OK")
    client("UID EXPUNGE 4:5", expect="OK")
    fill(client, 1)
    assert resync(client, uidvalidity, modseq) == [
        "VANISHED (EARLIER) 4:5",
        "2 FETCH (UID 2 FLAGS (\\Seen)",
        "5 FETCH (UID 7 FLAGS ()",
    ]
    _, later = watermarks(client)
    assert later > modseq
    assert resync(client, uidvalidity, later) == []


def test_resync_keeps_to_the_known_uids(login: Login) -> None:
    client = login()
    fill(client, 6)
    client("ENABLE QRESYNC", expect="OK")
    uidvalidity, modseq = watermarks(client)
    client("UID STORE 2,5 +FLAGS (\\Seen)", expect="OK")
    client("UID STORE 1,6 +FLAGS.SILENT (\\Deleted)", expect="OK")
    client("EXPUNGE", expect="OK")
    assert resync(client, uidvalidity, modseq, "1:3") == [
        "VANISHED (EARLIER) 1",
        "1 FETCH (UID 2 FLAGS (\\Seen)",
    ]


def test_resync_under_another_uidvalidity_tells_nothing(login: Login) -> None:
    client = login()
    fill(client, 2)
    client("ENABLE QRESYNC", expect="OK")
    uidvalidity, _ = watermarks(client)
    assert resync(client, str(int(uidvalidity) + 1), 1) == []


def test_changedsince_and_vanished_in_one_fetch(login: Login) -> None:
    client = login()
    fill(client, 4)
    client("ENABLE QRESYNC", expect="OK")
    _, modseq = watermarks(client)
    client("UID STORE 3 +FLAGS (\\Flagged)", expect="OK")
    client("UID STORE 1 +FLAGS.SILENT (\\Deleted)", expect="OK")
    client("UID EXPUNGE 1", expect="OK")
    reply = client(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq} VANISHED)", expect="OK")
    assert reply.of("VANISHED") == ["VANISHED (EARLIER) 1"]
    (told,) = reply.of("FETCH")
    assert told.startswith("2 FETCH")
    assert "UID 3" in told
    assert "\\Flagged" in told


def test_a_store_that_lost_the_race_is_told_and_changes_nothing(login: Login) -> None:
    one, other = login(), login()
    fill(one, 2)
    one("ENABLE CONDSTORE", expect="OK")
    _, modseq = watermarks(one)
    other("SELECT INBOX", expect="OK")
    other("UID STORE 2 +FLAGS (\\Flagged)", expect="OK")
    reply = one(f"UID STORE 1:2 (UNCHANGEDSINCE {modseq}) +FLAGS.SILENT (\\Seen)", expect="OK")
    assert reply.code == "MODIFIED 2"
    flags = other("UID FETCH 1:2 FLAGS", expect="OK").of("FETCH")
    assert "\\Seen" in flags[0]
    assert "\\Seen" not in flags[1]


def test_the_same_flags_again_take_no_new_modseq(login: Login) -> None:
    client = login()
    fill(client, 1)
    client("ENABLE CONDSTORE", expect="OK")
    client("SELECT INBOX", expect="OK")
    client("UID STORE 1 +FLAGS (\\Seen)", expect="OK")
    _, before = watermarks(client)
    client("UID STORE 1 +FLAGS (\\Seen)", expect="OK")
    assert watermarks(client)[1] == before


# --- mailboxes ------------------------------------------------------------------------------------


def test_names_beyond_ascii_travel_as_modified_utf7(login: Login) -> None:
    client = login()
    client("CREATE Entw&APw-rfe/B&APw-ro&-Co", expect="OK")
    names = [text.split(" ")[-1].strip('"') for text in client('LIST "" Entw*', expect="OK").of("LIST")]
    assert "Entw&APw-rfe/B&APw-ro&-Co" in names
    client("SELECT Entw&APw-rfe/B&APw-ro&-Co", expect="OK")


def test_a_renamed_mailbox_keeps_uids_and_mail(login: Login) -> None:
    client = login()
    client("CREATE Alt", expect="OK")
    fill(client, 3, "Alt")
    before = client("SELECT Alt", expect="OK").told("UIDVALIDITY")
    client("UID STORE 2 +FLAGS.SILENT (\\Deleted)", expect="OK")
    client("UID EXPUNGE 2", expect="OK")
    client("UNSELECT", expect="OK")
    client("RENAME Alt Neu", expect="OK")
    assert client("SELECT Alt").status == "NO"
    reply = client("SELECT Neu", expect="OK")
    assert (reply.told("UIDVALIDITY"), reply.told("UIDNEXT")) == (before, "4")
    assert client("UID SEARCH ALL").untagged[-1] == b"* SEARCH 1 3"


def test_a_mailbox_made_again_has_a_new_uidvalidity(login: Login) -> None:
    client = login()
    client("CREATE Kurz", expect="OK")
    first = client("SELECT Kurz", expect="OK").told("UIDVALIDITY")
    client("UNSELECT", expect="OK")
    client("DELETE Kurz", expect="OK")
    client("CREATE Kurz", expect="OK")
    assert client("SELECT Kurz", expect="OK").told("UIDVALIDITY") != first


def test_special_uses_are_told(login: Login) -> None:
    client = login()
    listed = client('LIST (SPECIAL-USE) "" "*" RETURN (SPECIAL-USE)', expect="OK").of("LIST")
    assert {text.split(" ")[-1].strip('"') for text in listed} == {
        "Archive",
        "Drafts",
        "Junk",
        "Sent",
        "Trash",
    }
    assert all(f"\\{text.split(' ')[-1]}" in text for text in listed)


def test_uids_are_never_used_again(login: Login) -> None:
    client = login()
    fill(client, 2)
    client("SELECT INBOX", expect="OK")
    client("UID STORE 2 +FLAGS.SILENT (\\Deleted)", expect="OK")
    client("EXPUNGE", expect="OK")
    assert client("APPEND INBOX {}", MAIL, expect="OK").code.endswith(" 3")
    assert client("STATUS INBOX (UIDNEXT)").of("STATUS")[0].endswith("(UIDNEXT 4)")


def test_renaming_inbox_takes_its_mail_and_leaves_a_new_empty_one(login: Login) -> None:
    client = login()
    fill(client, 2)
    before = client("SELECT INBOX", expect="OK").told("UIDVALIDITY")
    client("UNSELECT", expect="OK")
    client("RENAME INBOX Alles", expect="OK")
    moved = client("SELECT Alles", expect="OK")
    assert (moved.told("UIDVALIDITY"), moved.of("EXISTS")) == (before, ["2 EXISTS"])
    fresh = client("SELECT INBOX", expect="OK")
    assert fresh.of("EXISTS") == ["0 EXISTS"]
    assert fresh.told("UIDVALIDITY") != before
