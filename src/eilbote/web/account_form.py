"""What the forms about an account say: its login, its servers, what is kept of its mail. A password that was
typed leaves here as a Secret and is never shown again.
"""

from __future__ import annotations

from msgspec import Struct

from eilbote.discovery.values import Protocol, Source
from eilbote.engine.app import App
from eilbote.engine.backoff import LOGIN_CODES
from eilbote.engine.checkups import cause_heard
from eilbote.engine.discover import Discovered, Tried
from eilbote.engine.setup import Wanted
from eilbote.errors import Misused, Problem
from eilbote.mail.keep import Keep, read_keep
from eilbote.providers.values import Login, Provider
from eilbote.secret import Secret
from eilbote.store.values import Account, AuthKind, Server
from eilbote.web.remedies import Remedy, of_account, remedy_for
from eilbote.web.visit import Visit

_LONGEST = 1024
_SECURITIES = ("tls", "starttls", "none")


class ServerField(Struct, frozen=True):
    """One server as it stands in three fields."""

    host: str = ""
    port: str = ""
    security: str = ""

    @property
    def text(self) -> str:
        """As `Wanted` has it; empty where no host was given."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if host and self.port else host

    @property
    def kind(self) -> str | None:
        """How the line is protected; None: as the port says. Misused `account.bad_security`."""
        if self.security and self.security not in _SECURITIES:
            raise Misused("account.bad_security")
        return self.security or None


class AccountFields(Struct, frozen=True):
    """The fields of an account, its secret left out. `kind`: `imap`, `pop3` or `local`."""

    kind: str = "imap"
    name: str = ""
    user: str = ""
    receiving: ServerField = ServerField()
    sending: ServerField = ServerField()

    def wanted(self, address: str, provider: Provider | None, auth: AuthKind) -> Wanted:
        """What is asked for. Misused `account.bad_security`, `account.server_missing`."""
        given = self.receiving.text
        if self.kind == "pop3" and not given and provider is not None and provider.pop3 is not None:
            given = f"{provider.pop3.host}:{provider.pop3.port}"
        if self.kind != "local" and not given and (provider is None or self.kind == "pop3"):
            raise Misused("account.server_missing")
        return Wanted(
            address,
            name=self.name,
            user=self.user,
            imap=given if self.kind == "imap" else "",
            pop3=given if self.kind == "pop3" else "",
            smtp=self.sending.text,
            security=self.receiving.kind if self.kind != "local" else self.sending.kind,
            smtp_security=self.sending.kind,
            auth=auth,
            local=self.kind == "local",
        )


def typed_fields(visit: Visit) -> AccountFields:
    """As they were typed."""
    kind = visit.field("kind")
    return AccountFields(
        kind if kind in ("imap", "pop3", "local") else "imap",
        visit.field("name").strip(),
        visit.field("user").strip(),
        _server(visit, "in"),
        _server(visit, "out"),
    )


def fields_of(account: Account) -> AccountFields:
    """An account that is there, to be changed."""
    received = account.imap or account.pop3
    kind = "imap" if account.imap else "pop3" if account.pop3 else "local"
    return AccountFields(kind, account.name, account.user, _shown(received), _shown(account.smtp))


def found_fields(found: Discovered) -> AccountFields:
    """Servers that were found, to be looked at before a password is typed. Of a provider that the table knows
    they are known, reached or not."""
    receiving = found.imap or found.pop3
    if receiving is None and found.provider is not None:
        named = {one.candidate.protocol: one for one in reversed(found.tried) if _is_theirs(one)}
        return AccountFields(
            receiving=_found(named.get(Protocol.IMAP)), sending=_found(named.get(Protocol.SMTP))
        )
    return AccountFields(
        "pop3" if found.imap is None and found.pop3 is not None else "imap",
        user=receiving.candidate.user if receiving else "",
        receiving=_found(receiving),
        sending=_found(found.smtp),
    )


def typed_secret(visit: Visit) -> Secret:
    """The password or token of the form, empty where none was typed."""
    return Secret(visit.field("password")[:_LONGEST])


def auth_kind(provider: Provider | None) -> AuthKind:
    """What kind of secret the provider takes."""
    return AuthKind.OAUTH if provider is not None and provider.login is Login.OAUTH else AuthKind.PASSWORD


def typed_keep(visit: Visit) -> Keep:
    """What is to be kept of each mail. Misused `keep.unknown`."""
    match visit.field("keep"):
        case "days":
            return read_keep(f"days:{visit.field('days')[:10]}")
        case "size":
            return read_keep(f"size:{visit.field('megabytes')[:10]}M")
        case other:
            return read_keep(other[:40])


def remedy(problem: Problem) -> Remedy:
    """Which form puts right what no server has said anything about."""
    if problem.code.startswith("oauth.") and problem.retry_after is None:
        return Remedy.SIGN_IN
    if problem.code == "net.certificate":
        return Remedy.TRUST
    return Remedy.PASSWORD if problem.code in LOGIN_CODES else Remedy.SERVERS


def wrong_with(app: App, account: Account, problem: Problem | None) -> dict[str, object]:
    """What pages show of a problem of an account: the doctor's cause of an answer that is there, and the
    form that puts it right."""
    if problem is None:
        return {"wrong": None, "heard": None, "way": None}
    heard = cause_heard(app, account, problem)
    way = remedy_for(heard) if heard is not None else remedy(problem)
    return {"wrong": problem, "heard": heard, "way": of_account(way, account)}


def spelled(fingerprint: str) -> str:
    """A fingerprint as programs show it, to be compared: pairs with colons between them."""
    digits = fingerprint.replace(":", "").upper()
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def _server(visit: Visit, prefix: str) -> ServerField:
    host, port, security = (visit.field(f"{prefix}_{part}").strip() for part in ("host", "port", "security"))
    return ServerField(host[:300], port[:10], security)


def _found(tried: Tried | None) -> ServerField:
    if tried is None:
        return ServerField()
    one = tried.candidate
    return ServerField(one.host, str(one.port), one.security)


def _is_theirs(tried: Tried) -> bool:
    return tried.candidate.source in (Source.PROVIDER, Source.MX)


def _shown(server: Server | None) -> ServerField:
    return ServerField(server.host, str(server.port), server.security.value) if server else ServerField()
