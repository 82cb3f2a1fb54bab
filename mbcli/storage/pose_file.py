"""pose.npz, format "mbcli.motion/2", as named arrays; `mbcli.motion` gives them their meaning.

An ordinary ``numpy.savez_compressed`` archive that loads with ``allow_pickle=False``. T frames of
video time, P people, J joints; metres in camera axes (x right, y down, z away), pixels for 2D.

    format               ()            "mbcli.motion/2"
    positions            (T,P,J,3) f4 metres, pelvis at 0; NaN where the person is absent
    root                 (T,P,3) f4    pelvis in the camera's frame, metres
    positions_normalized (T,P,J,3) f4 the network's own output, image units
    confidence           (T,P,J) f4   0..1
    expected_error       (T,P,J) f4   metres: expected mean distance from the true position,
                                       relative to the pelvis and at the given height; 0 at the
                                       pelvis, NaN where unknown (absent, or filled by refinement);
                                       only with calibrated weights
    orientations         (T,P,3,4) f4 how head, left and right hand are turned: rotation vector in
                                       camera axes, radians, from a T-pose that faces the camera,
                                       palms down, and confidence; NaN and 0 where unknown; only
                                       if keypoints tell
    keypoints_2d         (T,P,J,3) f4 x, y in pixels and confidence: what was lifted
    boxes                (T,P,4) f4    x1 y1 x2 y2 in pixels, NaN where absent
    track_ids            (P,) i8       identity of each column
    frame_index          (T,) i8       frame numbers in the source
    timestamps           (T,) f8       seconds
    cuts                 (C,) i8       frame numbers in the source at which a new shot begins;
                                       only if there are any
    fps                  () f8         mean rate
    image_size           (2,) i8       width, height in pixels
    skeleton             () U          its name, such as h36m17
    joint_names          (J,) U        those of Human3.6M, and possibly more
    parents              (J,) i8       -1 for the root
    camera_matrix        (3,3) f8      pixels: [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]
    distortion           (5,) f8       OpenCV's k1 k2 p1 p2 k3, of a fisheye k1 k2 k3 k4 and 0; 0
                                       without distortion
    lens_model           () U          perspective or fisheye; only if fisheye
    zooms                (T,) f8       focal length relative to camera_matrix; only if it changes
    camera_given         (3,) ?        focal length, principal point, distortion: given by the
                                       user, or else assumed
    world_from_camera    (T,4,4) f8    rigid transform of each frame from camera to world axes
    camera_motion        () U          still, turning, moving or unknown
    grounded             () ?          whether the world's y is along gravity and its floor is
                                       y = 0; else its axes are those of the first frame's camera
    meta                 () U          JSON: version, command, options, weights; assumptions, for
                                       human readers: those used by programs are arrays

A refined motion holds the refined numbers under the names above, and in addition

    raw_positions        (T,P,J,3) f4 positions before refinement
    raw_root             (T,P,3) f4    root before refinement
    raw_confidence       (T,P,J) f4   confidence before refinement
    raw_expected_error   (T,P,J) f4   expected error before refinement; only if there is one
    raw_world_from_camera, raw_camera_motion, raw_grounded
                                       the camera before refinement; only where refinement
                                       grounded it
    foot_contacts        (T,P,2) ?     right, left foot on the floor; only if estimated

If the arrays with T and P would take more than 1 GB together, the file is long, with one row a
person and frame in their place; see `mbcli.storage.layout`.

Version 1 ("mbcli.motion/1") is also read. Its skeleton is always h36m17, without an array for its
name. It has no camera arrays except, in some files, a world_from_camera (4,4), which
`mbcli.storage.camera_arrays` converts to a camera.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.bounds import FILED_RATE
from mbcli.errors import InputError
from mbcli.skeleton import H36M17, Skeleton, skeleton_of
from mbcli.spans import PerPerson
from mbcli.storage.arrays import opened_npz
from mbcli.storage.layout import people_of, write_npz
from mbcli.types import NO_CUTS, Keypoints2D
from mbcli.values import build

FORMAT = "mbcli.motion/2"
READABLE = (FORMAT, "mbcli.motion/1")

# The arrays of people, and the value of an absent person.
OF_PEOPLE: Mapping[str, npt.ArrayLike] = {
    **dict.fromkeys(
        ("positions", "root", "positions_normalized", "expected_error", "boxes"), np.nan
    ),
    "confidence": 0.0,
    "keypoints_2d": (np.nan, np.nan, 0.0),
    "orientations": (np.nan, np.nan, np.nan, 0.0),
    **dict.fromkeys(("raw_positions", "raw_root", "raw_expected_error"), np.nan),
    "raw_confidence": 0.0,
    "foot_contacts": False,
}


def body_of(arrays: Mapping[str, npt.NDArray[Any]]) -> Skeleton:
    """The skeleton of a file of either version.

    Raises:
        KeyError: an array is missing.
        ValueError: the arrays do not describe a skeleton, or not the named one.
    """
    of_version_two = str(arrays["format"]) == FORMAT
    name = str(arrays["skeleton"]) if of_version_two else H36M17.name
    return skeleton_of(name, arrays["joint_names"].tolist(), arrays["parents"].tolist())


def keypoints_of(
    arrays: Mapping[str, npt.NDArray[Any]],
    people: Mapping[str, npt.NDArray[Any] | PerPerson],
    skeleton: Skeleton | None = None,
) -> Keypoints2D:
    """The 2D keypoints of a file of either version.

    Args:
        arrays: the arrays of the file.
        people: ``keypoints_2d`` and ``boxes``, as values of people.
        skeleton: that of the keypoints; None takes it from the arrays.

    Raises:
        KeyError: an array is missing.
        ValueError: the arrays do not fit together.
    """
    width, height = arrays["image_size"].tolist()
    fps = float(arrays["fps"])
    if not FILED_RATE[0] <= fps <= FILED_RATE[1]:
        least, most = FILED_RATE
        raise ValueError(f"fps must be {least:g}..{most:g} frames/s, got {fps:g}")
    return build(
        Keypoints2D,
        data=people["keypoints_2d"],
        skeleton=body_of(arrays) if skeleton is None else skeleton,
        fps=fps,
        timestamps=arrays["timestamps"],
        cuts=arrays.get("cuts", NO_CUTS),
        size=(int(width), int(height)),
        track_ids=arrays["track_ids"],
        boxes=people["boxes"],
        frame_index=arrays["frame_index"],
    )


def write_arrays(
    path: Path, arrays: Mapping[str, npt.NDArray[Any] | PerPerson], *, overwrite: bool
) -> None:
    """Write arrays of the format to ``path`` atomically.

    Raises:
        OutputError: the file exists and ``overwrite`` is off, or it cannot be written.
    """
    write_npz(path, {"format": np.array(FORMAT), **arrays}, overwrite=overwrite)


def read_arrays(
    path: Path,
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, npt.NDArray[Any] | PerPerson]]:
    """Read all arrays of a file of either version. Never runs code from the file.

    Returns:
        The arrays, and those of `OF_PEOPLE` as values of people; an array that is no such thing
        stays as it is.

    Raises:
        InputError: no such file, not a pose.npz, or an unknown version of the format.
    """
    with opened_npz(path, "a readable pose.npz") as archive:
        if "format" not in archive.names:
            raise InputError(f'{path} is not a pose.npz: it has no "format"')
        arrays = {name: archive.array(name) for name in archive.names if name not in OF_PEOPLE}
        found = str(arrays["format"])
        if found not in READABLE:
            raise InputError(f"{path} must have format {' or '.join(READABLE)}, got {found}")
        return arrays, people_of(archive, arrays, OF_PEOPLE)
