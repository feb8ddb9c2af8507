"""What is found at a restart, and how an uncertain mail is settled."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from eilbote.delivery.recovery import LOOKING, Settlement, found_at_restart, settle_uncertain
from eilbote.delivery.values import Policy, SendState
from tests.delivery.test_outcome import ANNA, NOW, mail


@pytest.mark.parametrize(
    ("found", "after"),
    [
        (SendState.CLAIMED, SendState.DEFERRED),
        (SendState.DATA_OPEN, SendState.DEFERRED),
        (SendState.DOT_SENT, SendState.UNCERTAIN),
        (SendState.SENT, SendState.SENT),
        (SendState.ACCEPTED, SendState.ACCEPTED),
    ],
)
def test_found_at_restart(found: SendState, after: SendState) -> None:
    assert found_at_restart(found) is after


@pytest.mark.parametrize("policy", list(Policy))
@pytest.mark.parametrize("resent", [False, True])
def test_an_uncertain_mail(policy: Policy, resent: bool) -> None:
    one = replace(mail(ANNA), policy=policy, resent=resent, uncertain_since=NOW)
    assert settle_uncertain(one, True, NOW) is Settlement.SENT
    assert settle_uncertain(one, True, NOW + LOOKING) is Settlement.SENT
    assert settle_uncertain(one, False, NOW + LOOKING - 1) is Settlement.LOOK_AGAIN
    again = policy is Policy.RESEND and not resent
    expected = Settlement.RESEND if again else Settlement.ASK
    assert settle_uncertain(one, False, NOW + LOOKING) is expected
