"""`eilbote send`: a mail written with options, or one that a program hands over as it would to `sendmail`.

Both only queue it: what this command has said yes to is on disk.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eilbote.cli.command import Command, Option, mark
from eilbote.cli.completion import people
from eilbote.cli.exits import DONE
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.send_options import moment_and_more, sendmail_options
from eilbote.cli.shapes import queued_shape
from eilbote.errors import EilboteError, Misused

if TYPE_CHECKING:
    from eilbote.engine.app import App
    from eilbote.engine.send import Handling
    from eilbote.engine.write import Letter, Queued

_RETURNS = {"full": True, "hdrs": False}
"""What of a mail comes back with a report (RFC 3461 section 4.3); anything else says nothing."""

_SENDMAIL = ("t", "dot_is_text", "sender_address", "full_name", "mode", "dsn", "dsn_return", "envid")


@click.command(
    "send",
    cls=Command,
    help=mark(
        "Put a mail into the outbox: one written with these options, or a whole one on standard input, as "
        "programs give it to “sendmail” (this command can be linked under that name). “serve”, “sync” and "
        "“outbox run” deliver it."
    ),
    epilog=mark(
        "Examples:\n"
        "  eilbote send --to anna@example.org --subject Hello --text 'At eight?'\n"
        "  eilbote send --reply 4711 --all --text-file answer.txt --attach plan.pdf\n"
        "  eilbote send -t < mail.eml"
    ),
)
@click.argument("recipients", nargs=-1, metavar="[RCPT]...")
@click.option(
    "--to",
    cls=Option,
    multiple=True,
    metavar="ADDRESS",
    help=mark("To; may be given several times."),
    shell_complete=people,
)
@click.option("--cc", cls=Option, multiple=True, metavar="ADDRESS", help=mark("Cc."), shell_complete=people)
@click.option(
    "--bcc",
    cls=Option,
    multiple=True,
    metavar="ADDRESS",
    help=mark("Bcc: nobody else sees it."),
    shell_complete=people,
)
@click.option("--subject", cls=Option, metavar="TEXT", help=mark("Subject."))
@click.option(
    "--text", cls=Option, metavar="TEXT", help=mark("The text; else it is read from standard input.")
)
@click.option(
    "--text-file",
    cls=Option,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=mark("The text from a file."),
)
@click.option(
    "--markdown", cls=Option, is_flag=True, help=mark("The text is Markdown: it goes out as HTML too.")
)
@click.option(
    "--attach",
    cls=Option,
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=mark("Attach this file; may be given several times."),
)
@click.option(
    "--inline",
    cls=Option,
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=mark("A picture that the Markdown shows: ![words](FILE)."),
)
@click.option("--from", "sender", cls=Option, metavar="IDENTITY", default="", help=mark("As whom to write."))
@click.option("--reply", cls=Option, metavar="ID", default="", help=mark("An answer to this mail."))
@click.option("--all", "everyone", cls=Option, is_flag=True, help=mark("With --reply: to everybody."))
@click.option(
    "--forward", cls=Option, metavar="ID", default="", help=mark("Send this mail on, below the text.")
)
@click.option(
    "--as-attachment", cls=Option, is_flag=True, help=mark("With --forward: the mail as an attachment.")
)
@click.option(
    "--automatic",
    cls=Option,
    is_flag=True,
    help=mark("With --forward: as a program does it, with answers to the first writer and an end to loops."),
)
@click.option(
    "--redirect", cls=Option, metavar="ID", default="", help=mark("Send this mail to others as it is.")
)
@click.option("--draft", cls=Option, is_flag=True, help=mark("Only save it as a draft, on the server too."))
@click.option(
    "--from-draft",
    cls=Option,
    metavar="ID",
    default="",
    help=mark("Send this draft, with what else is given; with --draft: change it."),
)
@click.option(
    "--priority",
    cls=Option,
    type=click.Choice(["high", "normal", "low"]),
    default="normal",
    help=mark("How urgent it is."),
)
@click.option(
    "--check",
    cls=Option,
    is_flag=True,
    help=mark("Only say what will become of it: encrypted, perhaps not, or not at all. Nothing is sent."),
)
@moment_and_more
@sendmail_options
@click.pass_obj
def send(face: Face, /, **given: Any) -> None:
    _check_options(given)
    if given["check"]:
        _check(face, [*given["to"], *given["cc"], *given["bcc"], *given["recipients"]])
    elif _is_handed_over(given):
        _hand_over(face, given)
    else:
        _write(face, given)


_TEXT = ("subject", "text", "text_file", "markdown", "attach", "inline", "priority")
_ORIGINALS = ("reply", "forward", "redirect", "from_draft")
_WRITTEN = ("to", "cc", "bcc", *_TEXT, *_ORIGINALS, "everyone", "as_attachment", "automatic", "draft")
_WHEN_AND_HOW = ("at", "delay", "key", "resend", "no_copy", "notify", "require_tls")

_NOT_TOGETHER = {
    "check": (*_ORIGINALS, "draft"),
    "draft": _WHEN_AND_HOW,
    "from_draft": ("reply", "forward", "redirect"),
    "redirect": _TEXT,
}
"""What would be passed over in silence beside the option that is named first."""

_ONLY_WITH = {"everyone": "reply", "as_attachment": "forward", "automatic": "forward"}
_NAMES = {"everyone": "--all"}


def _is_handed_over(given: dict[str, Any]) -> bool:
    """Whether a whole mail comes in: called as sendmail, with its options, or with recipients alone."""
    written = [name for name in _WRITTEN if _is_given(given, name)]
    handed = given["as_sendmail"] or given["recipients"] or any(given[name] for name in _SENDMAIL)
    handed = handed or given["sender_address"] is not None
    if handed and written:
        raise Misused("send.two_ways", option=_named(written[0]))
    return bool(handed) or not written


def _is_given(given: dict[str, Any], name: str) -> bool:
    return given[name] not in (None, "", (), False, 0, "normal")


def _named(option: str) -> str:
    return _NAMES.get(option, f"--{option.replace('_', '-')}")


def _check_options(given: dict[str, Any]) -> None:
    """Nothing that was asked for is passed over in silence."""
    for option, others in _NOT_TOGETHER.items():
        other = next((one for one in others if _is_given(given, one)), None)
        if _is_given(given, option) and other is not None:
            raise Misused("send.not_together", option=_named(option), other=_named(other))
    for option, needed in _ONLY_WITH.items():
        if _is_given(given, option) and not _is_given(given, needed):
            raise Misused("send.only_with", option=_named(option), other=_named(needed))


def _check(face: Face, recipients: list[str]) -> None:
    from eilbote.cli.foresee import show_forecasts  # noqa: PLC0415  # only who asks pays for it
    from eilbote.mail.typed_addresses import typed_addresses  # noqa: PLC0415

    addresses = [one.spec for text in recipients for one in typed_addresses(text)]
    if not addresses:
        raise Misused("send.nobody")
    with opened_home(face) as app:
        show_forecasts(face, app, addresses)


def _write(face: Face, given: dict[str, Any]) -> None:
    from eilbote.engine.write import Letter, write_mail  # noqa: PLC0415  # not for a mail handed over
    from eilbote.mail.draft import Priority  # noqa: PLC0415

    letter = Letter(
        to=given["to"],
        cc=given["cc"],
        bcc=given["bcc"],
        subject=given["subject"],
        text=_text(face, given),
        markdown=given["markdown"],
        files=given["attach"],
        images=given["inline"],
        sender=given["sender"] or given["account"],
        answers=given["reply"],
        everyone=given["everyone"],
        forwards=given["forward"],
        attached=given["as_attachment"],
        by_itself=given["automatic"],
        redirects=given["redirect"],
        draft=given["from_draft"],
        priority=Priority(given["priority"]),
        language=face.catalogue.language,
    )
    with opened_home(face) as app:
        original = letter.answers or letter.forwards or letter.redirects or letter.draft
        if original:
            _fetch(face, app, original, needed=not letter.answers)
        if given["draft"]:
            _save(face, app, letter)
            return
        if letter.draft:
            from eilbote.engine.drafts import send_draft  # noqa: PLC0415  # seldom

            queued = send_draft(app, letter, _handling(app, given))
        else:
            queued = write_mail(app, letter, _handling(app, given))
        _tell(face, queued)
        face.hand_on()  # name servers may be slow, and the mail is queued
        from eilbote.cli.foresee import warn_of_domains  # noqa: PLC0415  # not for drafts

        warn_of_domains(face, app, [one.address for one in queued.mail.recipients])


def _save(face: Face, app: App, letter: Letter) -> None:
    """Saves a draft, and says how it is sent."""
    from eilbote.engine.drafts import save_draft  # noqa: PLC0415  # seldom

    saved = save_draft(app, letter)
    if face.json:
        face.record({"id": str(saved.message), "message_id": saved.message_id, "state": "draft"})
    else:
        face.say(
            mark("Saved as draft {id}. Send it with: eilbote send --from-draft {id}"), id=str(saved.message)
        )
    for problem in saved.warnings:
        face.problem(problem, warning=True)


def _fetch(face: Face, app: App, original: str, *, needed: bool) -> None:
    """What a mode left out of the mail that is sent on. An answer does without."""
    from eilbote.engine.read import is_whole  # noqa: PLC0415

    if not needed or is_whole(app, original):
        return
    import asyncio  # noqa: PLC0415  # seldom

    from eilbote.engine.demand import fetch_whole  # noqa: PLC0415

    problem = asyncio.run(fetch_whole(app, original))
    if problem is not None:
        face.problem(problem, warning=True)


def _hand_over(face: Face, given: dict[str, Any]) -> None:
    """As `sendmail` does it, with the exit codes of sysexits.h."""
    from eilbote.cli.sysexits import sysexits_code  # noqa: PLC0415

    try:
        queued = _submitted(face, given)
    except EilboteError as error:
        face.problem(error.problem)
        raise click.exceptions.Exit(sysexits_code(error)) from None
    if face.json or not given["as_sendmail"]:
        _tell(face, queued)
    raise click.exceptions.Exit(DONE)


def _submitted(face: Face, given: dict[str, Any]) -> Queued:
    from eilbote.engine.submit import Posted, submit_mail  # noqa: PLC0415  # not for a mail written here

    mode = given["mode"] or "m"
    if mode != "m":
        raise Misused("send.mode_refused", mode=f"-b{mode[:10]}")
    if not face.config.home.is_dir():
        raise Misused("account.none")  # a home is not made by a mail
    posted = Posted(
        recipients=given["recipients"],
        from_header=given["t"],
        dot_ends=not (given["dot_is_text"] or "i" in given["options"]),
        sender=given["sender_address"],
        name=given["full_name"],
        account=given["account"],
        identity=given["sender"],
    )
    if not posted.recipients and not posted.from_header:
        raise Misused("send.nobody")
    raw = _input()
    with opened_home(face) as app:
        return submit_mail(app, raw, posted, _handling(app, given))


def _handling(app: App, given: dict[str, Any]) -> Handling:
    from eilbote.delivery.values import Options, Policy  # noqa: PLC0415
    from eilbote.engine.send import Handling  # noqa: PLC0415

    at = 0.0
    if given["at"] is not None:
        from eilbote.engine.write import sending_time  # noqa: PLC0415  # only for mail of later

        at = sending_time(app, given["at"])
    return Handling(
        at=at,
        delay=float(given["delay"]),
        policy=Policy.RESEND if given["resend"] else Policy.ASK,
        keep_copy=not given["no_copy"],
        key=given["key"],
        options=Options(
            notify=_notify(given["notify"] or given["dsn"] or ""),
            return_full=_RETURNS.get((given["dsn_return"] or "").lower()),
            require_tls=given["require_tls"],
            envelope_id=given["envid"],
        ),
    )


def _notify(text: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(word.strip().upper() for word in text.split(",") if word.strip()))
    if not set(words) <= {"SUCCESS", "FAILURE", "DELAY", "NEVER"} or ("NEVER" in words and len(words) > 1):
        raise Misused("send.bad_notify", words=text[:100])
    return words


def _input() -> bytes:
    """All of standard input, as far as a mail may be large. Misused `send.no_input` where there is none."""
    from eilbote.engine.send import LARGEST  # noqa: PLC0415

    stream = getattr(sys.stdin, "buffer", None)
    if stream is None or getattr(sys.stdin, "name", "") == os.devnull:  # closed by the caller (`cli.main`)
        raise Misused("send.no_input")
    try:
        return bytes(stream.read(LARGEST + 1))
    except OSError:
        raise Misused("send.no_input") from None


def _text(face: Face, given: dict[str, Any]) -> str:
    """What is written: given, in a file, or on standard input. A mail that is sent on as it is has none."""
    if given["text"] is not None and given["text_file"] is not None:
        raise click.UsageError("--text, --text-file")
    if given["text"] is not None:
        return str(given["text"])
    if given["redirect"] or (given["from_draft"] and given["text_file"] is None):
        return ""
    if given["text_file"] is not None and str(given["text_file"]) != "-":
        from eilbote.engine.write import read_text  # noqa: PLC0415

        return read_text(given["text_file"])
    from eilbote.engine.write import decoded_text  # noqa: PLC0415

    if sys.stdin.isatty():
        if given["forward"]:
            return ""
        face.note(mark("Write the text; end it with Ctrl-D."))
    return decoded_text(_input())


def _tell(face: Face, queued: Queued) -> None:
    if face.json:
        face.record(queued_shape(queued.mail))
    else:
        face.say(
            mark("Mail {id} is in the outbox. Take it back with: eilbote outbox cancel {id}"),
            id=str(queued.mail.id),
        )
    for problem in queued.warnings:
        face.problem(problem, warning=True)
