"""Servers that tests share: one of a kind for each worker, a fresh user or database for each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from eilbote.net import http, stream
from tests.servers.cyrus import Cyrus, CyrusOptions
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_settings import DovecotOptions
from tests.servers.pigeonhole import Pigeonhole, PigeonholeMissing
from tests.servers.postfix import Postfix, PostfixMissing, PostfixOptions
from tests.servers.postgres import Postgres

# A process that a test starts opens no web page, unless the test is about that.
os.environ["EILBOTE_LISTEN"] = "off"

# No test measures time: on a busy machine an example may take as long as it likes.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def fresh_authorities() -> Iterator[None]:
    """Whom we trust is read again, before a test that says it and after it: a process reads it once."""
    stream.tls_context.cache_clear()
    http.authorities.cache_clear()
    yield
    stream.tls_context.cache_clear()
    http.authorities.cache_clear()


@pytest.fixture(scope="session")
def dovecot_like() -> Iterator[Callable[[DovecotOptions], Dovecot]]:
    """Gives the running instance with these options, started at first asking."""
    running: dict[DovecotOptions, Dovecot] = {}

    def with_options(options: DovecotOptions) -> Dovecot:
        if options not in running:
            running[options] = Dovecot(options)
        return running[options]

    yield with_options
    for server in running.values():
        server.remove()


@pytest.fixture(scope="session")
def dovecot(dovecot_like: Callable[[DovecotOptions], Dovecot]) -> Dovecot:
    """Everything Dovecot can; plain, STARTTLS and TLS. Take `dovecot.new_user()` in each test."""
    return dovecot_like(DovecotOptions())


@pytest.fixture(scope="session")
def dovecot_tls(dovecot_like: Callable[[DovecotOptions], Dovecot]) -> Dovecot:
    """Refuses logins before TLS is on."""
    return dovecot_like(DovecotOptions(tls="required"))


@pytest.fixture(scope="session")
def dovecot_pop3(dovecot_like: Callable[[DovecotOptions], Dovecot]) -> Dovecot:
    """IMAP and POP3 side by side, over the same mail."""
    return dovecot_like(DovecotOptions(pop3=True))


@pytest.fixture(scope="session")
def dovecot_sieve(dovecot_like: Callable[[DovecotOptions], Dovecot]) -> Dovecot:
    """IMAP and ManageSieve side by side, the login only behind TLS as on a real server."""
    return dovecot_like(DovecotOptions(sieve=True, tls="required"))


@pytest.fixture(scope="session")
def pigeonhole() -> Iterator[Pigeonhole]:
    """Pigeonhole's tools, which judge a Sieve script without a server."""
    try:
        tools = Pigeonhole()
    except PigeonholeMissing as missing:
        pytest.skip(str(missing))
    yield tools
    tools.remove()


@pytest.fixture(scope="session")
def postfix_like(dovecot: Dovecot) -> Iterator[Callable[[PostfixOptions], Postfix]]:
    """Gives the running Postfix with these options, started at first asking; who may log in is asked of
    `dovecot`."""
    running: dict[PostfixOptions, Postfix] = {}

    def with_options(options: PostfixOptions) -> Postfix:
        if options not in running:
            try:
                running[options] = Postfix(dovecot, options)
            except PostfixMissing as missing:
                pytest.skip(str(missing))
        return running[options]

    yield with_options
    for server in running.values():
        server.remove()


@pytest.fixture(scope="session")
def postfix(postfix_like: Callable[[PostfixOptions], Postfix]) -> Postfix:
    """Submission and MX with everything Postfix can. Take `postfix.new_address()` in each test."""
    return postfix_like(PostfixOptions())


@pytest.fixture(scope="session")
def cyrus_like() -> Iterator[Callable[[CyrusOptions], Cyrus]]:
    """Gives the running Cyrus with these options, started at first asking."""
    running: dict[CyrusOptions, Cyrus] = {}

    def with_options(options: CyrusOptions) -> Cyrus:
        if options not in running:
            running[options] = Cyrus(options)
        return running[options]

    yield with_options
    for server in running.values():
        server.remove()


@pytest.fixture(scope="session")
def cyrus(cyrus_like: Callable[[CyrusOptions], Cyrus]) -> Cyrus:
    """Everything Cyrus can. Take `cyrus.new_user()` in each test."""
    return cyrus_like(CyrusOptions())


@pytest.fixture(scope="session")
def server_like(
    dovecot_like: Callable[[DovecotOptions], Dovecot], cyrus_like: Callable[[CyrusOptions], Cyrus]
) -> Callable[[DovecotOptions | CyrusOptions], Dovecot | Cyrus]:
    """Gives the running server of the kind whose options these are."""

    def with_options(options: DovecotOptions | CyrusOptions) -> Dovecot | Cyrus:
        return cyrus_like(options) if isinstance(options, CyrusOptions) else dovecot_like(options)

    return with_options


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A cluster that this worker's tests share."""
    cluster = Postgres()
    yield cluster
    cluster.remove()


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """An empty database for this test alone."""
    url = postgres.new_database()
    yield url
    postgres.drop(url)


@pytest.fixture
def fresh_store(request: pytest.FixtureRequest) -> Callable[[str], AbstractContextManager[str]]:
    """Gives the URL of an empty store: of PostgreSQL for "postgres", none for "sqlite"; for tests that
    need many, one after the other."""

    @contextmanager
    def of_kind(kind: str) -> Iterator[str]:
        if kind == "sqlite":
            yield ""
            return
        cluster: Postgres = request.getfixturevalue("postgres")
        url = cluster.new_database()
        try:
            yield url
        finally:
            cluster.drop(url)

    return of_kind


@pytest.fixture(scope="session")
def material() -> Path:
    """The folder with sample material; the test is skipped where EILBOTE_MATERIAL is not set."""
    folder = os.environ.get("EILBOTE_MATERIAL", "")
    if not folder:
        pytest.skip("EILBOTE_MATERIAL is not set")
    return Path(folder)
