"""The codes of RFC 6238 appendix B (their last six digits), and how long they are good."""

from __future__ import annotations

import pytest

from eilbote.protocols.totp import code_at, matching_step, secret_address, typed_secret

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_of_the_standard(seconds: int, code: str) -> None:
    assert code_at(SECRET, seconds // 30) == code
    assert matching_step(SECRET, f"{code[:3]} {code[3:]}", seconds) == seconds // 30


def test_a_code_is_good_for_a_step_before_and_after() -> None:
    code = code_at(SECRET, 1000)
    found = [matching_step(SECRET, code, step * 30.0) for step in range(997, 1004)]
    assert found == [None, None, 1000, 1000, 1000, None, None]
    assert matching_step(SECRET, "", 30_000) is None


def test_how_a_device_takes_it_over() -> None:
    assert typed_secret(SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert secret_address(SECRET, "Anna Groß").startswith(
        "otpauth://totp/Eilbote:Anna%20Gro%C3%9F?secret=GEZ"
    )
