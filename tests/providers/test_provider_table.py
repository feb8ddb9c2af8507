"""The built-in table of providers: well formed, found by domain, and true to the facts we have."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from eilbote.providers.table import provider_of, providers
from eilbote.providers.values import Login


def test_rows_are_well_formed() -> None:
    for row in providers():
        assert row.domains, row.id
        assert row.source, row.id
        assert row.checked.year >= 2017, row.id
        for server in filter(None, (row.imap, row.smtp, row.pop3)):
            assert server.security in ("tls", "starttls"), row.id
            assert 0 < server.port < 65536, row.id
            assert server.host == server.host.lower(), row.id


def test_ids_and_domains_are_unique() -> None:
    assert not [each for each, count in Counter(row.id for row in providers()).items() if count > 1]
    domains = Counter(domain for row in providers() for domain in row.domains)
    assert not [each for each, count in domains.items() if count > 1]


@pytest.mark.parametrize(
    ("address", "host", "login"),
    [
        ("a@gmail.com", "imap.gmail.com", Login.APP_PASSWORD),
        ("A@GMX.DE", "imap.gmx.net", Login.ENABLE),
        ("a@web.de", "imap.web.de", Login.ENABLE),
        ("a@t-online.de", "secureimap.t-online.de", Login.APP_PASSWORD),
        ("a@posteo.de", "posteo.de", Login.OWN),
        ("a@mailbox.org", "imap.mailbox.org", Login.OWN),
        ("a@outlook.de", "outlook.office365.com", Login.OAUTH),
        ("a@icloud.com", "imap.mail.me.com", Login.APP_PASSWORD),
        ("a@proton.me", "127.0.0.1", Login.BRIDGE),
        ("a@fastmail.com", "imap.fastmail.com", Login.APP_PASSWORD),
    ],
)
def test_provider_is_found_by_domain(address: str, host: str, login: Login) -> None:
    found = provider_of(address)
    assert found is not None
    assert (found.imap.host, found.login) == (host, login)


@pytest.mark.parametrize(
    "address", ["a@example.org", "a@notgmail.com", "a@mail.gmail.com", "gmail.com@x", ""]
)
def test_other_domains_have_no_provider(address: str) -> None:
    assert provider_of(address) is None


def test_some_servers_want_the_local_part_as_user() -> None:
    assert {row.id for row in providers() if row.user_is_local_part} >= {"icloud", "webde"}


@pytest.mark.material
@pytest.mark.skipif(not os.environ.get("EILBOTE_MATERIAL"), reason="EILBOTE_MATERIAL is not set")
def test_table_agrees_with_the_public_one() -> None:
    rows = json.loads((Path(os.environ["EILBOTE_MATERIAL"]) / "providers-ispdb.json").read_bytes())
    published: dict[str, set[tuple[str, int]]] = {}
    for row in rows:
        for domain in row["domains"]:
            for kind, host, port, *_ in row["in"]:
                if kind == "imap" and host and port:
                    published.setdefault(domain, set()).add((host, int(port)))
    compared = 0
    for provider in providers():
        for domain in provider.domains:
            if domain in published:
                compared += 1
                assert (provider.imap.host, provider.imap.port) in published[domain], domain
    assert compared > 200
