"""What the page can do about a cause of the doctor's: the form or the way that its next step is."""

from __future__ import annotations

from enum import StrEnum

from eilbote.diagnosis.values import Cause, Who
from eilbote.engine.authorize import sign_in_of
from eilbote.store.values import Account, AuthKind


class Remedy(StrEnum):
    """`enable`: let programs in at the provider's, then test again; `test`: put right elsewhere, then test
    again."""

    PASSWORD = "password"  # noqa: S105  # a form
    SIGN_IN = "sign-in"
    SERVERS = "servers"
    TRUST = "trust"
    ENABLE = "enable"
    ADDRESSES = "addresses"
    DOMAIN = "domain"
    NOTHING = "nothing"
    TEST = "test"


_TRUSTED = ("certificate.self_signed", "certificate.unknown_authority")
_BY_CODE = {
    "admin.security_defaults": Remedy.SIGN_IN,
    "password.readable_key": Remedy.TEST,
    "oauth_only.soon": Remedy.TEST,
    "oauth_only.registration": Remedy.TEST,
    "certificate.wrong_name": Remedy.SERVERS,
    "dns.no_such_host": Remedy.SERVERS,
    "dns.no_address": Remedy.SERVERS,
    "dns.no_reverse_name": Remedy.DOMAIN,
    "host_down.or_network": Remedy.SERVERS,
    "server.wrong_service": Remedy.SERVERS,
    "server.no_login": Remedy.SERVERS,
    "server.login_disabled": Remedy.SERVERS,
    "spam.unauthenticated": Remedy.DOMAIN,
    "spam.unproven": Remedy.DOMAIN,
    "tls.wrong_kind": Remedy.SERVERS,
    "tls.no_starttls": Remedy.SERVERS,
    "tls.starttls_refused": Remedy.SERVERS,
    "tls.needed": Remedy.SERVERS,
}
_BY_WORD = {
    "password": Remedy.PASSWORD,
    "app_password": Remedy.PASSWORD,
    "oauth_only": Remedy.SIGN_IN,
    "service_off": Remedy.ENABLE,
    "refused": Remedy.SERVERS,
    "relay": Remedy.SERVERS,
    "sender": Remedy.ADDRESSES,
    "none": Remedy.NOTHING,
}


def remedy_for(cause: Cause) -> Remedy:
    """Of any account. Where a certificate may be trusted, the cause names its fingerprint."""
    if cause.code in _TRUSTED and cause.parameters.get("fingerprint"):
        return Remedy.TRUST
    if cause.who is Who.DOMAIN and cause.code.startswith(("dns.", "spam.", "none.remarks")):
        return Remedy.DOMAIN
    return _BY_CODE.get(cause.code) or _BY_WORD.get(cause.code.partition(".")[0], Remedy.TEST)


def of_account(remedy: Remedy, account: Account) -> Remedy:
    """The same for this account: who has signed in at the provider types no password, and where nobody can
    sign in, a token is typed."""
    match remedy:
        case Remedy.PASSWORD if account.auth is AuthKind.SIGNED_IN:
            return Remedy.SIGN_IN
        case Remedy.SIGN_IN if account.auth is not AuthKind.SIGNED_IN:
            servers = (account.imap, account.pop3, account.smtp)
            return Remedy.SIGN_IN if sign_in_of(servers) is not None else Remedy.PASSWORD
        case _:
            return remedy
