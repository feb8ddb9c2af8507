"""Well-formed mails written by the standard library, as hypothesis strategies."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage

from hypothesis import strategies as st

WORDS = st.text(
    st.sampled_from("abc XYZ äöüß éñ 漢字 кириллица 🎉 ,;:()<>@.=?_-'%"), min_size=1, max_size=60
).map(lambda text: " ".join(text.split()) or "x")
"""One line of text with everything that quoting and encoding must keep apart."""

BODIES = st.text(st.sampled_from("Hallo Welt äöüß €\n\n-=>. From 漢🎉"), max_size=300)

_ENCODINGS = st.sampled_from(("base64", "quoted-printable", "8bit"))


@st.composite
def texts(draw: st.DrawFn) -> EmailMessage:
    """A text part: plain or HTML, in one of three encodings."""
    part = EmailMessage(policy=policy.SMTP)
    part.set_content(draw(BODIES), subtype=draw(st.sampled_from(("plain", "html"))), cte=draw(_ENCODINGS))
    return part


@st.composite
def files(draw: st.DrawFn) -> EmailMessage:
    """Bytes as an attachment with a name."""
    part = EmailMessage(policy=policy.SMTP)
    part.set_content(
        draw(st.binary(max_size=400)),
        maintype="application",
        subtype="octet-stream",
        cte=draw(st.sampled_from(("base64", "quoted-printable"))),
        filename=draw(WORDS),
    )
    return part


def _with_children(children: st.SearchStrategy[EmailMessage]) -> st.SearchStrategy[EmailMessage]:
    return st.one_of(_multiparts(children), _embedded(children))


@st.composite
def _multiparts(draw: st.DrawFn, children: st.SearchStrategy[EmailMessage]) -> EmailMessage:
    whole = EmailMessage(policy=policy.SMTP)
    whole["Content-Type"] = draw(st.sampled_from(("multipart/mixed", "multipart/alternative")))
    parts = draw(st.lists(children, min_size=1, max_size=4))
    whole.set_payload([])
    for part in parts:
        whole.attach(part)
    preamble = draw(st.sampled_from((None, "This is a multi-part message.\n")))
    whole.preamble = preamble
    return whole


@st.composite
def _embedded(draw: st.DrawFn, children: st.SearchStrategy[EmailMessage]) -> EmailMessage:
    inner = draw(children)
    if "Subject" not in inner:
        inner["Subject"] = "inside"
    outer = EmailMessage(policy=policy.SMTP)
    outer.set_content(inner)
    return outer


@st.composite
def mails(draw: st.DrawFn) -> EmailMessage:
    """A whole mail: a tree of texts, files, multiparts and embedded messages with a head."""
    mail = draw(st.recursive(st.one_of(texts(), files()), _with_children, max_leaves=8))
    for name in ("Subject", "From", "To"):
        del mail[name]
    mail["Subject"] = draw(WORDS)
    mail["From"] = "Änne Müller <anne@example.org>"
    mail["To"] = 'bert@example.org, "Groß, Karl" <karl@example.org>'
    return mail
