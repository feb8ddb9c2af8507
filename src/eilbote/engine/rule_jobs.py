"""Rules that users of the page carry out over mail that is there: one run at a time for each user, with how
far it is. What a run came to is remembered until the process ends or the next one begins.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from eilbote.engine.app import App
from eilbote.engine.rule_work import run_over_mail
from eilbote.errors import EilboteError, NotAllowed, Problem
from eilbote.store.values import User


class RuleJob(Struct, frozen=True):
    """One run. `looked`: mails looked at in the part that is under way (first all are tried, then rules are
    carried out); `changed` and `batch` when it is over; `problem`: why it ended early or never began,
    `noted`: what went wrong with single mails."""

    name: str
    query: str
    running: bool = True
    looked: int = 0
    changed: int = 0
    batch: int = 0
    problem: Problem | None = None
    noted: tuple[Problem, ...] = ()


class _Closing(Exception):
    """The process ends: what is done so far stays done, and can be taken back."""


class RuleJobs:
    """The runs of one running page. To be called inside of its loop."""

    def __init__(self, app: App, note: Callable[[], None]) -> None:
        self._app = app
        self._note = note
        self._jobs: dict[int, RuleJob] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._closing = threading.Event()

    def of(self, user: int) -> RuleJob | None:
        """The latest of a user."""
        return self._jobs.get(user)

    async def begin(self, user: User, name: str, query: str, *, sure: bool, patience: float) -> RuleJob:
        """Begins a run, and waits so many seconds for its end. NotAllowed `rules.run_under_way`."""
        if user.id in self._tasks:
            raise NotAllowed("rules.run_under_way", rule=self._jobs[user.id].name)
        self._jobs[user.id] = RuleJob(name, query)
        task = asyncio.create_task(self._run(user, name, query, sure=sure))
        self._tasks[user.id] = task
        self._note()
        await asyncio.wait({task}, timeout=patience)
        return self._jobs[user.id]

    async def close(self) -> None:
        """Nothing of it goes on."""
        self._closing.set()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _run(self, user: User, name: str, query: str, *, sure: bool) -> None:
        job = self._jobs[user.id]

        def tell(looked: int) -> None:
            if self._closing.is_set():
                raise _Closing
            self._jobs[user.id] = replace(job, looked=looked)

        try:
            done = await asyncio.to_thread(
                run_over_mail, self._app, user, name, "", query, sure=sure, tell=tell
            )
            self._jobs[user.id] = replace(
                job,
                running=False,
                looked=sum(one.looked for one in done),
                changed=sum(one.changed for one in done),
                batch=next((one.batch for one in done if one.batch), 0) if len(done) == 1 else 0,
                noted=tuple(problem for one in done for problem in one.problems),
            )
        except EilboteError as error:
            self._jobs[user.id] = replace(job, running=False, problem=error.problem)
        except _Closing:
            self._jobs.pop(user.id)
        except BaseException:
            self._jobs[user.id] = replace(job, running=False, problem=Problem("page.broken"))
            raise
        finally:
            del self._tasks[user.id]
            self._note()
