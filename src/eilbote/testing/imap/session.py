"""One client's connection as a state machine: bytes in, bytes out (RFC 9051 section 3).

Pure: `receive` takes what came and returns what to send; `notify` returns what others' changes
owe an idling client. It must never wait, and never let one client's mistake end the server.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections import deque
from collections.abc import Callable, Mapping

from eilbote.testing.imap import folders, messages
from eilbote.testing.imap.behaviour import Behaviour, Faults
from eilbote.testing.imap.login import Dialogue, begin, password_is_right
from eilbote.testing.imap.mailstore import MailboxProblem, Mailstore
from eilbote.testing.imap.talk import Done, Talk
from eilbote.testing.imap.wire import Arguments, CommandReader, Rejected, Token, quoted, tokens

Command = Callable[[Talk, Arguments], Done]

_NEEDS = {  # commands that exist only where their capability is offered
    "CHECK": "IMAP4rev1",
    "ENABLE": "ENABLE",
    "GETQUOTA": "QUOTA",
    "GETQUOTAROOT": "QUOTA",
    "ID": "ID",
    "IDLE": "IDLE",
    "LSUB": "IMAP4rev1",
    "MOVE": "MOVE",
    "NAMESPACE": "NAMESPACE",
    "UID EXPUNGE": "UIDPLUS",
    "UID MOVE": "MOVE",
    "UNSELECT": "UNSELECT",
}

_COMMANDS: dict[str, Command] = {
    "APPEND": messages.append,
    "CLOSE": messages.close,
    "COPY": lambda talk, words: messages.copy(talk, words, uid=False),
    "CREATE": folders.create,
    "DELETE": folders.delete,
    "EXAMINE": lambda talk, words: messages.select(talk, words, read_only=True),
    "EXPUNGE": lambda talk, words: messages.expunge(talk, words, uid=False),
    "FETCH": lambda talk, words: messages.fetch(talk, words, uid=False),
    "GETQUOTA": folders.quota,
    "GETQUOTAROOT": folders.quota_root,
    "LIST": folders.list_mailboxes,
    "LSUB": folders.list_subscribed,
    "MOVE": lambda talk, words: messages.move(talk, words, uid=False),
    "NAMESPACE": folders.namespace,
    "RENAME": folders.rename,
    "SELECT": lambda talk, words: messages.select(talk, words, read_only=False),
    "STATUS": folders.status,
    "STORE": lambda talk, words: messages.store_flags(talk, words, uid=False),
    "SUBSCRIBE": folders.subscribe,
    "UID COPY": lambda talk, words: messages.copy(talk, words, uid=True),
    "UID EXPUNGE": lambda talk, words: messages.expunge(talk, words, uid=True),
    "UID FETCH": lambda talk, words: messages.fetch(talk, words, uid=True),
    "UID MOVE": lambda talk, words: messages.move(talk, words, uid=True),
    "UID STORE": lambda talk, words: messages.store_flags(talk, words, uid=True),
    "UNSELECT": messages.unselect,
    "UNSUBSCRIBE": folders.unsubscribe,
}
_REMEMBERED = 10_000
_NUMBERS_FIXED = frozenset({"FETCH", "STORE", "SEARCH"})
_ENABLEABLE = ("CONDSTORE", "QRESYNC", "UTF8=ACCEPT", "IMAP4rev2")


class Session:
    """One connection. `accounts` maps users to passwords; `nonce` gives a fresh SCRAM nonce.

    After each `receive` look at `closing` (send, then end the connection), `wants_tls` (send,
    upgrade, then call `secured`) and `mute` (send nothing any more).
    """

    def __init__(
        self,
        store: Mailstore,
        accounts: Mapping[str, str],
        behaviour: Behaviour,
        faults: Faults,
        *,
        protected: bool,
        nonce: Callable[[], str],
    ) -> None:
        self.closing = False
        self.wants_tls = False
        self.mute = False
        self.commands: deque[str] = deque(maxlen=_REMEMBERED)
        """The latest commands' names as they came, for tests that count round trips or look for EXPUNGE."""
        self._accounts = accounts
        self._nonce = nonce
        self._user: str | None = None
        self._identified = False
        self._talk = Talk(store, behaviour, faults, protected)
        self._dialogue: tuple[str, Dialogue] | None = None
        self._idle_tag = ""
        self._reader = CommandReader(
            self._talk.out.append,
            self._admit,
            line_limit=behaviour.line_limit,
            literal_limit=behaviour.append_limit,
            literal_plus=behaviour.has("LITERAL+"),
        )

    def greeting(self) -> bytes:
        self._talk.send(
            f"* OK [CAPABILITY {self._capabilities()}] {self._talk.behaviour.name} ready.".encode()
        )
        return self._taken()

    def secured(self) -> None:
        """TLS is on; whatever the client sent ahead is forgotten (RFC 9051 section 11.1)."""
        self.wants_tls = False
        self._talk.protected = True
        self._reader.forget()

    def receive(self, data: bytes) -> bytes:
        """What to answer to these bytes; they may hold parts of commands, or several."""
        self._reader.feed(data)
        while not (self.closing or self.wants_tls or self.mute):
            try:
                if not self._step():
                    break
            except Rejected as refusal:  # the reader cannot go on
                self._talk.send(f"* BYE {refusal.text}".encode())
                self.closing = True
        return self._taken()

    def notify(self) -> bytes:
        """What an idling client has to hear now; nothing for any other."""
        silent = self._talk.behaviour.odd.idle_silent
        if self._idle_tag and not self.mute and not silent:
            self._tell_news(numbers_fixed=False, uid=False, pushed=True)
        return self._taken()

    def _step(self) -> bool:
        """Handles one line or command; False if none is whole."""
        if self._idle_tag or self._dialogue:
            line = self._reader.line()
            if line is None:
                return False
            if self._idle_tag:
                self._end_idle(line)
            else:
                self._go_on_with_login(line)
            return True
        segments = self._reader.command()
        if segments is None:
            return False
        tag, _, rest = segments[0].partition(b" ")
        name = tag.decode("latin-1")
        if not name or not name.isascii() or not name.isprintable() or set(name) & set('(){%*"\\+'):
            self._talk.send(b"* BAD Invalid tag")
            return True
        self._answer(name, [rest, *segments[1:]])
        return True

    def _admit(self, segments: list[bytes], size: int) -> bytes | None:
        """APPEND to a mailbox that is not there is refused before its literal comes."""
        tag, _, rest = segments[0].partition(b" ")
        if self._user is None or not rest.upper().startswith(b"APPEND "):
            return None
        try:
            messages.check_append(
                self._talk, Arguments(tokens([rest, *segments[1:]])[1:], utf8=self._talk.utf8)
            )
            if size == 0:
                raise Rejected("NO", "Can't save a zero byte message.")
        except Rejected as refusal:
            code = f"[{refusal.code}] " if refusal.code else ""
            return tag + f" {refusal.status} {code}{refusal.text}\r\n".encode()
        except MailboxProblem as problem:
            return tag + f" NO [{problem.code}] {problem.text}\r\n".encode()
        return None

    def _answer(self, tag: str, segments: list[bytes]) -> None:
        name = ""
        try:
            words = tokens(segments)
            name = str(words[0]).upper() if words else ""
            words = words[1:]
            if name == "UID" and words:
                name = f"UID {words[0]}".upper()
                words = words[1:]
            self.commands.append(name)
            if self._fault(name):
                return
            self._be_odd(name, words)
            arguments = Arguments(words, utf8=self._talk.utf8)
            done = self._perform(tag, name, arguments)
        except Rejected as refusal:
            code = f"[{refusal.code}] " if refusal.code else ""
            text = refusal.text if refusal.status == "NO" else f"Error in IMAP command {name}: {refusal.text}"
            self._finish(tag, name, f"{refusal.status} {code}{text}")
        except MailboxProblem as problem:
            code = f"[{problem.code}] " if problem.code else ""
            self._finish(tag, name, f"NO {code}{problem.text}")
        else:
            if done is not None:
                self._finish(tag, name, f"OK {f'[{done.code}] ' if done.code else ''}{done.text}")

    def _perform(self, tag: str, name: str, arguments: Arguments) -> Done | None:
        """Does one command; None where its tagged answer comes later."""
        needed = _NEEDS.get(name)
        if needed is not None and not self._talk.behaviour.has(needed):
            raise Rejected("BAD", "Unknown command")
        match name:
            case "CAPABILITY":
                self._talk.send(f"* CAPABILITY {self._capabilities()}".encode())
                return Done("Capability completed.")
            case "NOOP":
                return Done("NOOP completed.")
            case "LOGOUT":
                self._talk.send(b"* BYE Logging out")
                self.closing = True
                return Done("Logout completed.")
            case "ID":
                self._talk.send(b'* ID ("name" %b)' % quoted(self._talk.behaviour.name))
                return Done("ID completed.")
            case "STARTTLS" | "LOGIN" | "AUTHENTICATE" if self._user is not None:
                raise Rejected("BAD", "Already authenticated")
            case "STARTTLS":
                return self._start_tls()
            case "LOGIN":
                return self._login(arguments)
            case "AUTHENTICATE":
                return self._authenticate(tag, arguments)
            case _:
                return self._perform_logged_in(tag, name, arguments)

    def _perform_logged_in(self, tag: str, name: str, arguments: Arguments) -> Done | None:
        known = name in _COMMANDS or name in ("ENABLE", "IDLE", "CHECK", "SEARCH", "UID SEARCH")
        if self._user is None or not known:
            raise Rejected("BAD", "Please log in first" if known else "Unknown command")
        match name:
            case "ENABLE":
                return self._enable(arguments)
            case "IDLE":
                arguments.end()
                self._idle_tag = tag
                self._talk.send(b"+ idling")
                if not self._talk.behaviour.odd.idle_silent:
                    self._tell_news(numbers_fixed=False, uid=False)
                return None
            case "CHECK":
                messages.selected(self._talk)
                return Done("Check completed.")
            case "SEARCH" | "UID SEARCH":
                return messages.search(self._talk, arguments, uid=name.startswith("UID"), tag=tag)
            case _:
                return _COMMANDS[name](self._talk, arguments)

    def _finish(self, tag: str, name: str, answer: str) -> None:
        uid, fixed = name.startswith("UID "), name in _NUMBERS_FIXED
        self._tell_news(numbers_fixed=fixed, uid=uid, pushed=name == "IDLE")
        self._talk.send(f"{tag} {answer}".encode())

    def _tell_news(self, *, numbers_fixed: bool, uid: bool, pushed: bool = False) -> None:
        talk, view = self._talk, self._talk.view
        if view is None:
            return
        if view.mailbox.gone:
            talk.send(b"* BYE Selected mailbox was deleted, have to disconnect.")
            self.closing = True
            return
        quiet = pushed and talk.behaviour.odd.flags_unpushed
        if quiet and view.uids == list(view.mailbox.messages):
            return  # only flags changed
        for line in view.news(
            numbers_fixed=numbers_fixed, condstore=talk.condstore, qresync=talk.qresync, uid=uid
        ):
            if not (quiet and b" FETCH (" in line):
                talk.send(line)

    def _fault(self, name: str) -> bool:
        """Plays a fault for this command; True if that is all the client gets."""
        faults = self._talk.faults
        if name == faults.bye_at:
            self._talk.send(b"* BYE Server shutting down.")
        if name in (faults.drop_at, faults.bye_at):
            self.closing = True
        self.mute = self.mute or name == faults.mute_at
        if self.closing or self.mute:
            return True
        if name in faults.refuse:
            raise Rejected("NO", faults.refuse[name])
        return False

    def _be_odd(self, name: str, words: list[Token]) -> None:
        """What this server answers otherwise than others do."""
        odd = self._talk.behaviour.odd
        answer = odd.answers.get(name, "")
        if name == "ID":
            self._identified = True
            answer = odd.empty_id if words in ([[]], ["NIL"]) else answer
        elif name in ("SELECT", "EXAMINE") and not self._identified:
            answer = odd.before_id
        elif name == "UID SEARCH" and words == ["ALL"]:
            answer = odd.search_all
        elif name == "UID SEARCH" and "HEADER" in words:
            answer = odd.search_header
        elif name.startswith("UID ") and words and odd.descending_sets and _descends(str(words[0])):
            answer = odd.descending_sets
        if self._user is not None and name not in ("LOGOUT", "CAPABILITY"):
            answer = odd.after_login or answer
        if answer:
            status, _, text = answer.partition(" ")
            raise Rejected(status, text)

    def _capabilities(self) -> str:
        logged_in = self._user is not None
        return " ".join(self._talk.behaviour.told(logged_in=logged_in, protected=self._talk.protected))

    def _taken(self) -> bytes:
        whole = b"".join(self._talk.out)
        self._talk.out.clear()
        return whole

    # --- before login -----------------------------------------------------------------------------

    def _start_tls(self) -> Done:
        if not self._talk.behaviour.starttls or self._talk.protected:
            raise Rejected("BAD", "TLS is not offered")
        self.wants_tls = True
        return Done("Begin TLS negotiation now.")

    def _login(self, arguments: Arguments) -> Done:
        user, password = arguments.text(), arguments.text()
        arguments.end()
        if self._talk.behaviour.plain_login_needs_tls and not self._talk.protected:
            raise Rejected("NO", "Plaintext login is not allowed on an unprotected line.", "PRIVACYREQUIRED")
        return self._logged_in(user if password_is_right(self._accounts, user, password) else None)

    def _authenticate(self, tag: str, arguments: Arguments) -> Done | None:
        mechanism = arguments.atom().upper()
        initial: bytes | None = None
        if arguments:
            if not self._talk.behaviour.has("SASL-IR"):
                raise Rejected("BAD", "Initial responses are not offered")
            initial = _unbase64(arguments.text())
        arguments.end()
        usable = self._talk.behaviour.usable_mechanisms(protected=self._talk.protected)
        dialogue = begin(mechanism, self._accounts, initial, self._nonce()) if mechanism in usable else None
        if dialogue is None:
            raise Rejected("NO", "Unsupported authentication mechanism.")
        self._dialogue = (tag, dialogue)
        self._drive(tag, dialogue, None)
        return None

    def _go_on_with_login(self, line: bytes) -> None:
        assert self._dialogue is not None
        tag, dialogue = self._dialogue
        try:
            if line == b"*":
                raise Rejected("BAD", "Authentication aborted by client.")
            self._drive(tag, dialogue, _unbase64(line.decode("latin-1")))
        except Rejected as refusal:
            self._dialogue = None
            self._talk.send(f"{tag} {refusal.status} {refusal.text}".encode())

    def _drive(self, tag: str, dialogue: Dialogue, answer: bytes | None) -> None:
        try:
            challenge = next(dialogue) if answer is None else dialogue.send(answer)
        except StopIteration as end:
            self._dialogue = None
            try:
                done = self._logged_in(end.value)
            except Rejected as refusal:
                self._talk.send(f"{tag} NO [{refusal.code}] {refusal.text}".encode())
            else:
                self._talk.send(f"{tag} OK [{done.code}] {done.text}".encode())
        else:
            self._talk.send(b"+ " + b64encode(challenge))

    def _logged_in(self, user: str | None) -> Done:
        if user is None:
            raise Rejected("NO", "Authentication failed.", "AUTHENTICATIONFAILED")
        self._user = user
        return Done("Logged in", f"CAPABILITY {self._capabilities()}")

    # --- after login ------------------------------------------------------------------------------

    def _enable(self, arguments: Arguments) -> Done:
        """ENABLE: unknown words are ignored (RFC 9051 section 6.3.1); QRESYNC brings CONDSTORE."""
        talk = self._talk
        asked = {arguments.atom().upper()}
        while arguments:
            asked.add(arguments.atom().upper())
        fresh = [name for name in _ENABLEABLE if name.upper() in asked and talk.behaviour.has(name)]
        if "QRESYNC" in fresh and "CONDSTORE" not in fresh:
            talk.enable_condstore()
        fresh = [name for name in fresh if name.upper() not in talk.enabled or name == "CONDSTORE"]
        talk.enabled |= {name.upper() for name in fresh}
        told = [] if talk.behaviour.odd.enabled_untold else fresh
        talk.send(" ".join(["* ENABLED", *told]).encode())
        return Done("Enabled.")

    def _end_idle(self, line: bytes) -> None:
        tag, self._idle_tag = self._idle_tag, ""
        if line.upper() == b"DONE":
            self._finish(tag, "IDLE", "OK Idle completed.")
        else:
            self._finish(tag, "IDLE", "BAD Expected DONE.")


def _descends(text: str) -> bool:
    """Whether a sequence set holds a range from a higher number to a lower one."""
    ranges = (part.partition(":") for part in text.split(","))
    return any(low.isdigit() and high.isdigit() and int(low) > int(high) for low, _, high in ranges)


def _unbase64(text: str) -> bytes:
    try:
        return b"" if text == "=" else b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise Rejected("BAD", "Invalid base64 data") from None
