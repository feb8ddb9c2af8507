"""The rules as one user sees and changes them: what is for an account that the user may read is seen, what
is for one that the user may change is changed; rules for all accounts are changed by owners alone.

An edit of one entry is made in the newest text: what others changed elsewhere in it meanwhile stays. Only
what somebody changed in the same entry is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from eilbote.engine.app import App
from eilbote.engine.edit_rules import edit_text
from eilbote.engine.edit_rules import free_name as free_in
from eilbote.engine.rule_scripts import Entry, compiled
from eilbote.engine.users import accounts_of, may_change
from eilbote.errors import Gone, Misused, NotAllowed
from eilbote.sieve.read_back import read_back
from eilbote.sieve.ready_made import Offer, offers
from eilbote.sieve.rule import OwnScript, Rule, Where
from eilbote.sieve.rule_book import Book, judge_book
from eilbote.sieve.rule_edit import with_entry, with_moved, with_replaced, without_entry
from eilbote.sieve.rule_text import entry_text
from eilbote.sieve.script import Script, read_script
from eilbote.sieve.values import ScriptProblem
from eilbote.store.values import Account, Role, User


class SeenEntry(Struct, frozen=True):
    """A rule or script, its place among all (from 0), and whether the user may change it."""

    entry: Entry
    place: int
    changeable: bool

    @property
    def is_script(self) -> bool:
        return isinstance(self.entry, OwnScript)

    @property
    def is_on(self) -> bool:
        return is_on(self.entry)

    @property
    def mark(self) -> str:
        return mark_of(self.entry)


class SeenBook(Struct, frozen=True):
    """What a user sees of the book. `problems`: it cannot be used, and why; then there are no entries."""

    revision: int
    entries: tuple[SeenEntry, ...]
    problems: tuple[ScriptProblem, ...] = ()

    def named(self, name: str) -> SeenEntry:
        """Gone `rules.unknown`, also where the user may not see it."""
        wanted = name.lower()
        for one in self.entries:
            if one.entry.name.lower() == wanted:
                return one
        raise Gone("rules.unknown", name=name[:200])


@lru_cache(maxsize=4)
def _judged(text: str) -> tuple[Book, tuple[ScriptProblem, ...]]:
    """A page asks for the same text several times."""
    return judge_book(text)


def is_on(entry: Entry) -> bool:
    """Whether it is carried out in its place."""
    return entry.enabled if isinstance(entry, Rule) else entry.run


def mark_of(entry: Entry) -> str:
    """Another one for every content: by it a form tells which state of an entry it changes."""
    return sha256(entry_text(entry).encode("utf-8", "replace")).hexdigest()[:32]


def seen_book(app: App, user: User) -> SeenBook:
    """The rules in their order."""
    kept = app.store.rule_book.get()
    book, problems = _judged(kept.text)
    if problems:
        return SeenBook(kept.revision, (), problems if may_change_for(app, user, "") else problems[:1])
    seen = tuple(
        SeenEntry(entry, place, may_change_for(app, user, entry.account))
        for place, entry in enumerate(book.entries)
        if _may_see(app, user, entry.account)
    )
    return SeenBook(kept.revision, seen)


def may_change_for(app: App, user: User, address: str) -> bool:
    """Whether the user may make or change rules for this account; empty: for all."""
    if user.role is Role.OWNER:
        return True
    return any(may_change(user, one.id) for one in accounts_of(app, user) if _same(one, address))


def may_add(app: App, user: User) -> bool:
    """Whether there is any account for which the user may make a rule."""
    return user.role is Role.OWNER or bool(accounts_for_rules(app, user))


def accounts_seen(app: App, user: User) -> list[Account]:
    """The accounts whose rules the user sees."""
    return accounts_of(app, user)


def accounts_for_rules(app: App, user: User) -> list[Account]:
    """The accounts for which the user may make rules."""
    return [one for one in accounts_of(app, user) if may_change(user, one.id)]


def is_there(app: App, user: User, name: str) -> bool:
    """Whether a rule that the user sees is carried out by a mail server, or on its way there or back."""
    return any(
        one.entry.name.lower() == name.lower() and one.entry.where is not Where.HERE
        for one in seen_book(app, user).entries
    )


def may_place(app: App, user: User, account: Account) -> bool:
    """Whether the user may say where the rules of an account are carried out: all of them, those for all
    accounts too."""
    entries = _judged(app.store.rule_book.get().text)[0].of(account.address)
    return all(may_change_for(app, user, one.account) for one in entries) and may_change(user, account.id)


def account_for_server(app: App, user: User, address: str) -> Account:
    """Gone `account.unknown`, also where the user may not read its mail; NotAllowed `rules.not_yours`."""
    for one in accounts_of(app, user):
        if _same(one, address):
            if not may_place(app, user, one):
                raise NotAllowed("rules.not_yours", account=address)
            return one
    raise Gone("account.unknown", name=address[:200])


def script_problems(script: OwnScript, known: Sequence[OwnScript] = ()) -> tuple[ScriptProblem, ...]:
    """What is wrong with a script of the user's, at its lines and columns. `known`: those it may include."""
    included = {one.name: one.sieve for one in known if one.name != script.name}
    read = read_script(script.sieve, included=included, event=bool(script.on))
    return () if isinstance(read, Script) else tuple(read)


def scripts_seen(app: App, user: User) -> list[OwnScript]:
    """The scripts of the user's book."""
    return [one.entry for one in seen_book(app, user).entries if isinstance(one.entry, OwnScript)]


def as_sieve(app: App, entries: Sequence[Entry]) -> str:
    """What these rules are built to."""
    return compiled(app, entries, entries).text


def simple_rules(script: OwnScript) -> tuple[Entry, ...]:
    """The rules that a script is, where it is simple enough to be nothing but rules; else none."""
    found = () if script.on else read_back(script.sieve, script.name)
    return found if found and all(isinstance(one, Rule) for one in found) else ()


def script_to_rules(app: App, user: User, script: OwnScript, before: str = "", mark: str = "") -> None:
    """Puts the rules that a script is in its place, or at the end where it is not in the book yet. Misused
    `rules.not_simple`; NotAllowed as `save_entry`."""
    rules = simple_rules(script)
    if not rules:
        raise Misused("rules.not_simple")
    _check_right(app, user, script.account)

    def edit(text: str) -> str:
        at: int | None = None
        on = True
        if before:
            found = _changeable(app, user, text, before)
            if mark_of(found) != mark:
                raise NotAllowed("rules.changed_meanwhile", revision=0)
            at = [one.name for one in _read(text)].index(found.name)
            text, on = without_entry(text, found.name), is_on(found)
        for number, rule in enumerate(rules):
            assert isinstance(rule, Rule)
            named = replace(
                rule,
                name=_free(text, rule.name),
                account=script.account,
                enabled=rule.enabled and on,
            )
            text = with_entry(text, named, None if at is None else at + number)
        return text

    _edit(app, edit)


def offered(book: SeenBook, say: Callable[[str], str]) -> list[Offer]:
    """The ready-made rules that the book does not have yet."""
    if book.problems:
        return []
    names = {one.entry.name.lower() for one in book.entries}
    return [one for one in offers(say) if not all(rule.name.lower() in names for rule in one.rules)]


def offer_of(key: str, say: Callable[[str], str], senders: Sequence[str] = ()) -> Offer:
    """One of the ready-made rules. Gone `rules.no_offer`."""
    found = next((one for one in offers(say, tuple(senders)) if one.key == key), None)
    if found is None:
        raise Gone("rules.no_offer")
    return found


def save_all(app: App, user: User, rules: Sequence[Rule]) -> int:
    """Puts new rules at the end of the book, under names that are free. The revision before it."""
    for rule in rules:
        _check_right(app, user, rule.account)

    def edit(text: str) -> str:
        for rule in rules:
            text = with_entry(text, replace(rule, name=_free(text, rule.name)))
        return text

    return _edit(app, edit)


def save_entry(app: App, user: User, entry: Entry, before: str = "", mark: str = "") -> None:
    """Puts a rule or script into the book: a new one at its end, or in place of the one called `before`,
    which the user saw with this mark. NotAllowed `rules.not_yours`, `rules.changed_meanwhile` where
    somebody else has changed the same one; Misused `rules.name_taken` and what is wrong with it."""
    _check_right(app, user, entry.account)

    def edit(text: str) -> str:
        if not before:
            return with_entry(text, entry)
        found = _changeable(app, user, text, before)
        if mark_of(found) != mark:
            raise NotAllowed("rules.changed_meanwhile", revision=0)
        return with_replaced(text, found.name, entry)

    _edit(app, edit)


def switch_entry(app: App, user: User, name: str, *, on: bool) -> None:
    """Switches a rule or script on or off. Gone `rules.unknown`; NotAllowed `rules.not_yours`."""

    def edit(text: str) -> str:
        found = _changeable(app, user, text, name)
        changed = replace(found, enabled=on) if isinstance(found, Rule) else replace(found, run=on)
        return with_replaced(text, found.name, changed)

    _edit(app, edit)


def move_entry(app: App, user: User, name: str, before: str) -> None:
    """Puts it before another one that the user sees, or with an empty name behind all. Gone `rules.unknown`;
    NotAllowed `rules.not_yours`."""

    def edit(text: str) -> str:
        found = _changeable(app, user, text, name)
        others = [one for one in _read(text) if one.name.lower() != found.name.lower()]
        names = [one.name.lower() for one in others]
        if before and before.lower() not in names:
            raise Gone("rules.unknown", name=before[:200])
        return with_moved(text, found.name, names.index(before.lower()) if before else len(names))

    _edit(app, edit)


def remove_entry(app: App, user: User, name: str) -> int:
    """Returns the revision that still has it, for `bring_back`. Gone `rules.unknown`; NotAllowed
    `rules.not_yours`."""
    return _edit(app, lambda text: without_entry(text, _changeable(app, user, text, name).name))


def bring_back(app: App, user: User, revision: int) -> None:
    """The book as it was at a revision, if nobody has changed it since the one after. For owners and for who
    removed something of their own. NotAllowed `rules.changed_meanwhile`; Gone `rules.no_revision`."""
    book = app.store.rule_book
    newest = book.get()
    if newest.revision != revision + 1:
        raise NotAllowed("rules.changed_meanwhile", revision=newest.revision)
    past = book.at(revision)
    changed = {one.account for one in set(_read(past.text)) ^ set(_read(newest.text))}
    for account in changed:
        _check_right(app, user, account)
    book.save(past.text, newest.revision, app.clock.now(), "page")


def free_name(app: App, wanted: str) -> str:
    """The name, or one like it that no rule and no script has yet."""
    return _free(app.store.rule_book.get().text, wanted)


def _free(text: str, wanted: str) -> str:
    return free_in(_judged(text)[0], wanted.strip())


def _edit(app: App, edit: Callable[[str], str]) -> int:
    """Saves the edited text; the revision of the one before."""
    return edit_text(app, edit, "page").before.revision


def _changeable(app: App, user: User, text: str, name: str) -> Entry:
    found = _found(text, name)
    if not _may_see(app, user, found.account):
        raise Gone("rules.unknown", name=name[:200])
    _check_right(app, user, found.account)
    return found


def _found(text: str, name: str) -> Entry:
    for one in _read(text):
        if one.name.lower() == name.lower():
            return one
    raise Gone("rules.unknown", name=name[:200])


def _read(text: str) -> tuple[Entry, ...]:
    book, problems = _judged(text)
    if problems:
        raise Misused(problems[0].problem)
    return book.entries


def _check_right(app: App, user: User, address: str) -> None:
    if not may_change_for(app, user, address):
        raise NotAllowed("rules.not_yours", account=address)


def _may_see(app: App, user: User, address: str) -> bool:
    """A rule for all accounts concerns everybody who has one."""
    mine = accounts_of(app, user)
    if user.role is Role.OWNER:
        return True
    return any(not address or _same(one, address) for one in mine)


def _same(account: Account, address: str) -> bool:
    return account.address.lower() == address.lower()
