"""Goals are judged by the median of the rounds' ratios, on the right side."""

from __future__ import annotations

from pathlib import Path

import msgspec

from bench.report import Line, Result, at_least_times, keep, table, within_times


def test_faster_than_a_peer_is_the_median_of_ratios() -> None:
    goal = at_least_times("mbsync", [3.0, 8.0, 4.0], [2.0, 2.0, 2.0], 1.5)
    assert goal.reached == 2.0
    assert goal.met


def test_slower_than_needed_is_missed() -> None:
    assert not at_least_times("mbsync", [3.0], [2.5], 1.5).met


def test_within_counts_the_other_way() -> None:
    assert within_times("drain", [2.0], [5.0], 3).met
    assert not within_times("drain", [2.0], [7.0], 3).met


def test_the_table_says_what_was_missed() -> None:
    line = Line("First sync", "s", {"Eilbote": 2.5}, (at_least_times("mbsync", [3.0], [2.5], 1.5),))
    shown = table((line,))
    assert "MISSED   at least 1.5 x mbsync: 1.20" in shown
    assert "0 of 1 goals reached" in shown


def test_results_are_kept_one_a_line(tmp_path: Path) -> None:
    line = Line("First sync", "s", {"Eilbote": 2.5})
    keep((line,), tmp_path, quick=True)
    kept = keep((line,), tmp_path, quick=False).read_bytes().splitlines()
    results = [msgspec.json.decode(each, type=Result) for each in kept]
    assert [result.quick for result in results] == [True, False]
    assert results[0].lines == (line,)
