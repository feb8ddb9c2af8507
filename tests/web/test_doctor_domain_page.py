"""The domain page of the doctor against a zone of its own: findings in groups, the record to paste, the file
to save, and a record that is asked for again.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest

from eilbote.diagnosis.evidence import Outcome, Records
from eilbote.diagnosis.transcript import read_transcript
from eilbote.diagnosis.values import DnsRecord
from eilbote.engine import checkups, published
from eilbote.engine.app import App
from eilbote.engine.diagnose import Diagnosed, Looking, diagnose_domain
from eilbote.engine.published import judged
from eilbote.engine.route import Surroundings
from eilbote.net.dns import Looked
from eilbote.store.values import Role
from tests.web.browser import browsing, given_user, opened
from tests.web.test_doctor_page import done

DOMAIN = "mein-server.example"


class Zone:
    """Answers as name servers do that hold this zone and nothing else; `put` publishes."""

    trusted = False

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {
            (DOMAIN, "SOA"): ["ns1.mein-server.example. post.mein-server.example. 1 3600 900 600000 600"],
            (DOMAIN, "NS"): ["ns1.mein-server.example.", "ns2.mein-server.example."],
            (DOMAIN, "MX"): ["10 mx.mein-server.example."],
            (DOMAIN, "TXT"): ['"v=spf1 +all"'],
            ("mx.mein-server.example", "A"): ["192.0.2.25"],
        }

    def put(self, name: str, kind: str, value: str) -> None:
        self.records[name, kind] = [f'"{value}"' if kind == "TXT" else value]

    async def ask(self, name: str, kind: str, **_: object) -> Looked:
        texts = self.records.get((name.rstrip(".").lower(), kind), [])
        made = tuple(
            dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), text) for text in texts
        )
        exists = any(known == name.rstrip(".").lower() for known, _ in self.records)
        return Looked(made, exists=exists)

    async def addresses(self, _host: str) -> tuple[list[str], bool]:
        return [], False


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with opened(tmp_path) as (app, _):
        given_user(app, "Kim")
        yield app


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Zone:
    made: Any = Zone()
    around = Surroundings(made)

    async def diagnose(app: App, name: str, tell: Callable[[Looking], None], **wanted: Any) -> Diagnosed:
        return await diagnose_domain(app, name, tell, around=around, **wanted)

    async def look_for(app: App, record: DnsRecord) -> published.Published:
        return await published.look_for(app, record, around)

    monkeypatch.setattr(checkups, "diagnose_domain", diagnose)
    monkeypatch.setattr(checkups, "look_for", look_for)
    zone: Zone = made
    return zone


async def test_records_are_shown_to_be_pasted_and_asked_for_again(app: App, zone: Zone) -> None:
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        assert 'value="mein-server.example"' in (await kim.get(f"/doctor/domain?domain={DOMAIN}")).text
        answer = await kim.post("/doctor/domain", {"domain": DOMAIN.upper() + "."})
        path = answer.headers["location"]
        assert path == f"/doctor/domain?domain={DOMAIN}"
        page = await done(kim, path)
        assert "Something is wrong" in page and "no mail address" not in page and "Who may send (SPF)" in page
        assert f"<code>_dmarc.{DOMAIN}</code>" in page and "v=DMARC1" in page
        whole = read_transcript((await kim.get(f"/doctor/domain/whole?domain={DOMAIN}")).content)
        assert whole.target.address == DOMAIN
        asked = {
            "domain": DOMAIN,
            "name": f"_dmarc.{DOMAIN}",
            "type": "TXT",
            "value": value_in(page, "DMARC1"),
        }
        await kim.get(path)
        assert (await kim.post("/doctor/domain/record", asked)).status_code == 303
        assert "It is not there yet." in (await kim.get(path)).text
        zone.put(f"_dmarc.{DOMAIN}", "TXT", "v=DMARC1; p=none; rua=mailto:a@example.org")
        await kim.post("/doctor/domain/record", asked)
        assert "still give something else" in (await kim.get(path)).text
        zone.put(f"_dmarc.{DOMAIN}", "TXT", asked["value"])
        await kim.post("/doctor/domain/record", asked)
        assert "It is there, as proposed." in (await kim.get(path)).text
        # Nothing but what was proposed is asked for.
        wrong = await kim.post("/doctor/domain/record", {**asked, "name": "intern.example"})
        assert wrong.status_code == 404


async def test_the_policy_is_a_file_to_save(app: App, zone: Zone) -> None:
    zone.put(f"_mta-sts.{DOMAIN}", "TXT", "v=STSv1; id=1")
    async with browsing(app) as browser:
        kim = browser()
        await kim.sign_in("Kim")
        assert (await kim.get(f"/doctor/domain/file?domain={DOMAIN}&check=DNS19")).status_code == 404
        await kim.get("/doctor")
        page = await done(kim, (await kim.post("/doctor/domain", {"domain": DOMAIN})).headers["location"])
        assert f"https://mta-sts.{DOMAIN}/.well-known/mta-sts.txt" in page
        saved = await kim.get(f"/doctor/domain/file?domain={DOMAIN}&check=DNS19")
        assert 'filename="mta-sts.txt"' in saved.headers["content-disposition"]
        assert "version: STSv1\r\n" in saved.text and f"mx: mx.{DOMAIN}\r\n" in saved.text
        shared = (await kim.get(f"/doctor/domain/share?domain={DOMAIN}")).text
        assert "mein-server" not in shared


async def test_domains_are_for_owners(app: App, zone: Zone) -> None:
    given_user(app, "Lea", Role.MEMBER)
    async with browsing(app) as browser:
        lea, kim = browser(), browser()
        await lea.sign_in("Lea")
        await kim.sign_in("Kim")
        for path in ("", "/file", "/share", "/whole"):
            assert (await lea.get(f"/doctor/domain{path}?domain={DOMAIN}")).status_code == 403
        await lea.get("/own")
        assert (await lea.post("/doctor/domain", {"domain": DOMAIN})).status_code == 403
        assert (await lea.post("/doctor/domain/record", {"domain": DOMAIN})).status_code == 403
        await kim.get("/doctor")
        assert (await kim.post("/doctor/domain", {"domain": DOMAIN}, token="")).status_code == 403
        wrong = await kim.post("/doctor/domain", {"domain": "keine Domain"})
        assert wrong.status_code == 400 and "keine Domain" in wrong.text


@pytest.mark.parametrize(
    ("kind", "value", "given", "there"),
    [
        ("TXT", "v=DMARC1; p=none", ("v=DMARC1; p=none",), True),
        ("TXT", "v=DMARC1; p=none", ("v=DMARC1; P=none",), False),
        ("SRV", "0 1 993 imap.example.org", ("0 1 993 IMAP.example.org.",), True),
        ("MX", "10 mx.example.org", ("10 other.example.org.",), False),
    ],
)
def test_a_record_is_there_if_it_says_the_same(
    kind: str, value: str, given: tuple[str, ...], there: bool
) -> None:
    record = DnsRecord("example.org", kind, value)
    assert judged(record, Records("example.org", kind, Outcome.OK, given), 1.0).is_there is there
    silent = judged(record, Records("example.org", kind, Outcome.TIMEOUT), 1.0)
    assert not silent.is_there and not silent.answered


def value_in(page: str, word: str) -> str:
    """The value of the hidden field that has this word in it."""
    found = re.search(rf'name="value" value="([^"]*{word}[^"]*)"', page)
    assert found
    return html.unescape(found[1])
