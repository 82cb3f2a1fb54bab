"""Reader of MPI-INF-3DHP (Mehta et al. 2017): 8 people in a studio to train, 6 people to test.

Training set, ``S<1..8>/Seq<1,2>/annot.mat``, MATLAB 5, cells with one entry for each of 14 cameras:

===========  ===================  ============================================================
annot2       14 of (F, 56)        x, y in pixels of 28 joints
annot3       14 of (F, 84)        x, y, z, millimetres in the camera's frame; its projection is
                                  annot2
univ_annot3  14 of (F, 84)        annot3 scaled to the size of a universal person; the ground
                                  truth of the published protocols
cameras      14 numbers           camera index of each entry, from 0
===========  ===================  ============================================================

``camera.calibration`` beside it is a text file. For each camera it has the lines ``name``,
``sensor``, ``size`` (width and height), ``animated``, ``intrinsic`` and ``extrinsic`` (4 x 4 in row
order) and ``radial``. The frame rates and lengths of the videos, as stated by the data set's tools,
are in `FILMS`; rows beyond the length have no picture.

Test set, ``TS<1..6>/annot_data.mat``, MATLAB 7.3: ``annot2`` (F, 1, 17, 2), ``annot3`` and
``univ_annot3`` (F, 1, 17, 3) in the order of `TEST17`, ``valid_frame`` and
``activity_annotation`` (F, 1).

The data set has all 17 joints: its neck is our thorax, its head our nose. In the store, ``truth``
is univ_annot3 unless requested otherwise. ``target`` has annot2 and the depth of annot3 at the
scale of the pelvis; ``factor`` converts it to ``truth``. Invalid frames of the test set are NaN.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mbcli.data.datasets.joints import keypoints_in_h36m, positions_in_h36m
from mbcli.data.datasets.mat import read_mat5, read_mat73
from mbcli.data.datasets.pinhole import RoomCamera, lifting_target
from mbcli.data.datasets.sequence_import import Found, Refused, SequenceImport
from mbcli.errors import ConfigError, DataError
from mbcli.skeleton import H36M17, Skeleton
from mbcli.types import FloatArray

CAMERAS = (0, 1, 2, 4, 5, 6, 7, 8)
"""The cameras at chest height and above, which the published protocols train on."""

FILMS: dict[tuple[int, int], tuple[int, float]] = {
    (1, 1): (6416, 25.0),
    (1, 2): (12430, 50.0),
    (2, 1): (6502, 25.0),
    (2, 2): (6081, 25.0),
    (3, 1): (12488, 50.0),
    (3, 2): (12283, 50.0),
    (4, 1): (6171, 25.0),
    (4, 2): (6675, 25.0),
    (5, 1): (12820, 50.0),
    (5, 2): (12312, 50.0),
    (6, 1): (6188, 25.0),
    (6, 2): (6145, 25.0),
    (7, 1): (6239, 25.0),
    (7, 2): (6320, 25.0),
    (8, 1): (6468, 25.0),
    (8, 2): (6054, 25.0),
}
"""Subject and sequence to the number of pictures and the frame rate."""

# The data set's `head` is the upper end of the neck, a third of the way up to `head_top`.
# Conversions to Human3.6M (Kolotouros et al. 2019) use it as the joint that is the nose here.
JOINTS28 = Skeleton(
    name="mpi_inf_3dhp28",
    joints=(
        "spine3",
        "spine4",
        "spine2",
        "spine",
        "pelvis",
        "thorax",
        "nose",
        "head",
        "left_clavicle",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
        "left_hand",
        "right_clavicle",
        "right_shoulder",
        "right_elbow",
        "right_wrist",
        "right_hand",
        "left_hip",
        "left_knee",
        "left_ankle",
        "left_foot",
        "left_toe",
        "right_hip",
        "right_knee",
        "right_ankle",
        "right_foot",
        "right_toe",
    ),
    parents=(
        *(2, 0, 3, 4, -1, 1, 5, 6, 5, 8, 9, 10, 11, 5),
        *(13, 14, 15, 16, 4, 18, 19, 20, 21, 4, 23, 24, 25, 26),
    ),
)

TEST17 = Skeleton(
    name="mpi_inf_3dhp17",
    joints=(
        "head",
        "thorax",
        "right_shoulder",
        "right_elbow",
        "right_wrist",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
        "right_hip",
        "right_knee",
        "right_ankle",
        "left_hip",
        "left_knee",
        "left_ankle",
        "pelvis",
        "spine",
        "nose",
    ),
    parents=(16, 15, 1, 2, 3, 1, 5, 6, 14, 8, 9, 14, 11, 12, -1, 14, 1),
)

_SIZE = (2048, 2048)  # of the training pictures
_TEST_SIZES = {5: (1920, 1080), 6: (1920, 1080)}
_TEST_FPS = 25.0  # of the test films
_THIGH = (200.0, 700.0)  # millimetres; a length outside it means another unit
_TRAIN_FILE = re.compile(r"S(\d)/Seq(\d)/annot\.mat$")
_TEST_FILE = re.compile(r"TS(\d)/annot_data\.mat$")

Poses = Literal["universal", "metric"]


def read_mpi_inf_3dhp(
    source: Path, *, poses: Poses = "universal", views: tuple[int, ...] = CAMERAS
) -> SequenceImport:
    """Read the training and test sets under a folder; each camera's view becomes a sequence.

    Args:
        source: the folder that contains ``S1/Seq1/annot.mat`` and the like,
            ``TS1/annot_data.mat``, or both.
        poses: source of ``truth``: ``universal`` for univ_annot3, ``metric`` for annot3.
        views: cameras of the training set.

    Raises:
        ConfigError: an option breaks its rule, or an optional package is missing.
        DataError: there is no such file.
    """
    if poses not in ("universal", "metric"):
        raise ConfigError(f"poses must be universal or metric, got {poses}")
    if not views or not set(views) <= set(range(14)):
        raise ConfigError(f"views must be cameras of 0..13, got {views}")
    files = sorted(p for p in source.rglob("*.mat") if _kind(p) is not None)
    if not files:
        raise DataError(
            f"{source}: must hold S1/Seq1/annot.mat and the like, or TS1/annot_data.mat, got none"
        )
    train = sum(path.name == "annot.mat" for path in files)
    total = train * len(views) + len(files) - train
    return SequenceImport(_items(source, files, poses, views), total, ("target", "truth", "factor"))


def _kind(path: Path) -> tuple[str, int, int] | None:
    """The set, subject and sequence that a file belongs to."""
    if found := _TRAIN_FILE.search(path.as_posix()):
        return "train", int(found[1]), int(found[2])
    if found := _TEST_FILE.search(path.as_posix()):
        return "test", int(found[1]), 0
    return None


def _items(
    source: Path, files: list[Path], poses: Poses, views: tuple[int, ...]
) -> Iterator[Found | Refused]:
    for path in files:
        place = path.relative_to(source).as_posix()
        part, subject, sequence = _kind(path) or ("", 0, 0)
        try:
            if part == "test":
                yield _test(path, place, subject, poses)
            else:
                yield from _train(path, place, (subject, sequence), poses, views)
        except DataError as error:
            yield Refused(place, str(error))


def _train(
    path: Path, place: str, film: tuple[int, int], poses: Poses, views: tuple[int, ...]
) -> Iterator[Found | Refused]:
    data = read_mat5(path, ("annot2", "annot3", "univ_annot3", "cameras"))
    sizes = _sizes(path.with_name("camera.calibration"))
    known = [int(number) for number in np.ravel(data["cameras"])]
    frames, fps = FILMS.get(film, (None, 25.0))
    for view in views:
        where = f"{place}: camera {view}"
        try:
            if view not in known:
                raise DataError(f"the cameras are {', '.join(map(str, known))}, got no {view}")
            row = known.index(view)
            pixels, metric, universal = (
                _cell(data[key], key, row, width)[:frames]
                for key, width in (("annot2", 2), ("annot3", 3), ("univ_annot3", 3))
            )
            yield _sequence(
                f"S{film[0]}_Seq{film[1]}_{view}",
                where,
                (pixels, metric, universal if poses == "universal" else metric),
                JOINTS28,
                np.ones(len(pixels), dtype=bool),
                {
                    "subject": f"S{film[0]}",
                    "fps": fps,
                    "size": sizes.get(view, _SIZE),
                    "action": f"Seq{film[1]}",
                    "camera": str(view),
                    "split": "train",
                },
            )
        except DataError as error:
            yield Refused(where, str(error))


def _test(path: Path, place: str, subject: int, poses: Poses) -> Found:
    data = read_mat73(path, ("annot2", "annot3", "univ_annot3", "valid_frame"))
    poses_by_key = []
    for key, width in (("annot2", 2), ("annot3", 3), ("univ_annot3", 3)):
        array = np.asarray(data[key], np.float64)
        if array.ndim != 4 or array.shape[1:] != (1, len(TEST17), width):
            raise DataError(f"{key} must be (F, 1, {len(TEST17)}, {width}), got {array.shape}")
        poses_by_key.append(array[:, 0])
    pixels, metric, universal = poses_by_key
    valid = np.ravel(data["valid_frame"]) != 0
    return _sequence(
        f"TS{subject}",
        place,
        (pixels, metric, universal if poses == "universal" else metric),
        TEST17,
        valid,
        {
            "subject": f"TS{subject}",
            "fps": _TEST_FPS,
            "size": _TEST_SIZES.get(subject, _SIZE),
            "split": "test",
        },
    )


def _sequence(
    name: str,
    place: str,
    annotation: tuple[FloatArray, FloatArray, FloatArray],
    skeleton: Skeleton,
    valid: npt.NDArray[np.bool_],
    metadata: dict[str, Any],
) -> Found:
    pixels, metric, truth = annotation
    if not len(pixels) == len(metric) == len(truth) == len(valid):
        raise DataError(
            f"2D and 3D poses must have equally many frames, got {len(pixels)}, {len(metric)}, "
            f"{len(truth)} and {len(valid)}"
        )
    if not all(np.isfinite(array).all() for array in annotation):
        raise DataError("all poses must be finite numbers")
    keypoints = keypoints_in_h36m(pixels, skeleton)
    seen, wanted = positions_in_h36m(metric, skeleton), positions_in_h36m(truth, skeleton)
    for array in (seen, wanted):
        _check_millimetres(array[valid])
        array[~valid] = np.nan
    keypoints[~valid] = np.nan, np.nan, 0.0
    unknown = np.full(2, np.nan)
    camera = RoomCamera(
        metadata.get("camera", name), np.eye(3), np.zeros(3), unknown, unknown, (0, 0)
    )
    camera = camera.fitted(seen.reshape(-1, 3), keypoints[..., :2].reshape(-1, 2))
    target, factor = lifting_target(camera, seen)
    target[..., :2] = keypoints[..., :2]
    # Another body size scales the pose as a whole.
    size = _extent(wanted) / _extent(seen)
    lost = int((~valid).sum())
    note = f"{lost} of {len(valid)} frames are not valid" if lost else ""
    arrays = {"target": target, "truth": wanted, "factor": factor * size}
    return Found(name, place, keypoints, metadata, arrays, note)


def _extent(poses: FloatArray) -> float:
    """Root mean square distance of the joints from the pelvis over all frames."""
    return float(np.sqrt(np.nanmean((poses - poses[:, :1]) ** 2)))


def _check_millimetres(poses: FloatArray) -> None:
    if not len(poses):
        raise DataError("at least one frame must be valid, got none")
    hip, knee = (poses[:, H36M17.index(f"left_{name}")] for name in ("hip", "knee"))
    thigh = float(np.median(np.linalg.norm(knee - hip, axis=-1)))
    if not _THIGH[0] <= thigh <= _THIGH[1]:
        raise DataError(f"3D poses must be in millimetres, got a thigh of {thigh:.4g}")


def _cell(cells: Any, key: str, row: int, width: int) -> FloatArray:
    """(F, 28, width) keypoints of one camera."""
    entries = np.ravel(cells)
    try:
        array = np.asarray(entries[row], np.float64)
    except (IndexError, TypeError, ValueError) as error:
        raise DataError(f"{key} must be a cell with one array per camera, got {error}") from error
    if array.ndim != 2 or array.shape[1] != len(JOINTS28) * width:
        raise DataError(f"{key} must be (F, {len(JOINTS28) * width}), got {array.shape}")
    return array.reshape(len(array), len(JOINTS28), width)


def _sizes(path: Path) -> dict[int, tuple[int, int]]:
    """Width and height of each camera's pictures, if there is a calibration file."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror}") from error
    sizes: dict[int, tuple[int, int]] = {}
    camera = -1
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if words[:1] not in (["name"], ["size"]):
            continue
        try:
            if words[0] == "name":
                camera = int(words[1])
            else:
                sizes[camera] = int(words[1]), int(words[2])
        except (IndexError, ValueError) as error:
            raise DataError(
                f"{path.name}, line {number}: {words[0]} needs whole numbers, got {line!r:.60}"
            ) from error
    return sizes
