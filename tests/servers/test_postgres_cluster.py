"""The private PostgreSQL itself: databases are fresh and apart, and what is durable stays."""

from __future__ import annotations

from tests.servers.postgres import Postgres


def test_a_database_is_empty(postgres: Postgres, postgres_url: str) -> None:
    assert (
        postgres.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", postgres_url) == "0\n"
    )


def test_databases_do_not_see_each_other(postgres: Postgres, postgres_url: str) -> None:
    other = postgres.new_database()
    postgres.execute("CREATE TABLE seen (n int)", postgres_url)
    assert postgres.execute("SELECT to_regclass('seen') IS NULL", other) == "t\n"
    postgres.drop(other)


def test_texts_are_utf8(postgres: Postgres, postgres_url: str) -> None:
    assert postgres.execute("SHOW server_encoding", postgres_url) == "UTF8\n"


def test_committed_rows_survive_a_kill() -> None:
    cluster = Postgres(fsync=True)
    try:
        url = cluster.new_database()
        cluster.execute("CREATE TABLE kept AS SELECT 7 AS n", url)
        cluster.restart()
        assert cluster.execute("SELECT n FROM kept", url) == "7\n"
    finally:
        cluster.remove()
    assert not cluster.folder.exists()
