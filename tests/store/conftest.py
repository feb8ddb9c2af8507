"""Every test of the store that takes `store` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eilbote.store import Store
from tests.store.given import Home


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Where the rows are kept: None for the home's own SQLite file."""
    if request.param == "sqlite":
        return None
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def store(tmp_path: Path, url: str | None) -> Iterator[Store]:
    """An empty store in a home of its own."""
    with Store.open(tmp_path / "home", url) as opened:
        yield opened


@pytest.fixture
def home(store: Store) -> Home:
    """A store with one account that has an inbox and an archive."""
    return Home(store)
