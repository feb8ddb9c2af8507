"""Delivery reports that came in, matched with the mails of the outbox that they are about.

Looks at new mail only, and only of accounts that have sent something. It must never send anything.
"""

from __future__ import annotations

from eilbote.delivery.reporting import reported, with_proof
from eilbote.delivery.values import Outgoing
from eilbote.engine.app import App
from eilbote.errors import Gone
from eilbote.mail.message import parse_message
from eilbote.mail.report import Report, looks_like_report, read_report
from eilbote.store.changes import NEW
from eilbote.store.values import Placement

_CHANGES_AT_ONCE = 1000


def match_reports(app: App, account: int) -> int:
    """Takes in the reports among the account's mail that came since the last look. Returns how many
    said something new."""
    outbox = app.store.outbox
    seen = outbox.looked_at(account)
    if seen is None:
        return 0
    found = 0
    while changes := app.store.changes.since(account, seen, _CHANGES_AT_ONCE):
        new = list(dict.fromkeys(change.message for change in changes if change.kind == NEW))
        for placement in app.store.messages.placements(new):
            found += _taken_in(app, placement)
        seen = changes[-1].number
        outbox.note_looked_at(account, seen)
    return found


def _taken_in(app: App, placement: Placement) -> bool:
    envelope = placement.envelope
    if not looks_like_report(envelope):
        return False
    try:
        report = read_report(parse_message(app.store.messages.raw(placement.id)))
    except Gone:  # deleted since
        return False
    if report is None:
        return False
    for mail in _about(app, placement.account, report):
        recipients = reported(mail, report)
        if recipients is not None:
            state, recipients = with_proof(mail, recipients)
            app.store.outbox.note_report(mail.id, state, recipients, app.clock.now())
            return True
    return False


def _about(app: App, account: int, report: Report) -> list[Outgoing]:
    """The mails of this account that the report names."""
    found: list[Outgoing] = []
    for name in filter(None, (report.resent_id, report.message_id)):
        found = found or app.store.outbox.of_message_id(name)
    if not found and report.envelope_id.isdigit():
        try:
            found = [app.store.outbox.get(int(report.envelope_id))]
        except Gone:
            return []
    return [mail for mail in found if mail.account == account]
