"""`eilbote account add --oauth`: where to go is said, a browser does the rest; no token is ever printed."""

from __future__ import annotations

import asyncio
import json
import os
import pty
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

from eilbote.config import Config
from eilbote.engine.app import open_app
from tests.cli import schema
from tests.cli.running import Runner
from tests.engine.granted import expire, imap_server, last_address, trusted, visit
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
    told = run(*given[:-1], "--lang", "de").err
    assert "entra.microsoft.com" in told and "App-Registrierungen" in told


def test_signing_in_again_needs_no_word_about_the_server(
    authorization: Authorization, imap: int, environment: dict[str, str], tmp_path: Path
) -> None:
    """The server and the registration are those of the last time; what was wrong is over."""
    authorization.manners.interval = 1
    with started(adding(authorization, imap, "--device"), environment) as process:
        process.communicate(timeout=60)
    authorization.sign_out()
    run = Runner(tmp_path / "home", environment)
    with open_app(Config(tmp_path / "home", key_file=str(tmp_path / "key"))) as app:
        expire(app, app.store.accounts.all()[0])
    failed = run("sync", "--json")
    assert failed.code == 2
    assert failed.error["code"] == "oauth.sign_in_again"
    assert "eilbote account edit" in failed.error["do"]
    assert run("account", "show", PERSON, "--json").record["state"] == "failing"
    with started(["account", "edit", PERSON, "--device", "--json"], environment) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["state"] in ("new", "ready")
    assert run("sync").code == 0


def test_the_last_address_is_pasted_into_the_terminal(
    authorization: Authorization, authority: trustme.CA, imap: int, environment: dict[str, str]
) -> None:
    """A browser on another machine ends with an error page; an address of another sign-in changes nothing."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    ours, theirs = pty.openpty()
    program = str(Path(sys.executable).with_name("eilbote"))
    arguments = adding(authorization, imap, "--oauth", "--lang", "en")
    with subprocess.Popen(
        [program, *arguments], env=environment, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        os.close(theirs)
        assert process.stderr is not None and process.stdout is not None
        url = next(line for line in map(bytes.decode, process.stderr) if line.startswith("https://"))
        last = last_address(url.strip(), context)
        os.write(ours, b"http://127.0.0.1:1/?code=c&state=other\n")
        os.write(ours, last.encode() + b"\n")
        out, err = process.stdout.read(), process.stderr.read()
        assert process.wait(60) == 0, err
    os.close(ours)
    assert b"another sign-in" in err
    assert b"the login works" in out


def test_a_token_of_ones_own_is_still_taken(authorization: Authorization, imap: int, tmp_path: Path) -> None:
    authorization.tokens["my-own-token"] = None
    run = Runner(tmp_path / "home")
    given = ("account", "add", PERSON, "--imap", f"localhost:{imap}", "--security", "none")
    added = run(*given, "--oauth", "--password-stdin", "--json", stdin="my-own-token\n")
    assert (added.code, added.record["auth"]) == (0, "oauth")
