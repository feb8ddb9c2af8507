"""What a receiving server found out about who a mail is from (Authentication-Results, RFC 8601), and whose
word on that counts.

Such a field is only as good as the server that wrote it: anybody can send one along. Never raises; bounded.
"""

from __future__ import annotations

import re

from msgspec import Struct

from eilbote.mail.headers import Headers
from eilbote.mail.hops import hops_of, is_host_name, without_comments
from eilbote.mail.words import clean

MAX_RESULTS = 30
"""Of one field."""

_LONGEST = 8000
_SERVER = re.compile(r"\s*([A-Za-z0-9][\w.-]{0,250})(?:\s+\d+)?\s*;")
_RESULT = re.compile(r"\s*([A-Za-z][\w-]{0,30})\s*(?:/\s*\d+\s*)?=\s*([A-Za-z]+)")
_PROPERTY = re.compile(
    r"\b((?:smtp|header|policy|body)\.[\w-]{1,30})\s*=\s*(?:\"([^\"]{0,300})\"|([^\s;\"]{1,300}))"
)
_MICROSOFT = "outlook.com"


class Result(Struct, frozen=True):
    """One check: its method and result in lower case, and the properties that it names, `smtp.mailfrom`,
    `header.from`, `header.d`."""

    method: str
    result: str
    properties: tuple[tuple[str, str], ...] = ()

    def named(self, *names: str) -> str:
        """The first of these properties that is there, in lower case."""
        found = dict(self.properties)
        return next((found[name].lower() for name in names if name in found), "")


class AuthResults(Struct, frozen=True):
    """What the server of this name (lower case) says; the name is empty where it gave none."""

    server: str
    results: tuple[Result, ...]


def read_auth_results(field: str) -> AuthResults:
    """One field's value, decoded or not."""
    text = without_comments(clean(field[:_LONGEST]))
    named = _SERVER.match(text)
    found = []
    for piece in text[named.end() if named else 0 :].split(";")[:MAX_RESULTS]:
        if result := _RESULT.match(piece):
            properties = tuple((one[0].lower(), one[1] or one[2]) for one in _PROPERTY.findall(piece)[:10])
            found.append(Result(result[1].lower(), result[2].lower(), properties))
    return AuthResults(named[1].lower() if named else "", tuple(found))


def own_results(headers: Headers) -> AuthResults | None:
    """What the server that keeps the mail says of it, None where it says nothing.

    RFC 8601 section 5 has a server take out what others wrote in its name, and it writes above what was
    there: so the first field counts, and only where it names the server that the topmost Received names.
    """
    fields = headers.sources("Authentication-Results")
    if not fields:
        return None
    first = read_auth_results(fields[0])
    for hop in hops_of(headers):
        host = hop.host.lower().rstrip(".")
        if not hop.own:
            return None
        if not is_host_name(host):
            continue  # one machine's word to another within the provider
        if not first.server and host.endswith(f".{_MICROSOFT}"):
            return AuthResults(_MICROSOFT, first.results)  # Microsoft gives no name, and strips others'
        return first if _is_same(first.server, host) else None
    return None


def voucher_for(headers: Headers, domain: str) -> str:
    """The name of the server that vouches for the mail being from `domain`; empty where none does. DMARC
    says so, or a signature of this domain or one above it (RFC 7489 section 3.1.1, relaxed)."""
    own = own_results(headers)
    domain = domain.lower().rstrip(".")
    if own is None or not domain:
        return ""
    checked = [one for one in own.results if one.method == "dmarc"]
    if checked:
        vouched = checked[0].result == "pass" and checked[0].named("header.from") in (domain, "")
        return own.server if vouched else ""
    for one in own.results:
        signer = one.named("header.d", "header.i").rpartition("@")[2]
        aligned = "." in signer and f".{domain}".endswith(f".{signer}")
        if one.method == "dkim" and one.result == "pass" and aligned:
            return own.server
    return ""


def _is_same(server: str, host: str) -> bool:
    """Whether two names are those of one provider: equal, one below the other, or neighbours."""
    if "." not in server:
        return False
    above = host.partition(".")[2]
    return (
        host == server
        or host.endswith(f".{server}")
        or ("." in above and (server == above or server.endswith(f".{above}")))
    )
