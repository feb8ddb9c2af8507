"""Real bounces of seventy systems: known as such, with the right recipients; and no other mail is one."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from eilbote.mail.automatic import is_automatic_reply
from eilbote.mail.message import parse_message
from eilbote.mail.report import Report, read_report

pytestmark = pytest.mark.material

NO_BOUNCE = {"feedback", "vacation"}


def mails(archive: Path) -> dict[str, bytes]:
    if not archive.exists():
        pytest.skip(f"{archive.name} is not there")
    with tarfile.open(archive) as packed:
        opened = ((member.name, packed.extractfile(member)) for member in packed)
        return {Path(name).name: content.read() for name, content in opened if content is not None}


def test_real_bounces_are_known(material: Path) -> None:
    expected = json.loads((material / "bounces-expected.json").read_text(encoding="utf-8"))
    raws = mails(material / "bounces.tar.gz")
    read: dict[str, Report | None] = {}
    for name, outcomes in expected.items():
        message = parse_message(raws[name])
        report = read_report(message)
        kinds = {each["reason"] for each in outcomes}
        if kinds & NO_BOUNCE:
            assert report is None, name
            assert is_automatic_reply(message) or "vacation" not in kinds, name
        else:
            read[name] = report
    found = {name: report for name, report in read.items() if report is not None}
    assert len(found) >= 0.97 * len(read)
    as_many = [name for name, report in found.items() if len(report.outcomes) == len(expected[name])]
    assert len(as_many) >= 0.98 * len(found)
    same_class = [
        name
        for name in as_many
        if sorted(each.status[0] for each in found[name].outcomes)
        == sorted(each["dsn"][0] for each in expected[name])
    ]
    assert len(same_class) >= 0.93 * len(found)


def test_mail_of_people_is_no_bounce(material: Path) -> None:
    found = [
        name
        for name, raw in mails(material / "spamassassin.tar.gz").items()
        if read_report(parse_message(raw))
    ]
    assert len(found) <= 5  # five of the corpus are bounces
