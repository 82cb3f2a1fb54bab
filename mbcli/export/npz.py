"""pose.npz, format "mbcli.motion/1": everything that is known about a motion, for numpy.

An ordinary ``numpy.savez_compressed`` archive that loads with ``allow_pickle=False``. T frames of
video time, P people, 17 joints; metres in camera axes (x right, y down, z away), pixels for 2D.

    format               ()            "mbcli.motion/1"
    positions            (T,P,17,3) f4 metres, pelvis at 0; NaN where the person is absent
    root                 (T,P,3) f4    pelvis in the camera's frame, metres
    positions_normalized (T,P,17,3) f4 the network's own output, image units
    confidence           (T,P,17) f4   0..1
    keypoints_2d         (T,P,17,3) f4 x, y in pixels and confidence: what was lifted
    boxes                (T,P,4) f4    x1 y1 x2 y2 in pixels, NaN where absent
    track_ids            (P,) i8       one identity a column
    frame_index          (T,) i8       frame numbers in the source
    timestamps           (T,) f8       seconds
    fps                  () f8         mean rate
    image_size           (2,) i8       width, height in pixels
    joint_names          (17,) U       Human3.6M order
    parents              (17,) i8      -1 for the root
    meta                 () U          JSON: version, command, options, weights, assumptions
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.errors import InputError
from mbcli.output import written_whole
from mbcli.skeleton import H36M17
from mbcli.types import Keypoints2D, Motion3D

FORMAT = "mbcli.motion/1"


def save_motion(path: Path | str, motion: Motion3D, overwrite: bool = False) -> None:
    """Write ``motion`` to ``path``; a reader finds all of it or nothing.

    Args:
        path: the file to write, usually ``pose.npz``.
        motion: what to write; ``motion.meta`` must be JSON-ready.
        overwrite: replace an existing file.

    Raises:
        OutputError: the file exists and ``overwrite`` is off, or it cannot be written.
    """
    arrays = _arrays(motion)
    with (
        written_whole(Path(path), overwrite=overwrite) as temporary,
        temporary.open("xb") as stream,
    ):
        np.savez_compressed(stream, **arrays)


def load_motion(path: Path | str) -> Motion3D:
    """Read a motion written by :func:`save_motion`. Never runs code from the file.

    Raises:
        InputError: no such file, not a pose.npz, another version of the format, an array that is
            missing or does not fit the others.
    """
    path = Path(path)
    arrays = _read(path)
    found = str(arrays["format"])
    if found != FORMAT:
        raise InputError(f'{path} must have format "{FORMAT}", got "{found}"')
    try:
        return _motion(arrays)
    except KeyError as error:
        raise InputError(f"{path} is not a complete {FORMAT}: {error} is missing") from error
    except (ValueError, TypeError, IndexError) as error:
        raise InputError(f"{path} does not fit together: {error}") from error


def _arrays(motion: Motion3D) -> dict[str, Any]:
    keypoints = motion.keypoints
    return {
        "format": np.array(FORMAT),
        "positions": motion.positions,
        "root": motion.root,
        "positions_normalized": motion.positions_normalized,
        "confidence": motion.confidence,
        "keypoints_2d": keypoints.data,
        "boxes": keypoints.boxes,
        "track_ids": keypoints.track_ids,
        "frame_index": keypoints.frame_index,
        "timestamps": keypoints.timestamps,
        "fps": np.array(keypoints.fps, dtype=np.float64),
        "image_size": np.array(keypoints.size, dtype=np.int64),
        "joint_names": np.array(motion.skeleton.joints),
        "parents": np.array(motion.skeleton.parents, dtype=np.int64),
        "meta": np.array(json.dumps(motion.meta, ensure_ascii=False)),
    }


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    if not path.is_file():
        raise InputError(f"{path} is not a file" if path.exists() else f"no such file: {path}")
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            if "format" not in archive.files:
                raise InputError(f'{path} is not a pose.npz: it has no "format"')
            return {key: archive[key] for key in archive.files}
    # What numpy raises for anything from an empty file to a pickle that it refuses to run.
    except (
        AttributeError,
        EOFError,
        OSError,
        TypeError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} is not a readable pose.npz: {reason}") from error


def _motion(arrays: Mapping[str, npt.NDArray[Any]]) -> Motion3D:
    joints = tuple(arrays["joint_names"].tolist())
    if joints != H36M17.joints or tuple(arrays["parents"].tolist()) != H36M17.parents:
        raise ValueError(f"joints must be {', '.join(H36M17.joints)}, got {', '.join(joints)}")
    width, height = arrays["image_size"].tolist()
    keypoints = Keypoints2D(
        data=arrays["keypoints_2d"],
        skeleton=H36M17,
        fps=float(arrays["fps"]),
        timestamps=arrays["timestamps"],
        size=(int(width), int(height)),
        track_ids=arrays["track_ids"],
        boxes=arrays["boxes"],
        frame_index=arrays["frame_index"],
    )
    return Motion3D(
        positions=arrays["positions"],
        root=arrays["root"],
        positions_normalized=arrays["positions_normalized"],
        confidence=arrays["confidence"],
        keypoints=keypoints,
        meta=json.loads(str(arrays["meta"])),
    )
