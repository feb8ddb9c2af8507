"""The records of a domain: what they say, group by group, with the record or the file to publish; and whether
one that was pasted is there by now. For owners: it asks name servers about whatever name is typed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlencode

from fastapi import APIRouter, Response

from eilbote.diagnosis.values import Finding, Report, Verdict
from eilbote.engine.checkups import finished
from eilbote.engine.diagnose import transcript_to_share, transcript_whole
from eilbote.engine.own_domain import BLOCKLISTS
from eilbote.engine.published import proposed
from eilbote.errors import EilboteError, Gone
from eilbote.mail.download_name import attachment_disposition
from eilbote.web.doctor import Rung, begin_page_of, rung_of, saved, shown_of
from eilbote.web.visit import Owner, to

routes = APIRouter(prefix="/doctor/domain")

_GROUPS: Mapping[str, tuple[str, ...]] = {
    "receiving": ("DNS01", "DNS02", "DNS03", "DNS04", "DNS05", "DNS06", "DNS07", "DNS29", "TLS"),
    "spf": ("DNS08", "DNS09", "DNS10", "DNS11"),
    "dkim": ("DNS12", "DNS13"),
    "dmarc": ("DNS14", "DNS15", "DNS16", "DNS17", "DNS18"),
    "sts": ("DNS19", "DNS20"),
    "signed": ("DNS21", "DNS22", "DNS23", "DNS24", "DNS25", "DNS26"),
    "programs": ("DISC",),
    "bsi": ("DNS30",),
    "other": ("DNS",),
    "machine": ("",),
}
"""Which checks stand together, by how their ids begin; the first that fits."""

_BAD = (Verdict.FAIL, Verdict.ERROR, Verdict.WARN)


@routes.get("")
def domain_page(visit: Owner, domain: str = "") -> Response:
    checkup = visit.site.work.checkups.of(domain)
    if checkup is None:
        return begin_page_of(visit, None, domain=domain)
    shown = shown_of(visit, checkup, domain)
    report = shown["report"]
    if isinstance(report, Report):
        shown["rungs"] = groups_of(report)
    shown |= {
        "named": "domain",
        "again": "/doctor/domain",
        "check": "/doctor/domain/record",
        "published": visit.site.work.checkups.published(domain),
    }
    return visit.page("doctor.html", 200, account=None, problem=None, **shown)


@routes.post("")
async def examine(visit: Owner) -> Response:
    typed = visit.field("domain").strip()[:300]
    lists = BLOCKLISTS if visit.field("blocklists") else ()
    try:
        domain = visit.site.work.checkups.begin_domain(
            typed, fetch=bool(visit.field("fetch")), blocklists=lists
        )
    except EilboteError as error:
        return await asyncio.to_thread(begin_page_of, visit, error.problem, domain=typed)
    return _to(domain)


@routes.post("/record")
async def look(visit: Owner) -> Response:
    """Asks for one record that was proposed, and for nothing else. Gone `checkup.none`."""
    domain = visit.field("domain")
    report = finished(visit.site.work.checkups.of(domain)).report
    record = proposed(report, visit.field("name"), visit.field("type"), visit.field("value"))
    if record is None:
        raise Gone("checkup.none")
    await visit.site.work.checkups.look_for(domain, record)
    return _to(domain)


@routes.get("/file")
def file(visit: Owner, domain: str = "", check: str = "") -> Response:
    """The file of a finding, such as the MTA-STS policy. Gone `checkup.none`."""
    report = finished(visit.site.work.checkups.of(domain)).report
    found = next((one.file for one in report.findings if one.id == check and one.file is not None), None)
    if found is None:
        raise Gone("checkup.none")
    name = found.url.rpartition("/")[2] or "file.txt"
    headers = {"Content-Disposition": attachment_disposition(name)}
    return Response(found.content, media_type="text/plain", headers=headers)


@routes.get("/share")
def share(visit: Owner, domain: str = "") -> Response:
    data = transcript_to_share(finished(visit.site.work.checkups.of(domain)))
    return saved(data, "eilbote-doctor-shared.json")


@routes.get("/whole")
def whole(visit: Owner, domain: str = "") -> Response:
    data = transcript_whole(finished(visit.site.work.checkups.of(domain)))
    return saved(data, "eilbote-doctor-whole.json")


def groups_of(report: Report) -> tuple[Rung, ...]:
    """The findings in groups, what is wrong first; what is wrong, and what can be published, lies open."""
    grouped: dict[str, list[Finding]] = {name: [] for name in _GROUPS}
    for one in report.findings:
        grouped[_group(one)].append(one)
    return tuple(
        rung_of(name, tuple(sorted(mine, key=_rank)), is_open=any(one.verdict in _BAD for one in mine))
        for name, mine in grouped.items()
        if mine
    )


def _group(finding: Finding) -> str:
    return next(name for name, begins in _GROUPS.items() if finding.id.startswith(begins))


def _rank(finding: Finding) -> int:
    if finding.verdict in _BAD:
        return _BAD.index(finding.verdict)
    return len(_BAD) if finding.publish or finding.file is not None else len(_BAD) + 1


def _to(domain: str) -> Response:
    return to(f"/doctor/domain?{urlencode({'domain': domain})}")
