"""Commands whose help speaks the user's language, and whose modules load only when called.

Help texts are marked where they stand and translated when they are printed, so that the
language can be chosen on the command line itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import click

from eilbote.catalogue import Catalogue, mark
from eilbote.cli.face import Face
from eilbote.cli.overview import GENERAL, GeneralOption


def _catalogue(context: click.Context) -> Catalogue:
    face = context.find_root().obj
    return face.catalogue if isinstance(face, Face) else Catalogue("en")


class Option(click.Option):
    """An option whose help is translated. `general`: listed apart, because every command has it."""

    def __init__(self, *args: Any, general: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.general = general

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        return record and (record[0], _catalogue(ctx).text(self.help or ""))


def _remember(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        face = context.find_root().obj
        if value is not None and value is not False and isinstance(face, Face):
            face.choose(name, value)

    return callback


def _show_help(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        click.echo(context.get_help(), color=context.color)
        context.exit()


def general_options() -> list[click.Parameter]:
    """The options that every command takes, before or after its name."""
    return [_general_option(option) for option in GENERAL]


def _general_option(option: GeneralOption) -> Option:
    if option.name == "help":
        return Option(
            list(option.flags),
            is_flag=True,
            is_eager=True,
            help=option.meaning,
            expose_value=False,
            callback=_show_help,
            general=True,
        )
    return Option(
        [*option.flags, option.name],
        is_flag=not option.value,
        type=click.Choice(option.choices) if option.choices else None,
        metavar=None if option.choices else option.value or None,
        help=option.meaning,
        expose_value=False,
        callback=_remember(option.name),
        general=True,
    )


class _Spoken(click.Command):
    """What Command and Group share: translated help with titles of our own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["add_help_option"] = False
        super().__init__(*args, **kwargs)
        self.params.extend(general_options())

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        pieces = self.collect_usage_pieces(ctx)
        prefix = _catalogue(ctx).text("Usage:") + " "
        formatter.write_usage(ctx.command_path, " ".join(pieces), prefix)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        text = _catalogue(ctx).text
        pieces = [text("[OPTIONS]")]
        for parameter in self.params:
            pieces.extend(parameter.get_usage_pieces(ctx))
        return pieces

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.help:
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(_catalogue(ctx).text(self.help))

    def get_short_help_str(self, limit: int = 100) -> str:
        return self.short_help or ""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        text = _catalogue(ctx).text
        own: list[tuple[str, str]] = []
        general: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and not isinstance(parameter, click.Argument):
                (general if getattr(parameter, "general", False) else own).append(record)
        if own:
            with formatter.section(text("Options")):
                formatter.write_dl(own)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)
        with formatter.section(text("Options of every command")):
            formatter.write_dl(general)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.epilog:
            formatter.write_paragraph()
            formatter.write("\b\n")
            for line in _catalogue(ctx).text(self.epilog).splitlines():
                formatter.write(f"  {line}\n")


class Command(_Spoken):
    """One command of the program."""


class Group(_Spoken, click.Group):
    """Commands under one name; `lazy` names those whose module is loaded when called.

    `lazy`: command -> (module, attribute, short help).
    """

    command_class = Command

    def __init__(
        self,
        *args: Any,
        lazy: Mapping[str, tuple[str, str, str]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.lazy, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        module, attribute, short = self.lazy[cmd_name]
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        command.short_help = short
        return command

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), _catalogue(ctx).text("COMMAND [ARGUMENTS]")]

    def _short_help(self, name: str) -> str:
        return self.lazy[name][2] if name in self.lazy else self.commands[name].short_help or ""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        text = _catalogue(ctx).text
        names = self.list_commands(ctx)
        with formatter.section(text(mark("Commands"))):
            formatter.write_dl([(name, text(self._short_help(name))) for name in names])


__all__ = ["Command", "Group", "Option", "mark"]
