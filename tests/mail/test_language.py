"""Which of our two languages a text is in."""

from __future__ import annotations

import pytest

from eilbote.mail.language import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Sehr geehrte Frau Groß, vielen Dank für Ihre Nachricht. Wir melden uns.", "de"),
        ("Hallo Anna, kommst du heute mit uns? Ich bin nicht da.", "de"),
        ("Dear Anna, thank you for your message. We will be in touch with you.", "en"),
        ("Bonjour Anna, merci pour votre message.", ""),
        ("OK", ""),
        ("", ""),
        ("12345 67890", ""),
    ],
)
def test_language(text: str, language: str) -> None:
    assert language_of(text) == language
