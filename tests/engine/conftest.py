"""What the tests of signing in at a provider share: an authorization server, and who vouches for it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest
import trustme

from tests.servers.authorization import Authorization


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    made = ssl.create_default_context()
    authority.configure_trust(made)
    return made


@pytest.fixture
def authorization(authority: trustme.CA) -> Iterator[Authorization]:
    made = Authorization(authority)
    yield made
    made.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
