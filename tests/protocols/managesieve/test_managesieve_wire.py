"""ManageSieve's wire: every answer whole, byte by byte and with bytes left over; every limit; what leaves."""

from __future__ import annotations

import random
import re

import pytest

from eilbote.errors import EilboteError, Garbled, Misused, Refused, Unreachable
from eilbote.protocols.managesieve import encode
from eilbote.protocols.managesieve.connection import Greeting, ManageSieveConnection, Reply
from eilbote.protocols.managesieve.encode import Script, command, script_name
from eilbote.protocols.managesieve.framing import Framer
from eilbote.protocols.managesieve.limits import Limits
from eilbote.protocols.managesieve.responses import (
    read_capabilities,
    read_listing,
    read_remarks,
    read_status,
    referred_to,
)
from eilbote.protocols.managesieve.values import (
    Capabilities,
    ListedScript,
    Remark,
    ScriptListing,
    ScriptName,
    Status,
)
from tests.protocols.managesieve.spoken import HELLO, SIZES, answers_to, feed, greeted

GET = encode.get_script(ScriptName("x"))
NOOP = encode.noop("1")


def the_reply(wire: bytes, asked: encode.Command = NOOP) -> Reply:
    """The reply that `wire` is, with another command waiting behind it."""
    (reply,) = answers_to([asked, NOOP], wire)
    assert reply.command == asked
    return reply


# --- answers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        (b"OK\r\n", Status("OK")),
        (b"ok \r\n", Status("OK")),
        (b'OK "done"\r\n', Status("OK", text="done")),
        (b'NO (QUOTA/MAXSIZE) "too \\"big\\" \\\\"\r\n', Status("NO", "QUOTA/MAXSIZE", (), 'too "big" \\')),
        (b'OK (TAG {3}\r\na"b) "x"\r\n', Status("OK", "TAG", ('a"b',), "x")),
        (b"NO {10}\r\nline 1\r\nno\r\n", Status("NO", text="line 1\nno")),
        (b"NO {10+}\r\nline 1\r\nno\r\n", Status("NO", text="line 1\nno")),
        (b'OK ( SASL "cnNw" )\r\n', Status("OK", "SASL", ("cnNw",))),
        (b"OK (X-a (1 (2)) 3)\r\n", Status("OK", "X-A", ("1", "2", "3"))),
        (b"OK ()\r\n", Status("OK")),
        (b'OK ("not a code")\r\n', Status("OK")),
        ('NO "Büro\x07"\r\n'.encode(), Status("NO", text="Büro�")),
        (b'NO "\xff"\r\n', Status("NO", text="�")),
    ],
)
def test_how_an_answer_ends(wire: bytes, status: Status) -> None:
    assert the_reply(wire).status == status


SCRIPTS = [
    b"",
    b"keep;",
    b"OK\r\n",
    b'NO (X) "y"\r\nBYE\r\n',
    b"{5}\r\nabcde\r\n",
    b'"',
    b"\r\n\r\n",
    b"\xff\x00\r",
    "# Größe\n".encode() * 3000,
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_comes_as_it_is_stored_whatever_it_says(script: bytes) -> None:
    reply = the_reply(b"{%d}\r\n" % len(script) + script + b"\r\nOK\r\n", GET)
    assert reply.lines == ((script,),)


def test_a_quoted_script_comes_too() -> None:
    assert the_reply(b'"if header \\"a\\" {\\\\}"\r\nOK\r\n', GET).lines == ((b'if header "a" {\\}',),)


def test_random_answers_survive_any_slicing() -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    for _ in range(300):
        scripts = [
            bytes(chance.choice(b'O K"{}1\r\n\\(') for _ in range(chance.randrange(40))) for _ in "123"
        ]
        wire = b"".join(b"{%d}\r\n%b\r\nOK\r\n" % (len(one), one) for one in scripts)
        connection = greeted([GET, GET, GET])
        events = []
        while wire:
            cut = chance.randrange(1, 9)
            events += feed(connection, wire[:cut], cut)
            wire = wire[cut:]
        assert [event.lines for event in events] == [((one,),) for one in scripts], f"seed {seed}"
        assert connection.framer.is_empty and connection.waiting == 0


def test_pipelined_answers_come_in_order() -> None:
    replies = answers_to(
        [encode.LISTSCRIPTS, GET, NOOP],
        b'"a" ACTIVE\r\n"b"\r\nOK\r\nNO (NONEXISTENT) "x"\r\nOK (TAG "1")\r\n',
    )
    assert [(reply.status.kind, len(reply.lines)) for reply in replies] == [("OK", 2), ("NO", 0), ("OK", 0)]


@pytest.mark.parametrize("size", SIZES)
def test_a_greeting(size: int) -> None:
    (event,) = feed(ManageSieveConnection(), HELLO, size)
    assert isinstance(event, Greeting)
    assert event.status.ok and read_capabilities(event.lines).extensions == ("fileinto",)


# --- what is no answer -------------------------------------------------------------------------------------

LIMITS = Limits(line=200, words=8, depth=3, literal=500, lines=5, answer=600, challenges=3, buffer=1024)


@pytest.mark.parametrize("size", [1, 50, 1024])
@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"x" * 1024, "managesieve.line_too_long"),
        (b'"' + b"x" * 250 + b'"\r\n', "managesieve.line_too_long"),
        (b"{501}\r\n", "managesieve.literal_too_long"),
        (b"{99999999999999999999}\r\n", "managesieve.literal_too_long"),
        (b"{300}\r\n" + b"x" * 300 + b" {300}\r\n", "managesieve.literal_too_long"),
        (b"{-1}\r\n", "managesieve.no_answer"),
        (b"{3} \r\n", "managesieve.no_answer"),
        (b"{999999999999999999999}\r\n", "managesieve.no_answer"),
        (b"OK ((((1))))\r\n", "managesieve.no_answer"),
        (b"OK (TAG\r\n", "managesieve.no_answer"),
        (b"OK )\r\n", "managesieve.no_answer"),
        (b"OK" + b" 1" * 8 + b"\r\n", "managesieve.no_answer"),
        (b"\r\n", "managesieve.no_answer"),
        (b"* OK IMAP\r\n", "managesieve.no_answer"),
        (b"+OK POP3\r\n", "managesieve.no_answer"),
        (b'OK "open\r\n', "managesieve.no_answer"),
        (b'"a\rb"\r\n', "managesieve.no_answer"),
        (b'"a\0b"\r\n', "managesieve.no_answer"),
        (b'"line"\r\n' * 6, "managesieve.answer_too_long"),
        (
            b"{400}\r\n" + b"x" * 400 + b"\r\n" + (b'"' + b"x" * 195 + b'"\r\n') * 2,
            "managesieve.answer_too_long",
        ),
        (b"OK\r\nOK\r\n", "managesieve.unasked"),
        (b'OK\r\n"unasked"\r\n', "managesieve.unasked"),
    ],
)
def test_what_breaks_the_protocol_or_a_limit(wire: bytes, code: str, size: int) -> None:
    connection = greeted([GET], LIMITS)
    with pytest.raises(Garbled) as garbled:
        feed(connection, wire, size)
    assert garbled.value.problem.code == code
    with pytest.raises(Garbled):  # and it stays so
        connection.next_event()


@pytest.mark.parametrize("size", [1, 4096])
@pytest.mark.parametrize(
    "wire", [b"+OK ready\r\n", b"* OK IMAP4rev1\r\n", b"220 smtp\r\n", b"HTTP/1.1 400 \r\n"]
)
def test_what_is_no_greeting(wire: bytes, size: int) -> None:
    with pytest.raises(Garbled) as garbled:
        feed(ManageSieveConnection(), wire, size)
    assert garbled.value.problem.code == "managesieve.no_greeting"


def test_a_large_script_costs_time_in_proportion() -> None:
    script = b'"{' * 1_000_000
    (event,) = feed(greeted([GET]), b"{%d}\r\n" % len(script) + script + b"\r\nOK\r\n", 1460)
    assert event.lines == ((script,),)


@pytest.mark.parametrize("waiting", [True, False])
@pytest.mark.parametrize(
    ("wire", "kind", "code", "told"),
    [
        (b'BYE "too long idle"\r\n', Unreachable, "managesieve.bye", {"text": "too long idle"}),
        (
            b'BYE (REFERRAL "sieve://other.example:2000") "moved"\r\n',
            Refused,
            "managesieve.referral",
            {"to": "other.example:2000"},
        ),
        (b"BYE (REFERRAL) {5}\r\nmoved\r\n", Refused, "managesieve.referral", {"to": "?"}),
    ],
)
def test_the_server_may_say_good_bye_at_any_time(
    wire: bytes, kind: type[EilboteError], code: str, told: dict[str, str], waiting: bool
) -> None:
    for size in SIZES:
        with pytest.raises(kind) as ended:
            feed(greeted([GET] if waiting else []), wire, size)
        assert ended.value.problem.code == code
        assert told.items() <= ended.value.problem.parameters.items()
        assert ended.value.problem.parameters["host"] == "sieve.example.org"


@pytest.mark.parametrize("left", [b"O", b'OK "injected"\r\n', b'"SIEVE" "x"\r\n', b"{5}\r\nab"])
def test_bytes_before_tls_are_noticed(left: bytes) -> None:
    connection = greeted([encode.STARTTLS])
    assert feed(connection, b"OK\r\n", 100)
    connection.assert_nothing_received()
    connection.receive_data(left)
    with pytest.raises(Garbled) as garbled:
        connection.assert_nothing_received()
    assert garbled.value.problem.code == "net.injected"


def test_nothing_is_sent_behind_a_login_or_starttls() -> None:
    for first in (encode.STARTTLS, encode.authenticate("PLAIN", b"", bytes)):
        with pytest.raises(Misused):
            greeted([first, NOOP])


@pytest.mark.parametrize("size", SIZES)
def test_a_login_is_asked_and_answered(size: int) -> None:
    heard: list[bytes] = []

    def respond(challenge: bytes) -> bytes:
        heard.append(challenge)
        return b"x" * 900

    connection = greeted([encode.authenticate("LOGIN", None, respond)])
    assert feed(connection, b'"VXNlcg=="\r\n{4}\r\nUGFz\r\n', size) == []
    assert heard == [b"User", b"Pas"]
    # Base64 of 900 bytes is longer than a quoted string may be.
    assert re.fullmatch(rb"(\{1200\+\}\r\n[A-Za-z0-9+/]{1200}\r\n){2}", connection.data_to_send())
    (event,) = feed(connection, b'OK (SASL "dg==")\r\n', size)
    assert isinstance(event, Reply) and event.status.arguments == ("dg==",)


def test_a_login_without_end_is_ended() -> None:
    connection = greeted([encode.authenticate("LOGIN", None, bytes)])
    with pytest.raises(Garbled) as garbled:
        feed(connection, b'""\r\n' * 30, 4096)
    assert garbled.value.problem.code == "managesieve.challenges"


# --- what the answers say ----------------------------------------------------------------------------------


def test_capabilities() -> None:
    wire = (
        b'"IMPLEMENTATION" "Example 1"\r\n"sasl" "PLAIN scram-sha-1 PLAIN"\r\n"SIEVE" "FileInto vacation"\r\n'
        b'"StartTLS"\r\n"NOTIFY" "xmpp mailto"\r\n"MAXREDIRECTS" "5"\r\n"VERSION" "1.0"\r\n"OWNER" "anna"\r\n'
        b'"LANGUAGE" "de"\r\n"X" NIL\r\n"SIEVE" "second"\r\nOK\r\n'
    )
    told = read_capabilities(the_reply(wire, encode.CAPABILITY).lines)
    assert told == Capabilities(
        names=frozenset(
            "IMPLEMENTATION SASL SIEVE STARTTLS NOTIFY MAXREDIRECTS VERSION OWNER LANGUAGE X".split()  # noqa: SIM905
        ),
        mechanisms=("PLAIN", "SCRAM-SHA-1"),
        extensions=("fileinto", "vacation"),
        notify=("xmpp", "mailto"),
        redirects=5,
        implementation="Example 1",
        version="1.0",
        language="de",
        owner="anna",
    )


@pytest.mark.parametrize("number", ["", "-1", "99999999999", "x", "²"])
def test_a_number_that_is_none(number: str) -> None:
    assert read_capabilities([(b"MAXREDIRECTS", number.encode())]).redirects is None


def test_a_listing() -> None:
    wire = (
        '"eins" ACTIVE\r\n"Büro \\"x\\" \\\\"\r\n'.encode()
        + b'{7}\r\nmit\r\nLF\r\n{4}\r\nvier\r\n"zwei" active\r\n'
        + b'"\xff"\r\n""\r\n"eins"\r\n"drei" OTHER\r\n"six" ACTIVE ACTIVE\r\nOK\r\n'
    )
    assert read_listing(the_reply(wire, encode.LISTSCRIPTS).lines) == ScriptListing(
        (
            ListedScript(ScriptName("eins"), True),
            ListedScript(ScriptName('Büro "x" \\')),
            ListedScript(ScriptName("vier")),
            ListedScript(ScriptName("zwei"), True),
        ),
        6,
    )


def test_names_that_cyrus_lists_as_they_are() -> None:
    wire = b'"a"b"\r\n"ends\\"\r\n"c"d" ACTIVE\r\nOK\r\n'
    listed = read_listing(the_reply(wire, encode.LISTSCRIPTS).lines)
    assert [(one.name, one.active) for one in listed.scripts] == [
        ('a"b', False),
        ("ends\\", False),
        ('c"d', True),
    ]


@pytest.mark.parametrize(
    ("text", "remarks"),
    [
        ("", ()),
        ("error", (Remark("error"),)),
        ("b: line 3: error: x\r\nb: failed.", (Remark("error: x", 3), Remark("b: failed."))),
        ("line 1: syntax error", (Remark("syntax error", 1),)),
        ("Line 4, column 12: no such test", (Remark("no such test", 4, 12),)),
        ("error at line 7 col 2", (Remark("error at line 7 col 2", 7, 2),)),
        ("line 2: first\n  goes on\nline 3: second", (Remark("first goes on", 2), Remark("second", 3))),
        ("deadline 5", (Remark("deadline 5"),)),
        ("line 99999999999", (Remark("line 99999999999"),)),
    ],
)  # fmt: skip
def test_what_a_server_says_of_single_lines(text: str, remarks: tuple[Remark, ...]) -> None:
    assert read_remarks(text) == remarks


def test_what_a_server_says_is_bounded() -> None:
    remarks = read_remarks("line 1: " + "x" * 10_000 + "\nline 2: y" * 1000)
    assert len(remarks) == 100 and len(remarks[0].text) == 500
    status = read_status(("NO", b"x" * 1_000_000))
    assert status is not None and len(status.text) == 65_536 and len(status.line) == 1000


@pytest.mark.parametrize(
    ("url", "to"),
    [
        (b"sieve://mail.example.net", "mail.example.net:4190"),
        (b"sieve://anna@mail.example.net:2000/owner/script", "mail.example.net:2000"),
        (b"sieve://[2001:db8::1]:2000", "[2001:db8::1]:2000"),
        (b"sieve://", "sieve://"),
        (b"sieve://a\r\nb:1", "ab:1"),
        (b"sieve://a:999999", "sieve://a:999999"),
        (b"", "?"),
    ],
)
def test_referrals_are_shown(url: bytes, to: str) -> None:
    status = read_status(("NO", "(", "REFERRAL", url, ")"))
    assert status is not None and referred_to(status) == to
    assert referred_to(Status("NO", "QUOTA")) == ""


# --- what leaves -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("plain", b'"plain"'),
        ('a"b\\c', b'"a\\"b\\\\c"'),
        ("Büro", b"{5+}\r\nB\xc3\xbcro"),
        ("a\r\nDELETESCRIPT x", b"{17+}\r\na\r\nDELETESCRIPT x"),
        ("{5+}", b'"{5+}"'),
        ("x" * 1024, b'"' + b"x" * 1024 + b'"'),
        ("x" * 1025, b"{1025+}\r\n" + b"x" * 1025),
        ("", b'""'),
    ],
)
def test_no_name_begins_a_line_of_its_own(name: str, wire: bytes) -> None:
    assert encode.delete_script(ScriptName(name)).line == b"DELETESCRIPT " + wire + b"\r\n"


def test_a_server_reads_what_was_meant() -> None:
    """Our own reader takes apart what our own encoder made: random names, whole or sliced."""
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    for _ in range(500):
        name = "".join(chance.choice('ab"\\ {}+5\r\n()äß') for _ in range(chance.randrange(1, 30)))
        framer = Framer(Limits())
        line = encode.put_script(ScriptName(name), b"x\r\n").line
        framer.room()[: len(line)] = line
        framer.filled(len(line))
        assert framer.take_words() == ("PUTSCRIPT", name.encode(), b"x\r\n"), f"seed {seed}"
        assert framer.is_empty


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_what_may_not_be_sent(text: str) -> None:
    with pytest.raises(Misused) as misused:
        encode.delete_script(ScriptName(text))
    assert misused.value.problem.code == "managesieve.argument"


@pytest.mark.parametrize("number", [-1, 2**32])
def test_numbers_are_of_32_bits(number: int) -> None:
    with pytest.raises(Misused):
        encode.have_space(ScriptName("a"), number)
    assert encode.have_space(ScriptName("a"), 2**32 - 1).line == b'HAVESPACE "a" 4294967295\r\n'


@pytest.mark.parametrize(
    "name",
    ["", "  ", "a\nb", "a\x00", "a\x7f", "a\x85", "a\u2028b", "a\u2029", "\ud800", "x" * 513, "ä" * 257],
)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(Misused) as misused:
        script_name(name)
    assert misused.value.problem.code == "managesieve.bad_name"
    shown = misused.value.problem.parameters["name"]
    assert shown.isprintable() and len(shown) <= 100


def test_a_name_gets_its_normal_form() -> None:
    assert script_name("Bu\u0308ro") == "Büro"
    assert script_name("ä" * 256) == "ä" * 256


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (b"keep;\0", "managesieve.bad_script"),
        (b"# \xff", "managesieve.bad_script"),
        (b"#" * (1024 * 1024 + 1), "managesieve.script_too_large"),
    ],
)
def test_what_is_no_script(script: bytes, code: str) -> None:
    with pytest.raises(Misused) as misused:
        encode.check_script(script)
    assert misused.value.problem.code == code


def test_a_trace_gets_neither_scripts_nor_secrets() -> None:
    put = encode.put_script(ScriptName("a"), b"redirect")
    assert put.line == b'PUTSCRIPT "a" {8+}\r\nredirect\r\n'
    assert put.shown == b'PUTSCRIPT "a" {8+} <8 bytes>'
    login = encode.authenticate("PLAIN", b"\0anna\0geheim", bytes)
    assert login.line == b'AUTHENTICATE "PLAIN" "AGFubmEAZ2VoZWlt"\r\n'
    assert login.shown == b'AUTHENTICATE "PLAIN" (secret)'
    assert command("CHECKSCRIPT", Script(b"")).line == b"CHECKSCRIPT {0+}\r\n\r\n"


PIECES = [
    *(
        b'"a"',
        b'"',
        b"\\",
        b"{3}",
        b"{3+}",
        b"{0}",
        b"\r\n",
        b"\r\n",
        b"\n",
        b"(",
        b")",
        b" ",
        b"OK",
        b"NO",
        b"BYE",
    ),
    *(
        b"ACTIVE",
        b"abc",
        b"\xff",
        b"\0",
        b"TAG",
        b"SASL",
        b"REFERRAL",
        b'"sieve://x"',
        b'"line 1: x"',
        b"YWI=",
    ),
]


def test_any_bytes_give_an_answer_or_a_clear_error() -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    kinds = set()
    for _ in range(5_000):
        wire = b"".join(chance.choice(PIECES) for _ in range(chance.randrange(1, 15))) + b"\r\n"
        connection = ManageSieveConnection() if chance.random() < 0.2 else greeted([GET, encode.LISTSCRIPTS])
        try:
            for event in feed(connection, wire, chance.choice(SIZES)):
                read_listing(event.lines)
                read_capabilities(event.lines)
                read_remarks(event.status.text)
                kinds.add(event.status.kind)
        except (Garbled, Unreachable, Refused) as error:
            kinds.add(error.problem.code)
        except Exception:
            print(f"seed {seed}: {wire!r}")
            raise
    assert kinds >= {"OK", "NO", "managesieve.bye", "managesieve.no_answer", "managesieve.no_greeting"}, seed
