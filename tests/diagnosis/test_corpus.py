"""The fault corpus: the first-named cause is right, replays are the same, and what is shared is nobody's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from eilbote.catalogue import LANGUAGES, Catalogue
from eilbote.diagnosis.registry import CHECKS
from eilbote.diagnosis.transcript import judge_again, read_transcript, shared, written
from eilbote.diagnosis.values import CAUSES, Confidence, Verdict
from eilbote.engine.diagnose import Diagnosed
from eilbote.errors import Problem
from eilbote.net.stream import tls_context
from tests.diagnosis.clinic import opened_clinic
from tests.diagnosis.corpus import everything
from tests.diagnosis.peers import SECRET, Authority
from tests.diagnosis.scenario import Scenario


class Case(NamedTuple):
    scenario: Scenario
    diagnosed: Diagnosed

    @property
    def word(self) -> str:
        return self.diagnosed.report.cause.code.partition(".")[0]

    @property
    def is_right(self) -> bool:
        return self.word in self.scenario.words

    def __str__(self) -> str:
        cause = self.diagnosed.report.cause
        return f"{self.scenario.name}: {cause.code} ({cause.confidence}), not {'/'.join(self.scenario.words)}"


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Case]]:
    """Every scenario, diagnosed once."""
    folder: Path = tmp_path_factory.mktemp("corpus")
    trusted = Authority("Bundesamt für Prüfungen")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(trusted.file(folder)))
        tls_context.cache_clear()
        with opened_clinic(folder) as clinic:
            scenarios = everything(folder, trusted)

            async def examine_all() -> list[Case]:
                return [Case(one, await one.run(clinic)) for one in scenarios]

            yield asyncio.run(examine_all())
    tls_context.cache_clear()


def test_a7_2_the_first_named_cause_is_right(cases: list[Case]) -> None:
    wrong = [one for one in cases if not one.is_right]
    assert len(cases) >= 120
    assert len(wrong) <= len(cases) * 0.05, "\n".join(map(str, wrong))


def test_a7_2_it_is_never_wrong_where_it_is_certain(cases: list[Case]) -> None:
    wrong = [
        one
        for one in cases
        if not one.is_right and one.diagnosed.report.cause.confidence is Confidence.CERTAIN
    ]
    assert not wrong, "\n".join(map(str, wrong))


def test_a7_2_the_corpus_has_every_kind(cases: list[Case]) -> None:
    groups = [one.scenario.group for one in cases]
    assert groups.count("network") >= 12
    assert groups.count("certificate") >= 10
    assert groups.count("dns") >= 10
    assert groups.count("other") >= 8
    assert groups.count("answer") >= 80


def test_a7_1_no_finding_is_worse_than_its_check_may_be(cases: list[Case]) -> None:
    order = [Verdict.PASS, Verdict.INFO, Verdict.WARN, Verdict.FAIL]
    for case in cases:
        for one in case.diagnosed.report.findings:
            if one.verdict in order:
                assert order.index(one.verdict) <= order.index(CHECKS[one.id].worst), (str(case), one)


def test_every_cause_has_its_words_in_both_languages(cases: list[Case]) -> None:
    for case in cases:
        cause = case.diagnosed.report.cause
        assert cause.code.partition(".")[0] in CAUSES
        for language in LANGUAGES:
            said = Catalogue(language).problem(Problem(cause.text, cause.parameters))
            assert said.what and "…" not in said.what, (case, cause.text)
            assert said.do, (case, cause.text)


def test_a7_17_a_replay_gives_the_same_report(cases: list[Case]) -> None:
    for case in cases:
        again = judge_again(read_transcript(written(case.diagnosed.transcript)))
        assert again == case.diagnosed.report, str(case)


def test_a7_17_what_is_shared_gives_the_same_cause(cases: list[Case]) -> None:
    for case in cases:
        again = judge_again(read_transcript(written(shared(case.diagnosed.transcript))))
        assert again.verdict == case.diagnosed.report.verdict, str(case)
        assert again.cause.code == case.diagnosed.report.cause.code, str(case)


def test_no_transcript_holds_a_secret(cases: list[Case]) -> None:
    for case in cases:
        assert SECRET.encode() not in written(case.diagnosed.transcript)
