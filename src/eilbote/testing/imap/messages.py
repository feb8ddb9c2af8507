"""Commands about the selected mailbox's messages: SELECT, FETCH, STORE, SEARCH, COPY, MOVE, EXPUNGE, APPEND.

Each function does one command and gives its tagged OK; Rejected or MailboxProblem is its NO or BAD.
"""

from __future__ import annotations

from eilbote.mail.mailbox import DELETED, RECENT, SEEN, UidSet, canonical_flag
from eilbote.testing.imap.fetch import read_items, render
from eilbote.testing.imap.gmail import GmailStore, LabelMailbox
from eilbote.testing.imap.mailstore import Mailbox, MailboxProblem, Message
from eilbote.testing.imap.search import Criteria, Searched
from eilbote.testing.imap.selected import SYSTEM_FLAGS, View
from eilbote.testing.imap.talk import Done, Talk
from eilbote.testing.imap.wire import Arguments, Rejected, String, parse_date_time, sequence


def selected(talk: Talk) -> View:
    """The open mailbox; BAD where none is."""
    if talk.view is None:
        raise Rejected("BAD", "No mailbox selected.")
    return talk.view


def _writable(talk: Talk) -> View:
    view = selected(talk)
    if view.read_only:
        raise Rejected("NO", "Mailbox is read-only.", "READ-ONLY")
    return view


# --- opening --------------------------------------------------------------------------------------


def select(talk: Talk, arguments: Arguments, *, read_only: bool) -> Done:
    """SELECT and EXAMINE, with CONDSTORE and QRESYNC (RFC 7162 section 3.2.5)."""
    name = arguments.mailbox()
    if talk.view is not None:
        talk.view = None
        talk.send(b"* OK [CLOSED] Previous mailbox closed.")
    resync: Arguments | None = None
    if arguments and talk.behaviour.has("CONDSTORE"):
        options = Arguments(arguments.items())
        while options:
            option = options.atom().upper()
            if option == "CONDSTORE":
                talk.enable_condstore()
            elif option == "QRESYNC" and talk.qresync:
                resync = Arguments(options.items())
            else:
                raise Rejected("BAD", f"Unknown or not enabled: {option[:40]}")
    arguments.end()
    mailbox = talk.store[name]
    talk.view = view = View(mailbox, read_only=read_only)
    _describe(talk, view)
    if resync is not None:
        _resynchronise(talk, view, resync)
    verb = "Examine" if read_only else "Select"
    return Done(f"{verb} completed.", "READ-ONLY" if read_only else "READ-WRITE")


def _describe(talk: Talk, view: View) -> None:
    mailbox = view.mailbox
    for line in view.flags():
        talk.send(line)
    talk.send(b"* %d EXISTS" % len(view.uids))
    if "IMAP4REV2" in talk.enabled:
        talk.send(b'* LIST () "%b" %b' % (talk.store.delimiter.encode(), talk.name(mailbox.name)))
    else:
        talk.send(b"* 0 RECENT")
        unseen = next((m.uid for m in mailbox.messages.values() if SEEN not in m.flags), None)
        if unseen is not None:
            talk.send(b"* OK [UNSEEN %d] First unseen." % view.number(unseen))
    if not talk.faults.uidvalidity_untold:
        talk.send(b"* OK [UIDVALIDITY %d] UIDs valid" % mailbox.uidvalidity)
    if not talk.faults.uidnext_untold:
        talk.send(b"* OK [UIDNEXT %d] Predicted next UID" % mailbox.uidnext)
    if talk.behaviour.has("CONDSTORE"):
        if mailbox.no_modseq:
            talk.send(b"* OK [NOMODSEQ] No permanent mod-sequences")
        else:
            talk.send(b"* OK [HIGHESTMODSEQ %d] Highest" % mailbox.highestmodseq)
    if talk.behaviour.has("OBJECTID"):
        talk.send(b"* OK [MAILBOXID (%b)] Ok" % mailbox.mailbox_id.encode())


def _resynchronise(talk: Talk, view: View, asked: Arguments) -> None:
    mailbox = view.mailbox
    uidvalidity, modseq = asked.number(), asked.number()
    known: UidSet | None = None
    if isinstance(asked.peek(), str):
        known = sequence(asked.atom(), mailbox.uidnext)
    if asked:
        asked.items()  # pairs of numbers and UIDs only help servers without a log of expunges
    asked.end()
    if uidvalidity != mailbox.uidvalidity or mailbox.no_modseq:
        return
    _send_vanished(talk, mailbox, modseq, known)
    words = read_items(["UID", "FLAGS", "MODSEQ"], object_ids=False, condstore=True)
    for message in mailbox.changed_since(modseq):
        if known is None or message.uid in known:
            talk.send(render(view.number(message.uid), message, words))


def _send_vanished(talk: Talk, mailbox: Mailbox, modseq: int, known: UidSet | None) -> None:
    gone = mailbox.vanished_after(modseq, known)
    if talk.behaviour.odd.vanished_malformed:
        talk.send(b"* VANISHED (EARLIER) %b" % str(UidSet.range(1, mailbox.uidnext)).encode())
    elif gone:
        talk.send(b"* VANISHED (EARLIER) %b" % str(gone).encode())


def close(talk: Talk, arguments: Arguments) -> Done:
    """CLOSE removes what is marked \\Deleted, silently (RFC 9051 section 6.4.1)."""
    view = selected(talk)
    arguments.end()
    if not view.read_only:
        view.mailbox.expunge(_marked_deleted(view))
    talk.view = None
    return Done("Close completed.")


def unselect(talk: Talk, arguments: Arguments) -> Done:
    selected(talk)
    arguments.end()
    talk.view = None
    return Done("Unselect completed.")


# --- reading --------------------------------------------------------------------------------------


def fetch(talk: Talk, arguments: Arguments, *, uid: bool) -> Done:
    """FETCH and UID FETCH, with CHANGEDSINCE and VANISHED (RFC 7162 sections 3.1.4.1 and 3.2.6)."""
    view = selected(talk)
    numbers = arguments.atom()
    condstore = talk.behaviour.has("CONDSTORE")
    asked = read_items(
        arguments.token(),
        object_ids=talk.behaviour.has("OBJECTID"),
        condstore=condstore,
        binary=talk.behaviour.has("BINARY"),
        gmail=talk.behaviour.has("X-GM-EXT-1"),
    )
    since, vanished = 0, False
    if arguments and condstore:
        options = Arguments(arguments.items())
        while options:
            option = options.atom().upper()
            if option == "CHANGEDSINCE":
                since = options.number()
                asked = asked.with_item("MODSEQ")
            elif option == "VANISHED" and uid and talk.qresync:
                vanished = True
            else:
                raise Rejected("BAD", f"Unknown FETCH modifier {option[:40]}")
        if vanished and not since:
            raise Rejected("BAD", "VANISHED used without CHANGEDSINCE")
    arguments.end()
    if "MODSEQ" in asked.simple:
        talk.enable_condstore()
    if uid:
        asked = asked.with_item("UID")
    odd = talk.behaviour.odd
    since = 0 if odd.changedsince_ignored else since
    messages = [m for m in view.messages(numbers, uid=uid) if m.modseq > since]
    if vanished:
        _send_vanished(talk, view.mailbox, since, sequence(numbers, view.mailbox.uidnext))
    for place, message in enumerate(messages):
        if message.uid in talk.faults.fetch_omits:
            continue
        if asked.contents and message.uid in talk.faults.unavailable:
            raise Rejected("NO", "UID FETCH Server error while fetching messages", "UNAVAILABLE")
        shown = asked
        if asked.sets_seen and not view.read_only and SEEN not in message.flags:
            view.mailbox.set_flags(message.uid, message.flags | {SEEN})
            view.heard(message)
            shown = asked.with_item("FLAGS")
        faults = talk.faults
        leave_out = frozenset(
            ({"UID"} if message.uid in faults.fetch_without_uid else set())
            | ({"FLAGS"} if message.uid in faults.fetch_without_flags else set())
            | ({"BODY"} if message.uid in faults.fetch_without_body else set())
        )
        empty = (odd.bodies_alone and place % 2 == 1) or (odd.rfc822_empty and asked.is_old)
        line = render(
            view.number(message.uid),
            message,
            shown,
            leave_out=leave_out,
            empty_bodies=empty,
            more_bytes=odd.sizes_off,
        )
        talk.send(line)
    return Done("Fetch completed.")


def search(talk: Talk, arguments: Arguments, *, uid: bool, tag: str) -> Done:
    """SEARCH, with RETURN where ESEARCH is offered (RFC 4731) and `$` where that is saved (RFC 5182)."""
    view = selected(talk)
    returned: set[str] | None = {"ALL"} if "IMAP4REV2" in talk.enabled else None
    if _is(arguments, "RETURN") and talk.behaviour.has("ESEARCH"):
        arguments.atom()
        returned = {str(word).upper() for word in arguments.items()} or {"ALL"}
        if returned - {"ALL", "COUNT", "MIN", "MAX", "SAVE"}:
            raise Rejected("BAD", "Unknown SEARCH return option")
    if _is(arguments, "CHARSET"):
        arguments.atom()
        charset = arguments.text().upper()
        if charset not in ("UTF-8", "US-ASCII"):
            raise Rejected("NO", "Unknown charset", "BADCHARSET")
    criteria = Criteria(Searched(view.mailbox, view.uids, talk.store.now()))
    matches = criteria.all_of(arguments)
    if criteria.uses_modseq:
        talk.enable_condstore()
    hidden = view.mailbox.hidden
    present = [view.mailbox.messages[one] for one in view.uids if one in view.mailbox.messages]
    found = [message for message in present if message.uid not in hidden and matches(message)]
    highest = max((message.modseq for message in found), default=0) if criteria.uses_modseq else 0
    odd = talk.behaviour.odd
    found = found[: odd.search_most] if odd.search_most else found
    names = view.names((message.uid for message in found), uid=uid)
    if returned is None:
        ordered = sorted(names, reverse=odd.search_descending)
        talk.send(b" ".join([b"* SEARCH", *(b"%d" % name for name in ordered)]) + _modseq(highest, b" (%b)"))
        return Done("Search completed.")
    if "SAVE" in returned:
        view.saved = UidSet.of(message.uid for message in found)
    if returned != {"SAVE"}:
        talk.send(_extended(names, returned, tag, uid=uid) + _modseq(highest, b" %b"))
    return Done("Search completed.")


def _extended(names: UidSet, returned: set[str], tag: str, *, uid: bool) -> bytes:
    words = [f'* ESEARCH (TAG "{tag}")', *(["UID"] if uid else [])]
    if "MIN" in returned and names:
        words.append(f"MIN {names.lowest}")
    if "MAX" in returned and names:
        words.append(f"MAX {names.highest}")
    if "ALL" in returned and names:
        words.append(f"ALL {names}")
    if "COUNT" in returned:
        words.append(f"COUNT {len(names)}")
    return " ".join(words).encode()


def _modseq(highest: int, shape: bytes) -> bytes:
    return shape % (b"MODSEQ %d" % highest) if highest else b""


def _is(arguments: Arguments, word: str) -> bool:
    ahead = arguments.peek()
    return isinstance(ahead, str) and ahead.upper() == word


# --- changing -------------------------------------------------------------------------------------


def store_flags(talk: Talk, arguments: Arguments, *, uid: bool) -> Done:
    """STORE and UID STORE, with UNCHANGEDSINCE (RFC 7162 section 3.1.3)."""
    view = _writable(talk)
    numbers = arguments.atom()
    unchanged_since: int | None = None
    if isinstance(arguments.peek(), list) and talk.behaviour.has("CONDSTORE"):
        options = Arguments(arguments.items())
        if options.atom().upper() != "UNCHANGEDSINCE":
            raise Rejected("BAD", "Unknown STORE modifier")
        unchanged_since = options.number()
        talk.enable_condstore()
    item = arguments.atom().upper()
    if item.endswith("X-GM-LABELS") and talk.behaviour.has("X-GM-EXT-1"):
        return _store_labels(talk, view, numbers, item, arguments)
    quiet = item.endswith(".SILENT")
    mode = item.removesuffix(".SILENT").removesuffix("FLAGS")
    if mode not in ("", "+", "-") or not item.removesuffix(".SILENT").endswith("FLAGS"):
        raise Rejected("BAD", f"Unknown STORE item {item[:40]}")
    flags = view.mailbox.spelled(_flags(arguments))
    if view.has_new_keywords:
        for line in view.flags():
            talk.send(line)
    modified: list[int] = []
    words = (*(("UID",) if uid or talk.qresync else ()), *(() if quiet else ("FLAGS",)))
    for message in view.messages(numbers, uid=uid):
        if unchanged_since is not None and message.modseq > unchanged_since:
            modified.append(message.uid)
            continue
        wanted = flags if mode == "" else message.flags | flags if mode == "+" else message.flags - flags
        changed = view.mailbox.set_flags(message.uid, wanted)
        view.heard(message)
        asked = read_items(
            [*words, *(["MODSEQ"] if talk.condstore else [])], object_ids=False, condstore=True
        )
        if not quiet or (talk.condstore and changed):
            talk.send(render(view.number(message.uid), message, asked))
    if modified:
        return Done("Conditional store failed.", f"MODIFIED {view.names(modified, uid=uid)}")
    return Done("Store completed.")


def _store_labels(talk: Talk, view: View, numbers: str, item: str, arguments: Arguments) -> Done:
    store, box = talk.store, view.mailbox
    if not isinstance(store, GmailStore) or not isinstance(box, LabelMailbox) or item[0] not in "+-":
        raise Rejected("BAD", "Labels cannot be changed so")
    listed = Arguments(arguments.items(), utf8=talk.utf8)
    labels = set()
    while listed:
        labels.add(listed.mailbox())
    store.change_labels(box, [one.uid for one in view.messages(numbers, uid=True)], item[0], labels)
    return Done("Store completed.")


def copy(talk: Talk, arguments: Arguments, *, uid: bool) -> Done:
    view = selected(talk)
    messages = view.messages(arguments.atom(), uid=uid)
    target = _target(talk, arguments)
    arguments.end()
    if not messages:
        return Done("No messages found.")
    pairs = talk.store.copy(view.mailbox, [message.uid for message in messages], target)
    return Done("Copy completed.", _copyuid(target, pairs) if talk.behaviour.has("UIDPLUS") else "")


def move(talk: Talk, arguments: Arguments, *, uid: bool) -> Done:
    """MOVE (RFC 6851): COPYUID comes untagged, before the expunges."""
    view = _writable(talk)
    messages = view.messages(arguments.atom(), uid=uid)
    target = _target(talk, arguments)
    arguments.end()
    if not messages:
        return Done("No messages found.")
    uids = [message.uid for message in messages]
    pairs = talk.store.copy(view.mailbox, uids, target)
    if talk.behaviour.has("UIDPLUS"):
        talk.send(b"* OK [%b] Moved UIDs." % _copyuid(target, pairs).encode())
    view.mailbox.expunge(uids)
    return _with_highest(talk, view, "Move completed.")


def expunge(talk: Talk, arguments: Arguments, *, uid: bool) -> Done:
    """EXPUNGE, and UID EXPUNGE of UIDPLUS (RFC 4315 section 2.1)."""
    view = _writable(talk)
    marked = _marked_deleted(view)
    if uid:
        chosen = {message.uid for message in view.messages(arguments.atom(), uid=True)}
        marked = [one for one in marked if one in chosen]
    arguments.end()
    view.mailbox.expunge(marked)
    return _with_highest(talk, view, "Expunge completed.") if marked else Done("Expunge completed.")


def append(talk: Talk, arguments: Arguments) -> Done:
    """APPEND of one message, also in UTF8=ACCEPT's form (RFC 6855 section 4)."""
    target = _target(talk, arguments)
    flags: frozenset[str] = frozenset()
    when: float | None = None
    if isinstance(arguments.peek(), list):
        flags = _flags(Arguments([arguments.items()]))
    if isinstance(arguments.peek(), String):
        ahead = arguments.string()
        if not arguments:  # there was no date
            return _append(talk, target, ahead, flags, when)
        when = parse_date_time(ahead.decode("latin-1"))
    if _is(arguments, "UTF8") and talk.utf8:
        arguments.atom()
        arguments = Arguments(arguments.items())
    if _is(arguments, "~"):
        arguments.atom()
    literal = arguments.token()
    arguments.end()
    if not isinstance(literal, String):
        raise Rejected("BAD", "Literal expected")
    return _append(talk, target, literal.value, flags, when)


def check_append(talk: Talk, arguments: Arguments) -> None:
    """What can be told of an APPEND before its literal is there."""
    if not arguments or not isinstance(arguments.peek(), str | String):
        return  # the name itself comes as a literal
    _target(talk, arguments)
    if isinstance(arguments.peek(), list):
        _flags(Arguments([arguments.items()]))
    if isinstance(arguments.peek(), String):
        parse_date_time(arguments.text())


def _append(talk: Talk, target: Mailbox, raw: bytes, flags: frozenset[str], when: float | None) -> Done:
    if not raw:
        raise Rejected("NO", "Can't save a zero byte message.")
    if refusal := talk.behaviour.odd.refusal_of_mail(raw):
        raise Rejected(*refusal.split(" ", 1))
    if len(raw) > talk.behaviour.append_limit:
        raise MailboxProblem("TOOBIG", "Message is larger than the limit")
    talk.store.check_quota(len(raw))
    message = target.append(raw, flags, when)
    code = f"APPENDUID {target.uidvalidity} {message.uid}" if talk.behaviour.has("UIDPLUS") else ""
    return Done("Append completed.", code)


def _target(talk: Talk, arguments: Arguments) -> Mailbox:
    try:
        return talk.store[arguments.mailbox()]
    except MailboxProblem as problem:
        raise MailboxProblem("TRYCREATE", problem.text) from None


def _flags(arguments: Arguments) -> frozenset[str]:
    words = arguments.items() if isinstance(arguments.peek(), list) else []
    while arguments:
        words = [*words, arguments.atom()]
    flags = set()
    for word in words:
        if not isinstance(word, str):
            raise Rejected("BAD", "Flag expected")
        flag = canonical_flag(word)
        if flag.startswith("\\") and flag not in SYSTEM_FLAGS:
            raise Rejected("BAD", f"Invalid system flag {'' if flag == RECENT else flag[:40]}")
        flags.add(flag)
    return frozenset(flags)


def _marked_deleted(view: View) -> list[int]:
    def marked(message: Message | None) -> bool:
        return message is not None and DELETED in message.flags

    return [uid for uid in view.uids if marked(view.mailbox.messages.get(uid))]


def _copyuid(target: Mailbox, pairs: list[tuple[int, int]]) -> str:
    old, new = UidSet.of(pair[0] for pair in pairs), UidSet.of(pair[1] for pair in pairs)
    return f"COPYUID {target.uidvalidity} {old} {new}"


def _with_highest(talk: Talk, view: View, text: str) -> Done:
    """HIGHESTMODSEQ of an expunge, for clients that keep mod-sequences (RFC 7162 section 3.2.7)."""
    return Done(text, f"HIGHESTMODSEQ {view.mailbox.highestmodseq}" if talk.qresync else "")
