"""Every check has an id that stays, a worst verdict, somebody who acts, a reference and its words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import eilbote.diagnosis
from eilbote.catalogue import LANGUAGES, Catalogue, Language
from eilbote.diagnosis.registry import CHECKS
from eilbote.diagnosis.replies import rows
from eilbote.diagnosis.values import CAUSES, Layer, Verdict, Who
from eilbote.errors import Problem

SOURCE = Path(eilbote.diagnosis.__file__).parent
GROUPS = {
    Layer.ENV: 12,
    Layer.DISC: 10,
    Layer.DNS: 30,
    Layer.NET: 12,
    Layer.TLS: 24,
    Layer.IMAP: 14,
    Layer.AUTH: 16,
    Layer.BOX: 10,
    Layer.SMTP: 18,
    Layer.TRIP: 10,
    Layer.OAUTH: 8,
}


def strings(node: ast.expr | None) -> list[str]:
    match node:
        case ast.Constant(value=str() as text):
            return [text]
        case ast.IfExp(body=body, orelse=other):
            return strings(body) + strings(other)
        case _:
            return []


def written_findings() -> Iterator[tuple[list[str], list[str], set[str], list[str], str]]:
    """Of every call of `found`: ids, cases, parameters, causes, place."""
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "found":
                ids = strings(node.args[0]) if node.args else []
                cases = strings(node.args[2]) if len(node.args) > 2 else []
                names = {word.arg for word in node.keywords if word.arg}
                causes = [
                    text for word in node.keywords if word.arg == "cause" for text in strings(word.value)
                ]
                yield ids, cases, names, causes, f"{file.name}:{node.lineno}"


def test_a7_1_there_are_164_checks_with_verdict_who_and_reference() -> None:
    assert len(CHECKS) == 164
    for layer, count in GROUPS.items():
        assert sum(one.layer is layer for one in CHECKS.values()) == count
    for check in CHECKS.values():
        assert check.worst in Verdict and check.who in Who
        assert check.reference


@pytest.mark.parametrize("language", LANGUAGES)
def test_a7_1_every_check_has_its_title(language: Language) -> None:
    catalogue = Catalogue(language)
    assert not [one for one in CHECKS if not catalogue.knows(f"doctor.{one.lower()}")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_finding_has_its_sentence(language: Language) -> None:
    catalogue = Catalogue(language)
    missing = [
        f"{check}.{case} ({place})"
        for ids, cases, _, _, place in written_findings()
        for check in ids
        for case in cases
        if case and not catalogue.knows(f"doctor.{check.lower()}.{case}")
    ]
    assert not missing


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_meaning_of_a_reply_has_its_sentences(language: Language) -> None:
    catalogue = Catalogue(language)
    for cause in {row.cause for row in rows()}:
        said = catalogue.problem(Problem(f"doctor.reply.{cause}"))
        assert catalogue.knows(f"doctor.reply.{cause}"), cause
        assert said.do, cause


def test_every_cause_begins_with_one_of_the_words() -> None:
    causes = {row.cause for row in rows()} | {
        one for *_, told, _ in written_findings() for one in told if one
    }
    for file in SOURCE.rglob("*.py"):
        causes |= set(re.findall(r'Meaning\("([a-z_.]+)"', file.read_text(encoding="utf-8")))
    assert len(causes) > 80
    assert not {one for one in causes if one.partition(".")[0] not in CAUSES or "." not in one}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a7_13_sentences_are_short(language: Language) -> None:
    file = SOURCE.parent / "locale" / language / "LC_MESSAGES" / "eilbote.po"
    texts = re.findall(r'msgid "doctor\.[^"]+"\nmsgstr "((?:[^"\\]|\\.)+)"', file.read_text(encoding="utf-8"))
    sentences = [one for text in texts for one in re.split(r"(?<=[.!?:])\s+", text)]
    assert len(sentences) > 400
    long = [one for one in sentences if len(one.split()) > 25]
    assert len(long) <= len(sentences) // 10, long


def test_a_worst_verdict_is_never_passed() -> None:
    order = [Verdict.PASS, Verdict.INFO, Verdict.WARN, Verdict.FAIL]
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "found"):
                continue
            for check in strings(node.args[0]) if node.args else []:
                verdict = node.args[1]
                if isinstance(verdict, ast.Attribute) and verdict.attr in ("WARN", "FAIL"):
                    worst = CHECKS[check].worst
                    assert worst in order and order.index(Verdict[verdict.attr]) <= order.index(worst), (
                        f"{check} in {file.name}:{node.lineno}"
                    )
