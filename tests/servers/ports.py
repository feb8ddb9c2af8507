"""Free loopback ports and the bounded wait for a server to answer on one.

Never reaches beyond 127.0.0.1. A port found free may be taken by somebody else before the server
binds it, so whoever starts a server tries again with others.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable

LOOPBACK = "127.0.0.1"
_STEP_SECONDS = 0.02
_START_SECONDS = 30.0


class StartFailed(Exception):
    """The server ended or stayed silent; the message holds the end of its log."""


def free_ports(count: int) -> list[int]:
    """`count` different ports of 127.0.0.1 that nobody listens on now."""
    held = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    try:
        return [int(listener.getsockname()[1]) for listener in held]
    finally:
        for listener in held:
            listener.close()


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Callable[[], str]) -> None:
    """Poll `ready` until it holds; raise StartFailed when the process ends or 30 s pass."""
    pause = threading.Event()
    for _ in range(int(_START_SECONDS / _STEP_SECONDS)):
        if ready():
            return
        if process.poll() is not None:
            raise StartFailed(f"ended with {process.returncode}: {log()}")
        pause.wait(_STEP_SECONDS)
    raise StartFailed(f"no answer within {_START_SECONDS:.0f} s: {log()}")


def answers(port: int, host: str = LOOPBACK) -> bool:
    """Whether somebody accepts connections on this loopback port."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def bound_to_us(command: list[str], signal_name: str) -> list[str]:
    """The same command, sent this signal when we die without having stopped it (setpriv of
    util-linux; without it the server would stay)."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", signal_name, *command] if setpriv else command


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server that we started: asked first, killed after ten seconds."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
