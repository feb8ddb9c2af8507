"""How a secret comes in: from standard input, from a command of the user's, or typed unseen.

Never from the arguments of the process, which every user of the machine can read.
"""

from __future__ import annotations

import sys

import click
from msgspec import Struct

from eilbote.cli.command import mark
from eilbote.cli.face import Face
from eilbote.engine.authorize import WantedSignIn
from eilbote.errors import Misused
from eilbote.secret import Secret
from eilbote.store.values import AuthKind

_LONGEST = 64 * 1024


class SecretSource(Struct, frozen=True):
    """The options about the secret, as given."""

    stdin: bool
    command: str | None
    oauth: bool
    device: bool = False
    sign_in: WantedSignIn = WantedSignIn()

    @property
    def given(self) -> bool:
        """Whether the command line says where a secret comes from."""
        return self.stdin or self.command is not None or self.oauth or self.device

    @property
    def signs_in(self) -> bool:
        """Whether somebody shall sign in at the provider's own page."""
        return self.device or (self.oauth and not self.stdin and self.command is None)

    @property
    def kind(self) -> AuthKind:
        """What kind of secret the account will have."""
        if self.signs_in:
            return AuthKind.SIGNED_IN
        if self.command is not None:
            return AuthKind.OAUTH_COMMAND if self.oauth else AuthKind.COMMAND
        return AuthKind.OAUTH if self.oauth else AuthKind.PASSWORD

    def read(self, face: Face, address: str) -> Secret:
        """The secret itself. Raises Misused `account.no_secret` where nobody can be asked, and
        `account.empty_secret` where nothing came, `account.bad_secret` where it is no text."""
        try:
            text = self._text(face, address)
            text.encode()
        except UnicodeError:
            raise Misused("account.bad_secret", address=address) from None
        if not text:
            raise Misused("account.empty_secret", address=address)
        return Secret(text)

    def _text(self, face: Face, address: str) -> str:
        if self.stdin and self.command is not None:
            raise click.UsageError("--password-stdin, --password-command")
        if self.command is not None:
            return self.command
        if self.stdin:
            return sys.stdin.readline(_LONGEST).rstrip("\r\n")
        if not sys.stdin.isatty():
            raise Misused("account.no_secret", address=address)
        return _typed(face.text(mark("Password of {address}: "), address=address))


def _typed(question: str) -> str:
    import getpass  # noqa: PLC0415  # only where somebody types

    try:
        return getpass.getpass(question)
    except EOFError:
        raise click.Abort from None
