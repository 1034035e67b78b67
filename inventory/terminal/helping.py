"""The help of the command line: what a user writes, without the types that only a programmer knows."""

from collections.abc import Sequence
from typing import Any

from typer.core import TyperGroup


class Commands(TyperGroup):
    """Commands that show their help if none is named; no flag of theirs shows `<bool>`, as if it took a value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's own types are private
        """Read the command line; an empty one asks for help."""
        return super().parse_args(ctx, args or ["--help"])

    def get_params(self, ctx: Any) -> Any:  # noqa: ANN401 - as above
        """Give the options of the group."""
        return _without_types(super().get_params(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - as above
        """Find a command; None if there is none of that name."""
        command = super().get_command(ctx, cmd_name)
        if command:
            _without_types(command.get_params(ctx))
        return command


def _without_types(parameters: Sequence[Any]) -> Sequence[Any]:
    for parameter in parameters:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    return parameters
