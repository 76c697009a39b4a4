"""Every command with its arguments, options and examples, from the command line's own objects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer

from tools.docs.markdown import blocks, code, prose, sentence

_EXAMPLE = re.compile(r"^Examples?: ")


def commands() -> list[tuple[str, Any]]:
    """(name as typed, command) of every command that does something, groups walked through."""
    from accelsim.cli.main import app

    return list(_walk("accelsim", typer.main.get_command(app)))


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for step, below in inner.items():
        yield from _walk(f"{name} {step}", below)


def command_section(name: str, command: Any) -> str:
    """What a command does, how it is called, examples, and what it takes."""
    said, examples = _split(command.help or "")
    rows = [_row(parameter) for parameter in command.params if not _hidden(parameter)]
    parts = [f"## {name}", said, f"```text\n{_usage(name, command)}\n```"]
    if examples:
        parts.append("Examples:\n\n```sh\n" + "\n".join(examples) + "\n```")
    parts.append(blocks(("Takes", "Means"), rows) if rows else "It takes nothing.")
    return "\n\n".join(parts)


def _split(text: str) -> tuple[str, list[str]]:
    """The prose of a command's help, and its example lines."""
    said, examples = [], []
    for paragraph in text.replace("\b", "").split("\n\n"):
        line = " ".join(paragraph.split())
        if _EXAMPLE.match(line):
            examples += [part.strip() for part in _EXAMPLE.sub("", line).split("; accelsim ")]
        elif line:
            said.append(prose(line))
    return "\n\n".join(said), [
        example if example.startswith("accelsim") else f"accelsim {example}" for example in examples
    ]


def _usage(name: str, command: Any) -> str:
    arguments = [_called(parameter) for parameter in command.params if _is_argument(parameter)]
    needed = [
        f"{parameter.opts[0]} {_called(parameter)}"
        for parameter in command.params
        if not _is_argument(parameter) and parameter.required
    ]
    return " ".join([name, *arguments, *needed, "[OPTIONS]"])


def _is_argument(parameter: Any) -> bool:
    return parameter.param_type_name == "argument"


def _hidden(parameter: Any) -> bool:
    return bool(getattr(parameter, "hidden", False)) or parameter.name == "help"


def _called(parameter: Any) -> str:
    """How the value of a parameter is written in a line of usage; empty for a switch."""
    if getattr(parameter, "is_flag", False):
        return ""
    return parameter.metavar or (
        "N" if isinstance(parameter.default, int) else parameter.name.upper()
    )


def _row(parameter: Any) -> list[str]:
    names = (
        [_called(parameter)]
        if _is_argument(parameter)
        else [
            " ".join(part for part in (option, _called(parameter)) if part)
            for option in (*parameter.opts, *parameter.secondary_opts)
        ]
    )
    means = [sentence(prose(parameter.help or ""))]
    if parameter.multiple and "repeated" not in means[0]:
        means.append("May be repeated.")
    default = _default(parameter)
    if default:
        means.append("Required." if parameter.required else f"Default: {default}.")
    return [", ".join(code(name) for name in names), " ".join(means)]


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    shown = getattr(parameter, "show_default", None)
    if isinstance(shown, str):
        return prose(shown)
    default = parameter.default
    if default is None or default == () or default == [] or callable(default):
        return ""
    if getattr(parameter, "is_flag", False):
        return "on" if default is True else ""
    listed = default if isinstance(default, list | tuple) else [default]
    return ", ".join(code(str(getattr(value, "value", value))) for value in listed)
