"""BOX and IMAP after the login: what lies behind it, and how it can be kept in step."""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.diagnosis.checks.auth import provider_row
from eilbote.diagnosis.evidence import Box, Folder, OddMails, Place
from eilbote.diagnosis.finding import found
from eilbote.diagnosis.replies import families_of, judge_reply
from eilbote.diagnosis.values import Finding, Verdict, Who
from eilbote.diagnosis.whose import found_reply, login_check

_ROLES = ("drafts", "sent", "junk", "trash")
_MAILS_PER_SECOND = 200
SENT_NAMES = ("sent", "gesendet", "sent items", "sent messages", "gesendete objekte", "gesendete elemente")
_HIDING = ("spamverdacht", "unbekannt", "spam")


def judge_box(place: Place, box: Box) -> list[Finding]:
    """All that a look around tells."""
    if box.problem:
        meaning = judge_reply(box.problem, place.protocol, families_of(place.provider))
        understood = meaning.known and not meaning.cause.startswith(("none", "password"))
        if understood:
            return [found_reply(login_check(meaning.cause, place.protocol), meaning, place, box.problem)]
        return [found("IMAP13", Verdict.WARN, "odd", at=place, cause="server.odd", seen=box.problem)]
    capabilities = set(box.capabilities)
    return [
        found("IMAP02", Verdict.INFO, "named" if box.server else "unnamed", at=place, name=box.server),
        _sync_class(place, capabilities),
        found("IMAP08", Verdict.INFO, "yes" if box.modseq else "no", at=place),
        *_limits(place, box),
        *_naming(place, box),
        _uids(place, box),
        found("IMAP14", Verdict.INFO, "yes" if "COMPRESS=DEFLATE" in capabilities else "no", at=place),
        found("IMAP09", Verdict.INFO, "no", at=place)
        if "IDLE" not in capabilities
        else found("IMAP09", Verdict.PASS, at=place),
        _roles(place, box.folders),
        *_sent(place, box.folders),
        _quota(place, box),
        _rights(place, box),
        _counts(place, box.folders),
        *_odd(place, box.odd),
        *_hiding(place, box.folders),
        *_subscribed(place, box.folders),
        *_mailbox_limit(place, box.folders),
    ]


def _sync_class(place: Place, capabilities: set[str]) -> Finding:
    if "QRESYNC" in capabilities:
        case = "quick"
    elif "CONDSTORE" in capabilities:
        case = "medium"
    else:
        case = "full"
    useful = (
        "QRESYNC",
        "CONDSTORE",
        "UIDPLUS",
        "MOVE",
        "ESEARCH",
        "LIST-STATUS",
        "OBJECTID",
        "IDLE",
        "NOTIFY",
    )
    return found(
        "IMAP07",
        Verdict.INFO,
        case,
        at=place,
        seen=" ".join(one for one in useful if one in capabilities),
    )


def _limits(place: Place, box: Box) -> list[Finding]:
    if box.append_limit is None:
        return []
    megabytes = f"{box.append_limit / 1e6:.0f}"
    return [found("IMAP10", Verdict.INFO, "append", at=place, megabytes=megabytes)]


def _naming(place: Place, box: Box) -> list[Finding]:
    """IMAP11: NAMESPACE (RFC 2342), the separator, and whether names go as UTF-8 (RFC 9755)."""
    if box.separator is None:
        return []
    words = {one.upper() for one in box.capabilities}
    utf8 = bool(words & {"UTF8=ACCEPT", "UTF8=ONLY", "IMAP4REV2"})
    seen = f"separator {box.separator or 'NIL'}, prefix {box.prefix or '-'}, {'UTF-8' if utf8 else 'UTF-7'}"
    if not box.separator:
        return [found("IMAP11", Verdict.INFO, "flat", at=place, seen=seen)]
    case = "prefix" if box.prefix else "plain"
    return [
        found("IMAP11", Verdict.INFO, case, at=place, seen=seen, separator=box.separator, prefix=box.prefix)
    ]


def _uids(place: Place, box: Box) -> Finding:
    first, second = box.uidvalidity
    if not first or not second or first != second or not box.uids_stick:
        return found(
            "IMAP12",
            Verdict.WARN,
            "unstable",
            at=place,
            cause="server.numbers_change",
            first=first,
            second=second,
        )
    return found("IMAP12", Verdict.PASS, at=place)


def _roles(place: Place, folders: Sequence[Folder]) -> Finding:
    roles = [one.role for one in folders if one.role]
    missing = [role for role in _ROLES if role not in roles]
    if missing:
        return found("BOX01", Verdict.INFO, "missing", at=place, roles=", ".join(missing))
    return found("BOX01", Verdict.PASS, at=place, seen=", ".join(roles))


def _sent(place: Place, folders: Sequence[Folder]) -> list[Finding]:
    candidates = [
        one
        for one in folders
        if one.role == "sent" or one.name.rpartition("/")[2].rpartition(".")[2].lower() in SENT_NAMES
    ]
    full = [one.name for one in candidates if one.messages]
    if len(full) > 1:
        return [
            found("BOX02", Verdict.WARN, "two", at=place, cause="server.two_sent", names=", ".join(full[:4]))
        ]
    return [found("BOX02", Verdict.PASS, at=place)]


def _quota(place: Place, box: Box) -> Finding:
    if box.quota_used is None or not box.quota_limit:
        return found("BOX05", Verdict.INFO, "none", at=place)
    percent = 100 * box.quota_used / box.quota_limit
    shown, limit = f"{percent:.0f}", f"{box.quota_limit / 1e6:.0f}"
    if percent >= 99:
        return found("BOX05", Verdict.FAIL, "full", at=place, cause="quota.full", percent=shown, limit=limit)
    if percent >= 90:
        return found(
            "BOX05", Verdict.WARN, "nearly", at=place, cause="quota.nearly", percent=shown, limit=limit
        )
    return found("BOX05", Verdict.PASS, at=place, seen=f"{percent:.0f} %")


def _rights(place: Place, box: Box) -> Finding:
    if box.read_only:
        return found("BOX06", Verdict.WARN, "read_only", at=place, cause="admin.read_only", who=Who.DOMAIN)
    if not box.keywords:
        return found("BOX06", Verdict.INFO, "no_keywords", at=place)
    return found("BOX06", Verdict.PASS, at=place)


def _counts(place: Place, folders: Sequence[Folder]) -> Finding:
    mails = sum(one.messages or 0 for one in folders)
    minutes = max(1, round(mails / _MAILS_PER_SECOND / 60))
    return found(
        "BOX07", Verdict.INFO, "counts", at=place, mails=mails, folders=len(folders), minutes=minutes
    )


def _odd(place: Place, odd: OddMails | None) -> list[Finding]:
    """BOX09."""
    if odd is None or not odd.looked:
        return []
    if not odd.huge and not odd.undated:
        return [found("BOX09", Verdict.PASS, at=place, seen=str(odd.looked))]
    return [
        found(
            "BOX09",
            Verdict.INFO,
            "some",
            at=place,
            looked=odd.looked,
            huge=odd.huge,
            undated=odd.undated,
        )
    ]


def _hiding(place: Place, folders: Sequence[Folder]) -> list[Finding]:
    names = [
        one.name
        for one in folders
        if one.role != "junk" and one.name.rpartition("/")[2].lower() in _HIDING and one.messages
    ]
    return [found("BOX10", Verdict.INFO, "hidden", at=place, names=", ".join(names))] if names else []


def _subscribed(place: Place, folders: Sequence[Folder]) -> list[Finding]:
    """BOX04: mailboxes that other programs hide."""
    count = sum(not one.subscribed for one in folders)
    if not count:
        return [found("BOX04", Verdict.PASS, at=place)]
    return [found("BOX04", Verdict.INFO, "hidden", at=place, count=count, folders=len(folders))]


def _mailbox_limit(place: Place, folders: Sequence[Folder]) -> list[Finding]:
    """BOX08: how many mailboxes the provider grants."""
    row = provider_row(place.provider)
    most = row.receiving.mailboxes if row is not None and row.receiving is not None else None
    if most is None:
        return []
    if len(folders) >= most:
        return [
            found(
                "BOX08",
                Verdict.WARN,
                "all_used",
                at=place,
                cause="quota.mailboxes",
                count=len(folders),
                most=most,
            )
        ]
    return [found("BOX08", Verdict.PASS, at=place, seen=f"{len(folders)}/{most}")]
