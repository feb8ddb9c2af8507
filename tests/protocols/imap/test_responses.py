from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eilbote.errors import EilboteError, Garbled
from eilbote.mail.mailbox import UidSet
from eilbote.protocols.imap.codes import Code
from eilbote.protocols.imap.connection import Reply
from eilbote.protocols.imap.encode import command
from eilbote.protocols.imap.limits import Limits
from eilbote.protocols.imap.responses import (
    Capabilities,
    Enabled,
    Exists,
    Expunged,
    FlagsDefined,
    Found,
    Listed,
    Namespaces,
    Other,
    Quota,
    QuotaRoots,
    Recent,
    ResponseReader,
    ServerId,
    Status,
    StatusTold,
    Untagged,
    Vanished,
)
from eilbote.protocols.imap.types import AppendUid, CopyUid, MailboxStatus
from tests.protocols.imap.deliveries import SMALL, deliver, one_untagged, send

CASES: dict[bytes, Untagged] = {
    b"* CAPABILITY IMAP4rev1 idle AUTH=PLAIN": Capabilities(frozenset({"IMAP4REV1", "IDLE", "AUTH=PLAIN"})),
    b"* ENABLED QRESYNC utf8=accept": Enabled(frozenset({"QRESYNC", "UTF8=ACCEPT"})),
    b"* ENABLED": Enabled(frozenset()),
    b"* 23 EXISTS": Exists(23),
    b"* 5 recent": Recent(5),
    b"* 44 EXPUNGE": Expunged(44),
    rb"* FLAGS (\Answered \seen $x)": FlagsDefined(frozenset({"\\Answered", "\\Seen", "$x"})),
    rb'* LIST (\HasNoChildren \Sent) "/" "Gesendet"': Listed(
        b"Gesendet", "/", frozenset({"\\hasnochildren", "\\sent"})
    ),
    b"* LIST () NIL inbox": Listed(b"inbox", None, frozenset()),
    b"* LIST () NIL {8}\r\na\r\nb {1}": Listed(b"a\r\nb {1}", None, frozenset()),
    rb'* LIST (\NonExistent) "." "a\"b" ("CHILDINFO" ("SUBSCRIBED"))': Listed(
        b'a"b', ".", frozenset({"\\nonexistent"})
    ),
    b'* LIST () "/" new ("OLDNAME" ("old"))': Listed(b"new", "/", frozenset(), old_name=b"old"),
    b'* LSUB () "/" x': Listed(b"x", "/", frozenset(), subscribed_only=True),
    b"* STATUS INBOX (MESSAGES 2 UIDNEXT 44 UIDVALIDITY 1 UNSEEN 0 HIGHESTMODSEQ 7011231777)": StatusTold(
        b"INBOX", MailboxStatus(2, 44, 1, 0, 7011231777)
    ),
    b'* STATUS "a b" (SIZE 9 MAILBOXID (F22) APPENDLIMIT NIL)': StatusTold(
        b"a b", MailboxStatus(size=9, mailbox_id="F22")
    ),
    b"* LIST () NIL nil": Listed(b"NIL", None, frozenset()),
    b"* STATUS NIL (MESSAGES 0)": StatusTold(b"NIL", MailboxStatus(0)),
    b"* STATUS x": StatusTold(b"x", MailboxStatus()),
    b"* SEARCH 2 84 882": Found(UidSet.of([2, 84, 882])),
    b"* SEARCH": Found(UidSet()),
    b"* SEARCH ": Found(UidSet()),
    b"* SEARCH 5 2 3 (MODSEQ 917162500)": Found(UidSet.of([2, 3, 5]), modseq=917162500),
    b'* ESEARCH (TAG "E1") UID ALL 1:3,7 COUNT 4 MIN 1 MAX 7 MODSEQ 9': Found(
        UidSet.parse("1:3,7"), b"E1", 4, 1, 7, 9
    ),
    b"* ESEARCH (TAG E1) UID": Found(UidSet(), b"E1"),
    b"* ESEARCH UID COUNT 0": Found(UidSet(), b"", 0),
    b"* VANISHED (EARLIER) 41,43:116": Vanished(UidSet.parse("41,43:116"), earlier=True),
    b"* VANISHED": Vanished(UidSet()),
    b"* VANISHED 1:4294967295": Vanished(UidSet.range(1, 2**32 - 1)),
    b'* NAMESPACE (("" "/")) NIL (("Shared." "."))': Namespaces(((b"", "/"),), (), ((b"Shared.", "."),)),
    b'* ID ("name" "Dovecot" "os" NIL)': ServerId({"name": "Dovecot", "os": ""}),
    b"* ID NIL": ServerId({}),
    b'* QUOTA "" (STORAGE 10 512 MESSAGE 1 100)': Quota(b"", {"STORAGE": (10, 512), "MESSAGE": (1, 100)}),
    b'* QUOTAROOT INBOX ""': QuotaRoots(b"INBOX", (b"",)),
    b"* OK [UIDNEXT 4392] Predicted": Status("OK", "Predicted", Code("UIDNEXT", b"4392")),
    b"* OK [UNSEEN 12]": Status("OK", "", Code("UNSEEN", b"12")),
    b"* NO [ALERT] Wartung um 22 Uhr": Status("NO", "Wartung um 22 Uhr", Code("ALERT")),
    b"* BAD": Status("BAD", ""),
    b"* OK [ not a code": Status("OK", "[ not a code"),
    b"* XLIST whatever (": Other("XLIST"),
    b"* 5 WHATEVER": Other("WHATEVER"),
}


@pytest.mark.parametrize("line", CASES, ids=ascii)
def test_untagged_responses(line: bytes) -> None:
    assert one_untagged(line + b"\r\n") == CASES[line]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (b"[COPYUID 38505 304,319:320 3956:3958]", CopyUid(38505, ((304, 3956), (319, 3957), (320, 3958)))),
        (b"[COPYUID 1 5,2 9,7]", CopyUid(1, ((5, 9), (2, 7)))),
        (b"[COPYUID 1 1:3 5:4]", None),
    ],
)
def test_copyuid_pairs_in_the_order_written(told: bytes, code: CopyUid | None) -> None:
    (reply,) = deliver(b"E1 OK " + told + b" Done\r\n", send(command("NOOP")))
    assert isinstance(reply, Reply)
    assert reply.status.code is not None
    assert reply.status.code.copied == code
    assert reply.status.text == "Done"


def test_codes_give_typed_values() -> None:
    def code(told: bytes) -> Code:
        response = one_untagged(b"* OK [" + told + b"] x\r\n")
        assert isinstance(response, Status)
        assert response.code is not None
        return response.code

    assert code(b"UIDVALIDITY 3857529045").number == 3857529045
    assert code(b"HIGHESTMODSEQ 715194045007").number == 715194045007
    assert code(b"NOMODSEQ").number == 0
    assert code(rb"PERMANENTFLAGS (\Deleted \seen \*)").flags == {"\\Deleted", "\\Seen", "\\*"}
    assert code(b"PERMANENTFLAGS ()").flags == frozenset()
    assert code(b"MAILBOXID (F2212ea87-6097)").first == "F2212ea87-6097"
    assert code(b"MODIFIED 7,9:12").uids == UidSet.parse("7,9:12")
    assert code(b"APPENDUID 38505 3955").appended == AppendUid(38505, 3955)
    for none in (b"APPENDUID 38505 3955:3957", b"APPENDUID 1 0", b"APPENDUID 0 1", b"APPENDUID 1 4294967296"):
        assert code(none).appended is None
    assert code(b"UIDVALIDITY 9223372036854775808").number == 0
    assert code(b"CAPABILITY IMAP4rev1 idle").words == {"IMAP4REV1", "IDLE"}
    assert code(b'BADCHARSET ("a]b" UTF-8)').argument == b'("a]b" UTF-8)'
    assert code(b"tryCreate").name == "TRYCREATE"


@pytest.mark.parametrize(
    "line",
    [
        b"rubbish",
        b"",
        b"* LIST",
        b"* LIST (a) b",
        b"* SEARCH 1 x",
        b"* SEARCH 0",
        b"* SEARCH 99999999999",
        b"* ESEARCH ALL",
        b"* ESEARCH UID ALL 0:*x",
        b"* VANISHED 0",
        b"* FLAGS \\Seen",
        b"* NAMESPACE x",
        b'* ID ("name")',
        b"* QUOTA x (STORAGE 1)",
        b'* LIST () "/" "open',
        b"E1 MAYBE x",
        b"E99 OK not mine",
    ],
    ids=ascii,
)
def test_what_breaks_the_grammar_is_garbled(line: bytes) -> None:
    with pytest.raises(Garbled):
        deliver(line + b"\r\n", limits=SMALL)


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=3))
def test_any_response_is_read_or_refused(frame: list[bytes]) -> None:
    reader = ResponseReader(Limits())
    for start in (b"", b"* ", b"* 1 FETCH ", b"* LIST ", b"* OK [", b"E1 OK ["):
        for line in (frame[0], frame[0].replace(b"\r", b"").replace(b"\n", b"")):
            try:
                reader.read([start + line, *frame[1:]])
            except EilboteError as refusal:
                assert isinstance(refusal, Garbled)
