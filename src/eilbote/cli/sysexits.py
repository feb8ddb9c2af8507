"""How `eilbote send` ends when it is called as `sendmail`: the codes of sysexits.h, which cron, mutt and
scripts know."""

from __future__ import annotations

from eilbote.errors import EilboteError, Gone, Misused, NotAllowed, Unreachable

EX_USAGE, EX_DATAERR, EX_NOINPUT = 64, 65, 66
EX_UNAVAILABLE, EX_SOFTWARE, EX_TEMPFAIL, EX_NOPERM, EX_CONFIG = 69, 70, 75, 77, 78

_CODES = {
    "send.empty": EX_DATAERR,
    "send.no_input": EX_NOINPUT,
    "send.too_large": EX_UNAVAILABLE,
    "send.too_many": EX_UNAVAILABLE,
    "send.mode_refused": EX_UNAVAILABLE,
    "send.no_server": EX_CONFIG,
    "send.no_sender": EX_CONFIG,
    "send.which_account": EX_CONFIG,
}


def sysexits_code(error: EilboteError) -> int:
    """The code for an error. What time may cure is EX_TEMPFAIL: the caller keeps the mail and tries again."""
    code = error.problem.code
    if code in _CODES:
        return _CODES[code]
    if code.startswith("compose."):
        return EX_DATAERR
    if code.startswith(("account.", "config.", "vault.")):
        return EX_CONFIG
    match error:
        case Unreachable():
            return EX_TEMPFAIL
        case NotAllowed():
            return EX_NOPERM
        case Misused():
            return EX_USAGE
        case Gone():
            return EX_UNAVAILABLE
        case _:
            return EX_SOFTWARE
