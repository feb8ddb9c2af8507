"""The forms in which settings are handed to other devices, read as their programs read them."""

from __future__ import annotations

import json
import plistlib
import re

import pytest
from msgspec.structs import replace

from eilbote.discovery.autoconfig import read_autoconfig
from eilbote.discovery.autodiscover import read_xml_answer
from eilbote.discovery.devices import apple, outlook, scanned, thunderbird
from eilbote.discovery.values import DeviceServer, DeviceSettings, Protocol

ADDRESS = "kim@firma.test"
SETTINGS = DeviceSettings(
    ADDRESS,
    "Kim & <Söhne>",
    DeviceServer(Protocol.IMAP, "imap.firma.test", 993, "tls", "kim"),
    DeviceServer(Protocol.SMTP, "smtp.firma.test", 587, "starttls", ADDRESS),
)
POP3 = DeviceSettings(
    ADDRESS, "", DeviceServer(Protocol.POP3, "pop.firma.test", 995, "tls", "u-17&<"), None, oauth=True
)


def servers(settings: DeviceSettings) -> list[tuple[Protocol, str, int, str, str]]:
    return [(one.protocol, one.host, one.port, one.security, one.user) for one in settings.servers]


@pytest.mark.parametrize("settings", [SETTINGS, POP3])
def test_thunderbird_s_file_is_read_as_it_was_meant(settings: DeviceSettings) -> None:
    told = read_autoconfig(thunderbird(settings), ADDRESS, "here")
    read = [(one.protocol, one.host, one.port, one.security, one.user) for one in told.candidates]
    assert read == servers(settings)
    assert [one.oauth_only for one in told.candidates] == [settings.oauth] * len(read)


def test_thunderbird_s_file_holds_for_every_address_of_the_domain() -> None:
    told = read_autoconfig(thunderbird(SETTINGS), "lea@firma.test", "here")
    assert [one.user for one in told.candidates] == ["lea", "lea@firma.test"]


@pytest.mark.parametrize("settings", [SETTINGS, POP3])
def test_outlook_s_file_is_read_as_it_was_meant(settings: DeviceSettings) -> None:
    told = read_xml_answer(outlook(settings), "here")
    read = [(one.protocol, one.host, one.port, one.security, one.user) for one in told.candidates]
    assert read == servers(settings)


def test_apple_s_profile_holds_one_account_and_no_password() -> None:
    profile = plistlib.loads(apple(SETTINGS))
    (account,) = profile["PayloadContent"]
    assert account["EmailAccountType"] == "EmailTypeIMAP"
    assert (account["IncomingMailServerHostName"], account["IncomingMailServerPortNumber"]) == (
        "imap.firma.test",
        993,
    )
    assert (account["OutgoingMailServerUsername"], account["OutgoingMailServerUseSSL"]) == (ADDRESS, True)
    assert account["EmailAccountName"] == SETTINGS.name
    assert "IncomingPassword" not in account
    uuids = {profile["PayloadUUID"], account["PayloadUUID"]}
    assert len(uuids) == 2
    assert all(
        re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", one)
        for one in uuids
    )
    assert apple(SETTINGS) == apple(SETTINGS), "installed again, it takes the place of the one before"


def test_apple_s_profile_takes_a_password_that_is_given() -> None:
    (account,) = plistlib.loads(apple(POP3, "geheim-1"))["PayloadContent"]
    assert (account["IncomingPassword"], account["EmailAccountType"]) == ("geheim-1", "EmailTypePOP")


def test_signs_that_no_xml_may_hold_break_no_file() -> None:
    odd = replace(
        SETTINGS,
        name="K\x1b[31mi\0m\ufffe",
        receiving=replace(SETTINGS.receiving, user="a\x07b"),
    )
    (told,) = plistlib.loads(apple(odd, "geheim\x1b"))["PayloadContent"]
    assert (told["EmailAccountName"], told["IncomingMailServerUsername"]) == ("K[31mim", "ab")
    assert "IncomingPassword" not in told
    assert read_autoconfig(thunderbird(odd), ADDRESS, "here").candidates[0].user == "ab"
    assert read_xml_answer(outlook(odd), "here").candidates[0].user == "ab"


def test_what_is_scanned() -> None:
    assert json.loads(scanned(SETTINGS)) == [
        1,
        [1, 1],
        [0, "imap.firma.test", 993, 3, 1, "kim", ADDRESS],
        [[[0, "smtp.firma.test", 587, 2, 1, ADDRESS], [ADDRESS, SETTINGS.name]]],
    ]
    assert json.loads(scanned(POP3))[2][:1] == [1]
