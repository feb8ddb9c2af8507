"""OAuth 2.0 as values: what is asked, what answers mean, and what is never believed or said."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Generator
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as some

from eilbote.errors import EilboteError, Garbled, Misused, Refused, Unreachable
from eilbote.protocols import oauth
from eilbote.protocols.oauth import Client, Device, Endpoints, Form, Heard, Tokens, Wait
from eilbote.secret import Secret

ENDPOINTS = Endpoints(
    "https://id.example.org",
    "https://id.example.org/authorize",
    "https://id.example.org/token",
    "https://id.example.org/device",
    "mail offline_access",
    (("prompt", "consent"),),
)
CLIENT = Client("mine", Secret("client-secret"))
VERIFIER, STATE = oauth.verifier_from(b"v" * 32), oauth.verifier_from(b"s" * 32)
REDIRECT = "http://127.0.0.1:4711"
NOW = 1_795_000_000.0


def heard(status: int, told: object, retry_after: float | None = None) -> Heard:
    return Heard(status, Secret(told if isinstance(told, str) else json.dumps(told)), retry_after)


def good(**more: object) -> Heard:
    return heard(200, {"access_token": "at", "token_type": "Bearer", "expires_in": 3600, **more})


def fields(form: Form) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(form.content.reveal()).items()}


def test_the_page_is_asked_for_with_pkce_and_state() -> None:
    """RFC 7636 appendix B's relation: the challenge is the hash of what the code is fetched with."""
    url = oauth.authorization_url(
        ENDPOINTS, CLIENT, redirect=REDIRECT, state=STATE, verifier=VERIFIER, hint="kim@example.org"
    )
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    code = oauth.code_form(ENDPOINTS, CLIENT, code=Secret("c"), redirect=REDIRECT, verifier=VERIFIER)
    verifier = fields(code)["code_verifier"]
    digest = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    assert (asked["code_challenge"], asked["code_challenge_method"]) == (digest, "S256")
    assert 43 <= len(verifier) <= 128
    assert asked["state"] == STATE.reveal()
    assert (asked["redirect_uri"], fields(code)["redirect_uri"]) == (REDIRECT, REDIRECT)
    assert (asked["prompt"], asked["login_hint"]) == ("consent", "kim@example.org")
    assert verifier not in url and "client-secret" not in url


def test_the_challenge_is_that_of_the_standard() -> None:
    """RFC 7636 appendix B."""
    verifier = Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert oauth.challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_question_never_prints_its_secrets() -> None:
    form = oauth.refresh_form(ENDPOINTS, CLIENT, Secret("refresh-7"))
    assert "refresh-7" not in repr(form) and "client-secret" not in repr(form)
    assert "refresh-7" not in repr(Tokens(Secret("a"), Secret("refresh-7"), NOW))


def test_the_answer_to_our_question_holds_the_code() -> None:
    assert oauth.read_return(ENDPOINTS, f"code=c-1&state={STATE.reveal()}", STATE).reveal() == "c-1"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "code=c-1",
        "code=c-1&state=other",
        "code=c-1&state=%F0%9F%92%A3",
        f"code=c-1&state={STATE.reveal()}&iss=https://evil.example.org",
        "&".join(["a=b"] * 5000),
    ],
)
def test_an_answer_to_another_question_is_none(query: str) -> None:
    with pytest.raises(Misused) as refused:
        oauth.read_return(ENDPOINTS, query, STATE)
    assert refused.value.problem.code == "oauth.wrong_state"


@pytest.mark.parametrize(
    ("error", "description", "code"),
    [
        ("access_denied", "", "oauth.denied"),
        ("invalid_grant", "Token has been expired or revoked.", "oauth.sign_in_again"),
        ("invalid_client", "", "oauth.wrong_client"),
        ("unauthorized_client", "", "oauth.wrong_client"),
        ("redirect_uri_mismatch", "", "oauth.wrong_redirect"),
        ("invalid_request", "Invalid redirect_uri", "oauth.wrong_redirect"),
        ("invalid_scope", "", "oauth.wrong_scope"),
        ("invalid_request", "AADSTS50011: The reply URL does not match", "oauth.wrong_redirect"),
        ("invalid_client", "AADSTS7000215: Invalid client secret provided.", "oauth.wrong_client"),
        (
            "invalid_client",
            "AADSTS7000222: The provided client secret keys are expired.",
            "oauth.client_expired",
        ),
        ("invalid_grant", "AADSTS65001: The user has not consented", "oauth.needs_consent"),
        ("invalid_grant", "AADSTS90094: Admin consent is required", "oauth.needs_admin"),
        ("interaction_required", "AADSTS50076: you must use multi-factor", "oauth.second_factor"),
        ("interaction_required", "AADSTS50079: enroll", "oauth.second_factor"),
        ("access_denied", "AADSTS53003: blocked by Conditional Access", "oauth.forbidden"),
        (
            "invalid_grant",
            "AADSTS700082: The refresh token has expired due to inactivity.",
            "oauth.sign_in_again",
        ),
        ("invalid_grant", "AADSTS70000: Transmission data parser failure", "oauth.sign_in_again"),
        ("something_new", "", "oauth.refused"),
    ],
)
def test_every_no_is_told_apart(error: str, description: str, code: str) -> None:
    """doctor.md OA01 to OA06."""
    with pytest.raises(Refused) as refused:
        oauth.read_tokens(ENDPOINTS, heard(400, {"error": error, "error_description": description}), NOW)
    assert refused.value.problem.code == code
    assert refused.value.problem.retry_after is None


@pytest.mark.parametrize(
    "answer",
    [
        heard(500, {"error": "invalid_grant"}),
        heard(503, "", 7.0),
        heard(429, {}),
        heard(400, {"error": "temporarily_unavailable"}),
        heard(404, "<html>"),
        heard(302, ""),
    ],
)
def test_what_may_mend_itself_asks_nobody_to_sign_in(answer: Heard) -> None:
    with pytest.raises(Unreachable) as failed:
        oauth.read_tokens(ENDPOINTS, answer, NOW)
    assert failed.value.problem.retry_after


def test_a_refresh_token_stays_where_no_other_comes() -> None:
    """RFC 6749 section 6."""
    kept = oauth.read_tokens(ENDPOINTS, good(), NOW, Secret("old")).refresh
    changed = oauth.read_tokens(ENDPOINTS, good(refresh_token="new"), NOW, Secret("old")).refresh
    assert kept is not None and changed is not None
    assert (kept.reveal(), changed.reveal()) == ("old", "new")


@pytest.mark.parametrize(
    ("told", "life"),
    [
        (3599, 3599.0),
        ("3599", 3599.0),
        (None, 3600.0),
        (-1, 3600.0),
        ("soon", 3600.0),
        (1e99, 3600.0),
        (True, 3600.0),
    ],
)
def test_the_end_of_a_token_is_believed_within_reason(told: object, life: float) -> None:
    assert oauth.read_tokens(ENDPOINTS, good(expires_in=told), NOW).expires == NOW + life


@given(some.binary(max_size=300) | some.text().map(str.encode))
def test_garbage_is_garbage(content: bytes) -> None:
    with pytest.raises(EilboteError):
        oauth.read_tokens(ENDPOINTS, Heard(200, Secret(content.decode("latin-1"))), NOW)


@pytest.mark.parametrize(
    "told",
    [
        {"access_token": "a b\r\nc", "token_type": "Bearer"},
        {"access_token": "ü", "token_type": "Bearer"},
        {"access_token": "x" * 20_000, "token_type": "Bearer"},
        {"access_token": 7, "token_type": "Bearer"},
        {"access_token": "a", "token_type": "mac"},
        {"token_type": "Bearer"},
        {"access_token": "a", "token_type": "Bearer", "refresh_token": ["b"]},
    ],
)
def test_a_token_that_cannot_be_sent_is_not_taken(told: object) -> None:
    with pytest.raises(Garbled):
        oauth.read_tokens(ENDPOINTS, heard(200, told), NOW)


# --- codes typed elsewhere


def device(**more: object) -> Device:
    told = {
        "device_code": "dc",
        "user_code": "ABCD-EFGH",
        "verification_uri": "https://id.example.org/activate",
        "expires_in": 600,
        **more,
    }
    return oauth.read_device(ENDPOINTS, heard(200, told), NOW)


def driven(
    flow: Generator[Wait | Form, float | Heard | None, Tokens], answers: list[Heard | None]
) -> tuple[list[float], Tokens]:
    """Answers the flow's questions in turn; time passes by its waits alone."""
    waits, now, step = list[float](), NOW, flow.send(None)
    try:
        while True:
            if isinstance(step, Wait):
                waits.append(step.seconds)
                now += step.seconds
                step = flow.send(now)
            else:
                assert fields(step)["device_code"] == "dc"
                step = flow.send(answers.pop(0))
    except StopIteration as ended:
        return waits, ended.value


PENDING, SLOWER = heard(400, {"error": "authorization_pending"}), heard(400, {"error": "slow_down"})


def test_the_code_is_asked_for_no_faster_than_allowed() -> None:
    """RFC 8628 section 3.5: five seconds more after each slow_down, for good."""
    flow = oauth.await_device(ENDPOINTS, CLIENT, device(interval=3), NOW)
    waits, tokens = driven(flow, [PENDING, SLOWER, PENDING, SLOWER, good()])
    assert waits == [3.0, 3.0, 8.0, 8.0, 13.0]
    assert tokens.access.reveal() == "at"


def test_a_server_that_is_away_is_asked_ever_slower() -> None:
    flow = oauth.await_device(ENDPOINTS, CLIENT, device(), NOW)
    waits, _ = driven(flow, [None, heard(502, ""), None, good()])
    assert waits == [5.0, 10.0, 20.0, 40.0]


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([heard(400, {"error": "expired_token"})], "oauth.expired"),
        ([heard(400, {"error": "access_denied"})], "oauth.denied"),
        ([PENDING] * 1000, "oauth.expired"),
    ],
)
def test_a_code_that_leads_nowhere_ends(answers: list[Heard | None], code: str) -> None:
    with pytest.raises(Refused) as refused:
        driven(oauth.await_device(ENDPOINTS, CLIENT, device(), NOW), answers)
    assert refused.value.problem.code == code


@pytest.mark.parametrize(
    "more",
    [
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": "http://id.example.org/activate"},
        {"verification_uri": "https://user@id.example.org/"},
        {"verification_uri": "https://id.example.org/\x1b[2J"},
        {"user_code": "A\x1b[31mB"},
        {"user_code": ""},
        {"device_code": None},
    ],
)
def test_nobody_is_sent_to_a_page_of_another_kind(more: dict[str, object]) -> None:
    with pytest.raises(Garbled):
        device(**more)


def test_a_server_without_codes_is_not_asked_for_one() -> None:
    with pytest.raises(Misused):
        oauth.device_form(Endpoints("https://a", "https://a/a", "https://a/t"), CLIENT)


# --- a server's description of itself


METADATA = {
    "issuer": "https://id.example.org",
    "authorization_endpoint": "https://id.example.org/a",
    "token_endpoint": "https://id.example.org/t",
}


def read(**more: object) -> Endpoints:
    return oauth.read_metadata(json.dumps({**METADATA, **more}).encode(), "https://id.example.org", "mail")


def test_a_description_is_read() -> None:
    found = read(device_authorization_endpoint="https://id.example.org/d")
    assert (found.authorize, found.token, found.device) == tuple(
        f"https://id.example.org/{name}" for name in "atd"
    )


@pytest.mark.parametrize(
    "more",
    [
        {"issuer": "https://evil.example.org"},
        {"token_endpoint": "http://id.example.org/t"},
        {"authorization_endpoint": "file:///etc/passwd"},
        {"authorization_endpoint": ""},
        {"device_authorization_endpoint": 7},
    ],
)
def test_a_description_of_another_or_without_tls_is_not_believed(more: dict[str, object]) -> None:
    with pytest.raises(Garbled):
        read(**more)


def test_where_a_description_lies() -> None:
    """RFC 8414 section 3.1: between the host and the path."""
    assert oauth.metadata_urls("https://example.org/tenant") == (
        "https://example.org/.well-known/oauth-authorization-server/tenant",
        "https://example.org/tenant/.well-known/openid-configuration",
    )


@pytest.mark.parametrize(
    "text", ["http://a.example", "a.example", "https://", "https://a?b", "https://u@a", "https://a#b"]
)
def test_what_is_no_issuer(text: str) -> None:
    with pytest.raises(Misused):
        oauth.checked_issuer(text)
