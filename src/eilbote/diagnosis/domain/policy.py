"""Encrypted delivery that a domain asks for: MTA-STS (RFC 8461) with its file, and TLS-RPT (RFC 8460)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

from eilbote.delivery.mta_sts import Mode, Policy, matches, policy_host, read_policy, read_record
from eilbote.diagnosis.domain.answers import Answers
from eilbote.diagnosis.domain.servers import covers, hosts_of
from eilbote.diagnosis.evidence import Conversed, Fetched, OwnDomain
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.values import DnsRecord, Finding, PublishedFile, Verdict
from eilbote.errors import Problem

_DAY = 86_400
_GOOD_AGE = 7 * _DAY
_LONGEST_SHOWN = 300


def record_name(domain: str) -> str:
    return f"_mta-sts.{domain}"


def has_record(own: OwnDomain, answers: Answers) -> bool:
    return bool(answers.texts(record_name(own.name), "v=STSv1"))


def file_of(own: OwnDomain, answers: Answers, mode: Mode = Mode.TESTING) -> PublishedFile:
    """The policy that fits the domain's servers as they are now (RFC 8461 section 3.2), with CRLF."""
    hosts = hosts_of(own.name, answers) or [own.name]
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {one}" for one in hosts), f"max_age: {_GOOD_AGE}"]
    return PublishedFile(
        f"https://{policy_host(own.name)}/.well-known/mta-sts.txt", "".join(f"{one}\r\n" for one in lines)
    )


def new_record(own: OwnDomain, now: float, *, replaces: bool = False) -> DnsRecord:
    """A record with an id that no earlier one had."""
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d%H%M%S")
    return DnsRecord(record_name(own.name), "TXT", f"v=STSv1; id={moment}", replaces)


def judge_sts(
    own: OwnDomain, answers: Answers, fetched: Fetched | None, seen: Mapping[str, Conversed], now: float
) -> list[Finding]:
    """DNS19. `fetched` None: nobody asked for it."""
    name = record_name(own.name)
    shown: dict[str, object] = {"domain": own.name, "host": policy_host(own.name)}
    if answers.is_silent(name, "TXT"):
        return [found("DNS19", Verdict.ERROR, "silent", at=name, cause="dns.timeout", shown=shown)]
    texts = answers.texts(name, "v=STSv1")
    findings: list[Finding] = []
    if not texts:
        served = fetched is not None and fetched.status == 200
        findings.append(
            found(
                "DNS19",
                Verdict.INFO,
                "only_file" if served else "none",
                at=own.name,
                publish=[new_record(own, now)],
                file=None if served else file_of(own, answers),
                shown=shown,
            )
        )
    elif read_record(list(texts)) is None:
        findings.append(
            found(
                "DNS19",
                Verdict.WARN,
                "several" if len(texts) > 1 else "bad_record",
                at=name,
                cause="dns.mta_sts",
                seen=" / ".join(texts)[:_LONGEST_SHOWN],
                publish=[new_record(own, now, replaces=True)],
                shown=shown,
            )
        )
    if fetched is not None:
        findings.append(_file(own, answers, fetched, seen, asked=bool(texts), shown=shown, now=now))
    return findings


def _file(
    own: OwnDomain,
    answers: Answers,
    fetched: Fetched,
    seen: Mapping[str, Conversed],
    *,
    asked: bool,
    shown: Mapping[str, object],
    now: float,
) -> Finding:
    """What the host of the policy serves. Where no record asks for it yet, nothing is broken by it."""
    bad = Verdict.WARN if asked else Verdict.INFO
    cause = "dns.mta_sts" if asked else ""
    host = fetched.host

    def fault(case: str, verdict: Verdict = bad, text: str = "", **more: object) -> Finding:
        return found(
            "DNS19",
            verdict,
            case,
            at=host,
            cause=cause if verdict is not Verdict.INFO else "",
            seen=text[:_LONGEST_SHOWN],
            file=file_of(own, answers),
            ms=fetched.ms or None,
            shown={**shown, **more},
        )

    if not answers.addresses(host):
        return fault("no_host")
    if fetched.problem == "http.not_public":
        return fault("private_host")
    if fetched.problem == "http.too_large":
        return fault("too_large")
    if fetched.certificate:
        return fault("certificate", text=fetched.reason)
    if fetched.problem:
        return fault("unreachable", text=fetched.reason)
    if fetched.status in range(300, 400):
        return fault("redirect", text=fetched.location, status=fetched.status)
    if fetched.status != 200:
        return fault("status", status=fetched.status)
    policy = read_policy(fetched.content.encode())
    if isinstance(policy, Problem):
        return fault("bad_file", text=fetched.content, field=policy.parameters.get("reason", "?"))
    return _policy(own, answers, policy, fetched, seen, fault=fault, now=now)


class Fault(Protocol):
    """Writes down what is wrong with what was served."""

    def __call__(self, case: str, verdict: Verdict = ..., text: str = ..., **more: object) -> Finding: ...


def _policy(
    own: OwnDomain,
    answers: Answers,
    policy: Policy,
    fetched: Fetched,
    seen: Mapping[str, Conversed],
    *,
    fault: Fault,
    now: float,
) -> Finding:
    hosts = hosts_of(own.name, answers)
    uncovered = [one for one in hosts if not matches(policy, one)]
    unused = [one for one in policy.mx if not any(matches(Policy(policy.mode, (one,), 1), h) for h in hosts)]
    enforced = policy.mode is Mode.ENFORCE
    if uncovered and policy.mode is not Mode.NONE:
        verdict = Verdict.FAIL if enforced else Verdict.WARN
        return fault("not_covered", verdict, fetched.content, names=", ".join(uncovered)[:200])
    unproven = [one for one in hosts if _is_unproven(one, seen)]
    if unproven and policy.mode is not Mode.NONE:
        verdict = Verdict.FAIL if enforced else Verdict.WARN
        return fault("mx_unproven", verdict, fetched.content, names=", ".join(unproven)[:200])
    if unused:
        return fault("unused", Verdict.WARN, fetched.content, names=", ".join(unused)[:200])
    if not fetched.content_type.lower().startswith("text/plain"):
        return fault("content_type", Verdict.WARN, type=fetched.content_type or "–")
    if policy.max_age < _DAY:
        return fault("short_age", Verdict.WARN, fetched.content, seconds=policy.max_age)
    if policy.mode is not Mode.ENFORCE:
        stricter = file_of(own, answers, Mode.ENFORCE)
        return found(
            "DNS19",
            Verdict.INFO,
            "testing" if policy.mode is Mode.TESTING else "mode_none",
            at=fetched.host,
            file=stricter,
            publish=[new_record(own, now, replaces=True)],
            domain=own.name,
            host=fetched.host,
        )
    return found("DNS19", Verdict.PASS, at=fetched.host, seen=f"{policy.mode}, {', '.join(policy.mx)}"[:200])


def _is_unproven(host: str, seen: Mapping[str, Conversed]) -> bool:
    """Whoever keeps to the policy does not deliver there (RFC 8461 section 4.2). Of a server that was
    not reached nothing is known."""
    one = seen.get(host)
    if one is None or not one.is_greeting:
        return False
    if one.tls is None:
        return "STARTTLS" not in one.before and bool(one.before)
    chain = one.tls.chain
    return bool(chain) and (not one.tls.verified or not covers(chain[0].names, host))


def judge_tls_reports(own: OwnDomain, answers: Answers) -> Finding:
    """DNS20."""
    name = f"_smtp._tls.{own.name}"
    if answers.is_silent(name, "TXT"):
        return found("DNS20", Verdict.SKIP, "silent", at=name)
    texts = answers.texts(name, "v=TLSRPT")
    good = DnsRecord(name, "TXT", f"v=TLSRPTv1; rua=mailto:postmaster@{own.name}", bool(texts))
    if not texts:
        return found("DNS20", Verdict.INFO, "none", at=name, publish=[good], domain=own.name)
    right = re.fullmatch(r"v=TLSRPTv1\s*;\s*rua=\s*(mailto:|https://)\S+.*", texts[0], re.DOTALL)
    if len(texts) > 1 or right is None:
        return found(
            "DNS20",
            Verdict.INFO,
            "bad",
            at=name,
            publish=[good],
            seen=" / ".join(texts)[:_LONGEST_SHOWN],
            domain=own.name,
        )
    return found("DNS20", Verdict.PASS, at=name, seen=texts[0])
