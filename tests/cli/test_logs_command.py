"""`eilbote logs explain`: a file, standard input, JSON by its schema, exit codes, German and English."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.cli.running import Runner
from tests.cli.schema import fits
from tests.diagnosis.test_logs import LINES, QUIET


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return Runner(tmp_path / "home")


def log(folder: Path, *lines: str) -> str:
    file = folder / "mail.log"
    file.write_text("".join(f"{one}\n" for one in lines), encoding="utf-8")
    return str(file)


def test_json_fits_its_schema(run: Runner, tmp_path: Path) -> None:
    done = run("logs", "explain", log(tmp_path, *(line for line, _ in LINES), *QUIET), "--json")
    fits("explained-log", done.record)
    assert done.code == 1
    assert done.record["lines"] == len(LINES) + len(QUIET)
    assert {one["cause"] for one in done.record["groups"]} == {cause for _, cause in LINES}
    assert all(one["means"] and one["do"] for one in done.record["groups"])


def test_each_cause_is_told_in_plain_words(run: Runner, tmp_path: Path) -> None:
    file = log(tmp_path, LINES[0][0], LINES[0][0], LINES[1][0])
    german = run("--lang", "de", "logs", "explain", file).out
    assert "2 × Postfix" in german
    assert "Den Empfänger gibt es nicht." in german
    assert "5.1.1: Dieses Postfach gibt es nicht." in german
    assert "a…@example.de" in german
    assert "anna@" not in german
    english = run("--lang", "en", "logs", "explain", file).out
    assert "greylisting" in english
    assert english.index("2 × Postfix") < english.index("1 × Postfix")


def test_a_log_without_failures_ends_with_0(run: Runner, tmp_path: Path) -> None:
    done = run("--lang", "en", "logs", "explain", log(tmp_path, *QUIET))
    assert done.code == 0
    assert "No failure was found" in done.out


def test_a_file_that_is_no_log_is_not_called_good(run: Runner, tmp_path: Path) -> None:
    done = run("--lang", "en", "logs", "explain", log(tmp_path, "Dear Sir,", "yours"))
    assert "No failure" not in done.out and "is it a log of" in done.out


def test_gzip_and_no_home_are_needed_for_it(run: Runner, tmp_path: Path) -> None:
    file = tmp_path / "mail.log.1.gz"
    file.write_bytes(gzip.compress(LINES[0][0].encode()))
    assert run("logs", "explain", str(file), "--json").record["failures"] == 1
    assert not (tmp_path / "home").exists()


def test_a_file_that_cannot_be_read_is_named(run: Runner, tmp_path: Path) -> None:
    done = run("--lang", "en", "logs", "explain", str(tmp_path / "none"), "--json")
    assert done.code == 64
    assert done.error["code"] == "logs.unreadable"
