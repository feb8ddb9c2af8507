"""Mail that a user of the page is writing: begun, saved as it is typed, its files, discarded and brought
back. Where two windows write on one mail, each keeps its text: the later one becomes a mail of its own.

Only who may change an account writes as it, and sees what others write as it.
"""

from __future__ import annotations

from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from eilbote.engine import attached_files, browse
from eilbote.engine.act import Origin
from eilbote.engine.app import App
from eilbote.engine.attached_files import Received
from eilbote.engine.drafts import answered_by, opened_draft
from eilbote.engine.identities import sender_named
from eilbote.engine.read import checked_id
from eilbote.engine.users import may_change
from eilbote.engine.write_as import About, first_form
from eilbote.engine.written import Content, Typed, begun_with, check_typed, read_content, typed_of
from eilbote.errors import Gone, NotAllowed
from eilbote.mail.address import is_address
from eilbote.mail.identity import Identity, same_address
from eilbote.store.values import Account, User
from eilbote.store.writings import Writing, WritingState, WrittenFile

_KEY_BYTES = 16
_LONGEST_KEY = 100
_TRIES = 5


class Form(Struct, frozen=True):
    """What a window sends: which mail (0: none yet), the version that it knows, what is typed, and its own
    `key`. `edit` grows with what is typed in it: what is sent may arrive in another order. `about` counts
    where the mail is new."""

    key: str
    typed: Typed
    about: About
    writing: int = 0
    version: int = 0
    edit: int = 0

    @property
    def editor(self) -> str:
        """As the store keeps who saved last."""
        return f"{self.key}.{self.edit}"


class Kept(Struct, frozen=True):
    """What was saved. `beside` is the mail that another window has changed meanwhile, so that this one
    became a mail of its own; 0: none."""

    writing: Writing
    beside: int = 0


class Opened(Struct, frozen=True):
    """A mail as it is written on."""

    writing: Writing
    content: Content
    files: list[WrittenFile]


def new_key(app: App) -> str:
    """For a window: nobody foresees it."""
    return app.clock.random_bytes(_KEY_BYTES).hex()


def opened(app: App, user: User, writing: int) -> Opened:
    """Gone `draft.unknown`, also where the user may not write as its account."""
    found = app.store.writings.get(writing)
    if not may_change(user, found.account):
        raise Gone("draft.unknown")
    return Opened(found, read_content(found.content), app.store.writings.files(writing))


def open_draft(app: App, user: User, message: str) -> Writing:
    """Goes on with a draft in a mailbox, whatever program put it there; the same one each time.
    Gone `store.no_message`, `store.headers_only`; NotAllowed `user.may_not_change`; Misused `draft.none`."""
    number = checked_id(message)
    browse.changeable_mail(app, user, [number])
    found = app.store.writings.find(message=number)
    if found is not None and found.state is WritingState.OPEN:
        return found
    account, saved, _ = opened_draft(app, message)
    answers = answered_by(app, account, saved.draft)
    begun = begun_with(saved.draft, answers=str(answers or ""), layout_lost=saved.loses_layout)
    content = Content(typed_of(saved.draft), begun).as_text()
    files, now = attached_files.kept_of(app, saved.draft), app.clock.now()
    begin = partial(app.store.writings.begin, account.id, message=number)
    made, is_new = begin(f"draft:{number}", "", content, files, now)
    if not is_new and not (made.is_open and made.message == number):
        made, is_new = begin(new_key(app), "", content, files, now)  # that one has gone its way
    if not is_new:  # somebody else has opened it a moment ago
        attached_files.removed(app, files)
    return made


def sender_of(app: App, user: User, typed: Typed) -> tuple[Account, Identity]:
    """As whom it is written, the very alias. NotAllowed `user.may_not_write`."""
    named = sender_named(app, typed.sender)
    if named is None or not may_change(user, named[0].id):
        raise NotAllowed("user.may_not_write")
    account, identity = named
    if is_address(typed.sender) and same_address(typed.sender) != same_address(identity.address):
        identity = replace(identity, address=typed.sender)
    return account, identity


def save(app: App, user: User, form: Form) -> Kept:
    """What is typed is on disk then. Raises as `opened`, `sender_of` and `first_form`; Misused
    `compose.character`, `draft.long_text`."""
    check_typed(form.typed)
    form = replace(form, key=form.key[:_LONGEST_KEY] or new_key(app))
    account, _ = sender_of(app, user, form.typed)
    if not form.writing:
        known = app.store.writings.find(key=form.key)
        if known is None:
            return Kept(_begun(app, user, account, form))
        form = replace(form, writing=known.id)
    for _ in range(_TRIES):
        before = opened(app, user, form.writing)
        content = Content(form.typed, before.content.begun).as_text()
        writing = before.writing
        if content == writing.content and account.id == writing.account:
            return Kept(writing)
        key, _, edit = writing.editor.rpartition(".")
        if form.key == key and form.edit < int(edit) and writing.is_open:
            return Kept(writing)  # overtaken by what the same window typed later
        is_current = form.key == key or form.version == writing.version
        if writing.state is not WritingState.OPEN or not is_current:
            return _beside(app, user, form, before, account)
        saved = app.store.writings.save(writing, account.id, form.editor, content, app.clock.now())
        if saved is not None:
            return Kept(saved)
    raise NotAllowed("draft.busy")


def attach(app: App, user: User, writing: int, received: Received) -> None:
    """What came with the form goes with the mail from now on. Misused `draft.too_large`,
    `draft.too_many_files`; NotAllowed `draft.ended`."""
    if not (received.files or received.too_large):
        return
    before = opened(app, user, writing)
    account = app.store.accounts.get(before.writing.account)
    attached_files.check_room(account, before.files, received)
    kept = attached_files.kept_uploads(app, received.files)
    if not app.store.writings.add_files(writing, kept, app.clock.now()):
        attached_files.removed(app, kept)
        raise NotAllowed("draft.ended")


def detach(app: App, user: User, writing: int, number: int) -> None:
    """A file goes no more with the mail; one that is gone already is no mistake."""
    opened(app, user, writing)
    found = app.store.writings.remove_file(writing, number, app.clock.now())
    if found is not None:
        attached_files.removed(app, [found])


def discard(app: App, user: User, writing: int) -> None:
    """It is not wanted: its draft goes, here and on the server. `bring_back` undoes it."""
    opened(app, user, writing)
    gone = app.store.writings.end(writing, WritingState.DISCARDED, Origin.USER.value, app.clock.now())
    if gone:
        app.store.search.forget(gone, for_good=False)


def bring_back(app: App, user: User, writing: int) -> None:
    """Goes on with one that was discarded."""
    opened(app, user, writing)
    app.store.writings.reopen(writing, WritingState.DISCARDED, app.clock.now())


def _begun(app: App, user: User, account: Account, form: Form) -> Writing:
    draft = first_form(app, user, form.about)
    begun = begun_with(draft, answers=form.about.answers, forwards=form.about.forwards)
    files = attached_files.kept_of(app, draft)
    content = Content(form.typed, begun).as_text()
    made, is_new = app.store.writings.begin(
        account.id, form.key, form.editor, content, files, app.clock.now()
    )
    if not is_new:  # the same form, sent twice at a time
        attached_files.removed(app, files)
        return save(app, user, replace(form, writing=made.id)).writing
    return made


def _beside(app: App, user: User, form: Form, before: Opened, account: Account) -> Kept:
    """A mail of its own for what this window has typed: nothing of the other is overwritten."""
    key = f"beside:{before.writing.id}:{form.key}"
    known = app.store.writings.find(key=key)
    if known is None:
        files = attached_files.copied(app, before.files)
        content = Content(form.typed, before.content.begun).as_text()
        known, is_new = app.store.writings.begin(
            account.id, key, form.editor, content, files, app.clock.now()
        )
        if not is_new:
            attached_files.removed(app, files)
    kept = save(app, user, replace(form, writing=known.id, version=known.version))
    return Kept(kept.writing, before.writing.id)
