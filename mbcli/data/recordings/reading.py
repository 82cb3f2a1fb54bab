"""Reading one recording of any format, with the user's options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mbcli.data.recordings.amc import read_amc
from mbcli.data.recordings.asf import read_asf
from mbcli.data.recordings.body import figure_of
from mbcli.data.recordings.bvh import read_bvh
from mbcli.data.recordings.c3d import read_c3d
from mbcli.data.recordings.figure import Figure
from mbcli.data.recordings.points import figure_of_points
from mbcli.data.recordings.trc import read_trc
from mbcli.data.recordings.upright import AXES
from mbcli.data.stores.quality import FPS
from mbcli.errors import ConfigError, DataError


@dataclass(frozen=True)
class ImportOptions:
    """How recordings are read.

    Attributes:
        scale: metres per unit; None uses the file's word, or the unit that gives the person a
            human height.
        fps: frames per second; None uses the file's own.
        max_fps: faster recordings keep every n-th frame so as not to exceed it.
        up: the axis that is up, a key of ``AXES``; None finds it from the motion.
        joint_map: their joint names to ours, as far as the names are not recognised.
        human_lengths: keep the directions of the bones and give them the lengths of people.
    """

    scale: float | None = None
    fps: float | None = None
    max_fps: float = 60.0
    up: str | None = None
    joint_map: Mapping[str, str] | None = None
    human_lengths: bool = False

    def __post_init__(self) -> None:
        for name in ("scale", "fps", "max_fps"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value > 0):
                raise ConfigError(f"{name} must be a positive number, got {value}")
        # Half of it, which a rate just above becomes, must be a rate that stores may have.
        if self.max_fps < 2 * FPS[0]:
            raise ConfigError(f"max_fps must be at least {2 * FPS[0]:g}, got {self.max_fps:g}")
        if self.up is not None and self.up not in AXES:
            raise ConfigError(f"up must be one of {', '.join(AXES)}, got {self.up}")


def _read_bvh(path: Path, options: ImportOptions) -> Figure:
    return figure_of(read_bvh(path, fps=options.fps), options.joint_map)


def _read_amc(path: Path, options: ImportOptions) -> Figure:
    """An AMC file with its ASF skeleton, which is in the same folder.

    If there are several, the one with the longest name that is a prefix of the motion's name is
    used.
    """
    skeletons = sorted(p for p in path.parent.iterdir() if p.suffix.lower() == ".asf")
    named = [p for p in skeletons if path.stem.startswith(p.stem)]
    if len(skeletons) == 1:
        named = skeletons
    if not named:
        raise DataError(
            f"{path}: needs a skeleton <beginning of its name>.asf beside it, got "
            f"{', '.join(p.name for p in skeletons) or 'none'}"
        )
    skeleton = read_asf(max(named, key=lambda p: len(p.stem)), scale=1.0)
    figure = figure_of(read_amc(path, skeleton, fps=options.fps), options.joint_map)
    return replace(figure, unit=skeleton.unit)


def _read_trc(path: Path, options: ImportOptions) -> Figure:
    names, places, fps, unit, note = read_trc(path, fps=options.fps)
    return figure_of_points(names, places, fps, joint_map=options.joint_map, unit=unit, note=note)


def _read_c3d(path: Path, options: ImportOptions) -> Figure:
    names, places, fps, unit, note = read_c3d(path, fps=options.fps)
    return figure_of_points(
        names, places, fps, joint_map=options.joint_map, usual_up="z", unit=unit, note=note
    )


IMPORT_FORMATS: dict[str, tuple[str, Callable[[Path, ImportOptions], Figure]]] = {
    "bvh": (".bvh", _read_bvh),
    "asf-amc": (".amc", _read_amc),
    "c3d": (".c3d", _read_c3d),
    "trc": (".trc", _read_trc),
}
"""Format name to its lower-case file suffix and its reader."""
