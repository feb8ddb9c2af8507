"""Where mail goes, what its servers must prove, and what is foreseen of it."""

from __future__ import annotations

from eilbote.delivery.dane import Tlsa
from eilbote.delivery.foresight import Heard, forecast
from eilbote.delivery.mta_sts import Mode, Policy
from eilbote.delivery.route import Answered, Hop, Mx, Proof, Route, route
from eilbote.delivery.values import Foreseen
from eilbote.errors import Problem

DOMAIN = "example.org"
RECORD = Tlsa(3, 1, 1, bytes(32))
UNUSABLE = Tlsa(1, 1, 1, bytes(32))
TWO = Answered((Mx(20, "Second.example.org."), Mx(10, "first.example.org.")))
ENFORCED = Policy(Mode.ENFORCE, ("first.example.org",), 86_400)


def hosts(found: Route) -> list[tuple[str, Proof]]:
    return [(hop.host, hop.proof) for hop in found.hops]


def test_servers_in_their_order() -> None:
    assert hosts(route(DOMAIN, TWO)) == [
        ("first.example.org", Proof.NOTHING),
        ("second.example.org", Proof.NOTHING),
    ]


def test_equals_are_ordered_by_chance() -> None:
    answered = Answered((Mx(10, "a."), Mx(10, "b."), Mx(5, "c.")))
    assert [hop.host for hop in route(DOMAIN, answered, shuffled=(0.9, 0.1, 0.5)).hops] == ["c", "b", "a"]


def test_without_a_record_the_domain_itself() -> None:
    assert hosts(route(DOMAIN, Answered())) == [(DOMAIN, Proof.NOTHING)]


def test_who_takes_no_mail() -> None:
    assert route(DOMAIN, Answered((Mx(0, "."),))).problem == Problem("route.null_mx", {"domain": DOMAIN})
    nowhere = route(DOMAIN, Answered(exists=False))
    assert nowhere.problem == Problem("route.no_domain", {"domain": DOMAIN})
    silent = Problem("dns.silent", retry_after=60.0)
    assert route(DOMAIN, Answered(problem=silent)).problem == silent


def test_a_policy_leaves_only_its_servers() -> None:
    assert hosts(route(DOMAIN, TWO, policy=ENFORCED)) == [("first.example.org", Proof.AUTHORITY)]
    other = Policy(Mode.ENFORCE, ("mx.elsewhere.org",), 86_400)
    refused = route(DOMAIN, TWO, policy=other)
    assert refused.hops == ()
    assert refused.problem is not None
    assert refused.problem.code == "route.not_in_policy"


def test_a_policy_on_trial_changes_nothing() -> None:
    testing = Policy(Mode.TESTING, ("mx.elsewhere.org",), 86_400)
    assert [proof for _, proof in hosts(route(DOMAIN, TWO, policy=testing))] == [Proof.NOTHING] * 2


def test_signed_records_win_over_a_policy() -> None:
    found = route(DOMAIN, TWO, tlsa={"second.example.org": [RECORD]}, policy=ENFORCED)
    assert hosts(found) == [("first.example.org", Proof.AUTHORITY), ("second.example.org", Proof.DANE)]
    assert found.policy == "mta-sts"
    both = route(DOMAIN, TWO, tlsa={hop.host: [RECORD] for hop in route(DOMAIN, TWO).hops})
    assert both.policy == "dane"


def test_records_that_count_for_nothing_still_ask_for_encryption() -> None:
    found = route(DOMAIN, Answered((Mx(1, "a."),)), tlsa={"a": [UNUSABLE]})
    assert found.hops == (Hop("a", Proof.ENCRYPTION, (), ("a",)),)


def test_a_signed_domain_may_be_named_by_the_certificate() -> None:
    answered = Answered((Mx(1, "a.example.net."),), secure=True)
    (hop,) = route(DOMAIN, answered, tlsa={"a.example.net": [RECORD]}).hops
    assert hop.names == ("a.example.net", DOMAIN)


def test_a_server_whose_records_cannot_be_known_is_not_tried() -> None:
    unknown = Problem("dns.bogus", retry_after=300.0)
    found = route(DOMAIN, TWO, tlsa={"first.example.org": unknown})
    assert hosts(found) == [("second.example.org", Proof.NOTHING)]
    none = route(DOMAIN, TWO, tlsa=dict.fromkeys(("first.example.org", "second.example.org"), unknown))
    assert none.problem == unknown


def test_what_is_foreseen() -> None:
    protected = route(DOMAIN, TWO, policy=ENFORCED)
    assert forecast(DOMAIN, protected).foreseen is Foreseen.ENCRYPTED
    failed = {"first.example.org": Heard(True, False, Problem("net.certificate"))}
    broken = forecast(DOMAIN, protected, failed)
    assert (broken.foreseen, broken.reason.code) == (Foreseen.IMPOSSIBLE, "net.certificate")
    plain = route(DOMAIN, TWO)
    assert forecast(DOMAIN, plain).reason.code == "route.unprotected"
    offered = forecast(DOMAIN, plain, {"first.example.org": Heard(True)})
    assert (offered.foreseen, offered.reason.code) == (Foreseen.MAYBE_PLAIN, "route.starttls_unproven")
    missing = forecast(DOMAIN, plain, {"first.example.org": Heard(False)})
    assert (missing.foreseen, missing.reason.code) == (Foreseen.MAYBE_PLAIN, "route.no_starttls")
    assert forecast(DOMAIN, route(DOMAIN, Answered((Mx(0, "."),)))).foreseen is Foreseen.IMPOSSIBLE
    unknown = forecast(DOMAIN, route(DOMAIN, Answered(problem=Problem("dns.silent"))))
    assert unknown.foreseen is Foreseen.UNKNOWN
