"""Options of commands that take several inputs."""

from __future__ import annotations

from dataclasses import dataclass

from mbcli.errors import ConfigError
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
        "Also take the inputs named in this file, one per line; - for standard input.",
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

    engine: str = option(
        "local",
        "Where to process inputs: on this machine, or on the machines of a Ray cluster, which must "
        "see them under the same names.",
        panel=_PANEL,
        choices=("local", "ray"),
    )
    ray_address: str | None = option(
        None,
        "Address of the Ray cluster; HOST:PORT, ray://HOST:PORT or auto.",
        metavar="ADDRESS",
        panel=_PANEL,
        shown="a new one on this machine",
    )

    ray_split: float = option(
        10.0,
        "Divide long videos into parts of at least this length, for several machines; 0 divides "
        "none.",
        metavar="MINUTES",
        panel=_PANEL,
        unit="minutes",
        least=0,
    )

    def __post_init__(self) -> None:
        check(self)
        if self.engine == "ray" and self.jobs > 1:
            raise ConfigError(
                "--jobs must be left out with --engine ray, which runs one input per processor, "
                f"got {self.jobs}"
            )
        if self.engine != "ray" and self.ray_address is not None:
            raise ConfigError(f"--ray-address needs --engine ray, got {self.ray_address}")
        if self.engine != "ray" and self.ray_split != type(self).ray_split:
            raise ConfigError(f"--ray-split needs --engine ray, got {self.ray_split:g}")
