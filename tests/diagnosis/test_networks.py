"""The twelve faults of the network, made with two real network namespaces; and how long each takes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXPECTED = {
    "0-healthy": "none",
    "1-refused": "refused",
    "2-firewall-rejects": "filtered",
    "3-firewall-drops": "filtered",
    "4-host-down": "host_down",
    "5-no-internet": "offline",
    "5-no-route": "offline",
    "5-names-dropped": "dns",
    "6-captive-portal": "portal",
    "7-interception": "interception",
    "8-inspection": "interception",
    "9-silent": "server",
    "10-too-old": "tls",
    "11-hello-lost": "filtered",
    "12-ipv6-half": "filtered",
}


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, Any]]:
    """What the doctor said in each network; skipped where the machine grants no namespaces."""
    if shutil.which("unshare") is None or shutil.which("ip") is None or shutil.which("tc") is None:
        pytest.skip("unshare, ip or tc is missing: apt-get install iproute2 util-linux")
    if os.geteuid() != 0 or subprocess.run(["unshare", "-n", "-m", "true"], check=False).returncode:
        pytest.skip("this machine grants no network namespaces")
    command = ["unshare", "-n", "-m", sys.executable, "-m", "tests.diagnosis.namespaces"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {one["row"]: one for one in found}


@pytest.mark.parametrize("row", EXPECTED)
def test_a7_9_the_twelve_rows_are_told_apart(rows: dict[str, dict[str, Any]], row: str) -> None:
    assert rows[row]["code"].partition(".")[0] == EXPECTED[row], rows[row]


def test_a7_9_no_two_rows_have_the_same_cause(rows: dict[str, dict[str, Any]]) -> None:
    codes = [one["code"] for name, one in rows.items() if not name.startswith(("0", "5-names"))]
    assert len(set(codes)) == len(codes), codes


def test_a7_10_a_network_that_swallows_everything_takes_45_seconds_at_most(
    rows: dict[str, dict[str, Any]],
) -> None:
    for name in ("5-no-internet", "5-names-dropped"):
        assert rows[name]["seconds"] <= 45


def test_a7_10_progress_is_told_within_a_second(rows: dict[str, dict[str, Any]]) -> None:
    assert all(0 < one["first"] <= 1 for one in rows.values())


def test_a7_10_a_healthy_account_takes_10_seconds_at_most(rows: dict[str, dict[str, Any]]) -> None:
    assert rows["0-healthy"]["seconds"] <= 10
