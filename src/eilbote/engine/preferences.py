"""What a user of the page chooses for themselves: how it looks, how mail is read and written.

Nothing here gives or takes a right, and nothing in it is secret.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from eilbote.engine.app import App
from eilbote.engine.write_as import identities_for
from eilbote.errors import Misused
from eilbote.store.values import User

LONGEST_UNDO = 60

LANGUAGES = ("", "de", "en")
THEMES = ("", "light", "dark")


class Preferences(Struct, frozen=True, omit_defaults=True):
    """`language` and `theme`, empty: as the browser says. `undo_seconds`: so long a mail that was sent can
    be taken back. `html`: mail is shown as HTML first, else as text. `mark_read`: a mail that is opened
    counts as read. `sender`: the address to write from, empty: as the account says."""

    language: str = ""
    theme: str = ""
    compact: bool = False
    undo_seconds: int = 10
    html: bool = True
    keys: bool = True
    mark_read: bool = True
    signature: bool = True
    sender: str = ""


def preferences_of(user: User) -> Preferences:
    """What the user chose; what cannot be read (of another version) is as nothing chosen."""
    try:
        return msgspec.json.decode(user.preferences or "{}", type=Preferences)
    except msgspec.MsgspecError:
        return Preferences()


def set_preferences(app: App, user: User, chosen: Preferences) -> None:
    """Misused `preferences.unknown` for a value that is none of those offered."""
    known = ("", *(one.address for one in identities_for(app, user)))
    if chosen.language not in LANGUAGES:
        raise Misused("preferences.unknown", name="language")
    if chosen.theme not in THEMES:
        raise Misused("preferences.unknown", name="theme")
    if not 0 <= chosen.undo_seconds <= LONGEST_UNDO:
        raise Misused("preferences.unknown", name="undo_seconds")
    if chosen.sender not in known:
        raise Misused("preferences.unknown", name="sender")
    app.store.users.set_preferences(user.id, msgspec.json.encode(chosen).decode())
