"""The writer of configurations speaks each version's own words."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.servers.dovecot_settings import CAPABILITIES, DovecotOptions, Place, dovecot_configuration

PLACE = Place(
    folder=Path("/tmp/eb-x"),
    host="127.0.0.1",
    imap_port=20143,
    imaps_port=20993,
    pop3_port=110,
    pop3s_port=995,
    mail_uid=65534,
    mail_gid=65534,
    internal_user="dovecot",
    internal_group="dovecot",
    login_user="dovenull",
    unprivileged=False,
)
RICH = DovecotOptions(
    sieve=True,
    most_scripts=5,
    quota_mib=5,
    compress=True,
    tls="required",
    hidden=frozenset({"QRESYNC", "MOVE"}),
)
ONLY_OLD = (
    "mail_location disable_plaintext_auth ssl_cert ssl_key service_count quota_rule driver args plugin "
    "sieve_quota_max_scripts"
)
ONLY_NEW = (
    "mail_driver mail_path auth_allow_cleartext ssl_server_cert_file restart_request_count storage_size "
    "sieve_quota_script_count active_path"
)


def _names(text: str) -> set[str]:
    return set(re.findall(r"^ *(\w+)(?= *=| \{)", text, re.MULTILINE))


@pytest.mark.parametrize("options", [DovecotOptions(), RICH])
def test_no_version_gets_words_of_the_other(options: DovecotOptions) -> None:
    old = _names(dovecot_configuration((2, 3), options, PLACE))
    new = _names(dovecot_configuration((2, 4), options, PLACE))
    assert not old & {*ONLY_NEW.split(), "dovecot_config_version"}
    assert not new & set(ONLY_OLD.split())
    assert {"dovecot_config_version", "dovecot_storage_version", "passwd_file_path"} <= new


@pytest.mark.parametrize("version", [(2, 3), (2, 4)])
def test_every_block_is_closed(version: tuple[int, int]) -> None:
    lines = dovecot_configuration(version, RICH, PLACE).splitlines()
    assert sum(line.endswith("{") for line in lines) == sum(line.strip() == "}" for line in lines)
    assert not [line for line in lines if "{" in line.replace("%{user}", "") and not line.endswith("{")]


@pytest.mark.parametrize(
    ("version", "word"), [((2, 3), "disable_plaintext_auth = yes"), ((2, 4), "auth_allow_cleartext = no")]
)
def test_required_tls_forbids_cleartext(version: tuple[int, int], word: str) -> None:
    assert word in dovecot_configuration(version, RICH, PLACE)


def test_hidden_capabilities_are_left_out_and_the_rest_stays() -> None:
    (line,) = re.findall(r"imap_capability = (.*)", dovecot_configuration((2, 3), RICH, PLACE))
    assert set(line.split()) == {*CAPABILITIES, "QUOTA", "COMPRESS=DEFLATE"} - {"QRESYNC", "MOVE"}


def test_hidden_capabilities_are_taken_away_by_name_from_a_new_server() -> None:
    text = dovecot_configuration((2, 4), RICH, PLACE)
    assert 'imap_capability {\n    "MOVE" = no\n    "QRESYNC" = no\n  }' in text


def test_nothing_is_chrooted_for_a_normal_user() -> None:
    text = dovecot_configuration((2, 3), DovecotOptions(), replace(PLACE, unprivileged=True))
    assert len(re.findall(r"^  chroot =$", text, re.MULTILINE)) == 3
