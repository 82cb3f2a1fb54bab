"""Saving and loading a motion, ``pose.npz``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.boundary import reading
from mbcli.camera import Camera
from mbcli.motion.people3d import Motion3D, Refinement, noted_source
from mbcli.spans import PerPerson
from mbcli.storage.camera_arrays import arrays_of, camera_of, raw_arrays_of, raw_camera_of
from mbcli.storage.metadata import read_metadata
from mbcli.storage.output import check_separate
from mbcli.storage.pose_file import keypoints_of, read_arrays, write_arrays
from mbcli.values import build, kept, kept_if_any

# Names of people's values in the file -> the fields that hold them.
_OF_MOTION = {n: n for n in ("positions", "root", "positions_normalized", "confidence")}
_IF_ANY = ("expected_error", "orientations")
_OF_KEYPOINTS = {"keypoints_2d": "data", "boxes": "boxes"}
_OF_REFINEMENT = {
    "raw_positions": "positions",
    "raw_root": "root",
    "raw_confidence": "confidence",
    "foot_contacts": "foot_contacts",
    "raw_expected_error": "expected_error",
}


def save_motion(path: Path | str, motion: Motion3D, overwrite: bool = False) -> None:
    """Write ``motion`` to ``path``, atomically.

    Args:
        path: the file to write, usually ``pose.npz``; `mbcli.storage.pose_file` lists its
            contents.
        motion: the motion; ``motion.meta`` must be JSON-ready.
        overwrite: replace an existing file.

    Raises:
        OutputError: the file exists and ``overwrite`` is off, it is the source of the motion, or
            it cannot be written.
    """
    check_separate([Path(path)], [noted_source(motion)])
    write_arrays(Path(path), _arrays(motion), overwrite=overwrite)


def load_motion(path: Path | str) -> Motion3D:
    """Read a motion written by :func:`save_motion`. Never runs code from the file.

    Raises:
        InputError: the file does not exist, is not a pose.npz or has another version of the
            format, or an array is missing or does not fit the others.
    """
    path = Path(path)
    arrays, people = read_arrays(path)
    with reading(path, "together", verdict="does not fit"):
        return _motion(arrays, people)


def _arrays(motion: Motion3D) -> dict[str, npt.NDArray[Any] | PerPerson]:
    keypoints, refinement = motion.keypoints, motion.refinement
    arrays: dict[str, npt.NDArray[Any] | PerPerson] = {
        **{name: kept(motion, of) for name, of in _OF_MOTION.items()},
        **{name: kept(keypoints, of) for name, of in _OF_KEYPOINTS.items()},
        "track_ids": keypoints.track_ids,
        "frame_index": keypoints.frame_index,
        "timestamps": keypoints.timestamps,
        "fps": np.array(keypoints.fps, dtype=np.float64),
        "image_size": np.array(keypoints.size, dtype=np.int64),
        "skeleton": np.array(motion.skeleton.name),
        "joint_names": np.array(motion.skeleton.joints),
        "parents": np.array(motion.skeleton.parents, dtype=np.int64),
        **arrays_of(motion.camera),
        "meta": np.array(json.dumps(motion.meta, ensure_ascii=False, allow_nan=False)),
    }
    if len(keypoints.cuts):
        arrays["cuts"] = keypoints.cuts
    for name in _IF_ANY:
        if (values := kept_if_any(motion, name)) is not None:
            arrays[name] = values
    if refinement is not None:
        found = {name: kept_if_any(refinement, of) for name, of in _OF_REFINEMENT.items()}
        arrays |= {name: values for name, values in found.items() if values is not None}
        if refinement.camera is not None:
            arrays |= raw_arrays_of(refinement.camera)
    return arrays


def _motion(
    arrays: Mapping[str, npt.NDArray[Any]], people: Mapping[str, npt.NDArray[Any] | PerPerson]
) -> Motion3D:
    keypoints = keypoints_of(arrays, people)
    camera = camera_of(arrays)
    return build(
        Motion3D,
        **{of: people[name] for name, of in _OF_MOTION.items()},
        keypoints=keypoints,
        camera=camera,
        meta=read_metadata(str(arrays["meta"])),
        skeleton=keypoints.skeleton,
        refinement=_refinement(arrays, people, camera),
        **{name: people.get(name) for name in _IF_ANY},
    )


def _refinement(
    arrays: Mapping[str, npt.NDArray[Any]],
    people: Mapping[str, npt.NDArray[Any] | PerPerson],
    camera: Camera,
) -> Refinement | None:
    if "raw_positions" not in people:
        return None
    needed = ("raw_positions", "raw_root", "raw_confidence")
    return build(
        Refinement,
        **{_OF_REFINEMENT[name]: people[name] for name in needed},
        camera=raw_camera_of(arrays, camera),
        foot_contacts=people.get("foot_contacts"),
        expected_error=people.get("raw_expected_error"),
    )
