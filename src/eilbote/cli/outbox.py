"""`eilbote outbox`: what waits to be sent, what became of it, and what a person decides about it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import click

from eilbote.cli.command import Group, Option, mark
from eilbote.cli.completion import account_names
from eilbote.cli.face import Face
from eilbote.cli.home import opened_home
from eilbote.cli.options import account_option, accounts_argument, limit_option
from eilbote.cli.shapes import attempt_shape, delivered_shape, outgoing_shape, shown_state
from eilbote.cli.table import Column, Row
from eilbote.delivery.values import Outgoing, Recipient, RecipientState, SendState
from eilbote.engine import send as sending
from eilbote.engine.accounts import find_account
from eilbote.engine.progress import Delivered
from eilbote.engine.read import checked_id
from eilbote.figures import long_date, size

_STATES = {
    "queued": (
        mark("queued"),
        "",
        mark("It waits to be sent. Take it back with: eilbote outbox cancel {id}"),
    ),
    "claimed": (mark("next"), "cyan", mark("It is the next to be sent.")),
    "sending": (mark("being sent"), "cyan", mark("The server is being given it.")),
    "sent": (mark("sent"), "green", mark("The server took it; its copy is on the way to the Sent mailbox.")),
    "done": (mark("done"), "green", mark("The server took it; there is nothing left to do.")),
    "deferred": (
        mark("deferred"),
        "yellow",
        mark("It could not be sent yet and is tried again by itself. At once: eilbote outbox retry {id}"),
    ),
    "failed": (
        mark("failed"),
        "red",
        mark(
            "It was refused for good. When the cause is gone: eilbote outbox retry {id}; else eilbote outbox "
            "cancel {id}"
        ),
    ),
    "uncertain": (
        mark("uncertain"),
        "yellow",
        mark(
            "Probably sent; the confirmation is missing. Send it again? eilbote outbox resolve {id} "
            "--resend; if it arrived: --sent"
        ),
    ),
    "held": (
        mark("held"),
        "yellow",
        mark("It waits for you. Send it with: eilbote outbox retry {id}; or not: eilbote outbox cancel {id}"),
    ),
    "cancelled": (mark("cancelled"), "dim", mark("It was taken back and is not sent.")),
}

_SCHEDULED = mark("It is sent on {when}. Take it back with: eilbote outbox cancel {id}")

_RECIPIENTS = {
    RecipientState.WAITING: (mark("waiting"), ""),
    RecipientState.TAKEN: (mark("accepted, not confirmed"), "yellow"),
    RecipientState.SENT: (mark("sent"), "green"),
    RecipientState.DEFERRED: (mark("deferred"), "yellow"),
    RecipientState.FAILED: (mark("refused"), "red"),
}

outbox = Group(
    name="outbox",
    help=mark(
        "Mail that is to be sent: what waits, what became of it, and why. “eilbote send” puts mail in; "
        "“serve”, “sync” and “outbox run” deliver it."
    ),
)


@outbox.command("list", help=mark("List the outbox, newest first."), short_help=mark("List the outbox"))
@account_option
@limit_option
@click.option("--open", "open_only", cls=Option, is_flag=True, help=mark("Without what has ended."))
@click.pass_obj
def list_(face: Face, account: str | None, limit: int, open_only: bool) -> None:
    with opened_home(face) as app:
        mails = sending.list_outbox(app, account, limit=limit, open_only=open_only)
        addresses = {one.id: one.address for one in app.store.accounts.all()}
    if face.json:
        for mail in mails:
            face.record(outgoing_shape(mail, addresses.get(mail.account, "")))
        return
    if not mails:
        face.say(mark("The outbox is empty."))
        return
    columns = [
        Column(face.text(mark("Id")), right=True, style="dim"),
        Column(face.text(mark("State"))),
        Column(face.text(mark("Not before"))),
        Column(face.text(mark("To")), share=2),
        Column(face.text(mark("Subject")), share=3),
    ]
    face.table(columns, [_row(face, mail) for mail in mails])


def _row(face: Face, mail: Outgoing) -> Row:
    word, style, _ = _STATES[shown_state(mail.state)]
    waits = mail.state in (SendState.ACCEPTED, SendState.DEFERRED) and mail.not_before
    when = long_date(mail.not_before, face.catalogue.language) if waits else ""
    first = mail.recipients[0].address if mail.recipients else ""
    more = len(mail.recipients) - 1
    return Row(
        (str(mail.id), face.text(word), when, f"{first} +{more}" if more > 0 else first, mail.subject), style
    )


@outbox.command(
    "show",
    help=mark("Show one mail of the outbox: its state, what each recipient's server said, what to do."),
    short_help=mark("Show one mail of the outbox"),
)
@click.argument("id_", metavar="ID")
@click.option(
    "--transcript",
    cls=Option,
    is_flag=True,
    help=mark("Also the dialogues with the server, without secrets."),
)
@click.pass_obj
def show(face: Face, id_: str, transcript: bool) -> None:
    with opened_home(face) as app:
        detail = sending.show_outgoing(app, checked_id(id_))
        address = app.store.accounts.get(detail.mail.account).address
    if face.json:
        shape = outgoing_shape(detail.mail, address)
        if transcript:
            shape["transcript"] = [attempt_shape(one) for one in detail.attempts]
        face.record(shape)
        return
    _describe(face, detail, address)
    if transcript:
        _show_dialogues(face, detail)
    elif detail.attempts:
        face.line()
        face.note(mark("What was said: eilbote outbox show {id} --transcript"), id=str(detail.mail.id))


def _describe(face: Face, detail: sending.Detail, address: str) -> None:
    mail, language = detail.mail, face.catalogue.language
    word, style, _ = _STATES[shown_state(mail.state)]
    scheduled = mail.not_before if mail.state in (SendState.ACCEPTED, SendState.DEFERRED) else 0
    facts = [
        (mark("Id"), str(mail.id), ""),
        (mark("State"), face.text(word), style),
        (mark("Account"), address, ""),
        (mark("From"), mail.sender, ""),
        (mark("Subject"), mail.subject, "bold"),
        (mark("Message-ID"), mail.message_id, ""),
        (mark("Size"), size(mail.size, language), ""),
        (mark("Queued"), long_date(mail.created, language), ""),
        (mark("Not before"), long_date(scheduled, language) if scheduled else "", ""),
        (mark("Attempts"), str(mail.attempts) if mail.attempts else "", ""),
        (mark("Accepted as"), mail.queue_id, ""),
    ]
    face.facts([(face.text(title), value, look) for title, value, look in facts if value])
    face.line()
    columns = [
        Column(face.text(mark("Recipient")), share=2),
        Column(face.text(mark("State"))),
        Column(face.text(mark("Answer")), share=3),
    ]
    face.table(columns, [_recipient_row(face, one) for one in mail.recipients])
    face.line()
    face.say(_explanation(mail), id=str(mail.id), when=long_date(mail.not_before, language))
    if mail.problem is not None:
        face.problem(mail.problem, warning=mail.state is not SendState.FAILED)
    if detail.pause is not None:
        face.note(
            mark("{account}: sending is paused. Go on with: eilbote outbox resume {account}"), account=address
        )
        face.problem(detail.pause.problem, about=address, warning=True)


def _explanation(mail: Outgoing) -> str:
    """One sentence: what the state means and what to do."""
    if mail.state is SendState.ACCEPTED and mail.not_before > mail.created + 1:
        return _SCHEDULED
    return _STATES[shown_state(mail.state)][2]


def _recipient_row(face: Face, one: Recipient) -> Row:
    word, style = _RECIPIENTS[one.state]
    said = f"{one.answer.code} {one.answer.enhanced} {one.answer.text}" if one.answer is not None else ""
    return Row((one.address, face.text(word), " ".join(said.split())), style)


def _show_dialogues(face: Face, detail: sending.Detail) -> None:
    for attempt in detail.attempts:
        face.line()
        when = long_date(attempt.began, face.catalogue.language)
        face.say(mark("{when}, {server}:"), when=when, server=attempt.server)
        face.body(attempt.transcript)


@outbox.command(
    "run",
    help=mark(
        "Send what is due now, for all accounts or the named ones, through the running “serve” if there is "
        "one."
    ),
    short_help=mark("Send what is due now"),
)
@accounts_argument
@click.option(
    "--wait", cls=Option, is_flag=True, help=mark("Go on until nothing waits any more but for a person.")
)
@click.pass_obj
def run(face: Face, accounts: Sequence[str], wait: bool) -> None:
    from eilbote.cli.delivered import needs_attention, show_delivered  # noqa: PLC0415  # loads the network
    from eilbote.cli.sync import outcome_code  # noqa: PLC0415
    from eilbote.engine.outbox import run_outbox  # noqa: PLC0415

    with opened_home(face) as app:
        names = [find_account(app, name).address for name in accounts]

        def told(one: Delivered) -> None:
            if not face.json:
                show_delivered(face, one)

        results = asyncio.run(run_outbox(app, names, wait=wait, told=told))
    for one in results:
        if face.json:
            face.record(delivered_shape(one))
    if not any(one.has_news or one.asked or one.paused for one in results):
        face.say(mark("Nothing was due."))
    unreached = [None if one.sent or one.failed or one.uncertain else one.problem for one in results]
    code = outcome_code(unreached, any(needs_attention(one) for one in results))
    raise click.exceptions.Exit(code)


@outbox.command(
    "retry",
    help=mark("Send a mail as soon as possible that waits or has failed, to those that do not have it."),
    short_help=mark("Try a mail again at once"),
)
@click.argument("id_", metavar="ID")
@click.pass_obj
def retry(face: Face, id_: str) -> None:
    with opened_home(face) as app:
        mail = sending.retry(app, checked_id(id_))
        _tell(face, mail, app.store.accounts.get(mail.account).address, mark("Mail {id} goes out next."))


@outbox.command(
    "cancel",
    help=mark("Take a mail back of which no server has heard yet."),
    short_help=mark("Take a mail back"),
)
@click.argument("id_", metavar="ID")
@click.pass_obj
def cancel(face: Face, id_: str) -> None:
    with opened_home(face) as app:
        mail = sending.cancel(app, checked_id(id_))
        _tell(face, mail, app.store.accounts.get(mail.account).address, mark("Mail {id} is not sent."))


@outbox.command(
    "resolve",
    help=mark(
        "Say what became of an uncertain mail: it was sent, or it is to be sent once more. Whoever has it "
        "already may then get it twice."
    ),
    short_help=mark("Settle an uncertain mail"),
)
@click.argument("id_", metavar="ID")
@click.option("--sent/--resend", cls=Option, default=None, help=mark("It arrived; or send it once more."))
@click.pass_obj
def resolve(face: Face, id_: str, sent: bool | None) -> None:
    if sent is None:
        raise click.UsageError("--sent, --resend")
    with opened_home(face) as app:
        mail = sending.resolve(app, checked_id(id_), sent=sent)
        done = mark("Mail {id} counts as sent.") if sent else mark("Mail {id} is sent once more.")
        _tell(face, mail, app.store.accounts.get(mail.account).address, done)


@outbox.command(
    "resume",
    help=mark("Go on sending from an account whose login was refused, with the next run."),
    short_help=mark("Go on sending after a refused login"),
)
@click.argument("account", shell_complete=account_names)
@click.pass_obj
def resume(face: Face, account: str) -> None:
    with opened_home(face) as app:
        address = find_account(app, account).address
        paused = sending.resume(app, address)
    if face.json:
        face.record({"account": address, "resumed": paused})
    elif paused:
        face.say(mark("Sending from {account} goes on."), account=address)
    else:
        face.say(mark("Sending from {account} was not paused."), account=address)


def _tell(face: Face, mail: Outgoing, address: str, sentence: str) -> None:
    if face.json:
        face.record(outgoing_shape(mail, address))
    else:
        face.say(sentence, id=str(mail.id))
