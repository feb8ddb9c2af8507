"""ManageSieve's flows answered without a network: logins, what a no means, and servers older than the RFC."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from eilbote.errors import EilboteError, Garbled, Gone, NotAllowed, Refused, Unreachable
from eilbote.protocols import sasl
from eilbote.protocols.managesieve import scripts, session
from eilbote.protocols.managesieve.connection import Greeting
from eilbote.protocols.managesieve.encode import script_name
from eilbote.protocols.managesieve.responses import read_capabilities
from eilbote.protocols.managesieve.session import Dialogue
from eilbote.protocols.managesieve.values import Capabilities, Judgement, Remark, ScriptName, Status
from eilbote.secret import Secret
from tests.protocols.managesieve.spoken import run

A, B = script_name("a"), script_name("b")
NEW = b'"IMPLEMENTATION" "Test"\r\n"SASL" "PLAIN"\r\n"SIEVE" "x"\r\n"VERSION" "1.0"\r\nOK\r\n'


def dialogue(*words: tuple[bytes, bytes]) -> Dialogue:
    made = Dialogue("sieve.example.org")
    made.capabilities = read_capabilities([(b"IMPLEMENTATION", b"Test"), (b"SIEVE", b"x"), *words])
    return made


def of_the_rfc() -> Dialogue:
    return dialogue((b"VERSION", b"1.0"))


def login(*, oauth: bool = False, protected: bool = True, secret: str = "geheim") -> sasl.Login:
    def start(mechanism: str) -> sasl.Exchange:
        return sasl.start(
            mechanism,
            user="anna",
            secret=Secret(secret),
            host="sieve.example.org",
            port=4190,
            nonce="abc",
            channel_binding=None,
        )

    return sasl.Login(user="anna", secret=Secret(secret), start=start, oauth=oauth, protected=protected)


# --- beginning -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (Status("NO", text="busy"), Unreachable, "managesieve.unavailable"),
        (Status("NO", "TRYLATER"), Unreachable, "managesieve.unavailable"),
        (Status("NO", "REFERRAL", ("sieve://b.example",)), Refused, "managesieve.referral"),
        (Status("OK"), Garbled, "managesieve.no_greeting"),
    ],
)
def test_greetings_that_are_none(status: Status, kind: type[EilboteError], code: str) -> None:
    with pytest.raises(kind) as failed:
        session.greet(Dialogue("h"), Greeting(status))
    assert failed.value.problem.code == code


def test_what_was_told_before_tls_counts_no_more() -> None:
    before = dialogue((b"STARTTLS", b""), (b"SASL", b"PLAIN"), (b"VERSION", b"1.0"), (b"OWNER", b"evil"))
    _, said = run(session.secure(before), b"OK\r\n", b'"SIEVE" "y"\r\nOK\r\n')
    assert said == [b"STARTTLS\r\n", b"(TLS)", b""]
    assert before.capabilities == Capabilities(names=frozenset({"SIEVE"}), extensions=("y",))


def test_no_starttls_no_word() -> None:
    with pytest.raises(NotAllowed):
        run(session.secure(dialogue()))
    with pytest.raises(NotAllowed) as refused:
        run(session.secure(dialogue((b"STARTTLS", b""))), b'NO "not now"\r\n')
    assert refused.value.problem.code == "managesieve.no_starttls"


def test_a_login_with_plain_takes_its_first_word_along() -> None:
    known = dialogue((b"SASL", b"LOGIN PLAIN"))
    _, said = run(session.log_in(known, login()), b"OK\r\n", NEW, b'OK (TAG "1")\r\n')
    assert said == [b'AUTHENTICATE "PLAIN" "AGFubmEAZ2VoZWlt"\r\n', b"CAPABILITY\r\n", b'NOOP "1"\r\n']
    assert known.is_of_the_rfc


def test_a_login_of_an_old_server_asks_for_no_noop() -> None:
    known = dialogue((b"SASL", b"PLAIN"))
    _, said = run(session.log_in(known, login()), b"OK\r\n", b'"SIEVE" "x"\r\nOK\r\n')
    assert said[1:] == [b"CAPABILITY\r\n"]
    assert known.step() == ()


def test_a_long_token_goes_as_a_literal() -> None:
    known = dialogue((b"SASL", b"OAUTHBEARER PLAIN"))
    token = "t" * 3000
    _, said = run(session.log_in(known, login(oauth=True, secret=token)), b"OK\r\n", NEW, b"OK\r\n")
    first = f"n,a=anna,\1host=sieve.example.org\1port=4190\1auth=Bearer {token}\1\1".encode()
    sent = b64encode(first)
    assert said[0] == b'AUTHENTICATE "OAUTHBEARER" {%d+}\r\n%b\r\n' % (len(sent), sent)


def test_why_a_token_was_refused() -> None:
    known = dialogue((b"SASL", b"OAUTHBEARER"))
    told = b64encode(b'{"status":"invalid_token"}')
    with pytest.raises(Refused) as refused:
        run(session.log_in(known, login(oauth=True)), b'"%b"\r\nNO "no"\r\n' % told)
    assert refused.value.problem.code == "managesieve.login_refused"
    assert refused.value.problem.parameters["text"] == "no (invalid_token)"


@pytest.mark.parametrize("offered", [b"", b"PLAIN LOGIN", b"GSSAPI"])
def test_no_password_on_an_unprotected_line(offered: bytes) -> None:
    with pytest.raises(Refused) as refused:
        run(session.log_in(dialogue((b"SASL", offered)), login(protected=False)))
    assert refused.value.problem.code == "managesieve.no_mechanism"


@pytest.mark.parametrize(
    "proof", [b"", b'(SASL "!") ', b'(SASL "dj14eXo=") ', b"(SASL) ", b'(X "dj14eXo=") ']
)
def test_a_yes_without_the_proof_of_scram_is_no_login(proof: bytes) -> None:
    flow = session.log_in(dialogue((b"SASL", b"SCRAM-SHA-256")), login())
    challenge = b64encode(b"r=abcdef,s=c2FsdA==,i=4096")
    with pytest.raises(Garbled):
        run(flow, b'"%b"\r\nOK %b"welcome"\r\n' % (challenge, proof))


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (b'NO "no"\r\n', Refused, "managesieve.login_refused"),
        (b'NO (AUTH-TOO-WEAK) "no"\r\n', Refused, "managesieve.login_refused"),
        (b"NO (TRYLATER)\r\n", Unreachable, "managesieve.unavailable"),
        (b'NO (REFERRAL "sieve://b.example")\r\n', Refused, "managesieve.referral"),
    ],
)
def test_why_a_login_fails(answer: bytes, kind: type[EilboteError], code: str) -> None:
    with pytest.raises(kind) as failed:
        run(session.log_in(dialogue((b"SASL", b"PLAIN")), login()), answer)
    assert failed.value.problem.code == code
    assert "geheim" not in str(failed.value)


# --- in step ---------------------------------------------------------------------------------------------


def in_step() -> Dialogue:
    made = of_the_rfc()
    run(session.keep_in_step(made), b'OK (TAG "1") "Done"\r\n')
    return made


def test_every_command_is_followed_by_a_noop() -> None:
    known = in_step()
    _, said = run(scripts.activate(known, A), b"OK\r\n", b'OK (TAG "2")\r\n')
    assert said == [b'SETACTIVE "a"\r\n', b'NOOP "2"\r\n']
    run(session.keep_alive(known), b'OK (TAG "3")\r\n')


@pytest.mark.parametrize("second", [b"OK\r\n", b'OK (TAG "1")\r\n', b'NO (TAG "2")\r\n', b'NO "x"\r\n'])
@pytest.mark.parametrize("first", [b"OK\r\n", b'NO "no"\r\n'])
def test_a_server_that_answers_twice_is_noticed(first: bytes, second: bytes) -> None:
    with pytest.raises(Garbled) as garbled:
        run(scripts.activate(in_step(), A), first, second)
    assert garbled.value.problem.code == "managesieve.out_of_step"


@pytest.mark.parametrize("answer", [b"OK\r\n", b'NO "what?"\r\n', b'OK (TAG "x")\r\n'])
def test_a_server_that_repeats_no_tags_is_taken_as_it_is(answer: bytes) -> None:
    known = of_the_rfc()
    run(session.keep_in_step(known), answer)
    _, said = run(scripts.activate(known, None), b"OK\r\n")
    assert said == [b'SETACTIVE ""\r\n']


# --- scripts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (b'NO (QUOTA/MAXSCRIPTS) "5"\r\n', Refused, "managesieve.too_many_scripts"),
        (b'NO (QUOTA/MAXSIZE) "5"\r\n', Refused, "managesieve.quota"),
        (b'NO (QUOTA) "5"\r\n', Refused, "managesieve.quota"),
        (b"NO (NONEXISTENT)\r\n", Gone, "managesieve.no_such_script"),
        (b"NO (alreadyexists)\r\n", Refused, "managesieve.name_taken"),
        (b"NO (ACTIVE)\r\n", Refused, "managesieve.active"),
        (b"NO (TRYLATER)\r\n", Unreachable, "managesieve.unavailable"),
        (b'NO (REFERRAL "sieve://b.example")\r\n', Refused, "managesieve.referral"),
        (b'NO (X-OWN "1") "line 1: x"\r\n', Refused, "managesieve.refused"),
        (b'NO "no"\r\n', Refused, "managesieve.refused"),
    ],
)
@pytest.mark.parametrize("flow", ["put", "delete", "rename", "fetch", "activate", "have_space"])
def test_what_a_no_means(flow: str, answer: bytes, kind: type[EilboteError], code: str) -> None:
    known = of_the_rfc()
    flows: dict[str, session.Flow[Any]] = {
        "put": scripts.put(known, A, b"keep;"),
        "delete": scripts.delete(known, A),
        "rename": scripts.rename(known, A, B),
        "fetch": scripts.fetch(known, A),
        "activate": scripts.activate(known, A),
        "have_space": scripts.have_space(known, A, 1),
    }
    with pytest.raises(kind) as failed:
        run(flows[flow], answer)
    problem = failed.value.problem
    assert problem.code == code
    assert (problem.retry_after is not None) is (kind is Unreachable)
    if flow == "rename" and "name" in problem.parameters:
        assert problem.parameters["name"] == ("b" if code == "managesieve.name_taken" else "a")


def test_a_wrong_script_is_told_with_its_line() -> None:
    with pytest.raises(Refused) as refused:
        run(scripts.put(of_the_rfc(), A, b"keep;\nkep;"), b"NO {26}\r\na: line 2: error:\r\n no kep\r\n")
    assert refused.value.problem.code == "managesieve.invalid_script"
    assert refused.value.problem.parameters["line"] == "2"
    assert refused.value.problem.parameters["text"] == "a: line 2: error: no kep"


def test_warnings_are_handed_on() -> None:
    remarks, _ = run(scripts.put(of_the_rfc(), A, b"keep;"), b'OK (WARNINGS) "line 1: deprecated"\r\n')
    assert remarks == (Remark("deprecated", 1),)
    assert run(scripts.put(of_the_rfc(), A, b"keep;"), b'OK "line 1: stored"\r\n')[0] == ()


def test_a_large_script_is_asked_for_first() -> None:
    large = b"#" * 20_000
    with pytest.raises(Refused) as refused:
        run(scripts.put(of_the_rfc(), A, large), b"NO (QUOTA/MAXSIZE)\r\n")
    assert refused.value.problem.code == "managesieve.quota"
    _, said = run(scripts.put(of_the_rfc(), A, large), b"OK\r\n", b"OK\r\n")
    assert said[0] == b'HAVESPACE "a" 20000\r\n'


def test_another_script_is_not_overwritten_unasked() -> None:
    with pytest.raises(Refused) as refused:
        run(scripts.put(of_the_rfc(), A, b"keep;", overwrite=False), b'"a"\r\nOK\r\n')
    assert refused.value.problem.code == "managesieve.name_taken"


@pytest.mark.parametrize(
    "answer", [b"OK\r\n", b'"x" "y"\r\nOK\r\n', b'"x"\r\n"y"\r\nOK\r\n', b'"x" ACTIVE\r\nOK\r\n']
)
def test_what_is_no_script(answer: bytes) -> None:
    with pytest.raises(Garbled):
        run(scripts.fetch(of_the_rfc(), A), answer)


def test_judging() -> None:
    judged, said = run(scripts.check(of_the_rfc(), b"kep;", B), b'NO "line 1: error: kep"\r\n')
    assert judged == Judgement(False, "line 1: error: kep", (Remark("error: kep", 1),))
    assert said == [b"CHECKSCRIPT {4+}\r\nkep;\r\n"]
    assert run(scripts.check(of_the_rfc(), b"keep;", B), b"OK\r\n")[0] == Judgement(True)
    with pytest.raises(Refused):
        run(scripts.check(of_the_rfc(), b"keep;", B), b"NO (QUOTA/MAXSIZE)\r\n")


def test_an_old_server_judges_by_storing() -> None:
    judged, said = run(scripts.check(dialogue(), b"keep;", B), b'"a" ACTIVE\r\nOK\r\n', b"OK\r\n", b"OK\r\n")
    assert judged.accepted
    assert said == [b"LISTSCRIPTS\r\n", b'PUTSCRIPT "b" {5+}\r\nkeep;\r\n', b'DELETESCRIPT "b"\r\n']
    judged, said = run(scripts.check(dialogue(), b"kep;", B), b"OK\r\n", b'NO "line 1"\r\n')
    assert not judged.accepted and len(said) == 2
    with pytest.raises(Refused) as refused:
        run(scripts.check(dialogue(), b"keep;", B), b'"b"\r\nOK\r\n')
    assert refused.value.problem.code == "managesieve.name_taken"


@pytest.mark.parametrize("active", [True, False])
def test_an_old_server_renames_by_copying(active: bool) -> None:
    listed = b'"a" ACTIVE\r\nOK\r\n' if active else b'"a"\r\nOK\r\n'
    answers = [listed, b'"keep;"\r\nOK\r\n', b"OK\r\n", *([b"OK\r\n"] if active else []), b"OK\r\n"]
    _, said = run(scripts.rename(dialogue(), A, B), *answers)
    assert said == [
        b"LISTSCRIPTS\r\n",
        b'GETSCRIPT "a"\r\n',
        b'PUTSCRIPT "b" {5+}\r\nkeep;\r\n',
        *([b'SETACTIVE "b"\r\n'] if active else []),
        b'DELETESCRIPT "a"\r\n',
    ]


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ([b"OK\r\n"], Gone),
        ([b'"a"\r\n"b"\r\nOK\r\n'], Refused),
        ([b'"a"\r\nOK\r\n', b'"keep;"\r\nOK\r\n', b"NO (QUOTA)\r\n"], Refused),
        ([b'"a" ACTIVE\r\nOK\r\n', b'"keep;"\r\nOK\r\n', b"OK\r\n", b'NO "no"\r\n'], Refused),
    ],
)
def test_an_old_server_keeps_the_old_name_where_a_step_fails(
    answers: list[bytes], kind: type[EilboteError]
) -> None:
    with pytest.raises(kind):
        run(scripts.rename(dialogue(), A, B), *answers)


@pytest.mark.parametrize("name", ["Büro", 'a"b', "a\\"])
def test_cyrus_gets_no_name_that_it_would_lose(name: str) -> None:
    cyrus = of_the_rfc()
    cyrus.capabilities = Capabilities(implementation="Cyrus timsieved 3.6", version="1.0")
    for flow in (scripts.put(cyrus, ScriptName(name), b"keep;"), scripts.rename(cyrus, A, ScriptName(name))):
        with pytest.raises(Refused) as refused:
            run(flow)
        assert refused.value.problem.code == "managesieve.name_unusable"
    run(scripts.put(cyrus, A, b"keep;"), b"OK\r\n")


def test_the_login_can_be_taken_back() -> None:
    known = of_the_rfc()
    _, said = run(session.unauthenticate(known), b"OK\r\n", b'"SIEVE" "z"\r\nOK\r\n')
    assert said == [b"UNAUTHENTICATE\r\n", b"CAPABILITY\r\n"]
    assert known.capabilities.extensions == ("z",)
    with pytest.raises(Refused):
        run(session.unauthenticate(of_the_rfc()), b'NO "unknown"\r\n')
