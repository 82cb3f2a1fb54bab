"""Reader of joint arrays: positions of named joints over time, any number of clips per ``.npz``.

==========  ===========  =====================================================================
joints      (J,) text    names of the joints, by any names that `names` knows
fps         number       frames per second; if missing, it must be given as an option
parents     (J,)         index of each joint's parent, -1 for the root; if missing, only names count
any other   (F, J, 3)    a clip of that name, right-handed; unit and axes are found
==========  ===========  =====================================================================

Joint positions do not determine the orientation of the head. It is assumed to face like the chest,
and to nod and lean with the line from the shoulders to the head; it is level on an upright trunk if
that line is as in the median of all clips in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.data.recordings.figure import Figure, with_trunk
from mbcli.data.recordings.heads import neck_in_chest
from mbcli.data.recordings.importing import ImportReport, Take, import_bodies, take_of
from mbcli.data.recordings.names import Tree
from mbcli.data.recordings.naming import files_in
from mbcli.data.recordings.points import figure_of_points
from mbcli.data.recordings.reading import ImportOptions
from mbcli.errors import DataError, InputError
from mbcli.storage.plainpickle import load_plain_npz, npz_keys

_OTHERS = ("joints", "fps", "parents")  # arrays of a file that are not clips


def import_joint_arrays(
    source: Path,
    out: Path,
    *,
    subject: str | None = None,
    prefix: str = "",
    licence: str = "",
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
    overwrite: bool = False,
    **reading: Any,
) -> ImportReport:
    """Read joint arrays into a new clip store.

    For `subject` and for the names of people and clips, a clip is treated as a file in a folder
    named like the archive, without its suffix.

    Args:
        source: an ``.npz`` file, or a folder that is searched recursively.
        out: the store to create.
        subject: regular expression or None, see `import_folder`.
        prefix: put before the subject's name.
        licence: terms of use, recorded with every clip.
        jobs: number of parallel reader processes.
        progress: called with the number of clips done and their total.
        overwrite: whether a store at ``out`` may be replaced.
        reading: fields of ``ImportOptions``.

    Raises:
        ConfigError: an option breaks its rule.
        DataError: there is no such file, one violates the format, or all clips were refused.
        OutputError: ``out`` exists or cannot be written.
    """
    options = ImportOptions(**reading)
    archives = [path for path in files_in(source) if path.suffix == ".npz"]
    if not archives:
        raise DataError(f"{source}: must hold .npz files, got none")
    clips = {
        archive.parent / archive.stem / f"{key}.npz": archive
        for archive in archives
        for key in npz_keys(archive)
        if key not in _OTHERS
    }
    if not clips:
        raise DataError(f"{source}: must hold clips, got none but {', '.join(_OTHERS)}")
    return import_bodies(
        partial(_read_clip, archives=clips, options=options),
        list(clips),
        source,
        out,
        max_fps=options.max_fps,
        subject=subject,
        prefix=prefix,
        licence=licence,
        jobs=jobs,
        progress=progress,
        overwrite=overwrite,
    )


def _read_clip(clip: Path, *, archives: Mapping[Path, Path], options: ImportOptions) -> Take:
    archive = archives[clip]
    figure = _figure(archive, clip.stem, options.fps or _rate(archive), options.joint_map)
    level = _level_neck(archive, tuple((options.joint_map or {}).items()))
    return take_of(replace(figure, head=replace(figure.head, level=level)), options)


@lru_cache(maxsize=4)
def _names(archive: Path) -> tuple[str, ...]:
    joints = _read(archive, "joints")
    if joints.dtype.kind != "U" or joints.ndim != 1:
        raise DataError(f"{archive}: joints must be names, got {joints.dtype} {joints.shape}")
    return tuple(str(name) for name in joints)


def _rate(archive: Path) -> float:
    if "fps" not in npz_keys(archive):
        raise DataError(f"{archive}: must hold fps, frames per second; or give it with --fps")
    fps = _read(archive, "fps")
    if fps.dtype.kind not in "iuf" or fps.size != 1 or not 0 < fps.item() < np.inf:
        raise DataError(f"{archive}: fps must be a positive number, got {fps!r:.40}")
    return float(fps.item())


def _figure(archive: Path, clip: str, fps: float, joint_map: Mapping[str, str] | None) -> Figure:
    names = _names(archive)
    rows = _read(archive, clip)
    wanted = (len(names), 3)
    if rows.dtype.kind != "f" or rows.ndim != 3 or rows.shape[1:] != wanted or not len(rows):
        raise DataError(
            f"{archive}: {clip} must be (F, {len(names)}, 3) numbers, got {rows.dtype} {rows.shape}"
        )
    try:
        return figure_of_points(names, rows, fps, tree=_tree(archive), joint_map=joint_map)
    except DataError as error:
        raise DataError(f"{archive}: {error}") from error


@lru_cache(maxsize=4)
def _tree(archive: Path) -> Tree | None:
    """The joints' tree, if the file has one in which parents come first."""
    if "parents" not in npz_keys(archive):
        return None
    parents = _read(archive, "parents")
    count = len(_names(archive))
    if parents.dtype.kind not in "iu" or parents.shape != (count,):
        raise DataError(
            f"{archive}: parents must be ({count},) integers, got {parents.dtype} {parents.shape}"
        )
    numbers = tuple(parents.tolist())
    first = all(-1 <= parent < joint for joint, parent in enumerate(numbers))
    return Tree(numbers) if first else None


def _read(archive: Path, key: str) -> np.ndarray:
    try:
        return load_plain_npz(archive, (key,))[key]
    except InputError as error:
        raise DataError(str(error)) from error


@lru_cache(maxsize=4)
def _level_neck(archive: Path, joint_map: tuple[tuple[str, str], ...]) -> float | None:
    """Radians by which the neck leans forward from the trunk, in the median of all clips."""
    angles = []
    for clip in npz_keys(archive):
        if clip not in _OTHERS:
            joints = dict(_figure(archive, clip, 1.0, dict(joint_map)).joints)
            skull = joints.pop("skull")
            forward, up, _ = neck_in_chest(with_trunk(joints), skull)
            angles.append(np.arctan2(forward, up))
    every = np.concatenate(angles)
    return float(np.nanmedian(every)) if np.isfinite(every).any() else None
