"""SPF (RFC 7208): which servers may send for a domain. Reads a record and counts what it costs to follow it.

Never raises on a bad record: what is wrong with it stands in `wrong`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from eilbote.diagnosis.domain.answers import Answers, is_under, plain
from eilbote.diagnosis.evidence import Outcome, OwnDomain
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.values import Confidence, DnsRecord, Finding, Verdict

MOST_LOOKUPS = 10
"""RFC 7208 section 4.6.4."""
MOST_VOID = 2
_MOST_DEPTH = 12
_MOST_TERMS = 300
_MOST_FOLLOWED = 40
"""Records that are followed at all; whoever has more fails long before."""

_MECHANISM = re.compile(r"([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?![\w.-])([:/].*)?", re.IGNORECASE)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=(.*)", re.IGNORECASE)
_DOMAIN = re.compile(r"[A-Za-z0-9_%{}.+\-=/]{1,253}")
_TOP = re.compile(r"(?!\d+\Z)(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
"""The last label of a name (RFC 7208 section 7.1)."""
_MACRO = re.compile(r"%(?:\{[slodipcrtvh]\d*r?[.+,/_=-]*\}|%|_|-)", re.IGNORECASE)
_COSTS = ("include", "a", "mx", "ptr", "exists")


class Term(Struct, frozen=True):
    """A mechanism or modifier. `qualifier`: `+ - ~ ?`; `target`: the domain or network behind the colon."""

    text: str
    name: str
    qualifier: str = "+"
    target: str = ""


class Spf(Struct, frozen=True):
    """A record taken apart; `wrong`: its terms that mean nothing."""

    terms: tuple[Term, ...]
    wrong: tuple[str, ...] = ()

    @property
    def ending(self) -> str:
        """What becomes of whoever is not named: `-all`, `~all`, `?all`, `+all`, `redirect`, or nothing."""
        for one in self.terms:
            if one.name == "all":
                return f"{one.qualifier}all"
        return "redirect" if any(one.name == "redirect" for one in self.terms) else ""


def is_spf(text: str) -> bool:
    """RFC 7208 section 4.5: the version stands alone."""
    return re.match(r"v=spf1(?: |$)", text, re.IGNORECASE) is not None


def read_spf(text: str) -> Spf:
    terms: list[Term] = []
    wrong: list[str] = []
    words = text.split()[1:]
    for word in words[:_MOST_TERMS]:
        term = _term(word)
        if term is None:
            wrong.append(word)
        else:
            terms.append(term)
    # RFC 7208 section 6: at most once.
    wrong += [f"{name}=" for name in ("redirect", "exp") if sum(one.name == name for one in terms) > 1]
    if len(words) > _MOST_TERMS:
        wrong.append("…")
    return Spf(tuple(terms), tuple(wrong))


def _term(word: str) -> Term | None:
    if found := _MECHANISM.fullmatch(word):
        name, rest = found[2].lower(), found[3] or ""
        target, cidr = _split(name, rest)
        term = Term(word, name, found[1] or "+", target)
        return term if _is_good(name, rest, target, cidr) else None
    if found := _MODIFIER.fullmatch(word):
        name, value = found[1].lower(), found[2]
        if name in ("redirect", "exp") and not _is_domain(value.rstrip(".")):
            return None
        if "%" in _MACRO.sub("", value):
            return None
        return Term(word, name, "", value.rstrip("."))
    return None


def _split(name: str, rest: str) -> tuple[str, str]:
    if name in ("ip4", "ip6"):
        return rest[1:], ""
    target, _, cidr = rest.removeprefix(":").partition("/")
    return target.rstrip("."), cidr


def _is_good(name: str, rest: str, target: str, cidr: str) -> bool:
    if name in ("ip4", "ip6"):
        try:
            number = ipaddress.ip_network(target, strict=False)
        except ValueError:
            return False
        return rest.startswith(":") and number.version == (4 if name == "ip4" else 6)
    if name == "all":
        return not rest
    if cidr and (name not in ("a", "mx") or not _is_length(cidr)):
        return False
    if name in ("include", "exists") or rest.startswith(":"):
        return _is_domain(target)
    return True


def _is_length(cidr: str) -> bool:
    """`24`, `/64` or `24//64` (RFC 7208 section 5.6)."""
    found = re.fullmatch(r"(\d{1,2})(?://(\d{1,3}))?|/(\d{1,3})", cidr)
    return found is not None and int(found[1] or 0) <= 32 and int(found[2] or found[3] or 0) <= 128


def _is_domain(target: str) -> bool:
    """A name that ends in one of its macros, or in a label that a name can end in."""
    if not _DOMAIN.fullmatch(target) or "%" in _MACRO.sub("", target):
        return False
    last = target.rpartition(".")[2]
    return bool(_MACRO.search(last)) or ("." in target and _TOP.fullmatch(last) is not None)


def wanted(domain: str, answers: Answers) -> list[tuple[str, str]]:
    """What has to be looked up next to know what the record costs; empty once all is known."""
    needed: list[tuple[str, str]] = []
    for at, term in _followed(domain, answers):
        target = term.target or at
        if "%" in target:
            continue  # depends on who sends
        match term.name:
            case "include" | "redirect":
                needed.append((target, "TXT"))
            case "a" | "exists":
                needed += [(target, "A"), (target, "AAAA")] if term.name == "a" else [(target, "A")]
            case "mx":
                needed.append((target, "MX"))
            case _:
                pass
    return needed[:_MOST_FOLLOWED]


class Cost(Struct, frozen=True):
    """What following a record costs. `loop`: the domain that includes itself; `lost`: included names without
    a record of their own; `void`: names that answer nothing; `silent`: not to be known now; `bad`: included
    records that are wrong themselves."""

    lookups: int = 0
    void: tuple[str, ...] = ()
    loop: str = ""
    lost: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    included: tuple[str, ...] = ()


def cost(domain: str, answers: Answers) -> Cost:
    """All that a sender that is named nowhere would cost."""
    lookups, void, lost, silent, bad, included = 0, [], [], [], [], []
    for at, term in _followed(domain, answers):
        target = term.target or at
        if term.name in _COSTS or term.name == "redirect":
            lookups += 1
        if "%" in target:
            continue
        if term.name in ("include", "redirect"):
            included.append(plain(target))
            records = [one for one in answers.of(target, "TXT").records if is_spf(one)]
            if answers.is_silent(target, "TXT"):
                silent.append(target)
            elif len(records) != 1:
                lost.append(target)
            elif read_spf(records[0]).wrong:
                bad.append(target)
            if answers.of(target, "TXT").outcome in (Outcome.NO_SUCH_NAME, Outcome.NO_RECORDS):
                void.append(target)
        elif term.name in ("a", "exists", "mx") and _is_void(term.name, target, answers):
            void.append(target)
    return Cost(
        lookups,
        tuple(void),
        _loop(domain, answers),
        tuple(lost),
        tuple(silent),
        tuple(bad),
        tuple(included),
    )


def _is_void(name: str, target: str, answers: Answers) -> bool:
    kinds = {"a": ("A", "AAAA"), "mx": ("MX",)}.get(name, ())  # an `exists` is there to answer nothing
    known = [answers.of(target, kind) for kind in kinds if answers.knows(target, kind)]
    return bool(known) and all(one.outcome in (Outcome.NO_SUCH_NAME, Outcome.NO_RECORDS) for one in known)


def _followed(domain: str, answers: Answers) -> Iterator[tuple[str, Term]]:
    """Every term of the record and of those it includes, each with the domain it stands in."""
    waiting: list[tuple[str, tuple[str, ...]]] = [(plain(domain), ())]
    count = 0
    while waiting and count < _MOST_FOLLOWED:
        at, above = waiting.pop(0)
        count += 1
        records = [one for one in answers.of(at, "TXT").records if is_spf(one)]
        if len(records) != 1:
            continue
        spf = read_spf(records[0])
        for term in spf.terms:
            if term.name == "redirect" and spf.ending != "redirect":
                continue  # RFC 7208 section 6.1: `all` was there first
            yield at, term
            target = plain(term.target)
            if term.name in ("include", "redirect") and "%" not in target:
                inside = (*above, at)
                if target not in inside and len(inside) < _MOST_DEPTH:
                    waiting.append((target, inside))


def _loop(domain: str, answers: Answers) -> str:
    """A domain that is reached from itself."""

    def inside(at: str, above: tuple[str, ...]) -> str:
        if len(above) > _MOST_DEPTH:
            return ""
        records = [one for one in answers.of(at, "TXT").records if is_spf(one)]
        if len(records) != 1:
            return ""
        for term in read_spf(records[0]).terms[:_MOST_FOLLOWED]:
            target = plain(term.target)
            if term.name not in ("include", "redirect") or "%" in target:
                continue
            if target in (*above, at):
                return target
            if target not in seen:
                seen.add(target)
                if deeper := inside(target, (*above, at)):
                    return deeper
        return ""

    seen: set[str] = set()
    return inside(plain(domain), ())


# --- judged ------------------------------------------------------------------------------------------


def judge_spf(own: OwnDomain, answers: Answers) -> list[Finding]:
    """DNS08 to DNS11."""
    domain = own.name
    if answers.is_silent(domain, "TXT"):
        return [found("DNS08", Verdict.ERROR, "silent", at=domain, cause="dns.timeout", domain=domain)]
    records = [one for one in answers.of(domain, "TXT").records if is_spf(one)]
    if not records:
        return [_none(own, answers)]
    if len(records) > 1:
        return [
            found(
                "DNS08",
                Verdict.FAIL,
                "several",
                at=domain,
                cause="dns.spf",
                seen=" / ".join(records),
                publish=[_record(domain, _merged(records), replaces=True)],
                domain=domain,
                count=len(records),
            )
        ]
    findings = [found("DNS08", Verdict.PASS, at=domain, seen=records[0])]
    spf = read_spf(records[0])
    findings.append(_valid(domain, records[0], spf, answers))
    findings += _provider(own, records[0], cost(domain, answers))
    findings.append(_ending(domain, records[0], spf))
    return findings


def _none(own: OwnDomain, answers: Answers) -> Finding:
    near = answers.texts(own.name, "v=spf") or answers.texts(own.name, "spf2.0")
    return found(
        "DNS08",
        Verdict.WARN,
        "misspelt" if near else "none",
        at=own.name,
        cause="dns.spf",
        seen=near[0] if near else "",
        publish=[_record(own.name, suggested(own))],
        domain=own.name,
    )


def suggested(own: OwnDomain) -> str:
    """A record for whoever has none: the servers that take the mail, and the provider."""
    included = "".join(f" include:{one}" for one in own.includes)
    return f"v=spf1 mx{included} ~all"


def _record(domain: str, text: str, *, replaces: bool = False) -> DnsRecord:
    return DnsRecord(domain, "TXT", text, replaces)


def _merged(records: Sequence[str]) -> str:
    terms = [one for text in records for one in read_spf(text).terms]
    words = [one.text for one in terms if one.name not in ("all", "redirect")]
    words += [f"include:{one.target}" for one in terms if one.name == "redirect"]
    return " ".join(("v=spf1", *dict.fromkeys(words), "~all"))


def _valid(domain: str, text: str, spf: Spf, answers: Answers) -> Finding:
    """DNS09: one fault at a time, the worst first."""
    spent = cost(domain, answers)
    shown: dict[str, object] = {"domain": domain}
    verdict, case = Verdict.FAIL, ""
    publish: list[DnsRecord] = []
    if spf.wrong:
        case, shown["term"] = "syntax", ", ".join(spf.wrong)[:200]
        good = " ".join(("v=spf1", *(one.text for one in spf.terms)))
        publish = [_record(domain, good, replaces=True)]
    elif spent.loop:
        case, shown["name"] = "loop", spent.loop
    elif spent.lost:
        case, shown["name"] = "lost", spent.lost[0]
        gone = {plain(one) for one in spent.lost}
        left = [one.text for one in spf.terms if plain(one.target) not in gone]
        publish = [_record(domain, " ".join(("v=spf1", *left)), replaces=True)] if left else []
    elif spent.bad:
        case, shown["name"] = "included_bad", spent.bad[0]
    elif spent.lookups > MOST_LOOKUPS:
        case, shown["count"] = "lookups", spent.lookups
    elif len(spent.void) > MOST_VOID:
        case, shown["names"] = "void", ", ".join(spent.void)[:200]
    elif any(one.name == "ptr" for one in spf.terms):
        verdict, case = Verdict.WARN, "ptr"  # RFC 7208 section 5.5
        left = [one.text for one in spf.terms if one.name != "ptr"]
        publish = [_record(domain, " ".join(("v=spf1", *left)), replaces=True)]
    elif len(text) > 450:
        verdict, case, shown["count"] = Verdict.WARN, "long", len(text)  # RFC 7208 section 3.4
    elif _after_all(spf):
        verdict, case, shown["term"] = Verdict.WARN, "after_all", _after_all(spf)
    elif spent.silent:
        return found(
            "DNS09",
            Verdict.ERROR,
            "silent",
            at=domain,
            cause="dns.timeout",
            name=spent.silent[0],
            shown=shown,
        )
    if not case:
        return found("DNS09", Verdict.PASS, at=domain, seen=f"{spent.lookups} / {MOST_LOOKUPS}")
    return found("DNS09", verdict, case, at=domain, cause="dns.spf", seen=text, publish=publish, shown=shown)


def _after_all(spf: Spf) -> str:
    names = [one.name for one in spf.terms]
    if "all" not in names:
        return ""
    behind = [one.text for one in spf.terms[names.index("all") + 1 :] if one.name in (*_COSTS, "ip4", "ip6")]
    return ", ".join(behind)[:200]


def _provider(own: OwnDomain, text: str, spent: Cost) -> list[Finding]:
    """DNS10: is the provider among them through which mail really goes out?"""
    if not own.includes:
        return []
    if any(is_under(one, wish) for one in spent.included for wish in own.includes):
        return [found("DNS10", Verdict.PASS, at=own.name, seen=own.sender)]
    words = text.split()
    at = next((i for i, one in enumerate(words) if one.lower().endswith("all")), len(words))
    words.insert(at, f"include:{own.includes[0]}")
    return [
        found(
            "DNS10",
            Verdict.WARN,
            "missing",
            at=own.name,
            cause="dns.spf_provider",
            sure=Confidence.LIKELY,  # its servers may be named by their numbers
            seen=text,
            publish=[_record(own.name, " ".join(words), replaces=True)],
            domain=own.name,
            provider=own.sender,
        )
    ]


def _ending(domain: str, text: str, spf: Spf) -> Finding:
    """DNS11."""
    ending = spf.ending
    if ending in ("-all", "~all", "redirect"):
        return found("DNS11", Verdict.PASS, at=domain, seen=ending)
    words = [one.text for one in spf.terms if one.name != "all"]
    case = {"+all": "everybody", "?all": "neutral"}.get(ending, "open")
    return found(
        "DNS11",
        Verdict.FAIL if ending == "+all" else Verdict.WARN,
        case,
        at=domain,
        cause="dns.spf",
        seen=text,
        publish=[_record(domain, " ".join(("v=spf1", *words, "~all")), replaces=True)],
        domain=domain,
    )
