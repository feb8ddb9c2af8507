"""How long to wait before a server is asked again (reliability C5). Arithmetic on values; chance and
time come in as arguments.
"""

from __future__ import annotations

from msgspec import Struct

from eilbote.errors import Problem

FIRST_SECONDS = 1.0
GROWTH = 1.5
LONGEST_SECONDS = 600.0
STABLE_SECONDS = 60.0
"""A connection that lived so long ends the row of failures."""
LOGIN_SECONDS = 3600.0
"""Between two tries of a refused password: providers lock accounts for less."""
MOST_LOGINS = 3
_LONGEST_WISH = 300.0  # what a server may ask for at a time

LOGIN_CODES = frozenset(
    {
        *("imap.login_refused", "imap.not_connected", "pop3.login_refused", "smtp.login_refused"),
        *("oauth.sign_in_again", "oauth.not_signed_in", "oauth.denied", "oauth.expired", "oauth.refused"),
        *("oauth.wrong_client", "oauth.client_expired", "oauth.wrong_redirect", "oauth.wrong_scope"),
        *("oauth.wrong_tenant", "oauth.needs_consent", "oauth.needs_admin", "oauth.second_factor"),
        "oauth.forbidden",
    }
)
"""Problems of a login that was refused: nothing but a person's wish may try it before its time."""

_PATIENCE_CODES = frozenset(
    {"imap.unavailable", "imap.refused", "imap.throttled", "imap.too_many_connections", "pop3.unavailable"}
)


class Backoff(Struct, frozen=True):
    """Failures in a row so far; `logins` of them were refusals of the login."""

    failures: int = 0
    logins: int = 0

    @property
    def has_given_up(self) -> bool:
        """The password was refused so often that only a change of the account is worth a new try."""
        return self.logins >= MOST_LOGINS

    def failed(self, problem: Problem, lived: float) -> Backoff:
        """After a failure of a connection that lived so many seconds."""
        before = Backoff() if lived >= STABLE_SECONDS else self
        return Backoff(before.failures + 1, before.logins + (problem.code in LOGIN_CODES))

    def seconds(self, problem: Problem, chance: float) -> float:
        """How long to wait now; `chance` (0 to 1) spreads those who failed together."""
        if problem.code in LOGIN_CODES:
            return LOGIN_SECONDS
        longest = min(FIRST_SECONDS * GROWTH ** min(self.failures - 1, 64), LONGEST_SECONDS)
        told = min(problem.retry_after or 0.0, _LONGEST_WISH) if _asks_for_patience(problem) else 0.0
        return max(told, FIRST_SECONDS, longest * chance)


def _asks_for_patience(problem: Problem) -> bool:
    """The server itself said "later"; of a line that broke nobody knows when it is back."""
    return problem.code in _PATIENCE_CODES
