"""Whether a record that was proposed is there by now: one question to the name servers. Decides nothing about
what the record means; the doctor's next run does.
"""

from __future__ import annotations

from msgspec import Struct

from eilbote.diagnosis.evidence import Outcome, Records
from eilbote.diagnosis.probes import LookUp
from eilbote.diagnosis.values import DnsRecord, Report
from eilbote.engine.app import App
from eilbote.engine.probing_domain import DomainProber
from eilbote.engine.route import Surroundings, surroundings_of

_SECONDS = 2.0


class Published(Struct, frozen=True):
    """What the name servers said at `at` (seconds since 1970): the record, others of its kind under its name,
    none, or (`answered` False) nothing at all."""

    at: float
    is_there: bool
    found: tuple[str, ...] = ()
    answered: bool = True


def proposed(report: Report, name: str, kind: str, value: str) -> DnsRecord | None:
    """The record of a report that is meant; None: it proposed no such one."""
    return next(
        (
            record
            for finding in report.findings
            for record in finding.publish
            if (record.name, record.kind, record.value) == (name, kind, value)
        ),
        None,
    )


async def look_for(app: App, record: DnsRecord, around: Surroundings | None = None) -> Published:
    """Asks for it. A name server that knew another answer may give that for as long as its TTL says."""
    prober = DomainProber(around or surroundings_of(app, seconds=_SECONDS), app.clock)
    records = await prober.look_up(LookUp(record.name, record.kind))
    return judged(record, records, app.clock.now())


def judged(record: DnsRecord, records: Records, now: float) -> Published:
    """What an answer says of the record. Names are compared as RFC 4343 has it, texts sign by sign."""
    answered = records.outcome in (Outcome.OK, Outcome.NO_RECORDS, Outcome.NO_SUCH_NAME)
    same = [one for one in records.records if _plain(record.kind, one) == _plain(record.kind, record.value)]
    return Published(now, bool(same), records.records, answered)


def _plain(kind: str, value: str) -> str:
    text = " ".join(value.split())
    return text if kind == "TXT" else text.rstrip(".").lower()
