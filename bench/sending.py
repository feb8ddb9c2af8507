"""What sending costs: the same mails into the same sink, by Eilbote with its journal and by programs and
libraries without one; at once, and with a line that takes its time.

The sink is Postfix' own smtp-sink, which throws away what it takes. msmtp is what cron and mutt start: a
process for each mail; it gets fewer, at the same rate.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import Cost, measure, surroundings
from bench.send_copy import RECIPIENT, SENDER, mail

LATENCY = 0.030
"""Seconds of a round trip on the slow line."""

CONNECTIONS = 10
_SINK = "/usr/sbin/smtp-sink"
_FEW = 200
_PATIENCE = 10.0


@contextmanager
def sink() -> Iterator[int]:
    """A running sink; its port."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = int(chosen.getsockname()[1])
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([_SINK, *user, f"127.0.0.1:{port}", "1000"])
    try:
        _answers(port)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def chunking_sink() -> Iterator[int]:
    """A running sink that knows CHUNKING; its port."""
    with _printing_its_port("bench.chunking_sink") as port:
        yield port


@contextmanager
def slow_line(port: int) -> Iterator[int]:
    """A port that leads to `port`, half a latency away in each direction."""
    with _printing_its_port("bench.slow_line", str(port), str(LATENCY / 2)) as near:
        yield near


@contextmanager
def _printing_its_port(module: str, *arguments: str) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True, env=surroundings()
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


def by(program: str, port: int, count: int, folder: Path, connections: int = CONNECTIONS) -> Cost:
    """The cost of a whole process that hands over `count` mails."""
    arguments = ["-m", "bench.send_copy", program, str(port), str(count), str(connections), str(folder)]
    run = measure([sys.executable, *arguments])
    if run.output.split() != [str(count)]:
        raise AssertionError(f"{program} handed over {run.output.strip()} of {count} mails")
    return run.cost


def by_msmtp(port: int, count: int) -> float:
    """Seconds for `count` mails, a process each; measured with fewer."""
    few = min(count, _FEW)
    mails = [mail(number) for number in range(few)]
    command = [
        "msmtp",
        "--host=127.0.0.1",
        f"--port={port}",
        f"--from={SENDER}",
        "--file=/dev/null",
        RECIPIENT,
    ]
    began = time.monotonic()
    for each in mails:
        subprocess.run(command, input=each, check=True, stdout=subprocess.DEVNULL)
    return (time.monotonic() - began) * count / few


def queueing(folder: Path) -> tuple[list[float], list[float]]:
    """Milliseconds that the engine takes to queue one mail, and that the whole command takes."""
    run = measure([sys.executable, "-m", "bench.send_copy", "queue", "1", "200", "1", str(folder)])
    engine = [float(word) for word in run.output.split()]
    home = str(folder / "home")
    command = [sys.executable, "-m", "eilbote.cli.main", "--home", home, "send", "-f", SENDER, RECIPIENT]
    whole: list[float] = []
    for number in range(20):
        began = time.monotonic()
        environment = {**surroundings(), "EILBOTE_KEY_FILE": str(folder / "key")}
        subprocess.run(command, input=mail(number), check=True, env=environment, stdout=subprocess.DEVNULL)
        whole.append((time.monotonic() - began) * 1_000)
    return engine, whole


def _answers(port: int) -> None:
    ends = time.monotonic() + _PATIENCE
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as line:
                line.recv(100)
                return
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.05)
