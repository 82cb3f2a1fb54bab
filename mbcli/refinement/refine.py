"""Refinement of a motion, one step after the other; the raw numbers are kept."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from mbcli.camera import Camera, CameraMotion
from mbcli.kinematics.bones import usual_lengths, with_lengths
from mbcli.motion import Motion3D, Refinement
from mbcli.placing.low_pass import butterworth
from mbcli.refinement.feet import foot_contacts, without_sliding
from mbcli.refinement.filters import one_euro, savgol, savgol_window
from mbcli.refinement.floor import FloorEstimate
from mbcli.refinement.gaps import filled, known_points
from mbcli.refinement.options import DEFAULT_BETA, DEFAULT_CUTOFF, DEFAULT_ORDER, RefineOptions
from mbcli.refinement.outliers import find_outliers
from mbcli.refinement.world import estimate_world
from mbcli.skeleton import Skeleton
from mbcli.types import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class _Numbers:
    """What the steps change; float64, shapes and NaN as in `Motion3D`."""

    positions: FloatArray
    root: FloatArray
    confidence: FloatArray
    skeleton: Skeleton
    expected_error: FloatArray | None = None

    @property
    def tracks(self) -> FloatArray:
        """(T, P, J, 3): the root in the place of the pelvis, the others from the pelvis."""
        tracks: FloatArray = self.positions.copy()
        tracks[:, :, self.skeleton.root] = self.root
        return tracks

    @property
    def in_camera(self) -> FloatArray:
        """(T, P, J, 3)."""
        return self.positions + self.root[:, :, None]

    def with_tracks(self, tracks: FloatArray) -> _Numbers:
        """The same with other `tracks`."""
        root = tracks[:, :, self.skeleton.root]
        positions = tracks.copy()
        positions[:, :, self.skeleton.root] = np.where(np.isfinite(root), 0.0, np.nan)
        return replace(self, positions=positions, root=root)


def refine(motion: Motion3D, options: RefineOptions) -> Motion3D:
    """Outliers, gaps, a filter, bone lengths, feet and the world, as far as they are asked for.

    The steps follow each other in that order. The root and the joints about it are filled and
    filtered each on their own: the root in the camera's frame, the joints from the pelvis, so
    that a badly known distance from the camera does not shake the body. A filter that does the
    same to all frames, as Savitzky-Golay and Butterworth do, makes no difference between this
    and joints in the camera's frame.

    A filled joint has confidence 0, and an expected error that is not known (NaN). An outlier in
    a hole that is too long to fill, or at an end of the track, keeps the number and the
    confidence that it had. 2D keypoints and the
    network's own output stay as they are.

    Args:
        motion: as it was inferred; of one that is refined already, the raw numbers are taken.
        options: what to do.

    Returns:
        A new motion with ``refinement`` set, where ``meta["refinement"]`` says what was done,
        found and assumed; the motion itself if the options ask for nothing.

    Raises:
        ConfigError: a cut-off that is not below half the frame rate.
    """
    if not options.changes:
        return motion
    earlier = motion.refinement
    raw = Refinement(
        positions=motion.positions if earlier is None else earlier.positions,
        root=motion.root if earlier is None else earlier.root,
        confidence=motion.confidence if earlier is None else earlier.confidence,
        camera=None if earlier is None else earlier.camera,
        expected_error=motion.expected_error if earlier is None else earlier.expected_error,
    )
    camera = motion.camera if raw.camera is None else raw.camera
    numbers = _Numbers(
        positions=raw.positions.astype(np.float64),
        root=raw.root.astype(np.float64),
        confidence=raw.confidence.astype(np.float64),
        skeleton=motion.skeleton,
        expected_error=raw.expected_error,
    )
    told: dict[str, Any] = {"options": asdict(options)}
    if options.gap:
        numbers, found = _without_holes(numbers, motion, options)
        told |= found
    if options.filter != "none":
        numbers, told["filter"] = _filtered(numbers, motion.timestamps, options)
    if options.bones:
        numbers, told["bones"] = _with_constant_bones(numbers, motion, options)
    contacts = None
    if options.world or options.feet:
        floor = _floor(numbers, camera, motion.fps)
        told["world"] = _told_of(floor, camera)
        if options.feet:
            numbers, contacts = _with_still_feet(numbers, camera, motion.fps, floor)
            seen = int(np.isfinite(numbers.root).all(axis=-1).sum())
            told["feet"] = {"standing": int(contacts.sum()), "of": 2 * seen}
        if options.world:
            raw = replace(raw, camera=camera)
            camera = _on_floor(camera, floor)
    return replace(
        motion,
        positions=numbers.positions,
        root=numbers.root,
        confidence=numbers.confidence,
        meta={**motion.meta, "refinement": told},
        expected_error=numbers.expected_error,
        camera=camera,
        refinement=replace(raw, foot_contacts=contacts),
    )


def _without_holes(
    numbers: _Numbers, motion: Motion3D, options: RefineOptions
) -> tuple[_Numbers, dict[str, Any]]:
    """Holes filled, those that outliers leave among them."""
    tracks = numbers.tracks
    frames, people, joints = tracks.shape[:3]
    absent = ~known_points(tracks)
    wrong = _outliers(numbers, motion) if options.outliers else np.zeros(absent.shape, np.bool_)
    holed = np.where(wrong[..., None], np.nan, tracks)
    flat, done = filled(
        holed.reshape(frames, people * joints, 3), motion.timestamps, motion.fps, options.gap
    )
    mended = done.reshape(absent.shape)
    whole = np.where((wrong & ~mended)[..., None], tracks, flat.reshape(tracks.shape))
    told: dict[str, Any] = {
        "gaps": {
            "max_gap": options.gap,
            "people": _counts(motion, {"frames": np.all(absent & mended, axis=-1)}),
            "confidence": "of filled joints 0",
        }
    }
    if options.outliers:
        told["outliers"] = {
            "people": _counts(motion, {"replaced": wrong & mended, "kept": wrong & ~mended})
        }
    expected = numbers.expected_error
    whole_numbers = replace(
        numbers.with_tracks(whole),
        confidence=np.where(mended, 0.0, numbers.confidence),
        expected_error=None if expected is None else np.where(mended, np.nan, expected),
    )
    return whole_numbers, told


def _outliers(numbers: _Numbers, motion: Motion3D) -> BoolArray:
    """(T, P, J), the root in the place of the pelvis."""
    found: BoolArray = np.zeros(numbers.positions.shape[:3], dtype=np.bool_)
    for who in range(len(motion.track_ids)):
        joints, root = find_outliers(
            numbers.positions[:, who], numbers.root[:, who], motion.timestamps, motion.skeleton
        )
        found[:, who] = joints
        found[:, who, motion.skeleton.root] = root
    return found


def _counts(motion: Motion3D, flags: dict[str, Any]) -> list[dict[str, Any]]:
    """How many of each kind of (T, P, ...) flag each person has."""
    return [
        {"id": int(who), **{name: int(flag[:, column].sum()) for name, flag in flags.items()}}
        for column, who in enumerate(motion.track_ids)
    ]


def _filtered(
    numbers: _Numbers, timestamps: FloatArray, options: RefineOptions
) -> tuple[_Numbers, dict[str, Any]]:
    name = options.filter
    cutoff = DEFAULT_CUTOFF[name] if options.cutoff is None else options.cutoff
    told: dict[str, Any] = {"name": name, "cutoff": cutoff}
    tracks = numbers.tracks
    flat = tracks.reshape(len(tracks), tracks.shape[1] * tracks.shape[2], 3)
    if name == "one-euro":
        told["beta"] = DEFAULT_BETA if options.beta is None else options.beta
        told["lag_seconds_at_rest"] = 1 / (2 * math.pi * cutoff)
        flat = one_euro(flat, timestamps, cutoff=cutoff, beta=told["beta"])
    else:
        told["order"] = DEFAULT_ORDER[name] if options.order is None else options.order
        if name == "savgol":
            flat = savgol(flat, timestamps, cutoff=cutoff, order=told["order"])
            window, told["cutoff"] = savgol_window(timestamps, cutoff, told["order"])
            told["window_frames"] = window
        else:
            flat = butterworth(flat, timestamps, cutoff=cutoff, order=told["order"])
    return numbers.with_tracks(flat.reshape(tracks.shape)), told


def _with_constant_bones(
    numbers: _Numbers, motion: Motion3D, options: RefineOptions
) -> tuple[_Numbers, dict[str, Any]]:
    skeleton = motion.skeleton
    positions = numbers.positions.copy()
    told = []
    for column, who in enumerate(motion.track_ids):
        lengths = usual_lengths(positions[:, column], skeleton, symmetric=options.symmetric)
        positions[:, column] = with_lengths(positions[:, column], lengths, skeleton)
        told.append({"id": int(who), "metres": _by_joint(lengths, skeleton)})
    return replace(numbers, positions=positions), {"people": told}


def _by_joint(lengths: FloatArray, skeleton: Skeleton) -> dict[str, float]:
    """The length of the bone that ends in each joint, to tenths of a millimetre."""
    return {
        skeleton.joints[child]: round(float(lengths[child]), 4)
        for _, child in skeleton.bones
        if math.isfinite(lengths[child])
    }


def _floor(numbers: _Numbers, camera: Camera, fps: float) -> FloorEstimate:
    """The floor in the world of the camera that was there before, whose motion is taken out."""
    points = camera.to_world(numbers.in_camera)
    present = np.asarray(np.isfinite(points).all(axis=(-1, -2)))
    return estimate_world(
        points, present, fps, confidence=numbers.confidence, skeleton=numbers.skeleton
    )


def _on_floor(camera: Camera, floor: FloorEstimate) -> Camera:
    """The camera in the world whose floor was found."""
    return camera.posed(
        floor.world_from_camera @ camera.world_from_camera,
        motion=_taken_to_be(camera),
        grounded=True,
    )


def _taken_to_be(camera: Camera) -> CameraMotion:
    """A camera of which nothing is known is taken to stand still."""
    return "still" if camera.motion == "unknown" else camera.motion


def _told_of(floor: FloorEstimate, camera: Camera) -> dict[str, Any]:
    told = asdict(floor)
    del told["world_from_camera"]
    # JSON has no NaN.
    known = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in told.items()}
    motion = _taken_to_be(camera)
    return {"camera": "taken to stand still" if motion == "still" else motion, **known}


def _with_still_feet(
    numbers: _Numbers, camera: Camera, fps: float, floor: FloorEstimate
) -> tuple[_Numbers, BoolArray]:
    world, points = floor.world_from_camera, camera.to_world(numbers.in_camera)
    skeleton = numbers.skeleton
    contacts = foot_contacts(points, world, fps, confidence=numbers.confidence, skeleton=skeleton)
    moved = camera.from_world(without_sliding(points, contacts, world, fps, skeleton=skeleton))
    root = moved[:, :, skeleton.root]
    return replace(numbers, positions=moved - root[:, :, None], root=root), contacts
