"""Some people of a motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mbcli.errors import ConfigError, InputError, NobodyFoundError
from mbcli.motion import Motion3D
from mbcli.types import FloatArray, IntArray


def chosen(motion: Motion3D, ids: Sequence[int] | None) -> Motion3D:
    """The motion with the people who are asked for, in that order.

    Args:
        motion: of everybody.
        ids: track ids; None is everybody who is there in some frame.

    Raises:
        ConfigError: an id that is not in the motion, or whose person is in no frame.
        NobodyFoundError: nobody is in any frame.
        InputError: the motion has no frames.
    """
    if not len(motion.timestamps):
        raise InputError("the motion holds no frames to export")
    joints = np.asarray(np.isfinite(motion.positions).all(axis=-1))  # (T, P, 17)
    seen = joints.any(axis=(0, 2))
    known = motion.track_ids.tolist()
    there = [known[column] for column in np.flatnonzero(seen).tolist()]
    if not there:
        raise NobodyFoundError("the motion holds nobody to export: no person is in any frame")
    if ids is None:
        ids = there
    for number in ids:
        if number not in there:
            raise ConfigError(
                f"--person must be all or of {', '.join(map(str, there))}, got {number}"
                + (", who is in no frame" if number in known else "")
            )
    return columns(motion, [known.index(number) for number in ids])


def columns(motion: Motion3D, people: Sequence[int]) -> Motion3D:
    """The motion with some of its columns, in the order given."""
    rows = np.array(people, dtype=np.int64)
    keypoints, refinement = motion.keypoints, motion.refinement
    if refinement is not None:
        contacts = refinement.foot_contacts
        refinement = replace(
            refinement,
            positions=refinement.positions[:, rows],
            root=refinement.root[:, rows],
            confidence=refinement.confidence[:, rows],
            foot_contacts=None if contacts is None else contacts[:, rows],
            expected_error=_some(refinement.expected_error, rows),
        )
    return replace(
        motion,
        positions=motion.positions[:, rows],
        root=motion.root[:, rows],
        positions_normalized=motion.positions_normalized[:, rows],
        confidence=motion.confidence[:, rows],
        keypoints=replace(
            keypoints,
            data=keypoints.data[:, rows],
            boxes=keypoints.boxes[:, rows],
            track_ids=keypoints.track_ids[rows],
        ),
        refinement=refinement,
        expected_error=_some(motion.expected_error, rows),
    )


def _some(values: FloatArray | None, rows: IntArray) -> FloatArray | None:
    return None if values is None else values[:, rows]
