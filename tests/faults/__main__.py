"""Every fault test in parts of at most half an hour, which can be interrupted and resumed:
`python -m tests.faults [--seed N] [--only TEST] [--again]` (`make faults`).

What passed is remembered in .cache/faults.json for as long as neither program nor tests change. A
failure names its seed and the command that tries it again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
STATE = ROOT / ".cache" / "faults.json"
LONGEST = 1_800
"""Seconds that a part may take."""

KINDS = ("qresync", "condstore", "neither", "bare", "moveless")
PLACES = ("dovecot-on-sqlite", "dovecot-on-postgres", "cyrus-on-sqlite", "cyrus-on-postgres")
SERVERS = (
    "dovecot-qresync",
    "dovecot-condstore",
    "dovecot-neither",
    "dovecot-postgres",
    "cyrus-qresync",
    "cyrus-neither",
    "cyrus-postgres",
)
PARTS: dict[str, list[str]] = {
    "lying and odd servers, the museum, the proxy itself": [
        "tests/faults",
        *(
            f"--ignore=tests/faults/test_{name}.py"
            for name in (
                "kill",
                "cut",
                "line",
                "numbers",
                "untruths",
                "both_sides",
                "serving",
                "pop3_cuts",
                "pop3_kill",
                "mode_kill",
                "two_processes",
                "sending_cut",
            )
        ),
    ],
    **{
        f"F5: the line cut at every byte, {kind}, {way}, {quarter + 1} of 4": [
            f"tests/faults/test_cut.py::test_cut_at_every_byte[{kind}-{way}-{quarter}]"
        ]
        for kind in KINDS
        for way in ("up", "down")
        for quarter in range(4)
    },
    "F8: single bytes": ["tests/faults/test_cut.py::test_single_bytes_and_all_at_once"],
    "F5: the line of sending cut at every byte": ["tests/faults/test_sending_cut.py"],
    "POP3": ["tests/faults/test_pop3_cuts.py", "tests/faults/test_pop3_kill.py"],
    **{
        f"F5 and garbled answers, {place}": ["tests/faults/test_line.py", "-k", f"{place}]"]
        for place in PLACES
    },
    **{f"F7, F8 and F11, {server}": ["tests/faults/test_line.py", "-k", f"{server}]"] for server in SERVERS},
    "F12: UIDVALIDITY": ["tests/faults/test_numbers.py"],
    "F13: untruths": ["tests/faults/test_untruths.py"],
    "F7, F11, I17, I18 under serve": ["tests/faults/test_serving.py"],
    "F15: two clients, 2,000 operations": ["tests/faults/test_both_sides.py"],
    "F15: the same with two processes, killed and started anew": ["tests/faults/test_two_processes.py"],
    "F1, F2: killed at every step, Dovecot": ["tests/faults/test_kill.py", "-k", "not cyrus"],
    "F1, F2: killed at steps, Cyrus": ["tests/faults/test_kill.py", "-k", "cyrus"],
    "F1: a change of mode killed at every step": ["tests/faults/test_mode_kill.py"],
}


def main() -> int:
    options = argparse.ArgumentParser(prog="make faults", description=__doc__)
    options.add_argument("--seed", default="", help="try this seed alone")
    options.add_argument("--only", default="", help="this test alone, as a failure named it")
    options.add_argument("--again", action="store_true", help="forget what passed")
    chosen = options.parse_args()
    environment = dict(os.environ, EILBOTE_FAULTS="all", EILBOTE_SEED=chosen.seed)
    if chosen.seed and not chosen.only:
        options.error("a seed belongs to a test: name it with ONLY, as the failure did")
    if chosen.only:
        return run([chosen.only], environment)
    state = {} if chosen.again else remembered()
    failed = []
    for number, (name, arguments) in enumerate(PARTS.items(), 1):
        if name in state:
            print(f"[{number}/{len(PARTS)}] {name}: passed before ({state[name]} s)")
            continue
        print(f"[{number}/{len(PARTS)}] {name}", flush=True)
        began = time.monotonic()
        if run(arguments, environment):
            failed.append(name)
        else:
            state[name] = round(time.monotonic() - began)
            remember(state)
    for name in failed:
        print(f"failed: {name}")
    return int(bool(failed))


def run(arguments: list[str], environment: dict[str, str]) -> int:
    """Pytest's exit status; 1 where the part took too long."""
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", *arguments]
    try:
        return subprocess.run(command, cwd=ROOT, env=environment, check=False, timeout=LONGEST).returncode
    except subprocess.TimeoutExpired:
        print(f"this part took longer than {LONGEST} s")
        return 1


def digest() -> str:
    """Of everything that a result hangs on."""
    found = hashlib.sha256()
    for folder in ("src", "tests"):
        for file in sorted((ROOT / folder).rglob("*.*")):
            if file.suffix in (".py", ".sql", ".po", ".toml"):
                found.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return found.hexdigest()


def remembered() -> dict[str, int]:
    """The parts that passed, and their seconds; none if anything has changed since."""
    try:
        state = json.loads(STATE.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return dict(state["passed"]) if state.get("of") == digest() else {}


def remember(passed: dict[str, int]) -> None:
    STATE.parent.mkdir(exist_ok=True)
    STATE.write_text(json.dumps({"of": digest(), "passed": passed}, indent=1))


if __name__ == "__main__":
    sys.exit(main())
