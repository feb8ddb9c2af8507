"""The built-in table of providers: well formed, found by domain, and true to the facts we have."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from datetime import date
from pathlib import Path

import msgspec
import pytest

from eilbote.engine.sync import CONNECTIONS_PER_ACCOUNT
from eilbote.providers.needs import Needed, access_of, age_of, needs_of
from eilbote.providers.table import (
    provider_at,
    provider_by_mx,
    provider_of,
    providers,
    sending_of,
    small_hoster,
)
from eilbote.providers.values import Login, Receiving, Sending


def test_rows_are_well_formed() -> None:
    for row in providers():
        assert row.domains or row.mx, row.id
        assert row.source, row.id
        assert row.checked.year >= 2017, row.id
        assert all(one == one.lower() for one in (*row.domains, *row.mx)), row.id
        for server in filter(None, (row.imap, row.smtp, row.pop3)):
            assert server.security in ("tls", "starttls"), row.id
            assert 0 < server.port < 65536, row.id
            assert server.host in (server.host.lower(), "%MX%"), row.id


def test_what_a_provider_wants_fits_its_kind_of_login() -> None:
    for row in providers():
        access = access_of(row)
        assert access.source and access.checked.year >= 2017, row.id
        match row.login:
            case Login.OWN | Login.ENABLE:
                assert access.own_password, row.id
            case Login.APP_PASSWORD:
                assert access.app_password and not access.own_password, row.id
            case Login.OAUTH:
                assert access.oauth and not access.own_password and not access.app_password, row.id
            case Login.NONE:
                assert row.imap is None and row.pop3 is None, row.id
            case Login.BRIDGE:
                assert row.imap is not None and row.imap.host == "127.0.0.1", row.id
        for menu in filter(None, (access.switch_on, access.make_password, access.note)):
            assert menu.de and menu.en, row.id
            assert not menu.url or menu.url.startswith("https://"), row.id
        for menu in filter(None, (access.switch_on, access.make_password)):
            assert "→" in menu.de and "→" in menu.en, row.id
        if access.shape:
            re.compile(access.shape)
            assert access.app_password, row.id
        for sentence in re.split(r"(?<=\.) ", access.note.de if access.note else ""):
            assert len(sentence.split()) <= 25, row.id


def test_main_providers_say_where_to_click() -> None:
    for address, kinds in (
        ("a@gmail.com", [Needed.APP_PASSWORD]),
        ("a@gmx.de", [Needed.SWITCH_ON, Needed.TWO_STEP]),
        ("a@web.de", [Needed.SWITCH_ON, Needed.TWO_STEP]),
        ("a@t-online.de", [Needed.APP_PASSWORD]),
        ("a@freenet.de", [Needed.SWITCH_ON]),
        ("a@icloud.com", [Needed.APP_PASSWORD]),
        ("a@yahoo.de", [Needed.APP_PASSWORD]),
        ("a@aol.com", [Needed.APP_PASSWORD]),
        ("a@outlook.de", [Needed.OAUTH, Needed.SWITCH_ON]),
        ("a@posteo.de", []),
        ("a@tuta.com", [Needed.NO_ACCESS]),
        ("a@proton.me", [Needed.BRIDGE]),
    ):
        row = provider_of(address)
        assert row is not None
        needs = needs_of(row)
        assert [one.kind for one in needs] == kinds, address
        clicks = [
            one for one in needs if one.kind in (Needed.SWITCH_ON, Needed.APP_PASSWORD, Needed.TWO_STEP)
        ]
        assert all(one.menu is not None for one in clicks), address


@pytest.mark.parametrize(
    ("host", "id_"),
    [
        ("aspmx.l.google.com", "google-workspace"),
        ("firma-de.mail.protection.outlook.com.", "office365"),
        ("mx00.kundenserver.de", "ionos"),
        ("smtpin.rzone.de", "strato"),
        ("W0123456.KASSERVER.COM", "all-inkl"),
        ("mx0.webpack.hosteurope.de", "host-europe"),
        ("mx01.mail.icloud.com", "icloud"),
        ("mxext1.mailbox.org", "mailbox.org"),
        ("in1-smtp.messagingengine.com", "fastmail"),
    ],
)
def test_provider_is_found_by_who_takes_the_mail(host: str, id_: str) -> None:
    found = provider_by_mx(host)
    assert found is not None and found.id == id_
    assert provider_by_mx("mx.example.org") is None


def test_german_providers_are_all_there() -> None:
    wanted = {
        "gmx", "webde", "t-online", "ionos", "strato", "all-inkl", "host-europe", "freenet", "posteo",
        "mailbox.org", "vodafone", "mail.de", "hetzner", "df", "proton-bridge", "tuta",
    }  # fmt: skip
    assert wanted <= {row.id for row in providers()}


def test_an_old_row_shows_its_age() -> None:
    today = date(2026, 11, 27)
    assert age_of(date(2026, 6, 1), today) is None
    assert age_of(date(2026, 5, 1), today) == 210


def test_special_mailboxes_of_german_providers_have_names() -> None:
    for address in ("a@gmx.de", "a@web.de", "a@online.de"):
        row = provider_of(address)
        assert row is not None and row.folders is not None
        assert row.folders.sent and row.folders.trash and row.folders.source


def test_ids_and_domains_are_unique() -> None:
    assert not [each for each, count in Counter(row.id for row in providers()).items() if count > 1]
    domains = Counter(domain for row in providers() for domain in row.domains)
    assert not [each for each, count in domains.items() if count > 1]


@pytest.mark.parametrize(
    ("address", "host", "login"),
    [
        ("a@gmail.com", "imap.gmail.com", Login.APP_PASSWORD),
        ("A@GMX.DE", "imap.gmx.net", Login.ENABLE),
        ("a@web.de", "imap.web.de", Login.ENABLE),
        ("a@t-online.de", "secureimap.t-online.de", Login.APP_PASSWORD),
        ("a@posteo.de", "posteo.de", Login.OWN),
        ("a@mailbox.org", "imap.mailbox.org", Login.OWN),
        ("a@outlook.de", "outlook.office365.com", Login.OAUTH),
        ("a@icloud.com", "imap.mail.me.com", Login.APP_PASSWORD),
        ("a@proton.me", "127.0.0.1", Login.BRIDGE),
        ("a@fastmail.com", "imap.fastmail.com", Login.APP_PASSWORD),
    ],
)
def test_provider_is_found_by_domain(address: str, host: str, login: Login) -> None:
    found = provider_of(address)
    assert found is not None and found.imap is not None
    assert (found.imap.host, found.login) == (host, login)


@pytest.mark.parametrize(
    "address", ["a@example.org", "a@notgmail.com", "a@mail.gmail.com", "gmail.com@x", ""]
)
def test_other_domains_have_no_provider(address: str) -> None:
    assert provider_of(address) is None


def test_what_is_known_of_limits_is_dated_and_sourced() -> None:
    for row in providers():
        told: list[Receiving | Sending] = [known for known in (row.receiving, row.sending) if known]
        for known in told:
            assert known.source and known.checked.year >= 2017, row.id
            numbers = [value for value in msgspec.structs.astuple(known) if type(value) is int]
            assert all(number > 0 for number in numbers), row.id
            flags = [value for value in msgspec.structs.astuple(known) if value is True]
            assert numbers or flags, row.id


@pytest.mark.parametrize(
    ("host", "id_"),
    [
        ("imap.gmail.com", "gmail"),
        ("SMTP.IONOS.DE", "ionos"),
        ("smtp.1und1.de", "ionos"),
        ("outlook.office365.com", "outlook"),
        ("pop.gmx.net", "gmx"),
    ],
)
def test_provider_is_found_by_its_servers(host: str, id_: str) -> None:
    """Of an address in a domain of one's own."""
    found = provider_at(host)
    assert found is not None
    assert found.id == id_
    assert provider_at("mail.example.org") is None


def test_a_program_on_this_machine_is_known_by_its_port_alone() -> None:
    bridge = provider_at("127.0.0.1", 1143)
    assert bridge is not None and bridge.login is Login.BRIDGE
    assert provider_at("127.0.0.1") is None and provider_at("127.0.0.1", 993) is None
    assert sending_of("kim@example.org", "127.0.0.1", 2525) is None


def test_gmail_and_microsoft_file_the_sent_copy_themselves() -> None:
    company = sending_of("a@firma.example", "smtp.office365.com")
    for known in (sending_of("a@gmail.com"), sending_of("a@outlook.de"), company):
        assert known is not None
        assert known.files_sent_copy
    assert [row.id for row in providers() if row.sending and row.sending.rewrites_message_id] == [
        "outlook",
        "office365",
    ]
    assert sending_of("a@example.org") is None
    gmx = sending_of("a@gmx.de")
    assert gmx is None or not gmx.files_sent_copy


def test_no_more_connections_than_any_provider_grants() -> None:
    known = [row.receiving.connections for row in providers() if row.receiving is not None]
    assert all(granted is None or granted >= CONNECTIONS_PER_ACCOUNT for granted in known)


def test_gmail_s_limits() -> None:
    """Row "Gmail" of the table of servers."""
    gmail = provider_of("a@gmail.com")
    assert gmail is not None and gmail.receiving is not None
    known = gmail.receiving
    assert (known.connections, known.down_per_day, known.up_per_day) == (15, 2_500_000_000, 500_000_000)
    assert (gmail.login, gmail.test_token_days) == (Login.APP_PASSWORD, 7)


def test_microsoft_s_limits() -> None:
    """Throttled by connections and messages; passwords for sending end; tokens die unused."""
    row = provider_at("smtp.office365.com")
    assert row is not None and row.sending is not None and row.receiving is not None
    assert (row.receiving.connections, row.sending.connections_per_minute) == (8, 30)
    assert (row.sending.passwords_until, row.token_idle_days) == (date(2026, 12, 31), 90)
    assert row.login is Login.OAUTH


def test_icloud_knows_the_user_by_two_names() -> None:
    row = provider_of("a@icloud.com")
    assert row is not None and row.receiving is not None
    assert (row.user_is_local_part, row.smtp_user_is_local_part) == (True, False)
    assert (row.login, row.receiving.connections) == (Login.APP_PASSWORD, 4)


def test_yahoo_shows_the_newest_mails_of_a_mailbox() -> None:
    for address in ("a@yahoo.de", "a@aol.com"):
        row = provider_of(address)
        assert row is not None and row.receiving is not None
        assert row.receiving.newest == 10_000


def test_free_accounts_of_gmx_and_webde_have_few_mailboxes() -> None:
    for address, most in (("a@gmx.de", 20), ("a@web.de", 40)):
        row = provider_of(address)
        assert row is not None and row.receiving is not None
        assert (row.receiving.mailboxes, row.login) == (most, Login.ENABLE)


def test_ionos_refuses_foreign_senders_and_counts_by_the_age_of_the_contract() -> None:
    for known in (sending_of("a@online.de"), sending_of("a@firma.example", "smtp.ionos.de")):
        assert known is not None
        assert known.own_domain_only
        assert known.new_recipients_per_hour == ((7, 50), (14, 100), (30, 400))
        assert (known.recipients_per_hour, known.largest_message) == (5_000, 100_000_000)


def test_t_online_freenet_and_others_want_something_done_first() -> None:
    wanted = {"t-online": Login.APP_PASSWORD, "freenet": Login.ENABLE, "mailbox.org": Login.OWN}
    assert {row.id: row.login for row in providers() if row.id in wanted} == wanted
    telekom, freenet = provider_of("a@t-online.de"), provider_of("a@freenet.de")
    assert telekom is not None and telekom.smtp is not None and freenet is not None
    assert (telekom.smtp.host, telekom.smtp.port) == ("securesmtp.t-online.de", 465)
    assert freenet.imap is not None and freenet.imap.host == "mx.freenet.de"


def test_small_hosters_are_expected_to_be_strict() -> None:
    assert small_hoster().own_domain_only
    assert small_hoster().messages_per_day == 200


def test_some_servers_want_the_local_part_as_user() -> None:
    assert {row.id for row in providers() if row.user_is_local_part} >= {"icloud", "webde"}


@pytest.mark.material
@pytest.mark.skipif(not os.environ.get("EILBOTE_MATERIAL"), reason="EILBOTE_MATERIAL is not set")
def test_table_agrees_with_the_public_one() -> None:
    rows = json.loads((Path(os.environ["EILBOTE_MATERIAL"]) / "providers-ispdb.json").read_bytes())
    published: dict[str, set[tuple[str, int]]] = {}
    for row in rows:
        for domain in row["domains"]:
            for kind, host, port, *_ in row["in"]:
                if kind == "imap" and host and port:
                    published.setdefault(domain, set()).add((host, int(port)))
    compared = 0
    for provider in providers():
        for domain in provider.domains:
            if domain in published:
                compared += 1
                assert provider.imap is not None
                assert (provider.imap.host, provider.imap.port) in published[domain], domain
    assert compared > 200
