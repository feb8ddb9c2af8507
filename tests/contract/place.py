"""Where a contract test meets a server: our embedded one or a real Dovecot."""

from __future__ import annotations

from dataclasses import dataclass

from tests.contract.raw_client import RawClient

PASSWORD = "geheim-1"


@dataclass
class Place:
    """A server with one fresh user: five special mailboxes and an empty INBOX."""

    name: str
    host: str
    port: int
    user: str
    password: str = PASSWORD

    def connect(self) -> RawClient:
        return RawClient(self.host, self.port)

    def login(self) -> RawClient:
        client = self.connect()
        client(f"LOGIN {self.user} {self.password}", expect="OK")
        return client
