"""Commands about mailboxes: LIST, LSUB, STATUS, CREATE, DELETE, RENAME, SUBSCRIBE, NAMESPACE, QUOTA.

It must never touch a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from eilbote.mail.mailbox import SpecialUse
from eilbote.testing.imap.mailstore import Mailbox, MailboxProblem
from eilbote.testing.imap.talk import Done, Talk
from eilbote.testing.imap.wire import Arguments, Rejected, Token, quoted

_ROLE_ATTRIBUTES: dict[SpecialUse, str] = {
    role: "\\" + role.value.title() for role in SpecialUse if role is not SpecialUse.INBOX
}
_ROLES = {attribute.lower(): role for role, attribute in _ROLE_ATTRIBUTES.items()}


def list_mailboxes(talk: Talk, arguments: Arguments) -> Done:
    """LIST, extended (RFC 5258), with special uses (RFC 6154) and status (RFC 5819)."""
    extended = talk.behaviour.has("LIST-EXTENDED")
    selection: set[str] = set()
    returned: set[str] = set()
    status_items: list[Token] = []
    if isinstance(arguments.peek(), list) and extended:
        selection = {str(word).upper() for word in arguments.items()}
    reference = arguments.mailbox()
    several = isinstance(arguments.peek(), list)
    if several and extended:
        words = Arguments(arguments.items(), utf8=talk.utf8)
        patterns = []
        while words:
            patterns.append(words.mailbox())
    else:
        patterns = [arguments.mailbox()]
    if arguments and extended:
        if arguments.atom().upper() != "RETURN":
            raise Rejected("BAD", "Unknown LIST parameter")
        options = Arguments(arguments.items())
        while options:
            name = options.atom().upper()
            returned.add(name)
            if name == "STATUS":
                status_items = options.items()
    arguments.end()
    if "SUBSCRIBED" in selection:
        returned.add("SUBSCRIBED")
    allowed = {"SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE", "CHILDREN", "STATUS"}
    if (selection | returned) - allowed or ("RECURSIVEMATCH" in selection and len(selection) == 1):
        raise Rejected("BAD", "Unknown LIST option")
    if patterns == [""] and not selection:
        talk.send(b'* LIST (\\Noselect) "%b" ""' % talk.store.delimiter.encode())
        return Done("List completed.")
    plain = not (selection or returned or several)
    for name, attributes in _listed(talk, reference, patterns, selection, returned, plain=plain):
        _send_listing(talk, b"LIST", name, attributes)
        mailbox = talk.store.mailboxes.get(name)
        if status_items and mailbox and (extended or talk.behaviour.has("LIST-STATUS")):
            _send_status(talk, mailbox, status_items)
    return Done("List completed.")


def list_subscribed(talk: Talk, arguments: Arguments) -> Done:
    """LSUB, of IMAP4rev1 only (RFC 3501 section 6.3.9)."""
    reference, pattern = arguments.mailbox(), arguments.mailbox()
    arguments.end()
    matcher = _matcher(talk, reference, [pattern])
    for name in sorted(talk.store.subscribed):
        if matcher.fullmatch(name):
            _send_listing(talk, b"LSUB", name, [])
    return Done("Lsub completed.")


def status(talk: Talk, arguments: Arguments) -> Done:
    mailbox = talk.store[arguments.mailbox()]
    items = arguments.items()
    arguments.end()
    _send_status(talk, mailbox, items)
    return Done("Status completed.")


def create(talk: Talk, arguments: Arguments) -> Done:
    """CREATE, with USE where CREATE-SPECIAL-USE is offered (RFC 6154 section 3)."""
    name = arguments.mailbox()
    role = None
    if arguments and talk.behaviour.has("CREATE-SPECIAL-USE"):
        options = Arguments(arguments.items())
        uses = options.items() if options.atom().upper() == "USE" else []
        role = _ROLES.get(str(uses[0]).lower()) if len(uses) == 1 else None
        if role is None:
            raise MailboxProblem("USEATTR", "Use attribute not supported")
    arguments.end()
    _check_name(talk, name)
    made = talk.store.create(name, role)
    return Done(
        "Create completed.", f"MAILBOXID ({made.mailbox_id})" if talk.behaviour.has("OBJECTID") else ""
    )


def _check_name(talk: Talk, name: str) -> None:
    """Refuses what this server refuses to make."""
    odd = talk.behaviour.odd
    answer = odd.reserved.get(name, "")
    above = name.rpartition(talk.store.delimiter)[0]
    if above and above != talk.behaviour.prefix.rstrip(talk.store.delimiter):
        answer = answer or odd.childless
    if odd.mailboxes_most and len(talk.store.mailboxes) >= odd.mailboxes_most:
        answer = answer or "NO Too many folders"
    if answer:
        raise Rejected(*answer.split(" ", 1))


def delete(talk: Talk, arguments: Arguments) -> Done:
    name = arguments.mailbox()
    arguments.end()
    talk.store.delete(name)
    return Done("Delete completed.")


def rename(talk: Talk, arguments: Arguments) -> Done:
    old, new = arguments.mailbox(), arguments.mailbox()
    arguments.end()
    talk.store.rename(old, new)
    return Done("Rename completed.")


def subscribe(talk: Talk, arguments: Arguments) -> Done:
    name = arguments.mailbox()
    arguments.end()
    talk.store.subscribed.add(talk.store[name].name)
    return Done("Subscribe completed.")


def unsubscribe(talk: Talk, arguments: Arguments) -> Done:
    name = arguments.mailbox()
    arguments.end()
    talk.store.subscribed.discard(talk.store.normal(name))
    return Done("Unsubscribe completed.")


def namespace(talk: Talk, arguments: Arguments) -> Done:
    arguments.end()
    if talk.behaviour.odd.namespace:
        talk.send(b"* NAMESPACE " + talk.behaviour.odd.namespace.encode())
        return Done("Namespace completed.")
    prefix = quoted(talk.behaviour.prefix)
    talk.send(b'* NAMESPACE ((%b "%b")) NIL NIL' % (prefix, talk.store.delimiter.encode()))
    return Done("Namespace completed.")


def quota_root(talk: Talk, arguments: Arguments) -> Done:
    """GETQUOTAROOT (RFC 9208 section 4.1.3): one root for the whole user."""
    mailbox = talk.store[arguments.mailbox()]
    arguments.end()
    talk.send(b'* QUOTAROOT %b "User quota"' % talk.name(mailbox.name))
    _send_quota(talk)
    return Done("Getquotaroot completed.")


def quota(talk: Talk, arguments: Arguments) -> Done:
    if arguments.text() != "User quota":
        raise MailboxProblem("NONEXISTENT", "No such quota root")
    arguments.end()
    _send_quota(talk)
    return Done("Getquota completed.")


def _send_quota(talk: Talk) -> None:
    limit = talk.store.quota_bytes
    used = -(-talk.store.used_bytes // 1024)
    inside = f"STORAGE {used} {limit // 1024}" if limit is not None else ""
    talk.send(f'* QUOTA "User quota" ({inside})'.encode())


def _listed(
    talk: Talk, reference: str, patterns: list[str], selection: set[str], returned: set[str], *, plain: bool
) -> Iterator[tuple[str, list[str]]]:
    store, delimiter = talk.store, talk.store.delimiter
    names = set(store.mailboxes)
    if "SUBSCRIBED" in selection:
        candidates = set(store.subscribed)
        if "RECURSIVEMATCH" in selection:
            candidates |= {parent for name in store.subscribed for parent in _parents(name, delimiter)}
    else:
        candidates = names | {parent for name in names for parent in _parents(name, delimiter)}
    matcher = _matcher(talk, reference, patterns)
    with_children = {parent for name in names for parent in _parents(name, delimiter)}
    for name in sorted(candidates, key=lambda one: (one != "INBOX", one)):
        if not matcher.fullmatch(name):
            continue
        mailbox = store.mailboxes.get(name)
        attributes = []
        if mailbox is None:
            attributes.append("\\Noselect" if name in with_children else "\\NonExistent")
        if plain or "CHILDREN" in returned:  # told only where asked, as Dovecot does
            attributes.append("\\HasChildren" if name in with_children else "\\HasNoChildren")
        role = _ROLE_ATTRIBUTES.get(mailbox.role) if mailbox and mailbox.role else None
        if "SPECIAL-USE" in selection and role is None:
            continue
        wants_role = plain or "SPECIAL-USE" in selection | returned
        if role and wants_role and talk.behaviour.has("SPECIAL-USE"):
            attributes.append(role)
        if "SUBSCRIBED" in returned and name in store.subscribed:
            attributes.append("\\Subscribed")
        yield name, attributes


def _parents(name: str, delimiter: str) -> list[str]:
    parts = name.split(delimiter)
    return [delimiter.join(parts[:count]) for count in range(1, len(parts))]


def _matcher(talk: Talk, reference: str, patterns: list[str]) -> re.Pattern[str]:
    """`*` matches everything, `%` all but the delimiter (RFC 9051 section 6.3.9)."""
    alternatives = []
    for pattern in patterns:
        whole = talk.store.normal(reference + pattern)
        between = f"[^{re.escape(talk.store.delimiter)}]*"
        collapsed = re.sub(r"[*%]*\*[*%]*", "*", re.sub(r"%+", "%", whole))
        alternatives.append(
            "".join(
                ".*" if mark == "*" else between if mark == "%" else re.escape(mark) for mark in collapsed
            )
        )
    return re.compile("|".join(alternatives), re.DOTALL)


def _send_listing(talk: Talk, kind: bytes, name: str, attributes: list[str]) -> None:
    told = " ".join(attributes).encode()
    delimiter = quoted(talk.store.delimiter)
    talk.send(b"* %b (%b) %b %b" % (kind, told, delimiter, talk.name(name)))


def _send_status(talk: Talk, mailbox: Mailbox, items: list[Token]) -> None:
    words = []
    if talk.behaviour.odd.status_empty:
        talk.send(b"* STATUS %b ()" % talk.name(mailbox.name))
        return
    if not items:
        raise Rejected("BAD", "Empty status list")
    for item in items:
        name = str(item).upper()
        value: int | str
        match name:
            case "MESSAGES":
                value = len(mailbox.messages)
            case "UIDNEXT":
                value = mailbox.uidnext
            case "UIDVALIDITY":
                value = mailbox.uidvalidity
            case "UNSEEN":
                value = mailbox.unseen
            case "RECENT":
                value = 0
            case "DELETED" if talk.behaviour.has("IMAP4rev2"):
                value = sum("\\Deleted" in message.flags for message in mailbox.messages.values())
            case "HIGHESTMODSEQ" if talk.behaviour.has("CONDSTORE"):
                talk.enable_condstore()
                value = 0 if mailbox.no_modseq else mailbox.highestmodseq
            case "SIZE" if talk.behaviour.has("STATUS=SIZE"):
                value = mailbox.size
            case "MAILBOXID" if talk.behaviour.has("OBJECTID"):
                value = f"({mailbox.mailbox_id})"
            case "APPENDLIMIT" if talk.behaviour.has("APPENDLIMIT"):
                value = talk.behaviour.append_limit
            case _:
                raise Rejected("BAD", f"Unknown status item {name[:40]}")
        words.append(f"{name} {value}")
    talk.send(b"* STATUS %b (%b)" % (talk.name(mailbox.name), " ".join(words).encode()))
