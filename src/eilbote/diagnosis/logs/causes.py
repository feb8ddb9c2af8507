"""Why a line of a log tells of a failure: what servers answer to a login, then the rows of `causes.toml`,
then the class of the status. What fits nothing is `server.other` and shown as it is.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

from msgspec import Struct

from eilbote.diagnosis.evidence import Protocol
from eilbote.diagnosis.logs.values import Event
from eilbote.diagnosis.replies import judge_reply

_LONGEST = 2000
_OF_OTHERS_FIRST = ("password", "app_password", "service_off", "oauth_only", "web_login", "admin")
_PROTOCOLS = {"smtp": Protocol.SMTP, "imap": Protocol.IMAP, "pop3": Protocol.POP3}


class Why(Struct, frozen=True):
    """`code` names the sentences in the catalogue."""

    cause: str
    code: str


@cache
def _rows() -> tuple[tuple[str, re.Pattern[str]], ...]:
    table = tomllib.loads(Path(__file__).with_name("causes.toml").read_text(encoding="utf-8"))
    return tuple((row["cause"], re.compile(row["text"])) for row in table["cause"])


def causes() -> tuple[str, ...]:
    """Every cause that a line may have, but those of the map of answers."""
    return (*(cause for cause, _ in _rows()), "temporary.status", "server.status", "server.other")


def judge(event: Event) -> Why:
    """The cause of a failure."""
    told = event.text[:_LONGEST].lower()
    if not event.own:
        # What a server answered: the map of answers knows providers and their words.
        meaning = judge_reply(event.text[:_LONGEST], _PROTOCOLS[event.protocol], (), event.status)
        word = meaning.cause.partition(".")[0]
        if meaning.row and (word in _OF_OTHERS_FIRST or event.protocol != "smtp"):
            return Why(meaning.cause, f"doctor.reply.{meaning.cause}")
    for cause, pattern in _rows():
        if pattern.search(told):
            return Why(cause, f"logs.{cause}")
    if event.status[:1] in ("4", "5"):
        cause = "temporary.status" if event.status[0] == "4" else "server.status"
        return Why(cause, f"logs.{cause}")
    return Why("server.other", "logs.server.other")
