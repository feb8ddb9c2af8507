"""One script over one mail: what it decides, and why.

Never raises for what a script or a mail holds: a script that cannot go on keeps the mail and says why
(RFC 5228 section 2.10.6).
"""

from __future__ import annotations

from eilbote.errors import Misused
from eilbote.sieve.mail import SeenMail
from eilbote.sieve.script import Script
from eilbote.sieve.state import Failed, Run
from eilbote.sieve.values import Limits, Outcome, ScriptProblem, World


def run(
    script: Script, mail: SeenMail, world: World, limits: Limits | None = None, *, trace: bool = True
) -> Outcome:
    """What the script decides about the mail. `trace`: with every step, which takes several times as
    long. `limits` are those that it was read with where none are given."""
    act, slots = script.form(trace=trace)
    state = Run(mail, world, limits or script.limits, slots, trace=trace)
    try:
        act(state)
    except Failed as failed:
        return state.failed(failed.problem)
    except Misused as wrong:
        return state.failed(ScriptProblem(state.at, wrong.problem, state.script))
    return state.outcome()
