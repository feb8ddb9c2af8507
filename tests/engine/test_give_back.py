"""What large mails took goes back to the system."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from eilbote.engine.give_back import give_back_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what is free")
def test_memory_below_something_that_stays_is_given_back() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    mails = [os.urandom(100_000) for _ in range(600)]
    stays = mails[-1]
    del mails
    before = resident()
    give_back_memory()
    assert before - resident() > 30_000_000
    assert len(stays) == 100_000
