"""What servers say, and what it means: the 80 answers, and what no map knows."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from eilbote.catalogue import LANGUAGES, Catalogue
from eilbote.diagnosis.checks.auth import judge_login, meaning_of
from eilbote.diagnosis.evidence import LoggedIn, Place, Protocol, SecretShape, Target
from eilbote.diagnosis.replies import families_of, judge_reply, rows
from eilbote.diagnosis.values import Confidence, Verdict
from eilbote.errors import Problem
from tests.diagnosis.answers import ANSWERS, Answer
from tests.diagnosis.worlds import World

NOW = 1_795_000_000.0
NAMES = [f"{one.number}-{one.protocol}-{at}" for at, one in enumerate(ANSWERS)]


@pytest.mark.parametrize("answer", ANSWERS, ids=NAMES)
def test_a7_3_the_80_texts_have_the_listed_cause(answer: Answer) -> None:
    meaning = judge_reply(answer.text, answer.protocol, families_of(answer.provider))
    assert meaning.cause.partition(".")[0] in answer.words, meaning


def test_a7_3_every_row_is_there() -> None:
    # Row 80 is no text but a rule: see `test_a_login_that_just_worked_is_crowded_out_first`.
    assert {one.number for one in ANSWERS} == set(range(1, 80))
    known = {row.row for row in rows()}
    assert known >= set(range(1, 80))


@pytest.mark.parametrize("answer", ANSWERS, ids=NAMES)
def test_the_order_of_letters_and_blanks_does_not_matter(answer: Answer) -> None:
    families = families_of(answer.provider)
    plain = judge_reply(answer.text, answer.protocol, families)
    odd = judge_reply("  " + answer.text.upper().replace(" ", "  "), answer.protocol, families)
    assert odd.cause == plain.cause


def test_a7_3_an_unknown_text_is_shown_as_it_was_said() -> None:
    place = Place(Protocol.IMAP, "imap.example.org", 993, "tls")
    told = "NO Zugang gesperrt wegen Vollmond"
    login = LoggedIn(place, "imap.login_refused", told)
    (finding,) = judge_login(login, None, Target("anna@example.org", (place,)), None, NOW)
    assert finding.verdict is Verdict.FAIL and finding.confidence is Confidence.GUESS
    for language in ("de", "en"):
        said = Catalogue("de" if language == "de" else "en").problem(
            Problem(finding.text, finding.parameters)
        )
        assert "Vollmond" in said.what and said.do


@pytest.mark.parametrize("code", ["UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG"])
def test_trouble_of_the_server_is_never_a_wrong_password(code: str) -> None:
    meaning = judge_reply("Authentication failed: invalid credentials", Protocol.IMAP, ("gmx",), code)
    assert not meaning.cause.startswith(("password", "app_password", "service_off"))


@pytest.mark.parametrize("provider", ["gmx", "webde"])
@pytest.mark.parametrize(
    ("protocol", "text"),
    [
        (Protocol.IMAP, "NO authentication failed"),
        (Protocol.POP3, "-ERR authentication failed"),
        (Protocol.SMTP, "535 Authentication credentials invalid"),
    ],
)
@pytest.mark.parametrize(
    ("worked", "secret"),
    [
        (None, SecretShape(length=9)),  # wrong, or switched off: the server says the same
        (None, SecretShape(length=12, groups=(4, 4, 4), is_letters=True)),  # two factors
        (NOW - 90 * 86_400, SecretShape(length=9)),  # switched off after disuse
        (NOW - 86_400, SecretShape(length=9)),  # worked until yesterday
    ],
)
def test_a7_4_the_four_gmx_cases_end_in_the_decision_tree(
    provider: str, protocol: Protocol, text: str, worked: float | None, secret: SecretShape
) -> None:
    place = Place(protocol, f"{protocol}.{provider}.example", 993, "tls", provider)
    login = LoggedIn(place, f"{protocol}.login_refused", text)
    report = (
        World(
            address="anna@gmx.de",
            places=(place,),
            logins={place: login},
            secret=secret,
            tune=lambda target: replace(target, worked=worked),
        )
        .diagnose()
        .report
    )
    assert report.cause.code == "service_off.gmx" and report.cause.confidence is Confidence.GUESS
    steps = {
        "de": ("Webseite mit diesem Passwort", "Zugriff erlauben", "Zugriff neu erlauben", "Viertelstunde"),
        "en": ("web page with this password", "allow access.", "allow access again", "15 minutes"),
    }
    for language in LANGUAGES:
        said = Catalogue(language).problem(Problem(report.cause.text, report.cause.parameters)).do
        for step in steps[language]:
            assert step in said, said


def test_a_login_that_just_worked_is_crowded_out_first() -> None:
    place = Place(Protocol.IMAP, "imap.example.org", 993, "tls")
    login = LoggedIn(place, "imap.login_refused", "Authentication failed.", "AUTHENTICATIONFAILED")
    just = Target("anna@example.org", (place,), worked=NOW - 120)
    long_ago = Target("anna@example.org", (place,), worked=NOW - 86_400)
    never = Target("anna@example.org", (place,))
    assert meaning_of(login, place, "", just, None, NOW).cause == "connections.as_password"
    assert meaning_of(login, place, "", long_ago, None, NOW).cause == "password.worked_before"
    assert meaning_of(login, place, "", never, None, NOW).cause == "password.wrong"


@pytest.mark.parametrize(
    ("groups", "cause"),
    [
        ((16,), "password.app_password"),
        ((4, 4, 4, 4), "password.app_password"),
        ((9,), "app_password.google"),
    ],
)
def test_google_wants_an_app_password_and_is_given_one(groups: tuple[int, ...], cause: str) -> None:
    place = Place(Protocol.IMAP, "imap.gmail.com", 993, "tls", "gmail")
    login = LoggedIn(place, "imap.login_refused", "Invalid credentials (Failure)", "AUTHENTICATIONFAILED")
    shape = SecretShape(length=16, groups=groups, is_letters=True)
    assert meaning_of(login, place, "", Target("anna@gmail.com", (place,)), shape, NOW).cause == cause


def test_the_banner_tells_whose_server_it_is() -> None:
    assert families_of("", "* OK Gimap ready for requests from 192.0.2.1 ab12") == ("google",)
    assert families_of("", "220 smtp.office365.com Microsoft ESMTP MAIL Service ready") == ("exchange",)
    assert families_of("", "* OK Dovecot (Debian) ready.") == ()


def test_a_link_that_the_server_names_is_kept() -> None:
    told = "554 5.7.1 rejected under suspicion of SPAM; https://ya.cc/1IrBc"
    assert judge_reply(told, Protocol.SMTP).link == "https://ya.cc/1IrBc"


@pytest.mark.parametrize("size", [0, 1, 10_000_000])
def test_hostile_answers_cost_little(size: int) -> None:
    assert judge_reply("[" * size + "a" * size, Protocol.IMAP).cause
