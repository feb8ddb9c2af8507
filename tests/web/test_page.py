"""The page beside `serve` and `demo`: it opens, answers, and ends with them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

from eilbote.web.page import listening
from tests.cli.running import Runner


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "EILBOTE_HOME": str(folder / "home"),
        "EILBOTE_KEY_FILE": str(folder / "key"),
        "PYTHONUNBUFFERED": "1",
    }


def test_serve_opens_a_page_and_ends_with_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "eilbote.cli.main", "serve", "--json", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(
        command, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            told = json.loads(process.stdout.readline())
            assert told["event"] == "page_opened" and told["link"].startswith(told["address"] + "link/")
            with urllib.request.urlopen(told["link"], timeout=10) as answer:
                assert b"Eilbote" in answer.read()
                assert "server" not in {name.lower() for name in answer.headers}
        finally:
            process.send_signal(signal.SIGTERM)
            errors = process.stderr.read()
        assert process.wait(30) == 0
    assert errors == ""


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = Runner(tmp_path / "home", {"EILBOTE_KEY_FILE": str(tmp_path / "key")})
        answer = run("serve", "--json", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
        assert (answer.code, answer.error["code"]) == (2, "page.port_taken")


def test_only_this_machine_is_listened_on(tmp_path: Path) -> None:
    run = Runner(tmp_path / "home")
    for listen in ("0.0.0.0:8425", "192.0.2.1:80", "8425", "127.0.0.1:http", "[::]:1", "127.0.0.1:99999"):
        answer = run("serve", "--json", "--listen", listen)
        assert (answer.code, answer.error["code"]) == (64, "config.bad_value"), listen


def test_no_other_command_loads_the_page(tmp_path: Path) -> None:
    program = (
        "import sys; from eilbote.cli.main import main; main(['serve', '--listen', 'off', '--help']);"
        " main(['account', 'list']); print(sorted({'fastapi', 'uvicorn', 'jinja2', 'eilbote.web'}"
        " & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment(tmp_path), capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "[]"


async def test_an_answer_waits_for_no_acknowledgement() -> None:
    """asyncio switches Nagle's algorithm off only where a socket names its protocol."""
    switched: list[int] = []

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        switched.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    with listening("127.0.0.1:0") as listener:
        async with await asyncio.start_server(answer, sock=listener):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            assert await reader.read() == b""
            writer.close()
    assert switched == [1]
