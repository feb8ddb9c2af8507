"""`eilbote man`: the manual page, made of the same texts as the help."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import cast

import click

from eilbote.cli.command import Command, Group, mark
from eilbote.cli.face import Face
from eilbote.cli.overview import SECTIONS

_FILES = (("config.toml", mark("Settings, in the folder that holds all data; the manual lists them.")),)
_VARIABLES = (
    ("EILBOTE_HOME", mark("Folder that holds all data, where --home is not given.")),
    ("EILBOTE_CONFIG", mark("File with the settings, in place of config.toml in that folder.")),
    ("EILBOTE_DEBUG", mark("Show the traceback of an unexpected error.")),
    ("LC_ALL, LC_MESSAGES, LANG", mark("Language of all output, where --lang is not given.")),
    ("NO_COLOR", mark("No colours and styles.")),
)
_STATUS = (
    ("0", mark("Done.")),
    ("1", mark("Done with warnings: one of several accounts failed, or a login was refused.")),
    ("2", mark("Failed: it could not be done, or verify found a difference.")),
    ("3", mark("A server could not be reached.")),
    ("64", mark("Wrong usage.")),
    ("130", mark("Interrupted with Ctrl-C.")),
    ("141", mark("The program that read the output ended first.")),
)


@click.command("man", cls=Command, help=mark("Print the manual page in the format of man."))
@click.pass_context
def man(context: click.Context) -> None:
    face = cast("Face", context.find_root().obj)
    page = manual_page(cast("Group", context.find_root().command), face)
    if face.json:
        face.record({"page": page})
    else:
        face.line(page.rstrip("\n"))


def manual_page(root: Group, face: Face) -> str:
    """The page as roff (man(7)), in the language of `face`."""
    return "\n".join(_page(root, face)) + "\n"


def _page(root: Group, face: Face) -> Iterator[str]:
    text = face.text
    title = _quoted(text(mark("User commands")))
    yield f'.TH EILBOTE 1 "" "eilbote {version("eilbote")}" {title}'
    yield f".SH {_quoted(text(mark('NAME')))}"
    yield rf"eilbote \- {_escaped(text(mark('all your mail in one place of your own')))}"
    yield f".SH {_quoted(text(mark('SYNOPSIS')))}"
    yield rf".B eilbote\fR {_escaped(text('[OPTIONS]'))} {_escaped(text('COMMAND [ARGUMENTS]'))}"
    yield f".SH {_quoted(text(mark('DESCRIPTION')))}"
    yield _escaped(text(root.help or ""))
    context = click.Context(root, info_name="eilbote", obj=face)
    for title, names in SECTIONS.items():
        yield f".SH {_quoted(text(title).upper())}"
        for name in names:
            command = root.get_command(context, name)
            assert command is not None
            yield from _command(command, click.Context(command, context, name), face)
    yield f".SH {_quoted(text(mark('Options of every command')).upper())}"
    yield from _options(root, context, general=True)
    for title, entries in (
        (mark("Environment"), _VARIABLES),
        (mark("Files"), _FILES),
        (mark("Exit status"), _STATUS),
    ):
        yield f".SH {_quoted(text(title).upper())}"
        for name, meaning in entries:
            yield ".TP"
            yield f".B {_escaped(name)}"
            yield _escaped(text(meaning))


def _command(command: click.Command, context: click.Context, face: Face) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _command(inner, click.Context(inner, context, name), face)
        return
    pieces = " ".join(command.collect_usage_pieces(context)[1:])
    yield f".SS {_escaped(context.command_path)} {_escaped(pieces)}".rstrip()
    yield _escaped(face.text(command.help or ""))
    yield from _options(command, context, general=False)
    if command.epilog:
        yield ".PP"
        yield ".nf"
        yield from map(_escaped, face.text(command.epilog).splitlines())
        yield ".fi"


def _options(command: click.Command, context: click.Context, *, general: bool) -> Iterator[str]:
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Argument):
            continue
        record = parameter.get_help_record(context)
        if record is not None and getattr(parameter, "general", False) is general:
            yield ".TP"
            yield f".B {_escaped(record[0])}"
            yield _escaped(record[1])


def _escaped(text: str) -> str:
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{text}" if text.startswith((".", "'")) else text


def _quoted(text: str) -> str:
    return '"' + _escaped(text).replace('"', r"\(dq") + '"'
