"""Reader of joint arrays: positions of named joints over time, any number of clips per ``.npz``.

==========  ===========  =====================================================================
joints      (J,) text    names of the joints, as in one of the skeletons of `body_maps`; a common
                         prefix up to ``_`` or ``:`` is ignored
fps         number       frames per second; if missing, it must be given as an option
parents     (J,)         not used
any other   (F, J, 3)    a clip of that name: metres unless a scale is given, y up, right-handed
==========  ===========  =====================================================================

Joint positions do not determine the orientation of the head. It is assumed to face like the chest,
and to nod and lean with the line from the shoulders to the head; it is level on an upright trunk if
that line is as in the median of all clips in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from mbcli.data.recordings.body import put_head, with_trunk
from mbcli.data.recordings.body_maps import body_map
from mbcli.data.recordings.importing import ImportReport, Take, import_bodies
from mbcli.data.recordings.naming import files_in
from mbcli.data.recordings.proportions import with_human_lengths
from mbcli.data.recordings.reading import ImportOptions
from mbcli.errors import DataError, InputError
from mbcli.geometry import unit
from mbcli.skeleton import BODY21
from mbcli.storage.plainpickle import load_plain_npz, npz_keys
from mbcli.types import FloatArray

_OTHERS = ("joints", "fps", "parents")  # arrays of a file that are not clips


def import_joint_arrays(
    source: Path,
    out: Path,
    *,
    scale: float | None = None,
    fps: float | None = None,
    max_fps: float = 60.0,
    human_lengths: bool = False,
    subject: str | None = None,
    prefix: str = "",
    licence: str = "",
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
    overwrite: bool = False,
) -> ImportReport:
    """Read joint arrays into a new clip store.

    For `subject` and for the names of people and clips, a clip is treated as a file in a folder
    named like the archive, without its suffix.

    Args:
        source: an ``.npz`` file, or a folder that is searched recursively.
        out: the store to create.
        scale: metres per unit; 1 if None.
        fps: frames per second, instead of the files' own.
        max_fps: faster clips keep every n-th frame so as not to exceed it.
        human_lengths: keep the directions of the bones and give them the lengths of people.
        subject: regular expression or None, see `import_folder`.
        prefix: put before the subject's name.
        licence: terms of use, recorded with every clip.
        jobs: number of parallel reader processes.
        progress: called with the number of clips done and their total.
        overwrite: whether a store at ``out`` may be replaced.

    Raises:
        ConfigError: an option breaks its rule.
        DataError: there is no such file, one violates the format, or all clips were refused.
        OutputError: ``out`` exists or cannot be written.
    """
    options = ImportOptions(scale, fps, max_fps)
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
        partial(_read_clip, archives=clips, options=options, human=human_lengths),
        list(clips),
        source,
        out,
        max_fps=max_fps,
        subject=subject,
        prefix=prefix,
        licence=licence,
        jobs=jobs,
        progress=progress,
        overwrite=overwrite,
    )


def _read_clip(
    clip: Path, *, archives: Mapping[Path, Path], options: ImportOptions, human: bool
) -> Take:
    archive = archives[clip]
    fps = options.fps or _rate(archive)
    limbs, skull = _places(archive, clip.stem, options.scale or 1.0)
    body = with_trunk(limbs)
    level = _level_neck(archive)
    if human:
        body, skull = with_human_lengths(body, skull)
    put_head(body, skull, _head_turns(body, skull, level), np.eye(3))
    return Take(body.astype(np.float32), fps)


@lru_cache(maxsize=4)
def _names(archive: Path) -> tuple[str, ...]:
    joints = _read(archive, "joints")
    if joints.dtype.kind != "U" or joints.ndim != 1:
        raise DataError(f"{archive}: joints must be names, got {joints.dtype} {joints.shape}")
    names = [str(name) for name in joints]
    beginning = names[0][: 1 + max(names[0].rfind(sign) for sign in "_:")]
    shared = all(name.startswith(beginning) for name in names)
    return tuple(name.removeprefix(beginning) if shared else name for name in names)


def _rate(archive: Path) -> float:
    if "fps" not in npz_keys(archive):
        raise DataError(f"{archive}: must hold fps, frames per second; or give it with --fps")
    fps = _read(archive, "fps")
    if fps.dtype.kind not in "iuf" or fps.size != 1 or not 0 < fps.item() < np.inf:
        raise DataError(f"{archive}: fps must be a positive number, got {fps!r:.40}")
    return float(fps.item())


def _places(archive: Path, clip: str, scale: float) -> tuple[dict[str, FloatArray], FloatArray]:
    """Our joints to (F, 3) metres, and the joint that rotates with the head."""
    names = _names(archive)
    rows = _read(archive, clip)
    wanted = (len(names), 3)
    if rows.dtype.kind != "f" or rows.ndim != 3 or rows.shape[1:] != wanted or not len(rows):
        raise DataError(
            f"{archive}: {clip} must be (F, {len(names)}, 3) numbers, got {rows.dtype} {rows.shape}"
        )
    try:
        chosen = body_map(names)
    except DataError as error:
        raise DataError(f"{archive}: {error}") from error

    def at(name: str) -> FloatArray:
        place: FloatArray = scale * rows[:, names.index(name)].astype(np.float64)
        return place

    return {ours: at(its) for ours, its in chosen.joints.items()}, at(chosen.skull)


def _read(archive: Path, key: str) -> np.ndarray:
    try:
        return load_plain_npz(archive, (key,))[key]
    except InputError as error:
        raise DataError(str(error)) from error


@lru_cache(maxsize=4)
def _level_neck(archive: Path) -> float:
    """Radians by which the neck leans forward from the trunk, in the median of all clips."""
    angles = []
    for clip in npz_keys(archive):
        if clip not in _OTHERS:
            limbs, skull = _places(archive, clip, 1.0)
            forward, up, _ = _neck_in_chest(with_trunk(limbs), skull)
            angles.append(np.arctan2(forward, up))
    return float(np.median(np.concatenate(angles)))


def _chest(body: FloatArray) -> FloatArray:
    """(F, 3, 3) columns forward, up and left of the chest."""
    left, right, thorax, pelvis = (
        body[:, BODY21.index(name)]
        for name in ("left_shoulder", "right_shoulder", "thorax", "pelvis")
    )
    up = unit(thorax - pelvis)
    across = unit(left - right)
    forward = unit(np.cross(across, up))
    return np.stack([forward, up, np.cross(forward, up) * -1], axis=-1)


def _neck_in_chest(body: FloatArray, skull: FloatArray) -> tuple[FloatArray, ...]:
    """The direction from the thorax to the skull, (F,) forward, up and to the left each."""
    along = unit(skull - body[:, BODY21.index("thorax")])  # (F, 3)
    return tuple(np.einsum("fi,fij->jf", along, _chest(body)))


def _head_turns(body: FloatArray, skull: FloatArray, level: float) -> FloatArray:
    """(F, 3, 3) columns forward, up and left of the head."""
    forward, up, left = _neck_in_chest(body, skull)
    nod = np.arctan2(forward, up) - level
    lean = np.arcsin(np.clip(left, -1, 1))
    zero, one = np.zeros_like(nod), np.ones_like(nod)
    c, s = np.cos(nod), np.sin(nod)
    nodding = np.array([[c, s, zero], [-s, c, zero], [zero, zero, one]]).transpose(2, 0, 1)
    c, s = np.cos(lean), np.sin(lean)
    leaning = np.array([[one, zero, zero], [zero, c, -s], [zero, s, c]]).transpose(2, 0, 1)
    turned: FloatArray = _chest(body) @ nodding @ leaning
    return turned
