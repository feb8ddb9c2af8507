"""The words in which mail servers say, in English and German, that a mail failed, waits or arrived.

Patterns and what they mean; `report_text` applies them. Every repetition is bounded, so that each
search is linear in its text.
"""

from __future__ import annotations

import re

_RETURNED_RULED = (
    r"(?:this is a|below this line is a|the) (?:copy|header|body)|start of returned|returned message"
    r"|original message|unsent message|your (?:original )?message|message header|the original"
    r"|undelivered message|forwarded message|message text follows|ursprüngliche|originalnachricht|es folgt"
    r"|kopie|die kopf|der (?:kopf|header)|begin|enclosed|included|header of|attached"
    r"|transcript of original"
)
_RETURNED_PLAIN = (
    r"original message (?:headers?|follows)|the (?:original )?message headers?"
    r"|(?:message )?headers? (?:from |of )?(?:the )?(?:original|returned)"
    r"|your message (?:reads|follows)|a copy of (?:the|your) (?:original )?message"
    r"|ursprüngliche (?:nachricht|mail)|kopfzeilen der ursprünglichen|original message attached"
    r"|received message|the message contents follow"
)
RETURNED = re.compile(
    rf"[\s>]{{0,40}}(?:[-=_*|#]{{2,80}}\s{{0,20}}(?:{_RETURNED_RULED})"
    rf"|(?:{_RETURNED_PLAIN})\b.{{0,80}}[:.]?\s{{0,20}}$)",
    re.IGNORECASE,
)
"""A line below which the mail stands that comes back."""

DELAYED = re.compile(
    r"not yet been delivered|(?:is|was|been|be) delayed|delay(?:ed)? (?:mail|delivery|notification)"
    r"|will (?:keep|continue) (?:on )?(?:trying|to (?:try|retry))|will be (?:retried|re-?tried)"
    r"|still (?:undelivered|trying)|could not send message for (?:the )?past|not been delivered yet"
    r"|warning message only|no action is required on your part|message is still in"
    r"|delivery attempts will continue|temporar(?:y|ily) (?:problem|delay)"
    r"|noch nicht (?:zugestellt|ausgeliefert)|verzögert|weiter(?:e|hin) (?:zustellversuche|versuch)"
    r"|versucht es weiter|wird weiterhin versucht|erneut(?:e[nr]?)? (?:versuch|zustell)"
    r"|you do(?:n't| not) need to (?:resend|do anything)",
    re.IGNORECASE,
)
ENDED = re.compile(r"permanent|giving up|given up|gave up|endgültig|(?<![\d.])5\.\d{1,3}\.\d", re.IGNORECASE)
"""What no notice of a mere delay says."""

_NOT_THERE = (
    r"unknown|not found|unbekannt|existiert nicht|full|voll|disabled|unavailable|deaktiviert|gesperrt"
)
FAILED = re.compile(
    r"permanent|fatal|giving up|given up|gave up|undeliver|unzustellbar|returned to sender"
    r"|could ?n[o']t be delivered|cannot be delivered|can't be delivered"
    r"|could not (?:be )?(?:deliver|send|sent)|couldn't (?:be )?deliver|unable to (?:deliver|relay|send)"
    r"|was(?: not|n't) delivered|not (?:be )?(?:delivered|reachable)"
    r"|delivery (?:to .{1,200} )?(?:failed|has failed|failure)|failed (?:permanently|address|recipient)"
    r"|failed delivery|did(?: not|n't) reach|rejected|refused|bounced|does(?: not|n't) exist"
    r"|delivery (?:problem|error)|returned mail|failure (?:notice|reason)|delivery status notification: error"
    r"|no such (?:user|recipient|mailbox|person|account)"
    r"|unknown (?:user|recipient|address|account|mailbox)"
    r"|(?:user|recipient|address|account|mailbox|empfänger|adresse|benutzer|postfach)"
    rf".{{0,40}}(?:{_NOT_THERE})"
    r"|quota|host (?:unknown|not found)|error has occurred while attempting to deliver|cannot send message"
    r"|nicht (?:zugestellt|ausgeliefert|übermittelt|zustellbar|erreich)|konnte nicht|fehlgeschlagen"
    r"|abgelehnt|zurückgewiesen|endgültig|fehler beim|(?<![\d.])5\.\d{1,3}\.\d{1,3}|(?<![\d.])55[0-5][ -]",
    re.IGNORECASE,
)
DELIVERED = re.compile(
    r"success(?:fully)? (?:delivered|relayed)|(?:was|been) (?:successfully )?delivered(?! to (?:any|no))"
    r"|delivery (?:was )?success|erfolgreich (?:zugestellt|ausgeliefert|übermittelt)"
    r"|wurde (?:zugestellt|ausgeliefert|übermittelt)|zustellung (?:war )?erfolgreich",
    re.IGNORECASE,
)

_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_CODE = re.compile(r"(?<![\d.:/-])([45][0-7]\d)(?=[ -](?!bytes|kb|mb)|\.?\s?$|[#;,)\]:])", re.IGNORECASE)

_WHO = r"(?:user|recipient|address|account|mailbox|person|empfänger|adresse|benutzer|postfach|nutzer)"
_UNKNOWN = (
    r"(?:unknown|not (?:found|exist|listed)|doesn't exist|does not exist|unbekannt|existiert nicht"
    r"|nicht gefunden|unavailable|invalid|ungültig|not known|no longer)"
)
_MEANINGS = tuple(
    (re.compile(pattern, re.IGNORECASE), status)
    for pattern, status in (
        (r"loop|too many hops|hop count|zu viele hops|schleife", "5.4.6"),
        (
            r"too (?:large|big)|message too long|size (?:limit|exceeds)|exceed(?:s|ed)? .{0,30}size"
            r"|maximum .{0,20}size|zu gro(?:ß|ss)|größe",
            "5.3.4",
        ),
        (
            r"quota|box (?:is )?full|insufficient (?:disk|system)|exceeded (?:storage|his)"
            r"|messages in .{0,30}mailbox exceed|(?:postfach|speicher).{0,30}(?:voll|belegt|überschritten)",
            "5.2.2",
        ),
        (
            rf"{_WHO}.{{0,40}}(?:disabled|inactive|suspended|locked|deaktiviert|gesperrt|not active)",
            "5.2.1",
        ),
        (
            r"host (?:unknown|not found)|unknown host|name or service not known|nxdomain|no such domain"
            r"|domain.{0,30}(?:not (?:found|exist)|unknown|unbekannt|existiert nicht)"
            r"|unrouteable (?:mail )?domain|bad destination (?:system|host)",
            "5.1.2",
        ),
        (rf"{_WHO}\b.{{0,60}}{_UNKNOWN}", "5.1.1"),
        (
            r"(?:no such|unknown|invalid|bad|unbekannter?|kein solcher|not a valid) (?:local )?" + _WHO +
            r"|no mailbox here|couldn't find|wurde nicht gefunden|isn't in (?:a|my)|not our customer",
            "5.1.1",
        ),
        (
            r"relay(?:ing)? (?:access )?(?:denied|not (?:permitted|allowed))|not permitted to relay|spam"
            r"|block(?:ed|list)|blacklist|blockiert|policy|denied|abgelehnt|prohibited|not allowed"
            r"|authentication (?:required|fail)|dmarc|spf\b|rejected",
            "5.7.1",
        ),
        (
            r"timed? ?out|connection (?:refused|reset|lost|dropped)|no route|unreachable|could not connect"
            r"|couldn't (?:find|establish)|expired|zeitüberschreitung|nicht erreichbar|socket error",
            "4.4.1",
        ),
    )
)  # fmt: skip

UNDEFINED = {"failed": "5.0.0", "delayed": "4.0.0", "delivered": "2.0.0"}
"""The status where none is told (RFC 3463 section 3.1)."""


def status_in(text: str) -> str:
    """The enhanced status of a failure or delay that a text names (RFC 3463), else empty. Parts of IP
    addresses are none; one that says something wins over `x.0.0`."""
    found = [each for each in _STATUS.findall(text[:8000]) if each[0] != "2"]
    return next((each for each in found if not each.endswith(".0.0")), found[0] if found else "")


def status_meant(text: str) -> str:
    """The status that the words of a text mean, with the class of a reply code that stands in it; else
    empty."""
    words = text[:8000]
    meant = next((status for pattern, status in _MEANINGS if pattern.search(words)), "")
    code = _CODE.search(words)
    if code is None:
        return meant
    return code[1][0] + (meant[1:] or ".0.0")
