"""What the built-in table says of a provider, as candidates."""

from __future__ import annotations

from eilbote.discovery.values import Candidate, Protocol, Source, Told
from eilbote.providers.values import Login, Provider


def candidates_of(provider: Provider, address: str, source: Source, mail_server: str = "") -> Told:
    """The servers of a row. `mail_server`: the host that takes the domain's mail, by which the row was
    found; where a provider's servers have the name of that host, it is put in place."""
    local = address.rpartition("@")[0]
    servers = (
        (Protocol.IMAP, provider.imap, provider.user_is_local_part),
        (Protocol.POP3, provider.pop3, provider.user_is_local_part),
        (Protocol.SMTP, provider.smtp, provider.smtp_user_is_local_part),
    )
    # Of an address in a domain of one's own the local part says nothing to the provider.
    short = source is Source.PROVIDER
    candidates = tuple(
        Candidate(
            protocol,
            server.host.replace("%MX%", mail_server),
            server.port,
            server.security,
            source,
            f"{provider.id} {provider.checked.isoformat()}",
            user=local if is_local and short else address,
            oauth_only=provider.login is Login.OAUTH,
        )
        for protocol, server, is_local in servers
        if server is not None and ("%MX%" not in server.host or mail_server)
    )
    return Told(source, candidates, where=provider.id, name=provider.name)
