"""How findings are shown: one cause first, then what was found, layer by layer; and their JSON shape."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eilbote.cli.command import mark
from eilbote.cli.face import Face
from eilbote.cli.terminal import fitted, harmless, styled, width, wrapped
from eilbote.cli.to_publish import file_shape, publish_shape, tell_to_publish
from eilbote.diagnosis.registry import CHECKS
from eilbote.diagnosis.values import Cause, Confidence, Finding, Layer, Report, Verdict, Who
from eilbote.errors import Problem
from eilbote.figures import month_name, plain_day

_WIDEST = 100
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_NEXT_STEP = re.compile(r" (?=\d\. )")
_MARKS = {
    Verdict.PASS: ("✓", "green"),
    Verdict.INFO: ("·", "dim"),
    Verdict.WARN: ("!", "yellow"),
    Verdict.FAIL: ("✗", "red"),
    Verdict.ERROR: ("?", "yellow"),
    Verdict.SKIP: ("–", "dim"),
}
LAYERS = {
    Layer.ENV: mark("This computer"),
    Layer.DISC: mark("Settings"),
    Layer.DNS: mark("Names"),
    Layer.NET: mark("Network"),
    Layer.TLS: mark("Encryption"),
    Layer.IMAP: mark("Mailbox server"),
    Layer.AUTH: mark("Login"),
    Layer.BOX: mark("Mailbox"),
    Layer.SMTP: mark("Sending"),
    Layer.TRIP: mark("Test mail"),
    Layer.OAUTH: mark("Sign-in in the browser"),
}
WHO = {
    Who.YOU: mark("you"),
    Who.PROVIDER: mark("your provider"),
    Who.DOMAIN: mark("whoever administers your domain"),
    Who.NETWORK: mark("whoever runs your network"),
    Who.US: mark("the makers of Eilbote"),
    Who.NOBODY: mark("nobody"),
}
_SURE = {
    Confidence.CERTAIN: "",
    Confidence.LIKELY: mark("likely"),
    Confidence.GUESS: mark("perhaps"),
}
_WORST_FIRST = (Verdict.FAIL, Verdict.ERROR, Verdict.WARN, Verdict.SKIP, Verdict.INFO, Verdict.PASS)
_VERDICTS = {
    Verdict.PASS: mark("Everything works"),
    Verdict.INFO: mark("Everything works"),
    Verdict.WARN: mark("It works, with a warning"),
    Verdict.FAIL: mark("It does not work"),
    Verdict.ERROR: mark("It could not be tested"),
    Verdict.SKIP: mark("Nothing was tested"),
}


def tell_report(face: Face, report: Report, *, everything: bool) -> None:
    """The report as a person reads it."""
    _tell_cause(face, report)
    face.line()
    for layer in Layer:
        mine = [one for one in report.findings if CHECKS[one.id].layer is layer]
        if mine:
            _tell_layer(face, layer, mine, report.cause, everything=everything)
    if not everything:
        face.line()
        face.say(mark("Every check with its details: eilbote doctor --all"))


def _tell_cause(face: Face, report: Report) -> None:
    cause = report.cause
    sign, style = _MARKS[report.verdict]
    head = f"{sign} {harmless(report.target)}: {face.text(_VERDICTS[report.verdict])}"
    face.line(head, f"bold {style}".removesuffix(" dim"))
    face.line()
    said = face.catalogue.problem(_problem(face, cause))
    if report.verdict in (Verdict.PASS, Verdict.INFO):
        _wrap(face, "  ", said.what)
        return
    works = cause.code.startswith("none.")
    sure = face.text(_SURE[cause.confidence]) if _SURE[cause.confidence] else ""
    lead = face.text(mark("Cause ({sure}):"), sure=sure) if sure else face.text(mark("Cause:"))
    if works:
        _wrap(face, "  ", said.what)
    else:
        _wrap(face, "  ", f"{lead} {said.what}", bold=len(lead))
    if said.do:
        step = face.text(mark("Next step:"))
        _wrap(face, "  ", f"{step} {_in_steps(face, said.do)}", bold=len(step))
    for finding in report.findings:
        if finding.text.endswith(".remembered"):
            _wrap(face, "  ", sentences(face, finding)[0])
    who = face.text(mark("Who must act:"))
    _wrap(face, "  ", f"{who} {face.text(WHO[cause.who])}", bold=len(who))


def _tell_layer(
    face: Face, layer: Layer, findings: Sequence[Finding], cause: Cause, *, everything: bool
) -> None:
    bad = [
        one
        for one in findings
        if one.verdict in (Verdict.WARN, Verdict.FAIL, Verdict.ERROR) or one.publish or one.file is not None
    ]
    shown = findings if everything else bad
    title = face.text(LAYERS[layer])
    if everything:
        face.line()
        face.line(title, "bold")
    elif shown:
        worst = next(one for one in _WORST_FIRST if any(each.verdict is one for each in shown))
        sign, style = _MARKS[worst]
        face.line(f"{styled(sign, style) if face.colour() else sign} {title}")
    for finding in shown:
        _tell_finding(face, finding, cause, everything=everything)
    if shown:
        return
    good = sum(one.verdict is Verdict.PASS for one in findings)
    skipped = sum(one.verdict is Verdict.SKIP for one in findings)
    parts = [face.plural(mark("{count} check good"), mark("{count} checks good"), good)] if good else []
    if skipped:
        parts.append(face.plural(mark("{count} not tested"), mark("{count} not tested"), skipped))
    worst = Verdict.SKIP if skipped else Verdict.PASS if good else Verdict.INFO
    sign, style = _MARKS[worst]
    lead = styled(sign, style) if face.colour() else sign
    broadest = max(width(face.text(one)) for one in LAYERS.values())
    counts = ", ".join(parts)
    face.line(
        f"{lead} {fitted(title, broadest + 2)}{styled(counts, 'dim') if face.colour() else counts}".rstrip()
    )


def _tell_finding(face: Face, finding: Finding, cause: Cause, *, everything: bool) -> None:
    sign, style = _MARKS[finding.verdict]
    lead = styled(sign, style) if face.colour() else sign
    about = f" · {harmless(finding.about)}" if finding.about else ""
    time = f" · {_time(finding.ms)}" if finding.ms is not None else ""
    means, do = sentences(face, finding)
    face.line(f"  {lead} {face.text(title_of(face, finding))}{about}{time}")
    is_told = not everything and (finding.text, finding.parameters) == (cause.text, cause.parameters)
    if means and not is_told:
        _wrap(face, "    ", means)
    repeated = not everything and finding.cause == cause.code
    helps = bool(finding.publish or finding.file is not None)
    if do and (helps or (not repeated and finding.verdict in (Verdict.WARN, Verdict.FAIL, Verdict.ERROR))):
        _wrap(face, "    → ", _in_steps(face, do))
    if finding.seen and finding.verdict is not Verdict.SKIP and finding.seen not in means:
        for line in wrapped(harmless(finding.seen), min(face.cells(), _WIDEST) - 6)[:4]:
            face.line(f"      {line}", "dim")
    tell_to_publish(face, finding.publish, finding.file)


def title_of(face: Face, finding: Finding) -> str:
    """What the check is called."""
    return face.catalogue.problem(Problem(f"doctor.{finding.id.lower()}")).what


def sentences(face: Face, finding: Finding) -> tuple[str, str]:
    """What a finding means, and what to do."""
    if finding.text:
        said = face.catalogue.problem(_problem(face, finding))
        return said.what, said.do
    if finding.verdict is Verdict.SKIP and finding.seen in CHECKS:
        because = face.catalogue.problem(Problem(f"doctor.{finding.seen.lower()}")).what
        return face.text(mark("Not tested, because of: {check}"), check=because), ""
    return "", ""


def report_shape(face: Face, report: Report) -> dict[str, object]:
    """`doctor --json`: see docs/schemas/doctor.json."""
    said = face.catalogue.problem(_problem(face, report.cause))
    return {
        "target": report.target,
        "verdict": report.verdict.value,
        "cause": {
            "code": report.cause.code,
            "sentence": said.what,
            "next": said.do,
            "who": report.cause.who.value,
            "confidence": report.cause.confidence.value,
            "finding": report.cause.finding,
            "link": report.cause.link,
        },
        "findings": [_finding_shape(face, one) for one in report.findings],
    }


def _finding_shape(face: Face, finding: Finding) -> dict[str, object]:
    means, do = sentences(face, finding)
    check = CHECKS[finding.id]
    return {
        "id": finding.id,
        "layer": check.layer.value,
        "verdict": finding.verdict.value,
        "title": title_of(face, finding),
        "about": finding.about,
        "seen": finding.seen,
        "means": means or title_of(face, finding),
        "do": do,
        "who": finding.who.value,
        "rfc": check.reference,
        "confidence": finding.confidence.value,
        "cause": finding.cause,
        "link": finding.link,
        "ms": finding.ms,
        "publish": publish_shape(finding.publish),
        "file": file_shape(finding.file),
    }


def _problem(face: Face, told: Finding | Cause) -> Problem:
    shown = {name: _readable(face, name, harmless(value)) for name, value in told.parameters.items()}
    return Problem(told.text, shown)


def _readable(face: Face, name: str, value: str) -> str:
    if not _DAY.fullmatch(value):
        return value
    return (month_name if name == "month" else plain_day)(value, face.catalogue.language)


def _in_steps(face: Face, text: str) -> str:
    """Numbered steps, each on a line of its own."""
    if not face.is_terminal():
        return text
    text = _NEXT_STEP.sub("\n", text)
    return f"\n{text}" if text.startswith("1. ") else text


def _time(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def _wrap(face: Face, lead: str, text: str, *, bold: int = 0) -> None:
    cells = min(face.cells(), _WIDEST) if face.is_terminal() else 10_000
    for number, line in enumerate(wrapped(text, cells - width(lead))):
        start = lead if number == 0 else " " * width(lead)
        if bold and number == 0 and face.colour():
            line = styled(line[:bold], "bold") + line[bold:]  # noqa: PLW2901  # the same line with its style
        face.line(start + line)
