"""What an authorization server's no means, and who has to do something about it (doctor.md, OA01 to OA06).

Pure. The server's own words are quoted, cut and without line ends; no secret of ours is ever among them.
"""

from __future__ import annotations

import re

from eilbote.errors import EilboteError, Refused

_LONGEST = 300

_AADSTS = re.compile(r"\bAADSTS([0-9]{4,8})\b")

# Microsoft says with a number what RFC 6749's few words leave open:
# learn.microsoft.com/entra/identity-platform/reference-error-codes (general knowledge but for 50011)
_MICROSOFT = {
    "50011": "oauth.wrong_redirect",
    "500113": "oauth.wrong_redirect",
    "700016": "oauth.wrong_client",
    "7000215": "oauth.wrong_client",
    "7000218": "oauth.wrong_client",
    "7000222": "oauth.client_expired",
    "65001": "oauth.needs_consent",
    "65004": "oauth.denied",
    "90094": "oauth.needs_admin",
    "50076": "oauth.second_factor",
    "50079": "oauth.second_factor",
    "53003": "oauth.forbidden",
    "53000": "oauth.forbidden",
    "70008": "oauth.sign_in_again",
    "700082": "oauth.sign_in_again",
    "700084": "oauth.sign_in_again",
    "50173": "oauth.sign_in_again",
    "70000": "oauth.sign_in_again",
    "70011": "oauth.wrong_scope",
    "50020": "oauth.wrong_tenant",
    "50194": "oauth.wrong_tenant",
}

# RFC 6749 sections 4.1.2.1 and 5.2, RFC 8628 section 3.5, and Google's own words
_STANDARD = {
    "access_denied": "oauth.denied",
    "invalid_grant": "oauth.sign_in_again",
    "expired_token": "oauth.expired",
    "invalid_client": "oauth.wrong_client",
    "unauthorized_client": "oauth.wrong_client",
    "deleted_client": "oauth.wrong_client",
    "disabled_client": "oauth.wrong_client",
    "redirect_uri_mismatch": "oauth.wrong_redirect",
    "invalid_scope": "oauth.wrong_scope",
    "insufficient_scope": "oauth.wrong_scope",
    "consent_required": "oauth.needs_consent",
    "interaction_required": "oauth.sign_in_again",
    "login_required": "oauth.sign_in_again",
    "admin_policy_enforced": "oauth.needs_admin",
    "org_internal": "oauth.needs_admin",
}


def refusal(error: str, description: str, host: str) -> EilboteError:
    """The server's no as a Refused `oauth.…` with its words; `oauth.refused` for what nobody has mapped."""
    text = _said(error, description)
    number = _AADSTS.search(description)
    code = _MICROSOFT.get(number[1]) if number else None
    if code is None and "redirect" in description.lower() and error in ("invalid_request", "invalid_grant"):
        code = "oauth.wrong_redirect"
    return _refused(code or _STANDARD.get(error, "oauth.refused"), host, text)


def _refused(code: str, host: str, text: str) -> EilboteError:
    match code:
        case "oauth.denied":
            return Refused("oauth.denied", host=host, text=text)
        case "oauth.sign_in_again":
            return Refused("oauth.sign_in_again", host=host, text=text)
        case "oauth.expired":
            return Refused("oauth.expired", host=host)
        case "oauth.wrong_client":
            return Refused("oauth.wrong_client", host=host, text=text)
        case "oauth.client_expired":
            return Refused("oauth.client_expired", host=host, text=text)
        case "oauth.wrong_redirect":
            return Refused("oauth.wrong_redirect", host=host, text=text)
        case "oauth.wrong_scope":
            return Refused("oauth.wrong_scope", host=host, text=text)
        case "oauth.wrong_tenant":
            return Refused("oauth.wrong_tenant", host=host, text=text)
        case "oauth.needs_consent":
            return Refused("oauth.needs_consent", host=host, text=text)
        case "oauth.needs_admin":
            return Refused("oauth.needs_admin", host=host, text=text)
        case "oauth.second_factor":
            return Refused("oauth.second_factor", host=host, text=text)
        case "oauth.forbidden":
            return Refused("oauth.forbidden", host=host, text=text)
        case _:
            return Refused("oauth.refused", host=host, text=text)


def _said(error: str, description: str) -> str:
    words = " ".join(f"{error}: {description}".split() if description else error.split())
    return "".join(mark for mark in words if mark.isprintable())[:_LONGEST]
