"""What a failure of a line means to a diagnosis: an outcome, and a reason in the words of the system."""

from __future__ import annotations

from eilbote.diagnosis.evidence import Outcome
from eilbote.errors import EilboteError, NotAllowed
from eilbote.net.stream import Unverified


def outcome_of(failure: BaseException) -> Outcome:
    """Of a failure of the system."""
    match failure:
        case ConnectionRefusedError():
            return Outcome.REFUSED
        case TimeoutError():
            return Outcome.TIMEOUT
        case ConnectionError():
            return Outcome.ENDED
        case OSError():
            return Outcome.UNREACHABLE
        case _:
            return Outcome.ERROR


def named_outcome(failure: BaseException) -> Outcome:
    """Of a failure that may be one of ours, by its code."""
    if not isinstance(failure, EilboteError):
        return outcome_of(failure)
    if isinstance(failure, NotAllowed):
        return Outcome.ERROR
    return {
        "net.refused": Outcome.REFUSED,
        "net.timeout": Outcome.TIMEOUT,
        "net.unreachable": Outcome.UNREACHABLE,
        "net.no_such_host": Outcome.NO_SUCH_NAME,
    }.get(failure.problem.code, Outcome.ERROR)


def reason_of(failure: BaseException) -> str:
    """What the system said, at most 300 characters of it; for one of ours its reason or code."""
    if isinstance(failure, EilboteError):
        return failure.problem.parameters.get("reason", failure.problem.code)
    if isinstance(failure, Unverified):
        return failure.reason
    return (str(failure) or type(failure).__name__)[:300]
