"""Reading one recording of any format, with the user's options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mbcli.data.recordings.amc import read_amc
from mbcli.data.recordings.asf import read_asf
from mbcli.data.recordings.body import rest_height
from mbcli.data.recordings.bvh import UNITS, read_bvh
from mbcli.data.recordings.hierarchy import Recording
from mbcli.data.stores.quality import HUMAN_HEIGHT
from mbcli.errors import ConfigError, DataError

_AMC_FPS = 120.0  # of CMU's recordings; the format has no frame rate


@dataclass(frozen=True)
class ImportOptions:
    """How recordings are read.

    Attributes:
        scale: metres per unit; None uses the file's own (ASF) or the one of ``bvh.UNITS`` that
            gives the skeleton human height (BVH).
        fps: frames per second; None uses the file's own (BVH) or 120 (AMC has none).
        max_fps: faster recordings keep every n-th frame so as not to exceed it.
    """

    scale: float | None = None
    fps: float | None = None
    max_fps: float = 60.0

    def __post_init__(self) -> None:
        for name in ("scale", "fps", "max_fps"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value > 0):
                raise ConfigError(f"{name} must be a positive number, got {value}")


def read_bvh_recording(path: Path, options: ImportOptions) -> Recording:
    """Read a BVH file; without a scale in the options, its unit is found by the body height.

    Raises:
        DataError: see ``read_bvh``; or no known unit gives the skeleton human height.
    """
    recording = read_bvh(path, scale=options.scale or 1.0, fps=options.fps)
    if options.scale is not None:
        return recording
    height = rest_height(recording.hierarchy)
    fitting = [s for s in UNITS.values() if HUMAN_HEIGHT[0] <= height * s <= HUMAN_HEIGHT[1]]
    if len(fitting) != 1:
        raise DataError(
            f"{path}: a skeleton {height:.4g} units tall does not have human height in any of the "
            f"units {', '.join(UNITS)}; give the scale"
        )
    scale = fitting[0]
    return replace(
        recording,
        hierarchy=replace(recording.hierarchy, offsets=recording.hierarchy.offsets * scale),
        translations={j: t * scale for j, t in recording.translations.items()},
    )


def read_amc_recording(path: Path, options: ImportOptions) -> Recording:
    """Read an AMC file with its ASF skeleton, which is in the same folder.

    If there are several, the one with the longest name that is a prefix of the motion's name is
    used.

    Raises:
        DataError: no skeleton, or see ``read_asf`` and ``read_amc``.
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
    skeleton = read_asf(max(named, key=lambda p: len(p.stem)), scale=options.scale)
    return read_amc(path, skeleton, fps=options.fps or _AMC_FPS)


IMPORT_FORMATS: dict[str, tuple[str, Callable[[Path, ImportOptions], Recording]]] = {
    "asf-amc": (".amc", read_amc_recording),
    "bvh": (".bvh", read_bvh_recording),
}
"""Format name to its lower-case file suffix and its reader."""
