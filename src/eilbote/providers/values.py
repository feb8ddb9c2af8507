"""What is known of a mail provider, as values."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from msgspec import Struct


class Login(StrEnum):
    """What stands before the first login."""

    OWN = "own"
    APP_PASSWORD = "app"  # noqa: S105  # a kind of password, none itself
    ENABLE = "enable"
    OAUTH = "oauth"
    BRIDGE = "bridge"
    NONE = "none"


class Endpoint(Struct, frozen=True):
    """Where a server listens; `security` is `tls` or `starttls`."""

    host: str
    port: int
    security: str


class Menu(Struct, frozen=True):
    """Where something is to be clicked on, or said, in German and in English: the very words of the
    provider's page, and what they mean where it speaks another language. `url`: the page itself, where it is
    known."""

    de: str
    en: str
    url: str = ""

    def text(self, language: str) -> str:
        return self.de if language == "de" else self.en


class Access(Struct, frozen=True):
    """What a provider wants of a mail program. `own_password`: the password of the mailbox itself works;
    `two_step`: but not where two-step login is on. `app_password`: one made for a program works; `shape`:
    what it looks like without blanks and hyphens, a regular expression. `oauth`: a token works. `switch_on`:
    where access has to be switched on first; `make_password`: where a password for a program is made. `note`:
    what else a person should know, one or two sentences."""

    source: str
    checked: date
    own_password: bool = True
    two_step: bool = False
    app_password: bool = False
    oauth: bool = False
    shape: str = ""
    switch_on: Menu | None = None
    make_password: Menu | None = None
    note: Menu | None = None


class Folders(Struct, frozen=True):
    """How special mailboxes are called in a new account there. `unknown`: where mail of strangers lies, not
    in the inbox. Empty: not known."""

    source: str
    checked: date
    sent: str = ""
    drafts: str = ""
    trash: str = ""
    junk: str = ""
    archive: str = ""
    all: str = ""
    unknown: str = ""


class Receiving(Struct, frozen=True):
    """What a provider's IMAP server lets one account have. None: not known, which is not "as much as
    you like". `connections` at once; bytes over IMAP in a day; `newest`: so many mails of a mailbox are
    shown, older ones not; `mailboxes` in all."""

    source: str
    checked: date
    connections: int | None = None
    down_per_day: int | None = None
    up_per_day: int | None = None
    newest: int | None = None
    mailboxes: int | None = None


class Sending(Struct, frozen=True):
    """What a provider's submission server takes of one account, and what it makes of it. None: not
    known, which is not "as much as you like".

    `files_sent_copy`: a mail that was sent lies in its sent mailbox without our doing, and a copy put
    there would be a second one. `rewrites_message_id`: the mail that arrives may have another Message-ID
    than ours. `own_domain_only`: a From of another domain than the account's is refused, so that a mail
    cannot be forwarded under its first author's name. `largest_message` in bytes as sent.
    `new_recipients_per_hour`: (age of the contract in days up to which, recipients), rising.
    `passwords_until`: the day after which no password works for sending.
    """

    source: str
    checked: date
    files_sent_copy: bool = False
    rewrites_message_id: bool = False
    own_domain_only: bool = False
    connections: int | None = None
    connections_per_minute: int | None = None
    messages_per_minute: int | None = None
    messages_per_hour: int | None = None
    messages_per_day: int | None = None
    recipients_per_message: int | None = None
    recipients_per_hour: int | None = None
    recipients_per_day: int | None = None
    new_recipients_per_hour: tuple[tuple[int, int], ...] = ()
    largest_message: int | None = None
    passwords_until: date | None = None


class Provider(Struct, frozen=True):
    """One provider. `imap` None: it has no IMAP. `hosts`: other names of its servers. `mx`: how the names of
    the servers end that take mail for domains there. `user_is_local_part`: its IMAP server wants the address
    without its domain; `smtp_user_is_local_part`: so does its SMTP server. `token_idle_days`: a refresh token
    that was not used for so long is dead; `test_token_days`: one of an OAuth client that is still being tried
    lives no longer. `checked`: the day on which the row was last compared with its `source`."""

    id: str
    name: str
    domains: tuple[str, ...]
    imap: Endpoint | None
    smtp: Endpoint | None
    pop3: Endpoint | None
    hosts: tuple[str, ...]
    mx: tuple[str, ...]
    user_is_local_part: bool
    smtp_user_is_local_part: bool
    login: Login
    help: str
    source: str
    checked: date
    token_idle_days: int | None = None
    test_token_days: int | None = None
    access: Access | None = None
    folders: Folders | None = None
    receiving: Receiving | None = None
    sending: Sending | None = None
