"""What was wrong on the command line, as problems of our own catalogue."""

from __future__ import annotations

import difflib

import click

from eilbote.errors import Problem


def usage_problem(error: click.UsageError) -> Problem:
    """The problem that a usage error of the command line parser means."""
    match error:
        case click.NoSuchOption():
            near = ", ".join(error.possibilities or ())
            return _with_hint("cli.no_such_option", near, option=error.option_name)
        case click.exceptions.NoArgsIsHelpError():
            return Problem("cli.missing_argument", {"argument": "COMMAND"})
        case click.MissingParameter():
            return Problem("cli.missing_argument", {"argument": _name(error.param)})
        case click.BadOptionUsage():
            return Problem("cli.option_needs_value", {"option": error.option_name})
        case click.BadParameter() if isinstance(getattr(error.param, "type", None), click.Choice):
            choices = getattr(error.param, "type", None)
            assert isinstance(choices, click.Choice)
            return Problem(
                "cli.not_a_choice",
                {"argument": _name(error.param), "choices": ", ".join(map(str, choices.choices))},
            )
        case click.BadParameter() if isinstance(getattr(error.param, "type", None), click.IntRange):
            allowed = getattr(error.param, "type", None)
            assert isinstance(allowed, click.IntRange)
            return Problem(
                "cli.not_in_range",
                {"argument": _name(error.param), "least": str(allowed.min), "most": str(allowed.max)},
            )
        case click.BadParameter():
            return Problem("cli.bad_argument", {"argument": _name(error.param), "reason": error.message})
        case _ if type(error).__name__ == "NoSuchCommand" or "No such command" in error.message:
            return _no_such_command(error)
        case _ if error.message.startswith("Got unexpected extra argument"):
            return Problem(
                "cli.too_many_arguments", {"arguments": error.message.partition("(")[2].rstrip(")")}
            )
        case _:
            return Problem("cli.wrong_usage", {"reason": error.message})


def _no_such_command(error: click.UsageError) -> Problem:
    context = error.ctx
    name = error.message.partition("'")[2].rpartition("'")[0] if "'" in error.message else ""
    name = getattr(error, "command_name", None) or name.partition("'")[0]
    known: list[str] = []
    if context is not None and isinstance(context.command, click.Group):
        known = context.command.list_commands(context)
    return _with_hint(
        "cli.no_such_command", ", ".join(difflib.get_close_matches(name, known, 2)), command=name
    )


def _with_hint(code: str, near: str, **parameters: str) -> Problem:
    return Problem(f"{code}_but", {**parameters, "near": near}) if near else Problem(code, parameters)


def _name(parameter: click.Parameter | None) -> str:
    if parameter is None:
        return "?"
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)
    return parameter.make_metavar(click.Context(click.Command("eilbote"))).strip("[].")
