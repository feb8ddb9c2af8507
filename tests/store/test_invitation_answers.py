"""Answers to invitations, the last one of each event, on both stores."""

from __future__ import annotations

from eilbote.store import Store
from eilbote.store.invitation_answers import GivenAnswer
from tests.store.given import Home


def test_the_last_answer_of_each_event(store: Store, home: Home) -> None:
    answers = store.invitation_answers
    answers.put(home.account, "a@b.example", GivenAnswer("accepted", 0, 1))
    answers.put(home.account, "a@b.example", GivenAnswer("declined", 2, 7))
    answers.put(home.account, "a@b.example\n1790000000", GivenAnswer("tentative", 0, 8))
    assert answers.of(home.account, "a@b.example") == GivenAnswer("declined", 2, 7)
    assert answers.of(home.account, "a@b.example\n1790000000") == GivenAnswer("tentative", 0, 8)
    assert answers.of(home.account + 1, "a@b.example") is None
    store.accounts.remove(home.account)
    assert answers.of(home.account, "a@b.example") is None
