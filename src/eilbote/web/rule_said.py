"""What templates say of rules with: deeds and reasons in the language of the page."""

from __future__ import annotations

from functools import partial
from typing import Any

from eilbote.catalogue import Catalogue
from eilbote.rule_deeds import deed_said, reasons_said


def words(said: Catalogue) -> dict[str, Any]:
    """By the names that the templates know."""
    return {
        "deed_words": partial(deed_said, said=said),
        "reasons_words": partial(reasons_said, said=said),
    }
