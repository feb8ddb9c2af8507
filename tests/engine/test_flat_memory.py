"""A file of a gibibyte costs no more memory than a small one."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import re, sys
from pathlib import Path
from eilbote.mail.mbox import Dialect, write_mail
from eilbote.mail.mbox_reading import MboxMail, read_mbox

def file(kind):
    if kind == "mails":
        raw = b"Subject: a\\r\\n\\r\\n" + b"text of a line\\r\\n" * 4096
        piece = write_mail(raw, "a@b", 1e9, Dialect.MBOXRD) * 16
    else:
        yield b"From a Mon Nov 23 19:53:40 2026\\n"
        piece = b"x" * (1 << 20)
    for _ in range((1 << 30) // len(piece)):
        yield piece

reading = read_mbox(file(sys.argv[1]), Dialect(sys.argv[2]), largest=8 << 20)
found = sum(isinstance(one, MboxMail) for one in reading)
# Not ru_maxrss: that counts the memory of whoever started this program too.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print(found, peak // 1024)
"""


@pytest.mark.parametrize(
    ("kind", "dialect", "mails"),
    [("mails", "mboxrd", 16_368), ("mails", "mboxcl2", 16_368), ("endless", "mboxrd", 0)],
)
def test_a_gibibyte(kind: str, dialect: str, mails: int) -> None:
    command = [sys.executable, "-c", _PROGRAM, kind, dialect]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert abs(int(told[0]) - mails) < 32
    assert int(told[1]) < 100, "mebibytes at the most"
