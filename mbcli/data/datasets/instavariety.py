"""InstaVariety as MotionBERT prepares it: ``motion_all.npy`` and ``id_all.npy`` in a folder.

``motion_all`` is (N, 17, 3), the frames of all tracks concatenated: x, y and OpenPose's confidence
for the joints of ``H36M17``; ``id_all`` (N,) holds track numbers as floats. Each track has been
scaled by the published ``crop_scale``, so that its longer side spans -1..1, and then moved so that
the pelvis of its first frame is at 0. Keypoints that OpenPose did not detect, and spine and head,
which it does not predict, are (0, 0, 0).

The store holds pixels, but the pixel coordinates of this data set are lost. The numbers become
pixels of a notional picture of 1000 x 1000, with 0 in its middle and -1 and 1 at its edges. The
published normalization (pixels divided by half the width, minus one) then reproduces the numbers in
the file exactly. Parts of a body may lie outside the picture. The files do not state the frame rate
of the videos.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.data.datasets.foreign import map_npy
from mbcli.data.datasets.runs import SHORTEST, equal_runs
from mbcli.data.datasets.sequence_import import Found, Refused, SequenceImport
from mbcli.errors import ConfigError, DataError
from mbcli.skeleton import H36M17

FPS = 30.0  # the most common rate: the files state none
SIZE = (1000, 1000)  # see above

_FILES = ("motion_all.npy", "id_all.npy")
_REACH = 4.0  # a track of width 2 that starts at its edge stays within 2; more means another unit


def read_instavariety(source: Path, *, fps: float | None = None) -> SequenceImport:
    """Read the two arrays; every track becomes a sequence. The arrays are memory-mapped.

    Args:
        source: the folder.
        fps: frames per second of the videos, 30 if not given.

    Raises:
        DataError: a file is missing, damaged or in another format.
        ConfigError: ``fps`` is not positive.
    """
    rate = FPS if fps is None else fps
    if not (np.isfinite(rate) and rate > 0):
        raise ConfigError(f"fps must be a positive number, got {fps}")
    motions, ids = (map_npy(source / name) for name in _FILES)
    if motions.ndim != 3 or motions.shape[1:] != (len(H36M17), 3):
        raise DataError(f"{source / _FILES[0]} must be (N, 17, 3), got {motions.shape}")
    if ids.shape != (len(motions),):
        raise DataError(f"{source / _FILES[1]} must be ({len(motions)},), got {ids.shape}")
    runs = equal_runs(np.asarray(ids))
    return SequenceImport(_sequences(motions, ids, runs, rate), len(runs))


def _sequences(
    motions: npt.NDArray[Any],
    ids: npt.NDArray[Any],
    runs: list[tuple[int, int]],
    fps: float,
) -> Iterator[Found | Refused]:
    for start, end in runs:
        track = f"{ids[start]:g}"
        place = f"{_FILES[0]}: track {track}, rows {start}..{end - 1}"
        motion = np.array(motions[start:end], dtype=np.float64)
        if not np.isfinite(motion).all():
            yield Refused(place, "must hold finite numbers")
        elif np.abs(motion[..., :2]).max() > _REACH:
            reach = np.abs(motion[..., :2]).max()
            yield Refused(place, f"must be scaled to a width of 2, got coordinates up to {reach:g}")
        elif end - start < SHORTEST * fps:
            yield Refused(place, f"{end - start} frames are less than {SHORTEST} s")
        else:
            seen = motion[..., 2:] > 0
            pixels = (motion[..., :2] + 1) * (SIZE[0] / 2)
            # OpenPose's confidence may slightly exceed 1.
            score = np.where(seen, motion[..., 2:].clip(0, 1), 0)
            yield Found(
                name=f"{track}/{start}",
                source=place,
                keypoints=np.concatenate([np.where(seen, pixels, np.nan), score], axis=-1),
                metadata={"subject": track, "fps": fps, "size": SIZE, "split": "train"},
            )
