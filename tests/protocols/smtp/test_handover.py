"""Handing mails over, without a socket: every way a server can answer, and every place a line can die."""

from __future__ import annotations

import pytest

from eilbote.errors import Unreachable
from eilbote.protocols.smtp.limits import Window
from eilbote.protocols.smtp.types import Mail, Phase, Recipient
from eilbote.testing.smtp.sink import Play, Sink, Then
from tests.protocols.smtp.spoken import BODY, Spoken, key_of, mail, without

WAYS = {
    "chunks": (),
    "pipelined": ("CHUNKING",),
    "one by one": ("CHUNKING", "PIPELINING"),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return WAYS[request.param]


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_all_mails_arrive_as_they_are(way: tuple[str, ...], size: int) -> None:
    spoken = Spoken(without(*way), size=size).begin()
    mails = [mail(key) for key in range(1, 41)]
    results = spoken.send(mails)
    assert spoken.ended is None
    assert [one.data for one in spoken.sink.received] == [one.content for one in mails]
    assert all(one.is_sent and one.phase is Phase.ANSWERED for one in results.values())
    assert results[40].queue_text == "Ok: kept as 40"
    assert [one.recipients for one in spoken.sink.received] == [
        (f"u{key}@example.org",) for key in range(1, 41)
    ]


def test_a_reply_that_cannot_be_meant_for_the_end_leaves_the_mail_in_doubt(way: tuple[str, ...]) -> None:
    """Replies and commands are out of step: what comes next would be read for another mail."""
    spoken = Spoken(without(*way)).begin()
    spoken.sink.replies["."] = Play("354 go on", takes=True)
    results = spoken.send([mail(1), mail(2)])
    assert spoken.ended is not None and spoken.ended.code == "smtp.no_reply"
    assert results[1].phase is Phase.ENDED
    assert not results[2].is_sent


def test_how_many_round_trips_it_takes() -> None:
    trips = {}
    for name, lacking in WAYS.items():
        spoken = Spoken(without(*lacking)).begin()
        spoken.send([mail(key) for key in range(100)])
        trips[name] = spoken.round_trips
    assert trips["one by one"] == 400
    assert trips["pipelined"] == 101
    assert trips["chunks"] <= 100 / Window().mails + 1


def test_a_checkpoint_covers_a_whole_window() -> None:
    spoken = Spoken(without()).begin()
    spoken.send([mail(key) for key in range(64)])
    assert len(spoken.checkpoints) <= 64 / Window().mails + 1
    assert [key for one in spoken.checkpoints for key in one.ending] == list(range(64))


def test_a_window_is_bounded_by_bytes() -> None:
    spoken = Spoken(without()).begin()
    content = b"Subject: x\r\n\r\n" + b"x" * 70 + b"\r\n" + b"y" * 10_000 + b"\r\n"
    spoken.send([mail(key, content=content) for key in range(20)], Window(bytes=25_000))
    assert max(len(one.ending) for one in spoken.checkpoints) == 2
    assert len(spoken.sink.received) == 20


def test_a_large_mail_goes_by_itself_and_is_in_doubt_only_at_its_end(way: tuple[str, ...]) -> None:
    spoken = Spoken(without(*way)).begin()
    large = b"Subject: x\r\n\r\n" + (b"." + b"y" * 70 + b"\r\n") * 1000
    mails = [mail(1), mail(2, content=large), mail(3)]
    results = spoken.send(mails, Window(bytes=20_000, block=1000))
    assert [one.data for one in spoken.sink.received] == [one.content for one in mails]
    assert all(one.is_sent for one in results.values())
    for cut in (30_000, 50_000, 70_000):
        broken = Spoken(without(*way), cut_up=cut).begin()
        results = broken.send(mails, Window(bytes=20_000, block=1000))
        assert [results[key].phase for key in (1, 2, 3)] == [Phase.ANSWERED, Phase.CONTENT, Phase.NOT_BEGUN]
        assert 2 not in {key for one in broken.checkpoints for key in one.ending}


def test_each_recipient_has_its_own_answer(way: tuple[str, ...]) -> None:
    sink = without(*way)
    sink.replies = {"RCPT no@example.org": "550 5.1.1 Unknown", "RCPT later@example.org": "450 4.2.0 Grey"}
    spoken = Spoken(sink).begin()
    results = spoken.send([mail(1, "no@example.org", "u@example.org", "later@example.org"), mail(2)])
    assert [str(one.reply) for one in results[1].recipients] == [
        "550 5.1.1 Unknown",
        "250 2.1.5 Ok",
        "450 4.2.0 Grey",
    ]
    assert results[1].is_sent and results[2].is_sent
    assert sink.received[0].recipients == ("u@example.org",)


def test_without_a_recipient_no_content_is_taken(way: tuple[str, ...]) -> None:
    sink = without(*way)
    sink.replies = {"RCPT u2@example.org": "550 5.1.1 Unknown"}
    spoken = Spoken(sink).begin()
    results = spoken.send([mail(key) for key in (1, 2, 3)])
    assert [results[key].is_sent for key in (1, 2, 3)] == [True, False, True]
    assert results[2].phase is Phase.ENVELOPE and results[2].final is None
    assert [key_of(one.data) for one in sink.received] == [1, 3]
    if way:
        assert b"X-Key: 2" not in bytes(spoken.said)


def test_a_refused_sender_is_about_the_whole_mail(way: tuple[str, ...]) -> None:
    sink = without(*way)
    sink.replies = {"MAIL": Play("553 5.7.1 Not yours", times=1)}
    spoken = Spoken(sink).begin()
    results = spoken.send([mail(key) for key in (1, 2, 3)])
    assert str(results[1].refusal) == "553 5.7.1 Not yours"
    assert [one.reply for one in results[1].recipients] == [None]
    assert [key_of(one.data) for one in sink.received] == [2, 3]
    assert results[2].is_sent and results[3].is_sent


def test_a_refused_content_is_an_answer(way: tuple[str, ...]) -> None:
    sink = without(*way)
    sink.replies = {".": Play("451 4.3.0 Later", times=1)}
    spoken = Spoken(sink).begin()
    results = spoken.send([mail(1), mail(2)])
    assert results[1].phase is Phase.ANSWERED and not results[1].is_sent
    assert str(results[1].final) == "451 4.3.0 Later"
    assert results[2].is_sent


def test_a_refused_data_is_about_the_whole_mail() -> None:
    sink = without("CHUNKING")
    sink.replies = {"DATA": Play("554 5.7.1 No", times=1)}
    spoken = Spoken(sink).begin()
    results = spoken.send([mail(1), mail(2)])
    assert str(results[1].refusal) == "554 5.7.1 No" and results[1].phase is Phase.ENVELOPE
    assert results[2].is_sent and b"X-Key: 1" not in bytes(spoken.said)
    assert b"RSET" in bytes(spoken.said)


def test_a_data_taken_for_nobody_is_taken_back_with_a_lone_dot() -> None:
    # RFC 2920 section 3.1: some servers say 354 although no recipient was accepted
    sink = without("CHUNKING")
    sink.replies = {
        "RCPT u1@example.org": Play("550 5.1.1 Unknown", takes=True),
        ".": Play("554 5.5.1 Nobody", times=1),
    }
    spoken = Spoken(sink).begin()
    results = spoken.send([mail(1), mail(2)])
    assert not results[1].is_sent and results[1].phase is Phase.ENVELOPE
    assert b"X-Key: 1" not in bytes(spoken.said)
    assert results[2].is_sent
    assert [key_of(one.data) for one in sink.received] == [2]


def test_a_session_that_is_full_gives_the_rest_back(way: tuple[str, ...]) -> None:
    sink = without(*way)
    sink.limits = ("MAILMAX=3", "RCPTMAX=2")
    spoken = Spoken(sink).begin()
    results = spoken.send([mail(1, "u1@a.example", "u2@a.example", "u3@a.example"), *map(mail, range(2, 6))])
    assert spoken.ended is not None and spoken.ended.code == "smtp.session_full"
    assert [one.is_accepted for one in results[1].recipients] == [True, True]
    assert len(sink.received) == 3
    assert all(one.phase is Phase.NOT_BEGUN and one.problem for key, one in results.items() if key > 3)


@pytest.mark.parametrize(
    ("sink", "sent", "code"),
    [
        (without("8BITMIME"), mail(1, content="\r\nü\r\n".encode()), "smtp.no_8bitmime"),
        (without("SMTPUTF8"), mail(1, "jörg@example.org"), "smtp.no_smtputf8"),
        (without("SMTPUTF8"), mail(1, sender="jörg@example.org"), "smtp.no_smtputf8"),
        (without("SMTPUTF8"), mail(1, content="Subject: ü\r\n\r\n".encode()), "smtp.no_smtputf8"),
        (Sink(login_needed=False, size_limit=100), mail(1, content=b"\r\n" + b"x" * 100), "smtp.too_big"),
        (without(), mail(1, content=b"\r\n\0"), "smtp.nul"),
        (without(), Mail(1, "a@example.net", (), BODY), "smtp.no_recipient"),
        (without(), mail(1, "two@addresses@example.org"), "smtp.address"),
        (
            without(),
            Mail(1, "", (Recipient("u@example.org"),), b"\r\n" + b"x" * 999, longest_line=998),
            "smtp.long_line",
        ),
        (without(), Mail(1, "", (Recipient("u@example.org"),), BODY, require_tls=True), "smtp.no_requiretls"),
    ],
)
def test_what_the_server_cannot_take_is_said_before_anything_is_sent(
    sink: Sink, sent: Mail, code: str
) -> None:
    spoken = Spoken(sink).begin()
    before = len(spoken.said)
    results = spoken.send([sent])
    assert results[1].problem is not None and results[1].problem.code == code
    assert results[1].phase is Phase.NOT_BEGUN
    assert len(spoken.said) == before
    assert spoken.send([mail(2)])[2].is_sent


@pytest.mark.parametrize("lacking", [("SMTPUTF8",), ()])
def test_a_domain_of_other_letters_needs_no_smtputf8(lacking: tuple[str, ...]) -> None:
    spoken = Spoken(without(*lacking)).begin()
    results = spoken.send([mail(1, "u@bücher.example", sender="a@straße.example")])
    assert results[1].is_sent and results[1].recipients[0].address == "u@bücher.example"
    assert spoken.sink.received[0].sender == "a@xn--strae-oqa.example"
    assert spoken.sink.received[0].recipients == ("u@xn--bcher-kva.example",)
    assert not spoken.sink.received[0].smtputf8


@pytest.mark.parametrize(
    "hostile", ["a@evil﹥.example", "a@evil＠example.org", "a@e\u2028vil.example", "a@．example"]
)
def test_no_letter_becomes_a_sign_on_the_way_into_ascii(hostile: str) -> None:
    spoken = Spoken(without("SMTPUTF8")).begin()
    assert spoken.send([mail(1, f"a@{hostile}")])[1].phase is Phase.NOT_BEGUN
    with_utf8 = Spoken(without()).begin()
    with_utf8.send([mail(1, f"a@{hostile}")])
    for line in bytes(with_utf8.said).splitlines():
        assert line.count(b"<") <= 1 and line.count(b">") <= 1


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", ".", "RSET"])
def test_421_ends_the_session_anywhere(way: tuple[str, ...], command: str) -> None:
    sink = without(*way)
    key = {"RCPT": "RCPT u3@example.org"}.get(command, command)
    sink.replies = {key: Play("421 4.3.2 Shutting down", times=1)}
    spoken = Spoken(sink).begin()
    results = spoken.send([mail(key) for key in range(1, 7)])
    if spoken.ended is None:
        assert command in ("DATA", "RSET") and all(one.is_sent for one in results.values())
        return
    assert spoken.ended.code == "smtp.unavailable"
    assert {key_of(one.data) for one in sink.received} == {key for key, one in results.items() if one.is_sent}
    assert not any(one.is_uncertain for one in results.values())


def test_a_reset_that_is_refused_ends_the_session() -> None:
    sink = without("CHUNKING")
    sink.replies = {"DATA": Play("554 5.7.1 No", times=1), "RSET": "500 5.5.1 What"}
    spoken = Spoken(sink).begin()
    results = spoken.send([mail(1), mail(2)])
    assert spoken.ended is not None and spoken.ended.code == "smtp.reset_refused"
    assert sink.received == [] and results[2].phase is Phase.ENVELOPE


@pytest.mark.parametrize("takes", [True, False])
def test_silence_after_the_end_is_uncertain(way: tuple[str, ...], takes: bool) -> None:
    sink = without(*way)
    sink.replies = {".": Play(None, Then.CLOSE, takes)}
    spoken = Spoken(sink).begin()
    results = spoken.send([mail(1)])
    assert results[1].is_uncertain and results[1].problem is not None
    assert results[1].recipients[0].is_accepted


def lengths(way: tuple[str, ...], mails: list[Mail]) -> tuple[int, int]:
    whole = Spoken(without(*way)).begin()
    whole.send(mails)
    return len(whole.said), len(whole.heard)


def test_a_cut_at_every_byte_loses_and_doubles_nothing(way: tuple[str, ...]) -> None:
    """What the client holds for sent is there once, what it holds for not sent is not there; whatever
    the server has without its knowing is uncertain."""
    mails = [mail(1), mail(2, "u2@example.org", "v2@example.org"), mail(3)]
    up, down = lengths(way, mails)
    cuts: list[tuple[int | None, int | None]] = [(at, None) for at in range(up)]
    cuts += [(None, at) for at in range(down)]
    uncertain = 0
    for cut in cuts:
        spoken = Spoken(without(*way), cut_up=cut[0], cut_down=cut[1])
        try:
            spoken.begin()
        except Unreachable:
            continue
        results = spoken.send(mails)
        there = [key_of(one.data) for one in spoken.sink.received]
        assert len(there) == len(set(there))
        for key, one in results.items():
            if one.is_sent:
                assert key in there, cut
            elif not one.is_uncertain:
                assert key not in there, cut
        doubtful = [key for key, one in results.items() if one.is_uncertain]
        uncertain += len(doubtful)
        assert len(doubtful) <= (3 if way == () else 1), cut
    assert uncertain


def test_the_transcript_shows_the_dialogue_and_no_content(way: tuple[str, ...]) -> None:
    sink = without(*way)
    sink.replies = {"RCPT no@example.org": "550 5.1.1 Unknown"}
    results = Spoken(sink).begin().send([mail(1, "u@example.org", "no@example.org")])
    shown = [one.text for one in results[1].transcript]
    assert shown[:6] == [
        "MAIL FROM:<a@example.net> SIZE=35",
        "250 2.1.0 Ok",
        "RCPT TO:<u@example.org>",
        "250 2.1.5 Ok",
        "RCPT TO:<no@example.org>",
        "550 5.1.1 Unknown",
    ]
    assert "<35 bytes>" in shown and shown[-1] == "250 2.0.0 Ok: kept as 1"
    assert not any("X-Key" in text or ".dot" in text for text in shown)


def test_a_transcript_is_bounded() -> None:
    many = [f"u{at}@example.org" for at in range(900)]
    results = Spoken(without()).begin().send([mail(1, *many)])
    assert results[1].is_sent and len(results[1].transcript) <= 202


def test_a_second_handover_of_a_session_starts_clean(way: tuple[str, ...]) -> None:
    sink = without(*way)
    sink.replies = {"RCPT u1@example.org": "550 5.1.1 Unknown"}
    spoken = Spoken(sink).begin()
    assert not spoken.send([mail(1)])[1].is_sent
    assert spoken.send([mail(2)])[2].is_sent
    assert spoken.send([mail(3)])[3].is_sent


def test_a_mail_of_a_window_never_falls_into_the_one_before() -> None:
    """A server that keeps its transaction after it refused a chunk: the next mail must not reach the
    recipients of the first."""
    sink = without()
    sink.replies = {"BDAT": Play("554 5.5.1 No", times=1), "RCPT u1@example.org": "550 5.1.1 Unknown"}
    results = Spoken(sink).begin().send([mail(1), mail(2), mail(3)])
    assert [one.recipients for one in sink.received] == [("u2@example.org",), ("u3@example.org",)]
    assert not results[1].is_sent and results[2].is_sent


def test_a_line_that_ended_since_its_last_use_tells_nobody_of_anything(way: tuple[str, ...]) -> None:
    spoken = Spoken(without(*way)).begin()
    spoken._ended = True
    results = spoken.send([mail(1), mail(2)])
    assert {one.phase for one in results.values()} == {Phase.NOT_BEGUN}
    assert all(one.transcript == () for one in results.values())
    assert spoken.ended is not None and spoken.ended.code == "net.closed"


@pytest.mark.parametrize("behind", ["421 4.4.2 Idle for too long", "250 2.0.0 unasked", "nonsense"])
def test_an_answer_counts_whatever_comes_behind_it(behind: str) -> None:
    """A 250 to the end of a mail is one, also where the line breaks down in the same segment."""
    sink = without("CHUNKING", "PIPELINING")
    sink.replies = {".": Play(f"250 2.0.0 Ok\r\n{behind}", Then.CLOSE, takes=True)}
    spoken = Spoken(sink).begin()
    results = spoken.send([mail(1), mail(2)])
    assert results[1].is_sent and not results[2].is_sent and not results[2].is_uncertain
    assert spoken.ended is not None
    assert [key_of(one.data) for one in sink.received] == [1]


@pytest.mark.parametrize(
    ("window", "trips"),
    [(Window(), 2), (Window(chunking=False), 21), (Window(pipelining=False), 80)],
)
def test_what_a_server_announces_need_not_be_used(window: Window, trips: int) -> None:
    spoken = Spoken(without()).begin()
    results = spoken.send([mail(key) for key in range(20)], window)
    assert all(one.is_sent for one in results.values()) and len(spoken.sink.received) == 20
    assert spoken.round_trips == trips


def test_a_mail_taken_although_its_sender_was_refused_is_in_doubt() -> None:
    sink = without()
    sink.replies = {"MAIL": Play("553 5.7.1 Not yours", takes=True)}
    results = Spoken(sink).begin().send([mail(1)])
    assert results[1].is_uncertain and len(sink.received) == 1
