"""Refinement of a motion, step by step; the raw values are kept."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from mbcli.camera import Camera, CameraMotion
from mbcli.kinematics.bones import usual_lengths, with_lengths
from mbcli.motion import Motion3D, Refinement
from mbcli.placing.low_pass import butterworth
from mbcli.refinement.feet import foot_contacts
from mbcli.refinement.filters import one_euro, savgol, savgol_window
from mbcli.refinement.floor import FloorEstimate
from mbcli.refinement.gaps import filled, known_points
from mbcli.refinement.held import without_sliding
from mbcli.refinement.options import DEFAULT_BETA, DEFAULT_CUTOFF, DEFAULT_ORDER, RefineOptions
from mbcli.refinement.outliers import find_outliers
from mbcli.refinement.world import estimate_world
from mbcli.skeleton import Skeleton
from mbcli.types import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class _Numbers:
    """The arrays that the steps change; float64, shapes and NaN as in `Motion3D`."""

    positions: FloatArray
    root: FloatArray
    confidence: FloatArray
    skeleton: Skeleton
    expected_error: FloatArray | None = None

    @property
    def tracks(self) -> FloatArray:
        """(T, P, J, 3): the root in place of the pelvis, other joints relative to it."""
        tracks: FloatArray = self.positions.copy()
        tracks[:, :, self.skeleton.root] = self.root
        return tracks

    @property
    def in_camera(self) -> FloatArray:
        """(T, P, J, 3) joints in the camera's frame."""
        return self.positions + self.root[:, :, None]

    def with_tracks(self, tracks: FloatArray) -> _Numbers:
        """A copy with other `tracks`."""
        root = tracks[:, :, self.skeleton.root]
        positions = tracks.copy()
        positions[:, :, self.skeleton.root] = np.where(np.isfinite(root), 0.0, np.nan)
        return replace(self, positions=positions, root=root)


def refine(motion: Motion3D, options: RefineOptions) -> Motion3D:
    """Apply the requested steps: outliers, gaps, a filter, bone lengths, feet and the world.

    The steps run in that order. The root and the joints are filled and filtered separately: the
    root in the camera's frame, the joints relative to the pelvis, so that an uncertain distance
    from the camera does not shake the body. For a filter that treats all frames alike, such as
    Savitzky-Golay and Butterworth, this is equivalent to joints in the camera's frame.

    A filled joint has confidence 0 and an unknown expected error (NaN). An outlier in a gap that
    is too long to fill, or at either end of the track, keeps its value and confidence. 2D
    keypoints and the network's own output stay as they are.

    Args:
        motion: an inferred motion; if it was refined before, its raw values are used.
        options: the steps to apply.

    Returns:
        A new motion with ``refinement`` set, whose ``meta["refinement"]`` records what was done,
        found and assumed; the motion itself if the options request nothing.

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
    report: dict[str, Any] = {"options": asdict(options)}
    if options.gap:
        numbers, found = _without_gaps(numbers, motion, options)
        report |= found
    if options.filter != "none":
        numbers, report["filter"] = _filtered(numbers, motion.timestamps, options)
    if options.bones:
        numbers, report["bones"] = _with_constant_bones(numbers, motion, options)
    contacts = None
    if options.world or options.feet:
        floor = _floor(numbers, camera, motion.fps)
        report["world"] = _world_report(floor, camera)
        if options.feet:
            numbers, contacts = _with_still_feet(numbers, camera, motion.fps, floor)
            seen = int(np.isfinite(numbers.root).all(axis=-1).sum())
            report["feet"] = {"standing": int(contacts.sum()), "of": 2 * seen}
        if options.world:
            raw = replace(raw, camera=camera)
            camera = _on_floor(camera, floor)
    return replace(
        motion,
        positions=numbers.positions,
        root=numbers.root,
        confidence=numbers.confidence,
        meta={**motion.meta, "refinement": report},
        expected_error=numbers.expected_error,
        camera=camera,
        refinement=replace(raw, foot_contacts=contacts),
    )


def _without_gaps(
    numbers: _Numbers, motion: Motion3D, options: RefineOptions
) -> tuple[_Numbers, dict[str, Any]]:
    """Fill gaps, including those that outliers leave."""
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
    report: dict[str, Any] = {
        "gaps": {
            "max_gap": options.gap,
            "people": _counts(motion, {"frames": np.all(absent & mended, axis=-1)}),
            "confidence": "of filled joints 0",
        }
    }
    if options.outliers:
        report["outliers"] = {
            "people": _counts(motion, {"replaced": wrong & mended, "kept": wrong & ~mended})
        }
    expected = numbers.expected_error
    whole_numbers = replace(
        numbers.with_tracks(whole),
        confidence=np.where(mended, 0.0, numbers.confidence),
        expected_error=None if expected is None else np.where(mended, np.nan, expected),
    )
    return whole_numbers, report


def _outliers(numbers: _Numbers, motion: Motion3D) -> BoolArray:
    """(T, P, J) outliers, with the root in place of the pelvis."""
    found: BoolArray = np.zeros(numbers.positions.shape[:3], dtype=np.bool_)
    for who in range(len(motion.track_ids)):
        joints, root = find_outliers(
            numbers.positions[:, who], numbers.root[:, who], motion.timestamps, motion.skeleton
        )
        found[:, who] = joints
        found[:, who, motion.skeleton.root] = root
    return found


def _counts(motion: Motion3D, flags: dict[str, Any]) -> list[dict[str, Any]]:
    """For each person, the number of each kind of (T, P, ...) flag."""
    return [
        {"id": int(who), **{name: int(flag[:, column].sum()) for name, flag in flags.items()}}
        for column, who in enumerate(motion.track_ids)
    ]


def _filtered(
    numbers: _Numbers, timestamps: FloatArray, options: RefineOptions
) -> tuple[_Numbers, dict[str, Any]]:
    name = options.filter
    cutoff = DEFAULT_CUTOFF[name] if options.cutoff is None else options.cutoff
    report: dict[str, Any] = {"name": name, "cutoff": cutoff}
    tracks = numbers.tracks
    flat = tracks.reshape(len(tracks), tracks.shape[1] * tracks.shape[2], 3)
    if name == "one-euro":
        report["beta"] = DEFAULT_BETA if options.beta is None else options.beta
        report["lag_seconds_at_rest"] = 1 / (2 * math.pi * cutoff)
        flat = one_euro(flat, timestamps, cutoff=cutoff, beta=report["beta"])
    else:
        report["order"] = DEFAULT_ORDER[name] if options.order is None else options.order
        if name == "savgol":
            flat = savgol(flat, timestamps, cutoff=cutoff, order=report["order"])
            window, report["cutoff"] = savgol_window(timestamps, cutoff, report["order"])
            report["window_frames"] = window
        else:
            flat = butterworth(flat, timestamps, cutoff=cutoff, order=report["order"])
    return numbers.with_tracks(flat.reshape(tracks.shape)), report


def _with_constant_bones(
    numbers: _Numbers, motion: Motion3D, options: RefineOptions
) -> tuple[_Numbers, dict[str, Any]]:
    skeleton = motion.skeleton
    positions = numbers.positions.copy()
    people = []
    for column, who in enumerate(motion.track_ids):
        lengths = usual_lengths(positions[:, column], skeleton, symmetric=options.symmetric)
        positions[:, column] = with_lengths(positions[:, column], lengths, skeleton)
        people.append({"id": int(who), "metres": _by_joint(lengths, skeleton)})
    return replace(numbers, positions=positions), {"people": people}


def _by_joint(lengths: FloatArray, skeleton: Skeleton) -> dict[str, float]:
    """The length of the bone that ends at each joint, to a tenth of a millimetre."""
    return {
        skeleton.joints[child]: round(float(lengths[child]), 4)
        for _, child in skeleton.bones
        if math.isfinite(lengths[child])
    }


def _floor(numbers: _Numbers, camera: Camera, fps: float) -> FloorEstimate:
    """The floor in the world of the previous camera, with the camera's motion removed."""
    points = camera.to_world(numbers.in_camera)
    present = np.asarray(np.isfinite(points).all(axis=(-1, -2)))
    return estimate_world(
        points, present, fps, confidence=numbers.confidence, skeleton=numbers.skeleton
    )


def _on_floor(camera: Camera, floor: FloorEstimate) -> Camera:
    """The camera in the world of the floor."""
    return camera.posed(
        floor.world_from_camera @ camera.world_from_camera,
        motion=_assumed_motion(camera),
        grounded=True,
    )


def _assumed_motion(camera: Camera) -> CameraMotion:
    """A camera whose motion is unknown is assumed to be static."""
    return "still" if camera.motion == "unknown" else camera.motion


def _world_report(floor: FloorEstimate, camera: Camera) -> dict[str, Any]:
    report = asdict(floor)
    del report["world_from_camera"]
    # JSON has no NaN.
    known = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in report.items()}
    motion = _assumed_motion(camera)
    return {"camera": "taken to stand still" if motion == "still" else motion, **known}


def _with_still_feet(
    numbers: _Numbers, camera: Camera, fps: float, floor: FloorEstimate
) -> tuple[_Numbers, BoolArray]:
    world, points = floor.world_from_camera, camera.to_world(numbers.in_camera)
    skeleton = numbers.skeleton
    contacts = foot_contacts(points, world, fps, confidence=numbers.confidence, skeleton=skeleton)
    held = without_sliding(points, contacts, world, fps, skeleton=skeleton)
    moved = camera.from_world(held.in_camera)
    root = moved[:, :, skeleton.root]
    return replace(numbers, positions=moved - root[:, :, None], root=root), held.contacts
