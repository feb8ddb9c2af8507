"""Ready-made rules for the cases that people know, with German and English words to look for.

Offered, never switched on by themselves: each is a rule like any other, to be changed by the user. What
they and their mailboxes are called, the catalogue says in the user's language; its texts are English here.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from eilbote.sieve.rule import (
    Attachment,
    Contact,
    Flagging,
    HeaderField,
    How,
    Level,
    MailingList,
    Mark,
    Match,
    Move,
    Priority,
    Rule,
    Sender,
    Subject,
)


class Offer(Struct, frozen=True):
    """What is offered: a key for commands, what it is for, and its rules in the order in which they run.
    `wants_senders`: it is better with senders of one's own (`offers`)."""

    key: str
    title: str
    about: str
    rules: tuple[Rule, ...]
    wants_senders: bool = False


_INVOICE = (
    "Rechnung", "Gutschrift", "Mahnung", "Zahlungserinnerung", "Zahlungsaufforderung", "Quittung",
    "Invoice", "Receipt", "Credit note", "Payment reminder", "Billing statement",
)  # fmt: skip
_INVOICE_FILES = ("*Rechnung*.pdf", "*Invoice*.pdf", "*Rechnung*.xml", "*Gutschrift*.pdf", "*Receipt*.pdf")
_ORDER = (
    "Bestellbestätigung", "Ihre Bestellung", "Deine Bestellung", "Auftragsbestätigung", "Versandbestätigung",
    "Versandinformation", "Sendungsverfolgung", "Ihr Paket", "Dein Paket", "Ihre Sendung", "Ihre Lieferung",
    "wurde versandt", "wurde verschickt", "Order confirmation", "Your order",
    "Shipping confirmation", "Shipment", "has shipped", "has been shipped", "dispatched", "Out for delivery",
    "Tracking number", "Your parcel", "Your package", "Delivery update",
)  # fmt: skip
_URGENT = (
    "dringend", "eilt!", "eilt:", "eilt sehr", "eilig:", "bitte sofort", "Fristablauf", "Frist endet",
    "urgent", "asap", "immediately", "action required", "time-sensitive", "deadline",
)  # fmt: skip
_ANSWERS = ("Re:", "AW:", "Antw:", "Fwd:", "WG:", "Fw:")
_PRIVATE = (
    "@gmx.de", "@gmx.net", "@gmx.at", "@gmx.ch", "@web.de", "@gmail.com", "@googlemail.com", "@outlook.com",
    "@outlook.de", "@hotmail.com", "@hotmail.de", "@live.de", "@live.com", "@yahoo.com", "@yahoo.de",
    "@icloud.com", "@me.com", "@t-online.de", "@freenet.de", "@posteo.de", "@mailbox.org", "@aol.com",
    "@proton.me", "@protonmail.com", "@bluewin.ch",
)  # fmt: skip
_NO_NEWSLETTER = (MailingList(True), HeaderField(True, ("List-Unsubscribe",)))


def offers(say: Callable[[str], str], senders: tuple[str, ...] = ()) -> tuple[Offer, ...]:
    """All of them in the order in which they should stand in a book. `say` gives an English text in the
    user's language; `senders` are the user's own for what asks for them (business partners)."""
    return (
        Offer(
            "invoices",
            say("Invoices"),
            _into(
                say,
                "Mail with an invoice, a reminder or a receipt attached goes to “{mailbox}”.",
                "Accounting",
            ),
            (
                Rule(
                    say("Invoices"),
                    (
                        Subject(False, _INVOICE),
                        Subject(True, ("Berechnung",)),
                        Attachment(False, ("pdf", "xml", "application/pdf")),
                    ),
                    (Move(say("Accounting")),),
                    stop=True,
                ),
                Rule(
                    say("Invoices by file name"),
                    (Attachment(False, _INVOICE_FILES),),
                    (Move(say("Accounting")),),
                    stop=True,
                ),
            ),
        ),
        Offer(
            "orders",
            say("Orders and shipping"),
            _into(say, "Confirmations of orders and news of parcels go to “{mailbox}”.", "Orders"),
            (
                Rule(
                    say("Orders and shipping"),
                    (Subject(False, _ORDER), Subject(True, _ANSWERS, How.BEGINS)),
                    (Move(say("Orders")),),
                    stop=True,
                ),
            ),
        ),
        Offer(
            "appointments",
            say("Appointments"),
            _into(say, "Invitations and changes of appointments go to “{mailbox}”.", "Appointments"),
            (
                Rule(
                    say("Appointments"),
                    (Attachment(False, ("ics", "text/calendar")),),
                    (Move(say("Appointments")),),
                    stop=True,
                ),
            ),
        ),
        Offer(
            "urgent",
            say("Urgent mail"),
            _into(
                say,
                "Mail of high priority, or that calls itself urgent, goes to “{mailbox}” and is flagged.",
                "Urgent",
            ),
            (
                Rule(
                    say("Urgent by priority"),
                    (Priority(False, Level.HIGH), *_NO_NEWSLETTER),
                    (Mark(Flagging.FLAGGED), Move(say("Urgent"))),
                    stop=True,
                ),
                Rule(
                    say("Urgent by subject"),
                    (Subject(False, _URGENT), *_NO_NEWSLETTER),
                    (Mark(Flagging.FLAGGED), Move(say("Urgent"))),
                    stop=True,
                ),
            ),
        ),
        Offer(
            "business-partners",
            say("Business partners"),
            _into(
                say,
                "Mail of the senders you name goes to “{mailbox}”; if you name none, that of known contacts "
                "with an address of their own company.",
                "Business partners",
            ),
            (
                Rule(
                    say("Business partners"),
                    (Sender(False, senders),)
                    if senders
                    else (Contact(), Sender(True, _PRIVATE), *_NO_NEWSLETTER),
                    (Move(say("Business partners")),),
                    stop=True,
                ),
            ),
            wants_senders=True,
        ),
        Offer(
            "newsletters",
            say("Newsletters"),
            _into(say, "Whatever one can unsubscribe from goes to “{mailbox}”.", "Newsletter"),
            (
                Rule(
                    say("Newsletters"),
                    (HeaderField(False, ("List-Unsubscribe",)), HeaderField(False, ("List-Id",))),
                    (Move(say("Newsletter")),),
                    Match.ANY,
                    stop=True,
                ),
            ),
        ),
    )


def _into(say: Callable[[str], str], about: str, mailbox: str) -> str:
    """What an offer is for, with the name of its mailbox."""
    return say(about).replace("{mailbox}", say(mailbox))
