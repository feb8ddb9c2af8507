"""Records of systemd's journal (`journalctl -o json`) are read as the lines that they stand for."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from eilbote.diagnosis.logs.journal import as_line
from eilbote.diagnosis.logs.values import Program
from tests.diagnosis.test_logs import LINES, explained

MICROSECONDS = 1_795_786_517_123_456  # 2026-11-27T13:35:17.123456Z
BOUNCE = (
    "4FzXkB12C4: to=<anna@example.de>, relay=mx.example.de[192.0.2.1]:25, delay=1.2, dsn=5.1.1, "
    "status=bounced (host mx.example.de[192.0.2.1] said: 550 5.1.1 <anna@example.de>: User unknown "
    "(in reply to RCPT TO command))"
)
REFUSED = (
    "imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<anna@firma.de>, "
    "method=PLAIN, rip=192.0.2.9, lip=192.0.2.1, TLS"
)
WAITING = "1tGxyz-0001AB-2C == kim@example.de R=dnslookup T=remote_smtp defer (111): Connection refused"


def record(message: object, program: str = "postfix/smtp", **fields: object) -> bytes:
    """As journald writes one: with fields that nobody here asks for."""
    return json.dumps(
        {
            "__CURSOR": "s=1;i=2",
            "__REALTIME_TIMESTAMP": str(MICROSECONDS),
            "__MONOTONIC_TIMESTAMP": "17",
            "_HOSTNAME": "mail",
            "_PID": "4711",
            "PRIORITY": "6",
            "_CMDLINE": None,
            "SYSLOG_IDENTIFIER": program,
            "MESSAGE": message,
        }
        | fields
    ).encode()


@pytest.mark.parametrize(
    ("program", "message", "name", "cause"),
    [
        ("postfix/smtp", BOUNCE, Program.POSTFIX, "recipient.unknown"),
        ("dovecot", REFUSED, Program.DOVECOT, "password.rejected"),
        ("exim", WAITING, Program.EXIM, "refused.port"),
        ("exim4", WAITING, Program.EXIM, "refused.port"),
        ("exim", f"2026-11-27 13:35:17 {WAITING}", Program.EXIM, "refused.port"),
    ],
)
@pytest.mark.parametrize("mark", [b"", b"\x1e", b"data: "])
def test_a_record_is_explained_as_its_line(
    program: str, message: str, name: Program, cause: str, mark: bytes
) -> None:
    found = explained(mark + record(message, program) + b"\n")
    (group,) = found.groups
    assert (group.program, group.cause, found.programs) == (name, cause, (name,))
    assert group.first.startswith("2026-11-27")
    assert "anna@" not in group.example


def test_a_message_may_be_an_array_of_bytes_or_come_twice() -> None:
    told = list(BOUNCE.encode() + b"\xff")
    for message in (told, [BOUNCE, "a second"], [told, told]):
        (group,) = explained(record(message)).groups
        assert group.cause == "recipient.unknown"
    line = as_line(record(BOUNCE))
    assert line == f"2026-11-27T13:35:17.123+00:00 mail postfix/smtp[4711]: {BOUNCE}".encode()


@pytest.mark.parametrize(
    "bad",
    [
        b"{",
        b"{}",
        b'{"MESSAGE": null}',
        b'{"MESSAGE": 7}',
        b'{"MESSAGE": [256, -1]}',
        b'{"MESSAGE": [[[["x"]]]]}',
        b'{"MESSAGE": ' + b"[" * 30_000,
        b'{"MESSAGE": "' + b"x" * 60_000,
        record(BOUNCE)[:-30],
    ],
)
def test_what_is_no_record_is_counted_as_unknown(bad: bytes) -> None:
    found = explained(bad + b"\n" + record(BOUNCE) + b"\n")
    assert (found.lines, found.unknown, found.failures) == (2, 1, 1)


@pytest.mark.parametrize("time", ["-1", "x", "9" * 30, "9" * 19, None, ["1", "2"], {"a": 1}])
def test_no_time_breaks_it(time: object) -> None:
    found = explained(record(BOUNCE, __REALTIME_TIMESTAMP=time))
    assert found.failures == 1
    assert found.groups[0].first


def test_garbage_never_raises() -> None:
    chance = random.Random(11)
    lines = []
    for line, _ in LINES:
        whole = bytearray(record(line, chance.choice(["postfix/smtp", "dovecot", "exim", ""])))
        for _ in range(chance.randrange(6)):
            whole[chance.randrange(len(whole))] = chance.randrange(256)
        lines.append(bytes(whole).replace(b"\n", b" "))
    found = explained(b"\n".join(lines) + b"\n")
    assert found.failures + found.other + found.unknown == found.lines == len(lines)


JOURNALD = """
set -e
mount --make-rprivate /
printf '[Journal]\\nStorage=volatile\\nAudit=no\\nReadKMsg=no\\n' > "$1/journald.conf"
mount --bind "$1/journald.conf" /etc/systemd/journald.conf
mount -t tmpfs none /run
mkdir -p /run/systemd/journal /run/log/journal
/lib/systemd/systemd-journald &
until [ -S /run/systemd/journal/stdout ]; do sleep 0.05; done
systemd-cat -t postfix/smtp < "$1/postfix"
systemd-cat -t dovecot < "$1/dovecot"
systemd-cat -t exim < "$1/exim"
for name in postfix/smtp dovecot exim; do
    until journalctl -D /run/log/journal -t "$name" -o cat 2>/dev/null | grep -aq .; do sleep 0.05; done
done
SYSTEMD_COLORS=0 journalctl -D /run/log/journal -o "$2"
"""
"""A journald of its own in namespaces of its own, which end with it."""


@pytest.mark.parametrize("form", ["json", "json-seq", "json-sse"])
def test_what_a_real_journald_has_kept_is_explained(tmp_path: Path, form: str) -> None:
    alone = ["unshare", "-m", "--fork", "--pid", "--kill-child", "--mount-proc"]
    needed = (Path("/lib/systemd/systemd-journald"), Path("/etc/systemd/journald.conf"))
    if os.geteuid() != 0 or not all(one.exists() for one in needed) or shutil.which("unshare") is None:
        pytest.skip("a journald of one's own needs root, systemd and util-linux")
    if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine refuses namespaces")
    (tmp_path / "postfix").write_text(BOUNCE + "\n")
    (tmp_path / "dovecot").write_bytes(REFUSED.encode().replace(b"anna@", b"a\xff\x01na@") + b"\n")
    (tmp_path / "exim").write_text(WAITING + "\n")
    done = subprocess.run(
        [*alone, "bash", "-c", JOURNALD, "-", str(tmp_path), form],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert b'"MESSAGE":[' in done.stdout.replace(b" ", b"")  # what is no text is written as its bytes
    found = explained(done.stdout)
    assert {one.cause for one in found.groups} == {"recipient.unknown", "password.rejected", "refused.port"}
    assert {*found.programs} == {Program.POSTFIX, Program.DOVECOT, Program.EXIM}
