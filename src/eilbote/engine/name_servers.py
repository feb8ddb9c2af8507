"""The name servers that the settings name."""

from __future__ import annotations

from eilbote.config import Config, split_name_server
from eilbote.net.dns import NameServer


def name_servers_of(config: Config) -> tuple[NameServer, ...]:
    """Those of `dns_servers`; none where the system's are meant."""
    return tuple(NameServer(*split_name_server(one)) for one in config.dns_servers.split())
