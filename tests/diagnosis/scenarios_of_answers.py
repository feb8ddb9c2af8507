"""Scenarios: each of the known answers, said where a diagnosis meets it."""

from __future__ import annotations

from collections.abc import Iterator

from eilbote.diagnosis.evidence import (
    Protocol,
)
from eilbote.engine.diagnose import Diagnosed
from tests.diagnosis.answers import ANSWERS, Answer
from tests.diagnosis.clinic import Clinic
from tests.diagnosis.peers import Peer
from tests.diagnosis.scenario import Run, Scenario

AFTER_LOGIN = {26: "login", 27: "listing", 28: "listing", 31: "listing", 66: "listing", 9: "listing"}
NOT_ON_THE_WAY = {22, 29, 30, 53, 64, 67}
"""Answers to what a diagnosis never says: appending, creating, waiting; `test_replies` has them."""

AT_MAIL = {20, 21, 41, 42, 50, 52, 68, 71, 72, 74, 75, 76, 48, 39, 38}
AT_RCPT = {16, 17, 18, 49, 69, 70, 73}
ADDRESSES = {
    "gmail": "anna@gmail.com",
    "gmx": "anna@gmx.de",
    "webde": "anna@web.de",
    "ionos": "anna@online.de",
    "icloud": "anna@icloud.com",
    "yahoo": "anna@yahoo.com",
    "t-online": "anna@t-online.de",
    "outlook": "anna@outlook.com",
}


def answers() -> Iterator[Scenario]:
    """Each of the 80 answers, said by a server on a real line where a diagnosis meets it."""
    for at, one in enumerate(ANSWERS):
        if one.number not in NOT_ON_THE_WAY:
            yield Scenario(f"answer-{one.number}-{at}", "answer", _words(one), _said(one))


def _words(one: Answer) -> tuple[str, ...]:
    # Greylisting is no fault: the server takes the mail a few minutes later.
    return ("none",) if one.number == 73 else one.words


def _said(one: Answer) -> Run:
    # A password for Microsoft is never sent; such servers are met under other names.
    known = one.provider not in ("outlook", "office365")
    address = ADDRESSES.get(one.provider, "anna@example.org") if known else "anna@example.org"
    greeting = ""
    if not known:
        exchange = "The Microsoft Exchange IMAP4 service is ready."
        greeting = (
            f"* OK {exchange}" if one.protocol is Protocol.IMAP else "220 Microsoft ESMTP MAIL Service ready"
        )

    def peers() -> list[Peer]:
        text = one.text
        if one.protocol is Protocol.POP3:
            return [Peer(Protocol.POP3, login=text)]
        if one.protocol is Protocol.IMAP:
            if one.greeting or text.startswith("BYE"):
                return [Peer(greeting=f"* {text}")]
            if AFTER_LOGIN.get(one.number) == "listing":
                return [Peer(greeting=greeting, listing=text)]
            if "WEBALERT" in text:
                return [
                    Peer(
                        untagged=f"* {text}", login="NO [ALERT] Please log in via your web browser (Failure)"
                    )
                ]
            return [Peer(greeting=greeting, login=text)]
        imap = Peer()
        if one.greeting:
            return [imap, Peer(Protocol.SMTP, greeting=text)]
        if one.number in AT_MAIL:
            return [imap, Peer(Protocol.SMTP, greeting=greeting, mail=text)]
        if one.number in AT_RCPT:
            return [imap, Peer(Protocol.SMTP, rcpt=text)]
        return [imap, Peer(Protocol.SMTP, greeting=greeting, login=text)]

    async def run(clinic: Clinic) -> Diagnosed:
        return await clinic.report_on(*peers(), address=address)

    return run
