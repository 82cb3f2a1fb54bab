"""The common end of formats whose joints have the names of the user's own project."""

from __future__ import annotations

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.joint_names import match_joints, skeleton_of
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.types import FloatArray, IntArray


def with_our_names(
    source: Source,
    format: str,
    names: list[str],
    points: FloatArray,
    frame_index: IntArray,
    ids: IntArray | None,
    *,
    frames: int,
) -> KeypointFile:
    """Give the joints our names, the confidences their range, and drop the empty poses.

    Args:
        source: the file, and the user's joint map.
        format: its key in `mbcli.keypoints.FORMATS`.
        names: N joint names of the file.
        points: (R, N, 3) x, y in pixels and confidence; NaN is missing. A point that is there but
            has no confidence takes 1.
        frame_index: (R,) frame of each row.
        ids: (R,) identity of each row, if there are any.
        frames: frames that the file tells of, those without people included.

    Raises:
        InputError: joints that cannot be matched, infinite numbers, or what `KeypointFile` refuses.
    """
    path = source.path
    matched, notes = match_joints(names, source.joint_map, str(path))
    if np.isinf(points).any():
        where = int(frame_index[np.isinf(points).any((1, 2))][0])
        raise InputError(f"{path} must hold finite numbers, got an infinite one in frame {where}")
    skeleton = skeleton_of(matched.values(), format)
    ours = np.full((len(points), len(skeleton), 3), np.nan)
    ours[:, : len(matched)] = points[:, [names.index(name) for name in matched]]
    there = np.isfinite(ours[..., :2]).all(axis=-1)
    untold = int((there & np.isnan(ours[..., 2])).sum())
    if untold:
        notes += (f"no confidence for {untold} of {int(there.sum())} keypoints: they count fully",)
    confidence = np.where(there & np.isnan(ours[..., 2]), 1.0, ours[..., 2])[there]
    if confidence.size and (confidence.min() < 0 or confidence.max() > 1):
        notes += (
            f"confidences from {confidence.min():g} to {confidence.max():g} were cut to 0..1",
        )
    ours[~there] = np.nan, np.nan, 0
    ours[there, 2] = confidence.clip(0, 1)
    rows = there.any(axis=1)
    return KeypointFile(
        path=path,
        format=format,
        skeleton=skeleton,
        frame_index=np.asarray(frame_index, np.int64)[rows],
        keypoints=ours[rows],
        ids=None if ids is None else np.asarray(ids, np.int64)[rows],
        frames=frames,
        warnings=notes,
    )
