"""Which parts of a message a reader would call attachments. One rule for lists, search and display."""

from __future__ import annotations

from collections.abc import Iterator

from eilbote.mail.part import Part

_MACHINERY = frozenset(
    ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature",
     "application/pgp-encrypted", "message/delivery-status", "message/global-delivery-status",
     "message/disposition-notification", "message/feedback-report", "text/rfc822-headers",
     "application/ms-tnef-rtf")
)  # fmt: skip
"""Parts for programs: signatures, reports."""


def attachments_of(root: Part) -> Iterator[Part]:
    """The attachments below (or at) `root`, in order; an embedded message counts as one."""
    waiting: list[tuple[Part, str, bool]] = [(root, "", True)]
    while waiting:
        part, parent, first = waiting.pop()
        if part.children and not part.is_message:
            below = [(child, part.content_type, False) for child in reversed(part.children)]
            below[-1] = (part.children[0], part.content_type, True)
            waiting.extend(below)
        elif _is_attachment(part, parent, first):
            yield part


def _is_attachment(part: Part, parent: str, first: bool) -> bool:
    kind = part.content_type
    if kind in _MACHINERY:
        return False
    if kind.startswith("message/"):
        return parent != "multipart/report"
    if part.disposition == "attachment":
        # Pictures that the HTML shows, marked wrongly by a good share of senders.
        return not (parent == "multipart/related" and kind.startswith("image/") and part.content_id)
    if kind.startswith("text/"):
        # RFC 8621 section 4.1.4: the first text is the body even if it has a name.
        return not first and parent != "multipart/alternative" and bool(part.file_name)
    if parent == "multipart/related":
        return not part.content_id and not part.content_location
    # A calendar or AMP version among alternatives is the same message said in another way.
    return parent != "multipart/alternative" or part.disposition == "attachment"
