"""Settings from file, environment and flags: what wins, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from eilbote.config import Config, load_config, settings, split_name_server
from eilbote.errors import Misused


def write(home: Path, text: str) -> Path:
    home.mkdir(exist_ok=True)
    file = home / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


def problem_of(
    home: Path, environ: dict[str, str] | None = None, **flags: object
) -> tuple[str, dict[str, str]]:
    with pytest.raises(Misused) as caught:
        load_config(home, environ or {}, **flags)
    return caught.value.problem.code, dict(caught.value.problem.parameters)


def test_defaults(tmp_path: Path) -> None:
    config = load_config(tmp_path, {})
    assert config == Config(tmp_path)


def test_later_sources_win(tmp_path: Path) -> None:
    write(tmp_path, 'connections_per_host = 3\nlanguage = "de"\nread_timeout = 20\n')
    environ = {"EILBOTE_LANGUAGE": "en", "EILBOTE_READ_TIMEOUT": "30"}
    config = load_config(tmp_path, environ, read_timeout=40.0, store=None)
    assert (config.connections_per_host, config.language, config.read_timeout) == (3, "en", 40.0)


def test_home_of_the_environment(tmp_path: Path) -> None:
    assert load_config(None, {"EILBOTE_HOME": str(tmp_path)}).home == tmp_path
    assert load_config(tmp_path / "x", {"EILBOTE_HOME": str(tmp_path)}).home == tmp_path / "x"


def test_home_is_the_platforms_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert load_config(None, {}).home == tmp_path / "eilbote"


def test_a_named_file_takes_the_place_of_the_homes(tmp_path: Path) -> None:
    write(tmp_path, "undo_days = 1\n")
    other = tmp_path / "other.toml"
    other.write_text("undo_days = 2\n")
    assert load_config(tmp_path, {"EILBOTE_CONFIG": str(other)}).undo_days == 2
    missing = str(tmp_path / "missing.toml")
    assert problem_of(tmp_path, {"EILBOTE_CONFIG": missing})[0] == "config.unreadable"


def test_an_unknown_key_is_named_with_its_file(tmp_path: Path) -> None:
    file = write(tmp_path, "conections_per_host = 3\n")
    assert problem_of(tmp_path) == (
        "config.unknown_key",
        {"key": "conections_per_host", "file": str(file)},
    )


@pytest.mark.parametrize(
    "line",
    [
        "connections_per_host = 0",
        "connections_per_host = true",
        'connections_per_host = "3"',
        "connections_per_host = 2.5",
        "read_timeout = 1e9",
        "read_timeout = nan",
        'language = "fr"',
        "store = 5",
        "home = 5",
        'dnssec = "perhaps"',
        'dns_servers = "ns.example.org"',
        'dns_servers = "192.0.2.1:0"',
        'dns_servers = "192.0.2.1 [2001:db8::1]:99999"',
        'dns_servers = "192.0.2.1:x"',
    ],
)
def test_a_bad_value_is_refused(tmp_path: Path, line: str) -> None:
    write(tmp_path, line + "\n")
    code, parameters = problem_of(tmp_path)
    assert code in ("config.bad_value", "config.unknown_key")
    assert parameters["key"] == line.split(maxsplit=1)[0]


def test_a_bad_value_of_the_environment_names_the_variable(tmp_path: Path) -> None:
    code, parameters = problem_of(tmp_path, {"EILBOTE_UNDO_DAYS": "many"})
    assert (code, parameters["source"], parameters["value"]) == (
        "config.bad_value",
        "EILBOTE_UNDO_DAYS",
        "many",
    )


def test_a_bad_flag_is_named(tmp_path: Path) -> None:
    assert problem_of(tmp_path, language="xx")[1]["source"] == "--language"


@pytest.mark.parametrize("data", [b"a = ", b"\xff\xfe", b"[[[", b'x = "\n'])
def test_a_broken_file_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "config.toml").write_bytes(data)
    assert problem_of(tmp_path)[0] == "config.syntax"


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"#" * (2 << 20))
    assert problem_of(tmp_path)[0] == "config.unreadable"


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    assert problem_of(tmp_path)[0] == "config.unreadable"


def test_name_servers_are_taken_as_they_are_written(tmp_path: Path) -> None:
    write(tmp_path, 'dns_servers = "192.0.2.1 192.0.2.2:5353 2001:db8::1 [2001:db8::1]:54"\n')
    told = load_config(tmp_path, {}).dns_servers.split()
    assert [split_name_server(one) for one in told] == [
        ("192.0.2.1", 53),
        ("192.0.2.2", 5353),
        ("2001:db8::1", 53),
        ("2001:db8::1", 54),
    ]


def test_every_setting_is_explained_in_the_manual() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    for each in settings():
        assert f"`{each.name}`" in manual
        assert each.metadata["meaning"]
