"""What an argument of a kind may be, where it is known before the script runs.

One function from kind and text to a problem or None; texts made by variables are checked when the
script runs, with the same functions.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from eilbote.errors import Misused, Problem
from eilbote.mail.address import is_address, read_addresses
from eilbote.mail.mailto import read_mailto
from eilbote.sieve.comparator import Comparator
from eilbote.sieve.matching import MatchType, matcher
from eilbote.sieve.values import Limits
from eilbote.sieve.vocabulary import ADDRESS_FIELDS, DATE_PARTS, ENVELOPE_PARTS, RELATIONS, Kind

_FIELD_NAME = re.compile(r"[!-9;-~]{1,200}")  # RFC 5322 section 2.2
_ZONE = re.compile(r"[+-][0-9]{4}")
_VARIABLE = re.compile(r"(?:global\.)?[A-Za-z_][A-Za-z0-9_]*", re.IGNORECASE)
_LONGEST_MAILBOX = 1000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def wrong_argument(
    kind: Kind, value: str, tags: AbstractSet[str], enabled: AbstractSet[str], limits: Limits
) -> Problem | None:
    """What is wrong with this text as an argument of this kind; `tags` are those of the same command."""
    shown = value if len(value) <= 60 else value[:59] + "…"
    match kind:
        case Kind.FIELD | Kind.FIELDS:
            return None if _FIELD_NAME.fullmatch(value) else Problem("sieve.bad_field", {"field": shown})
        case Kind.ADDRESS_FIELDS:
            known = value.lower() in ADDRESS_FIELDS
            return None if known else Problem("sieve.no_address_field", {"field": shown})
        case Kind.ENVELOPE_PARTS:
            known = value.lower() in ENVELOPE_PARTS
            return None if known else Problem("sieve.bad_envelope_part", {"part": shown})
        case Kind.DATE_PART:
            known = value.lower() in DATE_PARTS
            return None if known else Problem("sieve.bad_date_part", {"part": shown})
        case Kind.RELATION:
            known = value.lower() in RELATIONS
            return None if known else Problem("sieve.bad_relation", {"relation": shown})
        case Kind.ZONE:
            return None if _ZONE.fullmatch(value) else Problem("sieve.bad_zone", {"zone": shown})
        case Kind.MAILBOX | Kind.MAILBOXES:
            return wrong_mailbox(value)
        case Kind.ADDRESS:
            return None if "list" in tags else wrong_address(value)
        case Kind.VARIABLE | Kind.VARIABLES:
            return wrong_variable(value, enabled)
        case Kind.IMPORTANCE:
            return None if value in ("1", "2", "3") else Problem("sieve.bad_importance", {"value": shown})
        case Kind.METHOD:
            return wrong_method(value)
        case Kind.KEY | Kind.KEYS if "regex" in tags:
            try:
                matcher(MatchType.REGEX, Comparator.ASCII_CASEMAP, value, limits)
            except Misused as wrong:
                return wrong.problem
    return None


def wrong_mailbox(value: str) -> Problem | None:
    """Whether a mailbox can have this name at all."""
    if value and len(value) <= _LONGEST_MAILBOX and not _CONTROL.search(value):
        return None
    return Problem("sieve.bad_mailbox", {"mailbox": value[:60]})


def wrong_address(value: str) -> Problem | None:
    """Whether it is one address, with or without a name."""
    return None if bare_address(value) else Problem("sieve.bad_address", {"address": value[:60]})


def bare_address(value: str) -> str:
    """The address alone (RFC 5228 section 2.4.2.3); empty where it is none or more than one."""
    if is_address(value):
        return value
    group = value.rstrip().endswith(";")
    found = () if group or _CONTROL.search(value) else read_addresses(value)
    return found[0].spec if len(found) == 1 and is_address(found[0].spec) else ""


def wrong_variable(value: str, enabled: AbstractSet[str]) -> Problem | None:
    """Whether a variable can have this name (RFC 5229 section 3)."""
    if _VARIABLE.fullmatch(value) and ("." not in value or "include" in enabled):
        return None
    return Problem("sieve.bad_variable", {"name": value[:60]})


def wrong_method(value: str) -> Problem | None:
    """Whether a notification can go this way (RFC 5436: `mailto:`)."""
    if read_mailto(value) is not None and not _CONTROL.search(value):
        return None
    return Problem("sieve.bad_method", {"method": value[:60]})
