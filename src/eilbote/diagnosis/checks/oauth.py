"""OA and AUTH14: why there is no access token, in the words of whoever gives them out."""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.diagnosis.evidence import LoggedIn, SecretShape
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.values import Confidence, Finding, Verdict, Who

_REGISTRATION = "oauth_only.registration"
_MEANINGS = {
    "oauth.wrong_redirect": ("OA01", _REGISTRATION, Who.YOU),
    "oauth.wrong_client": ("OA02", _REGISTRATION, Who.YOU),
    "oauth.client_expired": ("OA02", _REGISTRATION, Who.YOU),
    "oauth.needs_secret": ("OA02", _REGISTRATION, Who.YOU),
    "oauth.no_client": ("OA02", _REGISTRATION, Who.YOU),
    "oauth.bad_client_file": ("OA02", _REGISTRATION, Who.YOU),
    "oauth.wrong_scope": ("OA03", "oauth_only.scope", Who.YOU),
    "oauth.needs_consent": ("OA04", "admin.consent", Who.DOMAIN),
    "oauth.needs_admin": ("OA04", "admin.consent", Who.DOMAIN),
    "oauth.second_factor": ("OA05", "admin.conditional_access", Who.DOMAIN),
    "oauth.forbidden": ("OA05", "admin.conditional_access", Who.DOMAIN),
    "oauth.wrong_tenant": ("OA05", "admin.conditional_access", Who.DOMAIN),
    "oauth.sign_in_again": ("OA06", "oauth_only.sign_in_again", Who.YOU),
    "oauth.not_signed_in": ("OA06", "oauth_only.sign_in_again", Who.YOU),
    "oauth.expired": ("OA06", "oauth_only.sign_in_again", Who.YOU),
    "oauth.denied": ("OA06", "oauth_only.sign_in_again", Who.YOU),
}
_LATER = ("oauth.unavailable", "oauth.unreachable", "oauth.not_in_time")


def judge_token_clock(findings: Sequence[Finding]) -> list[Finding]:
    """OA08: tokens are good for a time, so that the clock has to be right (ENV01)."""
    clocks = [one for one in findings if one.id == "ENV01" and one.verdict is not Verdict.SKIP]
    if not clocks:
        return []
    wrong = next((one for one in clocks if one.verdict is Verdict.FAIL), None)
    if wrong is None:
        return [found("OA08", Verdict.PASS)]
    length = wrong.parameters.get("length", "")
    return [found("OA08", Verdict.FAIL, "wrong", cause="clock.wrong", sure=wrong.confidence, length=length)]


def judge_token_answer(login: LoggedIn) -> list[Finding]:
    """OA07: the answer to a token that was refused is JSON in Base64 (RFC 7628 section 3.2.2); shown as it
    reads."""
    if not login.token:
        return []
    return [found("OA07", Verdict.INFO, "told", at=login.place, seen=login.token, told=login.token)]


def judge_token(shape: SecretShape) -> Finding | None:
    """Why no token could be had; None where that is not what went wrong."""
    if not shape.problem.startswith("oauth."):
        return None
    later = shape.problem in _LATER
    check, cause, who = _MEANINGS.get(shape.problem, ("AUTH14", "oauth_only.refused", Who.YOU))
    if later:
        check, cause, who = "AUTH14", "temporary.sign_in", Who.PROVIDER
    return Finding(
        id=check,
        verdict=Verdict.ERROR if later else Verdict.FAIL,
        text=shape.problem,
        parameters=shape.told,
        seen=shape.told.get("text", shape.problem),
        who=who,
        confidence=Confidence.LIKELY if check == "AUTH14" else Confidence.CERTAIN,
        cause=cause,
    )
