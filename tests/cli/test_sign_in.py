"""`eilbote account add --oauth`: where to go is said, a browser does the rest; no token is ever printed."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.cli import schema
from tests.cli.running import Runner
from tests.engine.granted import imap_server, trusted, visit
from tests.servers.authorization import CLIENT, PERSON, SCOPE, Authorization


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def authorization(authority: trustme.CA) -> Iterator[Authorization]:
    made = Authorization(authority)
    yield made
    made.stop()


@pytest.fixture
def imap(authorization: Authorization) -> Iterator[int]:
    """The port of a mail server that takes the tokens, served by a thread of its own."""
    with _served(authorization) as port:
        yield port


@pytest.fixture
def environment(tmp_path: Path, authority: trustme.CA) -> Iterator[dict[str, str]]:
    with trusted(tmp_path, authority) as found:
        yield {
            **found,
            "EILBOTE_HOME": str(tmp_path / "home"),
            "EILBOTE_KEY_FILE": str(tmp_path / "key"),
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "LANG": "en_US.UTF-8",
        }


@contextmanager
def _served(authorization: Authorization) -> Iterator[int]:
    started, ended = threading.Event(), asyncio.Event()
    told: dict[str, Any] = {}

    async def serve() -> None:
        async with imap_server(authorization) as server:
            told["port"], told["loop"] = server.port, asyncio.get_running_loop()
            started.set()
            await ended.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(30)
    yield told["port"]
    told["loop"].call_soon_threadsafe(ended.set)
    thread.join()


def adding(authorization: Authorization, imap: int, *more: str) -> list[str]:
    return [
        *("account", "add", PERSON, "--imap", f"localhost:{imap}", "--security", "none"),
        *("--oauth-issuer", authorization.issuer, "--oauth-client-id", CLIENT, "--oauth-scope", SCOPE),
        *more,
    ]


def started(arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    program = str(Path(sys.executable).with_name("eilbote"))
    return subprocess.Popen(
        [program, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_browser_signs_in(
    authorization: Authorization,
    authority: trustme.CA,
    imap: int,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with started(adding(authorization, imap, "--oauth", "--json"), environment) as process:
        assert process.stdout is not None and process.stderr is not None
        going = json.loads(process.stdout.readline())
        schema.fits("sign_in", going)
        page = visit(going["sign_in"]["url"], context)
        rest, complaints = process.stdout.read(), process.stderr.read()
        assert process.wait() == 0, complaints
    assert "You can close this window" in page
    account = json.loads(rest)
    schema.fits("account", account)
    assert account["state"] == "new"
    kept = b"".join(file.read_bytes() for file in (tmp_path / "home").glob("eilbote.sqlite*"))
    for token in (*authorization.tokens, *authorization.refreshes):
        assert token not in rest + complaints
        assert token.encode() not in kept
    run = Runner(tmp_path / "home", environment)
    assert run("sync").code == 0
    assert "renewed by itself" in run("account", "show", PERSON).out


def test_a_code_is_typed_elsewhere(
    authorization: Authorization, imap: int, environment: dict[str, str]
) -> None:
    authorization.manners.interval = 1
    with started(adding(authorization, imap, "--device"), environment) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    (device,) = authorization.devices.values()
    assert device.user_code in err and f"{authorization.issuer}/activate" in err
    assert "the login works" in out


def test_nobody_is_sent_away_without_a_registration(tmp_path: Path) -> None:
    run = Runner(tmp_path / "home")
    given = ("account", "add", "kim@outlook.de", "--imap", "outlook.office365.com:993", "--oauth", "--json")
    refused = run(*given)
    assert (refused.code, refused.error["code"]) == (64, "oauth.no_client")
    assert "--oauth-client-id" in refused.error["do"]
    assert run("account", "list", "--json").records == []
