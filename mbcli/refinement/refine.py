"""Refinement of a motion, step by step; the raw values are kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from mbcli.camera import Camera
from mbcli.errors import ConfigError
from mbcli.kinematics.bones import usual_lengths, with_lengths
from mbcli.motion import Motion3D, Refinement
from mbcli.placing.low_pass import butterworth_of
from mbcli.refinement.feet import contacts_of
from mbcli.refinement.filters import one_euro_of, savgol_of, savgol_window
from mbcli.refinement.floor import FloorEstimate
from mbcli.refinement.gaps import filled, known_points
from mbcli.refinement.ground import floor_of, grounded
from mbcli.refinement.held import without_sliding
from mbcli.refinement.options import DEFAULT_BETA, DEFAULT_CUTOFF, DEFAULT_ORDER, RefineOptions
from mbcli.refinement.outliers import find_outliers
from mbcli.refinement.world import Each
from mbcli.skeleton import Skeleton
from mbcli.spans import PerPerson
from mbcli.types import BoolArray, FloatArray
from mbcli.values import build, changed, kept, kept_if_any

# Maps tracks (t, N, 3) and the clip's frame in which they begin to smooth ones.
_Smooth = Callable[[FloatArray, int], FloatArray]


@dataclass(frozen=True, eq=False)
class _Numbers:
    """The arrays of one person that the steps change; float64, NaN as in `Motion3D`."""

    positions: FloatArray  # (t, J, 3)
    root: FloatArray  # (t, 3)
    confidence: FloatArray  # (t, J)
    skeleton: Skeleton
    expected_error: FloatArray | None = None  # (t, J)

    @property
    def tracks(self) -> FloatArray:
        """(t, J, 3): the root in place of the pelvis, other joints relative to it."""
        tracks: FloatArray = self.positions.copy()
        tracks[:, self.skeleton.root] = self.root
        return tracks

    @property
    def in_camera(self) -> FloatArray:
        """(t, J, 3) joints in the camera's frame."""
        return self.positions + self.root[:, None]

    def moved(self, move: Callable[[FloatArray], FloatArray]) -> _Numbers:
        """A copy in other axes; ``move`` maps points (t, N, 3) of all frames to them."""
        origin = move(np.zeros((len(self.root), 1, 3)))
        positions = move(self.positions) - origin
        return replace(self, positions=positions, root=move(self.root[:, None])[:, 0])

    def with_tracks(self, tracks: FloatArray) -> _Numbers:
        """A copy with other `tracks`."""
        root = tracks[:, self.skeleton.root]
        positions = tracks.copy()
        positions[:, self.skeleton.root] = np.where(np.isfinite(root), 0.0, np.nan)
        return replace(self, positions=positions, root=root)


def refine(motion: Motion3D, options: RefineOptions) -> Motion3D:
    """Apply the requested steps: outliers, gaps, a filter, bone lengths, feet and the world.

    The steps run in that order. The root and the joints are filled and filtered separately: the
    root in the world, the joints relative to the pelvis, so that an uncertain distance from the
    camera does not shake the body, and a camera that turns smears nobody. For a filter that treats
    all frames alike, such as Savitzky-Golay and Butterworth, this is equivalent to joints in the
    world.

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
        ConfigError: a cut-off that is not below half the frame rate, or ``world`` of a clip with
            cuts.
    """
    if not options.changes:
        return motion
    cuts = len(motion.keypoints.cuts)
    if options.world and cuts:
        raise ConfigError(
            "--world needs a single shot, since each shot has its own camera, "
            f"got {cuts + 1} shots: infer them one by one with --start and --end, or with "
            "--cuts off if they are one"
        )
    earlier = motion.refinement
    before: Motion3D | Refinement = motion if earlier is None else earlier
    raw = build(
        Refinement,
        positions=kept(before, "positions"),
        root=kept(before, "root"),
        confidence=kept(before, "confidence"),
        camera=None if earlier is None else earlier.camera,
        expected_error=kept_if_any(before, "expected_error"),
    )
    camera = motion.camera if raw.camera is None else raw.camera
    smooth, filter_report = _filter(motion.timestamps, options)
    report: dict[str, Any] = {"options": asdict(options)}
    steps = _Steps(motion, options, smooth, camera)
    people = _People(raw, motion)
    for column in range(len(people)):
        people[column] = steps(column, people.before(column))
    report |= steps.report()
    if options.filter != "none":
        report["filter"] = filter_report
    if options.bones:
        report["bones"] = {"people": steps.bones}
    contacts, found = None, {}
    if options.world or options.feet:
        world = camera.first_pose
        if not camera.grounded:
            # From everybody, after these steps and before the next.
            floor = _floor(people, camera, motion)
            world, found = floor.world_from_camera, {"world": floor.meta()}
        if options.feet:
            feet = np.zeros((motion.spans.rows, 2), np.bool_)
            for column in range(len(people)):
                frames = motion.spans.frames_of(column)
                standing = feet[motion.spans.rows_of(column)]
                people[column] = _with_still_feet(
                    people[column], camera.ungrounded, frames, motion.fps, world, standing
                )
            contacts = PerPerson(motion.spans, feet, np.False_)
            report["feet"] = {"standing": int(feet.sum()), "of": 2 * people.seen}
        if options.world and not camera.grounded:
            raw = changed(raw, camera=camera)
            camera = grounded(camera, floor)
    return changed(
        motion,
        **people.values(),
        meta={**motion.meta, **found, "refinement": report},
        camera=camera,
        refinement=changed(raw, foot_contacts=contacts),
    )


class _People:
    """The values of everybody as they are refined, person by person.

    They are kept in float32, as the result is; those of one person at a time are float64.

    Args:
        raw: the values before refinement.
        motion: the motion.
    """

    def __init__(self, raw: Refinement, motion: Motion3D) -> None:
        names = ("positions", "root", "confidence", "expected_error")
        values = {name: kept_if_any(raw, name) for name in names}
        self._raw = {n: v.within(motion.spans) for n, v in values.items() if v is not None}
        self._new = {n: np.empty(v.rows.shape, np.float32) for n, v in self._raw.items()}
        self._spans, self._skeleton = motion.spans, motion.skeleton

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, column: int) -> _Numbers:
        rows = self._spans.rows_of(column)
        return self._numbers({name: values[rows] for name, values in self._new.items()})

    def __setitem__(self, column: int, numbers: _Numbers) -> None:
        for name, values in self._new.items():
            values[self._spans.rows_of(column)] = getattr(numbers, name)

    def before(self, column: int) -> _Numbers:
        """The raw values of a person."""
        return self._numbers({name: values[column] for name, values in self._raw.items()})

    def _numbers(self, values: dict[str, FloatArray]) -> _Numbers:
        exact = {name: rows.astype(np.float64) for name, rows in values.items()}
        return _Numbers(**exact, skeleton=self._skeleton)

    @property
    def seen(self) -> int:
        """How many poses there are."""
        return int(np.isfinite(self._new["root"]).all(axis=-1).sum())

    def values(self) -> dict[str, PerPerson]:
        """The fields of the motion, which takes them over."""
        return {name: self._raw[name].filled_with(rows) for name, rows in self._new.items()}


class _Steps:
    """Outliers, gaps, the filter and bones of one person after the other, with what they found.

    Args:
        motion: the motion.
        options: the steps to apply.
        smooth: the filter, if one is asked for.
        camera: the camera before refinement.
    """

    def __init__(
        self,
        motion: Motion3D,
        options: RefineOptions,
        smooth: _Smooth | None,
        camera: Camera,
    ) -> None:
        self._motion, self._options, self._smooth = motion, options, smooth
        self._camera = camera
        self._gaps: list[dict[str, Any]] = []
        self._outliers: list[dict[str, Any]] = []
        self.bones: list[dict[str, Any]] = []

    def __call__(self, column: int, numbers: _Numbers) -> _Numbers:
        """Apply the steps to the person in a column; people come in order."""
        frames, camera = self._motion.spans.frames_of(column), self._camera
        if camera.fixed:
            return self._in_world(column, frames, numbers)
        there = numbers.moved(lambda points: camera.to_world(points, frames))
        done = self._in_world(column, frames, there)
        return done.moved(lambda points: camera.from_world(points, frames))

    def _in_world(self, column: int, frames: slice, numbers: _Numbers) -> _Numbers:
        """Apply the steps where the camera does not move."""
        options, who = self._options, int(self._motion.track_ids[column])
        if options.gap:
            numbers = self._without_gaps(who, numbers, self._motion.timestamps[frames])
        if self._smooth is not None:
            numbers = numbers.with_tracks(self._smooth(numbers.tracks, frames.start))
        if options.bones:
            skeleton = self._motion.skeleton
            lengths = usual_lengths(numbers.positions, skeleton, symmetric=options.symmetric)
            positions = with_lengths(numbers.positions, lengths, skeleton)
            self.bones.append({"id": who, "metres": _by_joint(lengths, skeleton)})
            numbers = replace(numbers, positions=positions)
        return numbers

    def report(self) -> dict[str, Any]:
        """What was done about gaps and outliers."""
        options = self._options
        report: dict[str, Any] = {}
        if options.gap:
            report["gaps"] = {
                "max_gap": options.gap,
                "people": self._gaps,
                "confidence": "of filled joints 0",
            }
            if options.outliers:
                report["outliers"] = {"people": self._outliers}
        return report

    def _without_gaps(self, who: int, numbers: _Numbers, times: FloatArray) -> _Numbers:
        """Fill gaps, including those that outliers leave."""
        options, skeleton = self._options, self._motion.skeleton
        tracks = numbers.tracks
        absent = ~known_points(tracks)
        wrong = np.zeros(absent.shape, np.bool_)
        if options.outliers:
            wrong, jumped = find_outliers(numbers.positions, numbers.root, times, skeleton)
            wrong[:, skeleton.root] = jumped  # the root is in place of the pelvis
        holed = np.where(wrong[..., None], np.nan, tracks)
        full, mended = filled(holed, times, self._motion.fps, options.gap)
        whole = np.where((wrong & ~mended)[..., None], tracks, full)
        self._gaps.append({"id": who, "frames": int(np.all(absent & mended, axis=-1).sum())})
        if options.outliers:
            counts = {"replaced": wrong & mended, "kept": wrong & ~mended}
            self._outliers.append({"id": who, **{n: int(f.sum()) for n, f in counts.items()}})
        expected = numbers.expected_error
        return replace(
            numbers.with_tracks(whole),
            confidence=np.where(mended, 0.0, numbers.confidence),
            expected_error=None if expected is None else np.where(mended, np.nan, expected),
        )


def _filter(
    timestamps: FloatArray, options: RefineOptions
) -> tuple[_Smooth | None, dict[str, Any]]:
    """The requested filter for the frame rate of a clip, and its report."""
    name = options.filter
    if name == "none":
        return None, {}
    cutoff = DEFAULT_CUTOFF[name] if options.cutoff is None else options.cutoff
    report: dict[str, Any] = {"name": name, "cutoff": cutoff}
    if name == "one-euro":
        report["beta"] = DEFAULT_BETA if options.beta is None else options.beta
        report["lag_seconds_at_rest"] = 1 / (2 * math.pi * cutoff)
        return one_euro_of(timestamps, cutoff=cutoff, beta=report["beta"]), report
    report["order"] = DEFAULT_ORDER[name] if options.order is None else options.order
    if name == "savgol":
        window, report["cutoff"] = savgol_window(timestamps, cutoff, report["order"])
        report["window_frames"] = window
        return savgol_of(timestamps, cutoff=cutoff, order=report["order"]), report
    return butterworth_of(timestamps, cutoff=cutoff, order=report["order"]), report


def _by_joint(lengths: FloatArray, skeleton: Skeleton) -> dict[str, float]:
    """The length of the bone that ends at each joint, to a tenth of a millimetre."""
    return {
        skeleton.joints[child]: round(float(lengths[child]), 4)
        for _, child in skeleton.bones
        if math.isfinite(lengths[child])
    }


def _floor(people: _People, camera: Camera, motion: Motion3D) -> FloorEstimate:
    """The floor from people who are refined up to here."""
    return floor_of(
        Each(len(people), lambda column: people[column].in_camera),
        Each(len(people), lambda column: people[column].confidence),
        camera,
        motion,
    )


def _with_still_feet(
    numbers: _Numbers,
    camera: Camera,
    frames: slice,
    fps: float,
    world: FloatArray,
    contacts: BoolArray,
) -> _Numbers:
    """Keep a person's standing feet in place; ``contacts`` (t, 2) receives when they stand."""
    points = camera.to_world(numbers.in_camera, frames)
    skeleton, sure = numbers.skeleton, numbers.confidence
    found = contacts_of(points, world, fps, confidence=sure, skeleton=skeleton)
    held = without_sliding(points[:, None], found[:, None], world, fps, skeleton=skeleton)
    contacts[:] = held.contacts[:, 0]
    moved = camera.from_world(held.in_camera[:, 0], frames)
    root = moved[:, skeleton.root]
    return replace(numbers, positions=moved - root[:, None], root=root)
