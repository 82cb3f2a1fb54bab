"""3D motion of every person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.camera import Camera
from mbcli.skeleton import H36M17, ORIENTED, Skeleton, check_body
from mbcli.spans import PerPerson, Spans
from mbcli.types import (
    BoolArray,
    ByValue,
    FloatArray,
    IntArray,
    Keypoints2D,
    check_confidence,
    check_errors,
    check_shape,
)
from mbcli.values import (
    Dense,
    align,
    by_person,
    changed,
    check_dense,
    column_of,
    fits,
    kept,
    within,
)


@by_person(
    positions=Dense(4, np.nan),
    root=Dense(3, np.nan),
    confidence=Dense(3, 0.0),
    foot_contacts=Dense(3, False, np.bool_),
    expected_error=Dense(3, np.nan),
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
    foot_contacts: BoolArray | None = None
    expected_error: FloatArray | None = None

    def __post_init__(self) -> None:
        names = ("positions", "root", "confidence", "foot_contacts", "expected_error")
        positions, root, confidence, contacts, errors = (vars(self)[name] for name in names)
        check_shape("Refinement", "positions", positions, (-1, -1, -1, 3))
        check_shape("Refinement", "root", root, (*positions.shape[:2], 3))
        check_shape("Refinement", "confidence", confidence, positions.shape[:3])
        check_confidence("Refinement", confidence.rows)
        if contacts is not None:
            check_shape("Refinement", "foot_contacts", contacts, (*positions.shape[:2], 2))
        if errors is not None:
            check_shape("Refinement", "expected_error", errors, confidence.shape)
            check_errors("Refinement", errors.rows)
        align(self)

    def part(self, frames: slice, columns: Sequence[int] | IntArray) -> Refinement:
        """The refinement of some people in a section of the clip."""
        camera = None if self.camera is None else self.camera.part(frames)
        return changed(self, **_parts(self, frames, columns), camera=camera)


@by_person(
    positions=Dense(4, np.nan),
    root=Dense(3, np.nan),
    positions_normalized=Dense(4, np.nan),
    confidence=Dense(3, 0.0),
    expected_error=Dense(3, np.nan),
    orientations=Dense(4, (np.nan, np.nan, np.nan, 0.0)),
)
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
        orientations: (T, P, 3, 4) float32: how head, left hand and right hand (`ORIENTED`) are
            turned, see `mbcli.placing.orientation`: a rotation vector in camera axes, radians, from
            a T-pose that faces the camera, palms down, and a confidence 0..1; missing = (NaN, NaN,
            NaN, 0). None if no keypoints tell.
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
    orientations: FloatArray | None = None

    def __post_init__(self) -> None:
        names = ("positions", "root", "positions_normalized", "confidence", "expected_error")
        positions, root, normalized, confidence, errors = (vars(self)[name] for name in names)
        frames, people = len(self.keypoints.timestamps), len(self.keypoints.track_ids)
        joints = len(self.skeleton)
        check_body(self.skeleton)
        check_shape("Motion3D", "positions", positions, (frames, people, joints, 3))
        check_shape("Motion3D", "root", root, (frames, people, 3))
        check_shape("Motion3D", "positions_normalized", normalized, positions.shape)
        check_shape("Motion3D", "confidence", confidence, (frames, people, joints))
        check_confidence("Motion3D", confidence.rows)
        if self.keypoints.skeleton != self.skeleton:
            raise ValueError(
                f"Motion3D: keypoints must be in {self.skeleton.name}, "
                f"got {self.keypoints.skeleton.name}"
            )
        poses = self.camera.world_from_camera
        check_shape("Motion3D", "camera.world_from_camera", poses, (frames, 4, 4))
        if self.refinement is not None:
            before = kept(self.refinement, "positions")
            check_shape("Refinement", "positions", before, positions.shape)
        if errors is not None:
            check_shape("Motion3D", "expected_error", errors, confidence.shape)
            check_errors("Motion3D", errors.rows)
        if (turned := vars(self)["orientations"]) is not None:
            check_shape("Motion3D", "orientations", turned, (frames, people, len(ORIENTED), 4))
            check_confidence("Motion3D.orientations", turned.rows[..., 3])
        # All values of people are kept for the same frames, so that they can be combined by row.
        spans = self.keypoints.spans
        if self.refinement is not None:
            spans = spans.union(kept(self.refinement, "positions").spans)
        align(self, spans)
        for name in ("keypoints", "refinement"):
            object.__setattr__(self, name, within(vars(self)[name], self.spans))

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
    def spans(self) -> Spans:
        """The first and the last frame of each person."""
        return kept(self, "positions").spans

    @property
    def there(self) -> PerPerson:
        """(T, P) whether the person has a pose in the frame, kept by person."""
        return self._where(np.all)

    @property
    def glimpsed(self) -> PerPerson:
        """(T, P) whether the person has any joint in the frame, kept by person."""
        return self._where(np.any)

    def _where(self, which: Callable[..., Any]) -> PerPerson:
        known = np.isfinite(kept(self, "positions").rows)
        return PerPerson(self.spans, np.asarray(which(known, axis=(-1, -2))), np.False_)

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """(T, P) whether the person has a pose in the frame."""
        there = self.there
        check_dense("Motion3D.present", there)
        return there.dense()

    @property
    def in_camera(self) -> FloatArray:
        """(T, P, J, 3) float32 metres: every joint in the camera's frame."""
        return self.positions + self.root[:, :, None]

    @property
    def in_world(self) -> FloatArray:
        """(T, P, J, 3) float64 metres: every joint in the world of :attr:`camera`."""
        points = self.positions.astype(np.float64) + self.root.astype(np.float64)[:, :, None]
        return self.camera.to_world(points)

    @property
    def fits_dense(self) -> bool:
        """Whether all arrays (T, P, ...) together take at most 1 GB; else a file is long."""
        owners = [owner for owner in (self, self.keypoints, self.refinement) if owner is not None]
        return fits(v for o in owners for v in vars(o).values() if isinstance(v, PerPerson))

    def person(self, identity: int) -> Motion3D:
        """The motion of one person, (t, 1, J, 3), from their first frame to their last.

        Its arrays are small however long the clip is and however many people it shows. Their
        times are ``timestamps``, their frame numbers ``keypoints.frame_index``.

        Args:
            identity: one of ``track_ids``.

        Raises:
            KeyError: there is no such person.
        """
        return self.alone(column_of(self.track_ids, identity))

    def alone(self, column: int) -> Motion3D:
        """The motion of the person in a column, from their first frame to their last."""
        return self.part(self.spans.frames_of(column), [column])

    def part(self, frames: slice, columns: Sequence[int] | IntArray) -> Motion3D:
        """The refinement of some people in a section of the clip."""
        refinement = self.refinement
        return changed(
            self,
            **_parts(self, frames, columns),
            keypoints=self.keypoints.part(frames, columns),
            camera=self.camera.part(frames),
            refinement=None if refinement is None else refinement.part(frames, columns),
        )

    def whole(self, column: int) -> Motion3D:
        """The motion of the person in a column in all frames of the clip."""
        return self.part(slice(0, self.spans.frames), [column])

    def save(self, path: Path | str, *, overwrite: bool = False) -> None:
        """Write the motion to ``path``, usually ``pose.npz``; see :func:`save_motion`."""
        from mbcli.motion.file import save_motion

        save_motion(path, self, overwrite=overwrite)


def _parts(owner: object, frames: slice, columns: Sequence[int] | IntArray) -> dict[str, Any]:
    """The values of some people in a section of the clip, by field."""
    values = {name: value for name, value in vars(owner).items() if isinstance(value, PerPerson)}
    return {name: value.part(frames, columns) for name, value in values.items()}


def heights(motion: Motion3D) -> list[float]:
    """The standing height in metres of each person, as given, found or assumed; [] if not noted."""
    noted = motion.meta.get("assumptions")
    height = noted.get("height") if isinstance(noted, Mapping) else None
    if not isinstance(height, Mapping) or "metres" not in height:
        return []
    people = height.get("people", {})
    return [
        float(people.get(str(number), height)["metres"]) for number in motion.track_ids.tolist()
    ]


def noted_source(motion: Motion3D) -> Path | None:
    """The recorded source of a motion, if it still exists."""
    noted = motion.meta.get("source")
    path = Path(noted) if isinstance(noted, str) and noted else None
    return path if path is not None and path.exists() else None
