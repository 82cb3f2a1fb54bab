"""Options of commands that take several inputs."""

from __future__ import annotations

from dataclasses import dataclass

from mbcli.flags import check, option

_PANEL = "Several inputs"


@dataclass(frozen=True)
class BatchOptions:
    """How several inputs are found and worked on.

    Raises:
        ConfigError: a value breaks its rule.
    """

    recursive: bool = option(False, "Also look in the folders inside a folder.", panel=_PANEL)
    inputs_from: str | None = option(
        None,
        "Also take the inputs named in this file, one a line; - for standard input.",
        metavar="FILE",
        panel=_PANEL,
        reads=True,
    )
    jobs: int = option(
        1,
        "Number of inputs to work on at the same time, each in a process with its share of the "
        "processors.",
        metavar="N",
        panel=_PANEL,
        least=1,
        most=256,
    )

    def __post_init__(self) -> None:
        check(self)
