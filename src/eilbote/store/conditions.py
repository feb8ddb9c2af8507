"""The tree of a query as a condition in SQL, for whatever both databases say alike.

Words are left to the dialect. `d` is the index's row of a mail, `p` a place where it lies: marks
and mailboxes asked for together must be true of the same place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, assert_never

from eilbote.mail.mailbox import ANSWERED, DRAFT, FLAGGED, SEEN
from eilbote.search.values import (
    All,
    Dated,
    HasAttachment,
    Inside,
    Mark,
    Marked,
    Node,
    Not,
    Sized,
    Some,
    Words,
)
from eilbote.store.database import Session, Value, in_list, integer, text

Condition: TypeAlias = tuple[str, list[Value]]

_FLAGS = {Mark.READ: SEEN, Mark.FLAGGED: FLAGGED, Mark.ANSWERED: ANSWERED, Mark.DRAFT: DRAFT}
_ROLES = {
    "posteingang": "inbox",
    "eingang": "inbox",
    "papierkorb": "trash",
    "gelöscht": "trash",
    "gesendet": "sent",
    "entwürfe": "drafts",
    "entwurf": "drafts",
    "spam": "junk",
    "archiv": "archive",
}
EVERYWHERE = ("1 = 1", list[Value]())


class Mailboxes:
    """The mailboxes that `in:` can name."""

    def __init__(self, session: Session, table: str = "mailbox") -> None:
        rows = session.rows(f"SELECT id, name, delimiter, role FROM {table}")
        self._known = [
            (integer(number), text(name).casefold(), text(delimiter), role)
            for number, name, delimiter, role in rows
        ]

    def named(self, name: str) -> list[int]:
        """Those of this full name, last part of the name, or role, in any letter case."""
        wanted = name.casefold()
        role = _ROLES.get(wanted, wanted)
        return [
            number
            for number, full, delimiter, kind in self._known
            if full == wanted or kind == role or (delimiter and full.rpartition(delimiter)[2] == wanted)
        ]


class Conditions:
    """Writes conditions for one query. `words` writes that of a subtree made of words alone."""

    def __init__(
        self,
        mailboxes: Mailboxes,
        words: Callable[[Node], Condition],
        *,
        position: str,
        placement: str = "placement",
    ) -> None:
        """`position` is the database's function for the place of a text in another."""
        self._mailboxes = mailboxes
        self._words = words
        self._position = position
        self._placement = placement

    def of_mail(self, node: Node) -> Condition:
        """The condition on `d`."""
        if is_of_words(node):
            return self._words(node)
        if is_of_place(node):
            return self.lies(self.of_place(node))
        match node:
            case HasAttachment():
                return "d.attachments > 0", []
            case Dated(since=since, until=until):
                return _between("d.date", ">=", since, "<", until)
            case Sized(above=above, below=below):
                return _between("d.size", ">", above, "<", below)
            case Not(node=inner):
                sql, params = self.of_mail(inner)
                return f"NOT ({sql})", params
            case All(nodes=nodes):
                places = [self.of_place(one) for one in nodes if is_of_place(one)]
                others = [self.of_mail(one) for one in nodes if not is_of_place(one)]
                return joined(" AND ", [*others, *([self.lies(joined(" AND ", places))] if places else [])])
            case Some(nodes=nodes):
                return joined(" OR ", [self.of_mail(one) for one in nodes])
            case Words() | Inside() | Marked():
                raise AssertionError("is made of words or of places")
            case _:
                assert_never(node)

    def of_place(self, node: Node) -> Condition:
        """The condition on `p` of a subtree that speaks of places alone."""
        match node:
            case Marked(mark=mark):
                return f"{self._position}(p.flags, ?) > 0", [_FLAGS[mark]]
            case Inside(mailbox=name):
                found = self._mailboxes.named(name)
                return f"p.mailbox IN {in_list(len(found))}" if found else "1 = 0", [*found]
            case Not(node=inner):
                sql, params = self.of_place(inner)
                return f"NOT ({sql})", params
            case All(nodes=nodes):
                return joined(" AND ", [self.of_place(one) for one in nodes])
            case Some(nodes=nodes):
                return joined(" OR ", [self.of_place(one) for one in nodes])
            case _:
                raise AssertionError("speaks of more than places")

    def lies(self, place: Condition = EVERYWHERE) -> Condition:
        """The mail lies somewhere where the condition is true."""
        sql, params = place
        return f"EXISTS (SELECT 1 FROM {self._placement} p WHERE p.message = d.message AND {sql})", params


def joined(operator: str, conditions: Sequence[Condition]) -> Condition:
    """Conditions put together by AND or OR."""
    sql = operator.join(sql for sql, _ in conditions)
    return f"({sql})", [value for _, params in conditions for value in params]


def is_of_words(node: Node) -> bool:
    """Whether a subtree speaks of words alone and says at least one that must be there, so that an
    index of words can answer it."""
    match node:
        case Words():
            return True
        case Some(nodes=nodes):
            return all(map(is_of_words, nodes))
        case All(nodes=nodes):
            positive = [one for one in nodes if is_of_words(one)]
            others = [one for one in nodes if not is_of_words(one)]
            return bool(positive) and all(isinstance(one, Not) and is_of_words(one.node) for one in others)
        case _:
            return False


def is_of_place(node: Node) -> bool:
    """Whether a subtree speaks of places alone."""
    match node:
        case Marked() | Inside():
            return True
        case Not(node=inner):
            return is_of_place(inner)
        case All(nodes=nodes) | Some(nodes=nodes):
            return all(map(is_of_place, nodes))
        case _:
            return False


def _between(
    column: str, above: str, low: float | int | None, below: str, high: float | int | None
) -> Condition:
    parts: list[Condition] = []
    if low is not None:
        parts.append((f"{column} {above} ?", [low]))
    if high is not None:
        parts.append((f"{column} {below} ?", [high]))
    return joined(" AND ", parts) if parts else EVERYWHERE
