"""Human3.6M as MotionBERT publishes it: ``h36m_sh_conf_cam_source_final.pkl``.

A pickle of two dicts, ``train`` (subjects 1, 5, 6, 7, 8) and ``test`` (9 and 11). Each holds arrays
with one row per frame; the frames of all videos are concatenated:

==================  ==========  =================================================================
joint_2d            (N, 17, 2)  pixels, detected by a stacked hourglass network
confidence          (N, 17, 1)  maximum of its heat map; also (N, 17), or absent, which means 1
joint3d_image       (N, 17, 3)  x, y in pixels; z in pixels at the pelvis' scale, relative to the
                                pelvis (Ci et al. 2019)
camera_name         (N,)        ``54138969`` and ``60457274`` with pictures of 1000 x 1002 pixels,
                                ``55011271`` and ``58860488`` of 1000 x 1000
source              (N,)        the video: ``s_01_act_02_cam_01`` in train, which joins the two
                                takes of an action, ``s_09_act_02_subact_01_ca_01`` in test
action              (N,)        test only: ``Directions`` ...
2.5d_factor         (N,)        test only: millimetres per pixel of joint3d_image
joints_2.5d_image   (N, 17, 3)  test only: joint3d_image times the factor, millimetres
==================  ==========  =================================================================

Joints are in the order of ``H36M17``, at 50 frames per second. The files with CPN detections
(``h36m_cpn_cam_source.pkl``) have the same format. Consecutive rows with equal ``source`` form a
sequence.

In the test split of the published file, camera names reportedly do not always match their videos.
Where the name changes within a video, the camera number at the end of ``source`` decides: 1 to 4
stand for the names above in order, except that 58860488 comes before 60457274.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.data.datasets.foreign import read_pickle
from mbcli.data.datasets.h36m_cameras import CAMERAS, SIZES
from mbcli.data.datasets.runs import equal_runs
from mbcli.data.datasets.sequence_import import Found, Refused, SequenceImport
from mbcli.errors import DataError
from mbcli.skeleton import H36M17

FPS = 50.0  # of the cameras (Ionescu et al. 2014)

_SPLITS = ("train", "test")
_NEEDED = ("joint_2d", "joint3d_image", "camera_name", "source")
# Their names to ours.
_ARRAYS = {"joint3d_image": "target", "joints_2.5d_image": "truth", "2.5d_factor": "factor"}
_ACTIONS = (
    "Directions",
    "Discussion",
    "Eating",
    "Greeting",
    "Phoning",
    "Posing",
    "Purchases",
    "Sitting",
    "SittingDown",
    "Smoking",
    "Photo",
    "Waiting",
    "Walking",
    "WalkDog",
    "WalkTogether",
)
_SOURCE = re.compile(r"s_(?P<subject>\d+)_act_(?P<action>\d+)(?:_subact_\d+)?_cam?_(?P<camera>\d+)")
_FIRST_ACTION = 2  # number of the first of these in the files

Table = dict[str, npt.NDArray[Any]]


def read_h36m_pickle(source: Path) -> SequenceImport:
    """Read the file; every video becomes a sequence with target, and truth and factor if given.

    Raises:
        DataError: no such file, or it has another format.
    """
    document = read_pickle(source)
    if not isinstance(document, dict) or not set(_SPLITS) & set(document):
        got = ", ".join(map(str, document)) if isinstance(document, dict) else type(document)
        raise DataError(f"{source} must hold {' and '.join(_SPLITS)}, got {got}")
    tables = {split: _table(source, split, document) for split in _SPLITS if split in document}
    runs = {split: equal_runs(table["source"]) for split, table in tables.items()}
    return SequenceImport(
        _sequences(tables, runs), sum(map(len, runs.values())), tuple(_ARRAYS.values())
    )


def _table(path: Path, split: str, document: dict[str, Any]) -> Table:
    """Check the arrays of one split and return them."""
    given = document[split]
    if not isinstance(given, dict):
        raise DataError(f"{path}: {split} must be a dict, got {type(given).__name__}")
    lacking = [key for key in _NEEDED if key not in given]
    if lacking:
        raise DataError(f"{path}: {split} must hold {', '.join(_NEEDED)}, got no {lacking[0]}")
    table = {key: np.asarray(given[key]) for key in (*_NEEDED, *_ARRAYS, "confidence", "action")
             if key in given}  # fmt: skip
    frames, joints = len(table["source"]), len(H36M17)
    if "confidence" in table and table["confidence"].shape == (frames, joints, 1):
        table["confidence"] = table["confidence"][..., 0]
    shapes: dict[str, tuple[int, ...]] = {
        "joint_2d": (frames, joints),
        "confidence": (frames, joints),
        "joint3d_image": (frames, joints, 3),
        "joints_2.5d_image": (frames, joints, 3),
    }
    for key, array in table.items():
        shape = shapes.get(key, (frames,))
        # joint_2d may have a third column, which the published loader also ignores.
        wrong = array.shape[:2] != shape or array.shape[2:] not in ((2,), (3,))
        if wrong if key == "joint_2d" else array.shape != shape:
            wanted = (*shape, 2) if key == "joint_2d" else shape
            raise DataError(f"{path}: {split} {key} must be {wanted}, got {array.shape}")
        if (array.dtype.kind in "biuf") == (key in ("camera_name", "source", "action")):
            kind = "texts" if key in ("camera_name", "source", "action") else "numbers"
            raise DataError(f"{path}: {split} {key} must be {kind}, got {array.dtype}")
    return table


def _sequences(
    tables: dict[str, Table], runs: dict[str, list[tuple[int, int]]]
) -> Iterator[Found | Refused]:
    seen: dict[str, int] = {}
    for split, table in tables.items():
        for start, end in runs[split]:
            video = str(table["source"][start])
            seen[video] = seen.get(video, 0) + 1
            name = video if seen[video] == 1 else f"{video}#{seen[video]}"
            rows = {key: array[start:end] for key, array in table.items()}
            yield _sequence(name, f"{split}: {video}", split, rows)


def _sequence(name: str, place: str, split: str, rows: Table) -> Found | Refused:
    parts = _SOURCE.match(name)
    notes = []
    camera, *others = sorted(set(map(str, rows["camera_name"].tolist())))
    if others:
        counted = int(parts["camera"]) - 1 if parts else -1
        if not 0 <= counted < len(CAMERAS):
            return Refused(place, f"a video must come from one camera, got {camera}, {others[0]}")
        camera = CAMERAS[counted]
        notes.append(f"camera_name changes within the video: taken as {camera}")
    if camera not in SIZES:
        return Refused(place, f"the camera must be one of {', '.join(SIZES)}, got {camera}")
    points = rows["joint_2d"][..., :2].astype(np.float64)
    score = rows.get("confidence", np.ones(points.shape[:2])).astype(np.float64)
    if not np.isfinite(points).all() or not np.isfinite(score).all():
        return Refused(place, "joint_2d and confidence must be finite numbers")
    if (score < 0).any() or (score > 1).any():
        # The maximum of a heat map may exceed 1.
        notes.append(f"confidences of {score.min():g}..{score.max():g} clipped to 0..1")
        score = score.clip(0, 1)
    action, *others = sorted(set(map(str, rows.get("action", np.array([_action(name)])).tolist())))
    if others:
        return Refused(place, f"a video must show one action, got {action}, {others[0]}")
    return Found(
        name=name,
        source=place,
        keypoints=np.concatenate([points, score[..., None]], axis=-1),
        metadata={
            "subject": f"S{int(parts['subject'])}" if parts else name,
            "fps": FPS,
            "size": SIZES[camera],
            "action": action,
            "camera": camera,
            "split": split,
        },
        arrays={ours: rows[theirs] for theirs, ours in _ARRAYS.items() if theirs in rows},
        note="; ".join(notes),
    )


def _action(video: str) -> str:
    """Name of the action, from its number in the video's name: the train split has no names."""
    parts = _SOURCE.match(video)
    number = int(parts["action"]) - _FIRST_ACTION if parts else -1
    return _ACTIONS[number] if 0 <= number < len(_ACTIONS) else ""
