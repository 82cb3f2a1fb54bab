"""A motion placed in space: positions of people, the floor, and everybody's path."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from mbcli.kinematics.places import FEET, places_of
from mbcli.motion import Motion3D
from mbcli.people import EVERYBODY, columns_of
from mbcli.types import FloatArray, IntArray
from mbcli.values import kept, kept_if_any

_CHUNK = 1024  # frames processed together
_CENTRE_SECONDS = 1.0  # over which a following camera smooths people's path


class Scene:
    """People at their positions in front of the camera, or upright on the floor if it is known.

    If any position is unknown, people stand side by side, each with a static pelvis.

    Args:
        motion: the motion to show; kept, not copied.
        person: people to show: ``all``, ``largest`` or track ids such as ``1,3``.

    Attributes:
        motion: the motion.
        shown: (T, P) whether a person is shown in a frame, kept by person.
        placed: whether people stand at their positions in space.
        floor: y of the floor in metres.
        grounded: whether the floor is known.

    Raises:
        ConfigError: a person who is not in the motion.
    """

    def __init__(self, motion: Motion3D, person: str = EVERYBODY) -> None:
        self.motion = motion
        there, chosen = motion.there, columns_of(person, motion.keypoints)
        others = ~np.isin(motion.spans.person, chosen)
        self.shown = there.filled_with(there.rows & ~others)
        places = places_of(motion, self.shown)
        self._offsets, self.placed, self.floor = places.offsets, places.known, places.floor
        self._camera, self.grounded = places.camera, places.grounded
        refinement = motion.refinement
        self._contacts = None if refinement is None else kept_if_any(refinement, "foot_contacts")
        self._feet = [motion.skeleton.index(joint) for joint in FEET]
        self._centres: FloatArray | None = None

    def columns(self, row: int) -> IntArray:
        """Columns of the people shown in a frame."""
        near = self.shown.spans.people_in(slice(row, row + 1))
        return near[self.shown.at(row, near)]

    def bodies(self, rows: slice, columns: IntArray | None = None) -> FloatArray:
        """(T', P', J, 3) metres, x right, y down, z away; NaN where somebody is absent."""
        if columns is None:
            columns = np.arange(len(self.motion.spans))
        positions = kept(self.motion, "positions").part(rows, columns).dense()
        bodies = positions + self._offsets.part(rows, columns).dense()[:, :, None]
        return self._camera.to_world(bodies, rows)

    def feet_down(self, row: int, column: int) -> list[int]:
        """Joints of the feet that stand on the floor, if known."""
        contacts = self._contacts
        if contacts is None or column not in contacts.spans.people_in(slice(row, row + 1)):
            return []
        down = contacts.at(row, np.array([column]))[0]
        return [joint for joint, stands in zip(self._feet, down, strict=True) if stands]

    @property
    def knows_contacts(self) -> bool:
        """Whether foot contacts are known."""
        return self._contacts is not None

    def on_floor(self, points: FloatArray) -> FloatArray:
        """(..., 3) the points on the floor directly below."""
        below = points.copy()
        below[..., 1] = self.floor
        return below

    def points(self, *, centred: bool = False) -> Iterator[FloatArray]:
        """All joints shown, and the floor below them, as arrays (N, 3).

        Args:
            centred: whether points are relative to the frame's :attr:`centres`.
        """
        if not self.shown.rows.any():
            # Nobody is shown: room for a person, so that there is a floor to see.
            room = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
            yield room + np.array([0.0, self.floor - 1.0, 0.0 if centred else 3.0])
        for rows, bodies, shown in self._chunks():
            joints = np.stack([bodies, self.on_floor(bodies)])  # (2, T', P', J, 3)
            if centred:
                joints = joints - self.centres[rows, None, None]
            yield joints[:, shown].reshape(-1, 3)

    def _chunks(
        self,
    ) -> Iterator[tuple[slice, FloatArray, npt.NDArray[np.bool_]]]:
        """Frames, the bodies of those near (T', P', J, 3), and whether they are shown (T', P')."""
        frames = self.shown.spans.frames
        for begin in range(0, frames, _CHUNK):
            rows = slice(begin, min(begin + _CHUNK, frames))
            near = self.shown.spans.people_in(rows)
            yield rows, self.bodies(rows, near), self.shown.part(rows, near).dense()

    @property
    def centres(self) -> FloatArray:
        """(T, 3) smoothed centre of the people shown, on the floor; y is 0."""
        if self._centres is None:
            self._centres = self._smoothed()
        return self._centres

    def _smoothed(self) -> FloatArray:
        frames = self.shown.spans.frames
        if not self.shown.rows.any():
            return np.zeros((frames, 3))
        pelvis = self.motion.skeleton.index("pelvis")
        chunks = []
        for _, bodies, shown in self._chunks():
            found = np.where(shown[..., None], bodies[:, :, pelvis], np.nan)
            # Somebody who is nowhere, in case nobody is there.
            found = np.pad(found, ((0, 0), (0, 1), (0, 0)), constant_values=np.nan)
            chunks.append((np.fmin.reduce(found, axis=1) + np.fmax.reduce(found, axis=1)) / 2)
        middles = np.concatenate(chunks)
        known = np.flatnonzero(np.isfinite(middles[:, 0]))
        steps = np.arange(frames)
        filled = np.stack([np.interp(steps, known, axis[known]) for axis in middles.T], axis=-1)
        filled[:, 1] = 0.0
        half = round(self.motion.fps * _CENTRE_SECONDS / 2)
        window = np.hanning(2 * half + 3)
        window /= window.sum()
        padded = np.pad(filled, ((half + 1, half + 1), (0, 0)), mode="edge")
        smooth = [np.convolve(axis, window, mode="valid") for axis in padded.T]
        return np.stack(smooth, axis=-1)
