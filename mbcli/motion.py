"""3D motion of every person: in memory, saved and loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.boundary import reading
from mbcli.camera import Camera
from mbcli.skeleton import H36M17, Skeleton, check_body
from mbcli.storage.camera_arrays import arrays_of, camera_of, raw_arrays_of, raw_camera_of
from mbcli.storage.metadata import read_metadata
from mbcli.storage.output import check_separate
from mbcli.storage.pose_file import keypoints_of, read_arrays, write_arrays
from mbcli.types import (
    ByValue,
    FloatArray,
    IntArray,
    Keypoints2D,
    check_confidence,
    check_errors,
    check_shape,
    frozen_array,
)


@dataclass(frozen=True, eq=False)
class Refinement(ByValue):
    """The values before refinement, and what refinement adds.

    Attributes:
        positions: (T, P, J, 3) float32 metres, the positions before refinement.
        root: (T, P, 3) float32 metres, the root before refinement.
        confidence: (T, P, J) float32, the confidence before refinement.
        camera: the camera before refinement; None if refinement did not change it.
        foot_contacts: (T, P, 2) bool, whether the right and the left foot stand on the floor;
            None if not estimated.
        expected_error: (T, P, J) float32 metres, the expected error before refinement; None if
            unknown.
    """

    positions: FloatArray
    root: FloatArray
    confidence: FloatArray
    camera: Camera | None = None
    foot_contacts: npt.NDArray[np.bool_] | None = None
    expected_error: FloatArray | None = None

    def __post_init__(self) -> None:
        for name in ("positions", "root", "confidence"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), np.float32))
        check_shape("Refinement", "positions", self.positions, (-1, -1, -1, 3))
        check_shape("Refinement", "root", self.root, (*self.positions.shape[:2], 3))
        check_shape("Refinement", "confidence", self.confidence, self.positions.shape[:3])
        check_confidence("Refinement", self.confidence)
        if self.foot_contacts is not None:
            contacts = frozen_array(self.foot_contacts, np.bool_)
            check_shape("Refinement", "foot_contacts", contacts, (*self.positions.shape[:2], 2))
            object.__setattr__(self, "foot_contacts", contacts)
        if self.expected_error is not None:
            errors = _errors("Refinement", self.expected_error, self.confidence)
            object.__setattr__(self, "expected_error", errors)


def _errors(owner: str, errors: FloatArray, confidence: FloatArray) -> FloatArray:
    """Check expected errors, whose shape is that of the confidence."""
    frozen: FloatArray = frozen_array(errors, np.float32)
    check_shape(owner, "expected_error", frozen, confidence.shape)
    check_errors(owner, frozen)
    return frozen


@dataclass(frozen=True, eq=False)
class Motion3D(ByValue):
    """3D motion of every person, as written to ``pose.npz``.

    Two motions are equal if all their contents are, including metadata; NaN equals NaN.

    Attributes:
        positions: (T, P, J, 3) float32 metres, pelvis at 0, camera axes; NaN where absent.
        root: (T, P, 3) float32 metres, the pelvis in the camera's frame.
        positions_normalized: (T, P, J, 3) float32, the network's own output in image units.
        confidence: (T, P, J) float32, 0..1.
        keypoints: the 2D keypoints that were lifted, in the skeleton of the motion.
        camera: the intrinsics used to place people, and the camera's pose in each frame.
        meta: JSON-ready metadata: version, command, options, weights and, for people to read,
            the assumptions.
        skeleton: names and parents of the J joints, which include those of H36M-17, in any order;
            the pelvis is the root.
        refinement: the values before refinement and its findings; None for a raw motion.
        expected_error: (T, P, J) float32 metres: mean distance of each of ``positions`` from the
            truth, estimated by the lifter's calibration, if the person has the height that was
            given or assumed. 0 at the pelvis; NaN where unknown: where the person is absent, and
            where refinement filled or replaced a joint. None with weights without calibration.
            The effect of filters, bone lengths and feet is not included.
    """

    positions: FloatArray
    root: FloatArray
    positions_normalized: FloatArray
    confidence: FloatArray
    keypoints: Keypoints2D
    camera: Camera
    meta: Mapping[str, Any] = field(default_factory=dict)
    skeleton: Skeleton = H36M17
    refinement: Refinement | None = None
    expected_error: FloatArray | None = None

    def __post_init__(self) -> None:
        for name in ("positions", "root", "positions_normalized", "confidence"):
            object.__setattr__(self, name, frozen_array(getattr(self, name), np.float32))
        frames, people = self.keypoints.data.shape[:2]
        joints = len(self.skeleton)
        check_body(self.skeleton)
        check_shape("Motion3D", "positions", self.positions, (frames, people, joints, 3))
        check_shape("Motion3D", "root", self.root, (frames, people, 3))
        check_shape(
            "Motion3D", "positions_normalized", self.positions_normalized, self.positions.shape
        )
        check_shape("Motion3D", "confidence", self.confidence, (frames, people, joints))
        check_confidence("Motion3D", self.confidence)
        if self.keypoints.skeleton != self.skeleton:
            raise ValueError(
                f"Motion3D: keypoints must be in {self.skeleton.name}, "
                f"got {self.keypoints.skeleton.name}"
            )
        poses = self.camera.world_from_camera
        check_shape("Motion3D", "camera.world_from_camera", poses, (frames, 4, 4))
        if self.refinement is not None:
            check_shape("Refinement", "positions", self.refinement.positions, self.positions.shape)
        if self.expected_error is not None:
            errors = _errors("Motion3D", self.expected_error, self.confidence)
            object.__setattr__(self, "expected_error", errors)

    @property
    def timestamps(self) -> FloatArray:
        """(T,) float64 seconds."""
        return self.keypoints.timestamps

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.keypoints.fps

    @property
    def track_ids(self) -> IntArray:
        """(P,) int64 track ids."""
        return self.keypoints.track_ids

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """(T, P) whether the person has a pose in the frame."""
        return np.asarray(np.isfinite(self.positions).all(axis=(-1, -2)))

    @property
    def in_camera(self) -> FloatArray:
        """(T, P, J, 3) float32 metres: every joint in the camera's frame."""
        return self.positions + self.root[:, :, None]

    @property
    def in_world(self) -> FloatArray:
        """(T, P, J, 3) float64 metres: every joint in the world of :attr:`camera`."""
        points = self.positions.astype(np.float64) + self.root.astype(np.float64)[:, :, None]
        return self.camera.to_world(points)

    def save(self, path: Path | str, *, overwrite: bool = False) -> None:
        """Write the motion to ``path``, usually ``pose.npz``; see :func:`save_motion`."""
        save_motion(path, self, overwrite=overwrite)


def noted_source(motion: Motion3D) -> Path | None:
    """The recorded source of a motion, if it still exists."""
    noted = motion.meta.get("source")
    path = Path(noted) if isinstance(noted, str) and noted else None
    return path if path is not None and path.exists() else None


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
    arrays = read_arrays(path)
    with reading(path, "together", verdict="does not fit"):
        return _motion(arrays)


def _arrays(motion: Motion3D) -> dict[str, npt.NDArray[Any]]:
    keypoints = motion.keypoints
    arrays: dict[str, npt.NDArray[Any]] = {
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
        "skeleton": np.array(motion.skeleton.name),
        "joint_names": np.array(motion.skeleton.joints),
        "parents": np.array(motion.skeleton.parents, dtype=np.int64),
        **arrays_of(motion.camera),
        "meta": np.array(json.dumps(motion.meta, ensure_ascii=False, allow_nan=False)),
    }
    if len(keypoints.cuts):
        arrays["cuts"] = keypoints.cuts
    if motion.expected_error is not None:
        arrays["expected_error"] = motion.expected_error
    refinement = motion.refinement
    if refinement is not None:
        arrays["raw_positions"] = refinement.positions
        arrays["raw_root"] = refinement.root
        arrays["raw_confidence"] = refinement.confidence
        if refinement.camera is not None:
            arrays |= raw_arrays_of(refinement.camera)
        if refinement.foot_contacts is not None:
            arrays["foot_contacts"] = refinement.foot_contacts
        if refinement.expected_error is not None:
            arrays["raw_expected_error"] = refinement.expected_error
    return arrays


def _motion(arrays: Mapping[str, npt.NDArray[Any]]) -> Motion3D:
    keypoints = keypoints_of(arrays)
    camera = camera_of(arrays)
    return Motion3D(
        positions=arrays["positions"],
        root=arrays["root"],
        positions_normalized=arrays["positions_normalized"],
        confidence=arrays["confidence"],
        keypoints=keypoints,
        camera=camera,
        meta=read_metadata(str(arrays["meta"])),
        skeleton=keypoints.skeleton,
        refinement=_refinement(arrays, camera),
        expected_error=arrays.get("expected_error"),
    )


def _refinement(arrays: Mapping[str, npt.NDArray[Any]], camera: Camera) -> Refinement | None:
    if "raw_positions" not in arrays:
        return None
    return Refinement(
        positions=arrays["raw_positions"],
        root=arrays["raw_root"],
        confidence=arrays["raw_confidence"],
        camera=raw_camera_of(arrays, camera),
        foot_contacts=arrays.get("foot_contacts"),
        expected_error=arrays.get("raw_expected_error"),
    )
