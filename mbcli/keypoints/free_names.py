"""Last step of formats in which users name the joints themselves."""

from __future__ import annotations

from typing import Any

from mbcli.keypoints.gather import gathered
from mbcli.keypoints.joint_names import match_joints, skeleton_of
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.types import FloatArray, IntArray


def with_our_names(
    source: Source,
    format: str,
    names: list[str],
    frames: list[int] | IntArray,
    points: FloatArray,
    **metadata: Any,
) -> KeypointFile:
    """Rename the joints to ours, and gather the poses.

    Args:
        source: the file, and the user's joint map.
        format: its key in `mbcli.keypoints.FORMATS`.
        names: N joint names of the file.
        frames: (R,) frame of each row.
        points: (R, N, 3) x, y and confidence; NaN means missing.
        metadata: further arguments of `gathered`.

    Raises:
        InputError: joints cannot be matched, or `gathered` refuses the content.
    """
    matched, notes = match_joints(names, source.joint_map, str(source.path))
    skeleton = skeleton_of(matched.values(), format)
    ours = points[:, [names.index(name) for name in matched]]
    notes += tuple(metadata.pop("notes", ()))
    return gathered(source.path, format, skeleton, frames, ours, notes=notes, **metadata)
