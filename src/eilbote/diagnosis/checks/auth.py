"""AUTH: the shape of the secret, whether a login may be tried, and what the answer means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime

from msgspec.structs import replace

from eilbote.diagnosis.checks.oauth import judge_token, judge_token_answer
from eilbote.diagnosis.evidence import Conversed, LoggedIn, Place, Protocol, Remembered, SecretShape, Target
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.replies import Meaning, families_of, family_of, judge_reply
from eilbote.diagnosis.values import Confidence, Finding, Verdict, Who
from eilbote.diagnosis.whose import found_reply, login_check
from eilbote.providers.table import providers
from eilbote.providers.values import Login, Provider

MOST_REFUSED = 3
"""Refused logins of an account within `WINDOW_SECONDS`, after which none is tried."""

WINDOW_SECONDS = 900.0

_RECENTLY = 600.0
_APP_PASSWORDS = {
    "google": ((16,), (4, 4, 4, 4)),
    "apple": ((4, 4, 4, 4),),
    "yahoo": ((16,), (4, 4, 4, 4)),
}
_TEMPORARY = ("imap.unavailable", "smtp.unavailable", "pop3.unavailable", "imap.throttled", "imap.bye")


def provider_row(provider: str) -> Provider | None:
    """The row of the table with this id."""
    return next((one for one in providers() if one.id == provider), None)


def judge_secret(shape: SecretShape, provider: str, *, oauth: bool) -> list[Finding]:
    """AUTH01: mistakes of typing and copying, without the network; of an access token only why there is
    none."""
    if (token := judge_token(shape)) is not None:
        return [token]
    if shape.problem:
        return [found("AUTH01", Verdict.ERROR, "none", cause="password.missing", code=shape.problem)]
    if oauth:
        return [found("AUTH14", Verdict.PASS)]
    row = provider_row(provider)
    name = row.name if row is not None else provider
    if shape.line_break or shape.edge_blank:
        return [found("AUTH01", Verdict.WARN, "blank", cause="password.typing", sure=Confidence.LIKELY)]
    if shape.odd_dash:
        return [found("AUTH01", Verdict.WARN, "dash", cause="password.typing", sure=Confidence.LIKELY)]
    if row is not None and row.login is Login.APP_PASSWORD and not is_app_password(shape, provider):
        return [
            found(
                "AUTH01",
                Verdict.WARN,
                "no_app_password",
                cause="app_password.shape",
                sure=Confidence.LIKELY,
                provider=name,
            )
        ]
    if shape.non_ascii:
        return [found("AUTH01", Verdict.INFO, "letters")]
    return [found("AUTH01", Verdict.PASS)]


def is_app_password(shape: SecretShape, provider: str) -> bool:
    """The secret looks as this provider's app passwords do; True where nothing is known of them."""
    forms = _APP_PASSWORDS.get(family_of(provider))
    return forms is None or (shape.is_letters and shape.groups in forms)


def forbidden(place: Place, target: Target, now: float) -> Finding | None:
    """AUTH02: a password that cannot work by the provider's own word; then none is sent."""
    row = provider_row(place.provider)
    if target.oauth or row is None or row.login is not Login.OAUTH:
        return None
    until = row.sending.passwords_until if row.sending is not None else None
    if place.protocol is Protocol.SMTP and until is not None and today(now) <= until:
        return None  # still taken for sending, up to that day
    return found(
        "AUTH02",
        Verdict.FAIL,
        "oauth_only",
        at=place,
        cause="oauth_only.microsoft" if family_of(place.provider) == "microsoft" else "oauth_only.provider",
        provider=row.name,
        checked=row.checked.isoformat(),
    )


def ends_soon(place: Place, target: Target, now: float) -> Finding | None:
    """Sending by password that the provider has announced the end of."""
    row = provider_row(place.provider)
    if target.oauth or row is None or row.sending is None or place.protocol is not Protocol.SMTP:
        return None
    until = row.sending.passwords_until
    if until is None or today(now) > until:
        return None
    return found(
        "AUTH02",
        Verdict.WARN,
        "ends",
        at=place,
        cause="oauth_only.soon",
        provider=row.name,
        until=until.isoformat(),
        month=until.isoformat(),
    )


def today(now: float) -> date:
    return datetime.fromtimestamp(now, UTC).date()


def judge_login(
    login: LoggedIn, before: Conversed | None, target: Target, shape: SecretShape | None, now: float
) -> list[Finding]:
    """What came of one login."""
    place = login.place
    check = "SMTP05" if place.protocol is Protocol.SMTP else "AUTH03"
    if login.skipped:
        return [blocked(place)]
    if not login.problem:
        return [found(check, Verdict.PASS, at=place, ms=login.ms)]
    if login.problem.startswith("net."):
        return [
            found(
                check,
                Verdict.ERROR,
                "line",
                at=place,
                cause="temporary.line",
                sure=Confidence.LIKELY,
                seen=login.problem,
                ms=login.ms,
            )
        ]
    if login.problem.endswith((".no_mechanism", ".login_disabled")):
        only_tokens = "OAUTH" in login.text.upper()
        cause = "oauth_only.offered" if only_tokens else "server.no_mechanism"
        case = "only_token" if only_tokens else "none_shared"
        mechanisms = "SMTP05" if place.protocol is Protocol.SMTP else "IMAP05"
        return [found(mechanisms, Verdict.FAIL, case, at=place, cause=cause, offered=login.text)]
    if login.garbled:
        meaning = Meaning("server.our_fault", Confidence.LIKELY)
        told = login.text or login.problem
        return [found_reply(login_check(meaning.cause, place.protocol), meaning, place, told, ms=login.ms)]
    banner = before.banner if before is not None else ""
    meaning = meaning_of(login, place, banner, target, shape, now)
    refused = found_reply(login_check(meaning.cause, place.protocol), meaning, place, login.text, ms=login.ms)
    return [refused, *judge_token_answer(login)]


def meaning_of(
    login: LoggedIn, place: Place, banner: str, target: Target, shape: SecretShape | None, now: float
) -> Meaning:
    """The answer's meaning, and what is known besides: what was said before it, whether the login worked a
    moment ago, whether the secret looks like an app password."""
    families = families_of(place.provider, banner)
    meaning = judge_reply(login.text, place.protocol, families, login.response or _code_in(login.said))
    if meaning.confidence is not Confidence.CERTAIN:
        for line in reversed(login.said):
            told = line[2:] if line.startswith("< ") else ""
            if told and not told.upper().startswith(("* OK", "* CAPABILITY", "250", "220", "+OK")):
                other = judge_reply(told, place.protocol, families)
                if other.known and other.confidence is Confidence.CERTAIN:
                    meaning = other
                    break
    if login.problem == "imap.too_many_connections" and not meaning.cause.startswith("connections"):
        meaning = Meaning("connections.too_many", Confidence.CERTAIN)
    if login.problem in _TEMPORARY and meaning.cause.startswith(("password", "app_password")):
        meaning = Meaning("temporary.server", Confidence.LIKELY)
    return refined(meaning, place, target, shape, now)


def _code_in(said: Sequence[str]) -> str:
    """The response code of the last refusal in a dialogue of IMAP."""
    for line in reversed(said):
        told = re.match(r"< \S+ (?:NO|BAD) \[([A-Z/-]+)", line, re.IGNORECASE)
        if told:
            return told[1].upper()
    return ""


def refined(meaning: Meaning, place: Place, target: Target, shape: SecretShape | None, now: float) -> Meaning:
    """A meaning by what else is known of the account."""
    worked = target.worked
    plain_no = meaning.cause in ("password.wrong", "password.unclear")
    if plain_no and target.oauth:
        return replace(meaning, cause="oauth_only.sign_in_again", confidence=Confidence.LIKELY)
    if plain_no and worked is not None and now - worked < _RECENTLY:
        # Some servers say "wrong password" where too many lines are open.
        return replace(meaning, cause="connections.as_password", confidence=Confidence.GUESS)
    if meaning.cause == "app_password.google_or_password":
        mine = shape is not None and is_app_password(shape, "gmail")
        return replace(meaning, cause="password.app_password" if mine else "app_password.google")
    if meaning.cause == "password.wrong" and worked is not None and meaning.confidence is Confidence.LIKELY:
        return replace(meaning, cause="password.worked_before")
    if plain_no:
        row = provider_row(place.provider)
        if row is not None and row.login is Login.APP_PASSWORD:
            if shape is not None and not is_app_password(shape, place.provider):
                return replace(meaning, cause="app_password.needed", confidence=Confidence.LIKELY)
        elif row is not None and row.login is Login.ENABLE:
            return replace(meaning, cause="service_off.or_password", confidence=Confidence.GUESS)
    return meaning


def judge_remembered(
    remembered: Remembered, target: Target, shape: SecretShape | None, now: float
) -> Finding | None:
    """What the answer means that an account is kept as failing for; None where it tells nothing of a
    login."""
    place = next((one for one in target.places if one.protocol is remembered.protocol), None)
    if place is None or not remembered.code.startswith(("imap.", "smtp.", "pop3.")) or not remembered.text:
        return None
    login = LoggedIn(place, remembered.code, remembered.text, remembered.response, sent=False)
    findings = judge_login(login, None, target, shape, now)
    return findings[0] if findings else None


def judge_identity(place: Place, target: Target) -> list[Finding]:
    """AUTH15, after a login by token, which only its own user may use: whose mailbox it is, as the SASL name
    tells. A password may belong to a name of any form."""
    if not target.oauth or not target.user:
        return []
    same = "@" not in target.user or target.user.lower() == target.address.lower()
    if same:
        return [found("AUTH15", Verdict.PASS, at=place)]
    return [
        found(
            "AUTH15",
            Verdict.WARN,
            "other",
            at=place,
            cause="address.other_user",
            sure=Confidence.LIKELY,
            user=target.user,
            address=target.address,
        )
    ]


def judge_halves(logins: Sequence[LoggedIn], findings: Sequence[Finding]) -> Finding | None:
    """AUTH04: one half lets us in and the other does not."""
    tried = [one for one in logins if not one.skipped]
    good = [one for one in tried if not one.problem]
    bad = [one for one in tried if one.problem]
    if not good or not bad or not any(one.verdict is Verdict.FAIL for one in findings):
        return None
    return found(
        "AUTH04",
        Verdict.INFO,
        "half",
        good=good[0].place.protocol.value.upper(),
        bad=bad[0].place.protocol.value.upper(),
    )


def may_try(target: Target, tried: int) -> bool:
    """Whether one more login is within the limit; `tried`: those of this run."""
    return target.refused + tried < MOST_REFUSED


def blocked(place: Place) -> Finding:
    """No login is tried, so that nobody is locked out."""
    check = "SMTP05" if place.protocol is Protocol.SMTP else "AUTH11"
    return found(
        check, Verdict.ERROR, "limit", at=place, cause="rate.own_limit", who=Who.YOU, most=MOST_REFUSED
    )
