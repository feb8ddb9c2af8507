"""The name servers that the settings name, and those of the system."""

from __future__ import annotations

from eilbote.config import Config, split_name_server
from eilbote.net.dns import NameServer, system_servers


def name_servers_of(config: Config) -> tuple[NameServer, ...]:
    """Those of `dns_servers`; none where the system's are meant."""
    return tuple(NameServer(*split_name_server(one)) for one in config.dns_servers.split())


def system_name_servers() -> tuple[NameServer, ...]:
    """Those that are asked where the settings name none."""
    return system_servers()
