"""What a script's outcome means for one mail that lies in a mailbox: what is done with it, in which order,
and what history tells of it. Changes nothing itself.

A script knows a mail that is being delivered; here it lies in the inbox already. So the first `fileinto`
without `keep` moves it and all others copy it; what is kept nowhere goes into the trash.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import assert_never

from msgspec import Struct

from eilbote.engine.act import Act, Origin, check_allowed, check_flag
from eilbote.engine.rule_homes import Homes
from eilbote.engine.rule_mails import Mailing, Unsent
from eilbote.engine.stored_mail import StoredMail
from eilbote.errors import Misused, Problem
from eilbote.mail.mailbox import Flags, SpecialUse, Uid
from eilbote.mail.message import read_source
from eilbote.mail.uploading import ready_to_upload
from eilbote.sieve.values import (
    Action,
    Discard,
    FileInto,
    Keep,
    Notify,
    Outcome,
    Redirect,
    Reject,
    Step,
    Vacation,
)
from eilbote.store.prepare import prepared_mail
from eilbote.store.rule_values import (
    LOOK,
    ChangeFlags,
    CopyTo,
    Deed,
    Drop,
    Effect,
    Happened,
    Memory,
    MemoryKind,
    MoveTo,
    Put,
    Ruling,
    RunOrigin,
    Send,
    Target,
    Told,
)
from eilbote.store.update_values import Arrival

_FLAGGING = ("addflag", "setflag", "removeflag")
_LATEST_ANSWER = 7 * 86_400.0
"""So many seconds after a mail has come, it is answered by nobody but a person."""
_MOST_STEPS = 200
_LONGEST = 300


class Case(Struct, frozen=True):
    """A mail where it lies, and why rules look at it."""

    account: int
    message: int
    place: tuple[int, Uid]
    flags: Flags
    internal_date: float
    origin: RunOrigin
    revision: int
    batch: int = 0
    once: bool = True
    """Only if rules have not looked at it before."""
    unsent: str = ""
    """Why nothing is sent because of it, as for mail that was imported."""
    redirects: bool = False
    """It is redirected all the same."""
    arrived: bool = False
    """Its date is that of its arrival on the server."""
    event: Happened | None = None


def ruling_of(
    case: Case, outcome: Outcome, mail: StoredMail, homes: Homes, mailing: Mailing, now: float
) -> Ruling:
    """What is done. Misused, NotAllowed or Gone where an action cannot be done: then none is
    (`troubled` says what becomes of the mail)."""
    return _Deciding(case, outcome, mail, homes, mailing, now).ruling()


def intended(case: Case, outcome: Outcome, mail: StoredMail, homes: Homes) -> tuple[Deed, ...]:
    """What an outcome would do, told only: nothing is composed. Empty where all is so already. Misused
    `mailbox.bad_name`."""
    deciding = _Deciding(case, outcome, mail, homes, None, 0.0)
    deeds = deciding.deeds()
    return deeds if deciding.changes or any(deed.refused for deed in deeds) else ()


def troubled(case: Case, problem: Problem, outcome: Outcome | None = None) -> Ruling:
    """The mail stays where it is and is marked for a look (RFC 5228 section 2.10.6)."""
    steps = told(outcome.trace) if outcome is not None else ()
    line = outcome.problem.at.line if outcome is not None and outcome.problem is not None else 0
    return _ruling(
        case,
        effects=(ChangeFlags(frozenset({LOOK})),),
        deeds=(Deed("look", flags=(LOOK,), line=line),),
        steps=steps[-20:],
        problem=problem,
    )


class _Deciding:
    """One outcome. `kept`: the mail stays where it is."""

    def __init__(
        self,
        case: Case,
        outcome: Outcome,
        mail: StoredMail,
        homes: Homes,
        mailing: Mailing | None,
        now: float,
    ) -> None:
        self._case = case
        self._outcome = outcome
        self._mail = mail
        self._homes = homes
        self._mailing = mailing
        self._now = now
        self._targets: dict[Target, Flags] = {}
        self._flags: Flags = frozenset()
        self._sends: list[Send] = []
        self._wanted = 0
        self._deeds: list[Deed] = []
        self._acted: list[str] = []
        self._refused = False
        self._discarded = False
        self._home = homes.name_of(case.place[0])
        # A mail that only gets flags is kept without an action of any rule.
        self._flagging = [step.rule for step in outcome.trace if step.name in _FLAGGING and step.rule]
        self._kept = outcome.implicit_keep or any(isinstance(one, Keep) for one in outcome.actions)

    def deeds(self) -> tuple[Deed, ...]:
        """What is to be done, in words."""
        outcome = self._outcome
        rules = outcome.rules or ("",) * len(outcome.actions)
        for action, rule in zip(outcome.actions, rules, strict=True):
            self._take(action, rule)
        for edit in outcome.edits:
            name = "addheader" if edit.added else "deleteheader"
            by = next((step.rule for step in outcome.trace if step.at == edit.at and step.name == name), "")
            said = f"{edit.name}: {edit.value}"[:_LONGEST]
            self._deeds.append(Deed(name, said, line=edit.at.line, rule=by))
            self._acted += [by] if by else []
        return tuple(self._deeds)

    @property
    def changes(self) -> bool:
        """Whether anything is to be done at all: a mail may lie where it is wanted, with its flags."""
        lies_so = self._kept and not self._targets and self._flags <= self._case.flags
        return not lies_so or self._wanted > 0 or self._outcome.headers is not None

    def ruling(self) -> Ruling:
        """What is to be done."""
        outcome, deeds = self._outcome, self.deeds()
        # What could not go on to somebody is not thrown away for it.
        self._kept = self._kept or (self._refused and not self._targets and not self._discarded)
        acted = list(dict.fromkeys((*self._flagging, *self._acted)))
        return _ruling(
            self._case,
            effects=(*self._local(), *self._sends),
            memories=tuple(
                Memory(MemoryKind.DUPLICATE, one.handle, one.unique_id, self._now + one.seconds)
                for one in outcome.remembered
                if self._case.origin is RunOrigin.ARRIVAL
            ),
            deeds=deeds,
            steps=told(outcome.trace, acted),
            rules=tuple(acted),
        )

    def _take(self, action: Action, rule: str) -> None:
        match action:
            case Keep():
                self._flags |= _flags(action.flags)
                if not action.implicit or not self._case.flags.issuperset(action.flags):
                    self._done(action, rule, "keep", flags=action.flags)
            case FileInto():
                check_allowed(Origin.RULE, Act.COPY if self._targets or self._kept else Act.MOVE)
                target = self._homes.named(action.mailbox, action.special_use, action.mailbox_id)
                stays = target.name == self._home
                self._done(action, rule, "fileinto", target.name, action.flags)
                if stays:
                    self._kept = True
                    self._flags |= _flags(action.flags)
                else:
                    self._targets[target] = self._targets.get(target, frozenset()) | _flags(action.flags)
            case Discard():
                check_allowed(Origin.RULE, Act.DELETE)
                self._discarded = True
                self._done(action, rule, "discard")
            case Redirect(address=address, list_name=list_name):
                if list_name:  # the lists that there are hold people, and none to send mail of others to
                    raise Misused("rules.bad_address", address=list_name[:100])
                why = self._queue(action, rule)
                self._refused = self._refused or bool(why)
                self._done(action, rule, "redirect", address, refused=why)
            case Reject():
                why = self._queue(action, rule)
                self._done(action, rule, "reject", action.reason, refused=why)
            case Vacation():
                why = self._queue(action, rule)
                self._done(action, rule, "vacation", action.subject or action.reason, refused=why)
            case Notify(method=method):
                why = self._queue(action, rule)
                self._done(action, rule, "notify", method, refused=why)
            case _:
                assert_never(action)

    def _queue(self, action: Redirect | Reject | Vacation | Notify, rule: str) -> str:
        """Composes what an action sends; why nothing is sent, else empty."""
        check_allowed(Origin.RULE, Act.SEND)
        if self._case.unsent and not (self._case.redirects and isinstance(action, Redirect)):
            return self._case.unsent
        late = self._now - self._case.internal_date > _LATEST_ANSWER
        if late and self._case.arrived and not isinstance(action, Redirect):
            return "old"
        self._wanted += 1
        if self._mailing is None:
            return ""
        made = self._mailing.made_by(action, rule, self._mail, self._outcome.headers)
        if isinstance(made, Unsent):
            return made.reason
        self._sends.append(made)
        return ""

    def _done(
        self,
        action: Action,
        rule: str,
        name: str,
        argument: str = "",
        flags: Sequence[str] = (),
        refused: str = "",
    ) -> None:
        said = argument if len(argument) <= _LONGEST else argument[:_LONGEST] + "…"
        new = tuple(flag for flag in flags if flag not in self._case.flags)
        self._deeds.append(Deed(name, said, new, action.at.line, rule, refused))
        if rule:
            self._acted.append(rule)

    def _local(self) -> list[Effect]:
        """The mail's own way: copies, flags, and last the move."""
        if self._outcome.headers is not None and (self._kept or self._targets):
            return self._edited(self._outcome.headers)
        targets = list(self._targets.items())
        effects: list[Effect] = []
        moved = None if self._kept or not targets else targets.pop(0)
        effects += [CopyTo(target, flags - self._case.flags) for target, flags in targets]
        added = (self._flags if moved is None else moved[1]) - self._case.flags
        if added:
            effects.append(ChangeFlags(added))
        if moved is not None:
            effects.append(MoveTo(moved[0]))
        elif not self._kept:
            effects.append(MoveTo(self._homes.of_role(SpecialUse.TRASH)))
        return effects

    def _edited(self, header: bytes) -> list[Effect]:
        """The changed mail is put wherever the mail should lie, and the old one goes."""
        raw = ready_to_upload(self._mail.with_header(header), end_last_line=True)
        prepared = prepared_mail(raw, read_source(raw))
        own = self._case.flags
        wanted: list[tuple[Target | None, Flags]] = [(None, self._flags)] if self._kept else []
        wanted += self._targets.items()
        effects: list[Effect] = [
            Put(Arrival(0, own | flags, self._case.internal_date, 0, raw, prepared), target)
            for target, flags in wanted
        ]
        # Gmail takes only the label off what is deleted elsewhere than in its trash.
        effects.append(MoveTo(self._homes.of_role(SpecialUse.TRASH)) if self._homes.is_gmail else Drop())
        return effects


def told(trace: Sequence[Step], rules: Sequence[str] = ()) -> tuple[Told, ...]:
    """What history keeps of a trace: the steps of the rules that acted, and of scripts that name none."""
    wanted = frozenset(rules)
    chosen = [step for step in trace if not wanted or not step.rule or step.rule in wanted]
    return tuple(
        Told(
            step.at.line,
            step.name,
            step.detail if len(step.detail) <= _LONGEST else step.detail[:_LONGEST] + "…",
            step.result,
            step.rule,
            step.script,
        )
        for step in chosen[:_MOST_STEPS]
    )


def _ruling(
    case: Case,
    *,
    effects: tuple[Effect, ...] = (),
    memories: tuple[Memory, ...] = (),
    deeds: tuple[Deed, ...] = (),
    steps: tuple[Told, ...] = (),
    rules: tuple[str, ...] = (),
    problem: Problem | None = None,
) -> Ruling:
    return Ruling(
        case.account,
        case.message,
        case.place,
        case.origin,
        case.revision,
        effects,
        memories,
        deeds,
        steps,
        rules,
        problem,
        case.once,
        case.batch,
        noteworthy=bool(effects or deeds or problem),
        event=case.event,
    )


def _flags(words: Sequence[str]) -> Flags:
    """Those that IMAP can hold; what is none is left out (RFC 5232 section 2)."""
    found: set[str] = set()
    for word in words:
        with suppress(Misused):
            found.add(check_flag(word))
    return frozenset(found)
