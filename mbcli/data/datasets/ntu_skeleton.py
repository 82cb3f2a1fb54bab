"""Reader of NTU RGB+D's own ``.skeleton`` files: the output of Kinect v2 as text.

The file consists of numbers separated by blanks: the number of frames, then for each frame the
number of bodies, and for each body a line of ten numbers (identity, clipped edges, state and
confidence of the hands, restricted, lean x and y, tracking state), the number of joints, 25, and a
line for each joint:

    x y z   depthX depthY   colorX colorY   orientation w x y z   tracking state

x, y, z are metres in the sensor's frame: x to the sensor's left, y up, z away. colorX, colorY are
pixels of the 1920 x 1080 colour picture. The tracking state is 2 for tracked, 1 for inferred and 0
for not tracked; these become confidences of 1, 0.5 and 0.

Kinect mirrors its pictures: colorX grows with x, towards the sensor's left, and left and right
joints appear swapped. The reader undoes this: x grows to the right, and left joints are left. A
file whose colorX decreases with x was not mirrored and is kept as it is.

Kinect loses identities and mistakes chairs for people. As the authors of the data set advise, a
body that is wider than high is rejected, and the body whose joints vary most comes first. A body
that appears after another has disappeared continues in its slot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mbcli.data.datasets.joints import keypoints_in_h36m, positions_in_h36m
from mbcli.data.datasets.ntu import ACTIONS, FPS, SIZE, NtuSample
from mbcli.data.datasets.pyskl import PEOPLE, ntu_metadata
from mbcli.data.datasets.sequence_import import Found, Refused, SequenceImport
from mbcli.errors import DataError
from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray

# Kinect's head joint is the middle of the head, level with the eyes, like our head joint where a
# skeleton has only eyes. The nose is placed between it and the neck.
KINECT25 = Skeleton(
    name="kinect25",
    joints=(
        "pelvis",
        "spine",
        "upper_neck",
        "head_top",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
        "left_hand",
        "right_shoulder",
        "right_elbow",
        "right_wrist",
        "right_hand",
        "left_hip",
        "left_knee",
        "left_ankle",
        "left_foot",
        "right_hip",
        "right_knee",
        "right_ankle",
        "right_foot",
        "thorax",
        "left_hand_tip",
        "left_thumb",
        "right_hand_tip",
        "right_thumb",
    ),
    parents=(
        -1,
        0,
        20,
        2,
        20,
        4,
        5,
        6,
        20,
        8,
        9,
        10,
        0,
        12,
        13,
        14,
        0,
        16,
        17,
        18,
        1,
        7,
        7,
        11,
        11,
    ),
)

_JOINTS = len(KINECT25)
_ABOUT_BODY = 10  # numbers, see above
_ABOUT_JOINT = 12  # numbers, see above
_PLACE, _PIXEL, _STATE = slice(0, 3), slice(5, 7), 11  # of a line, see above
_CONFIDENCE = np.array([0.0, 0.5, 1.0])  # of the states 0, 1 and 2, see above
_MILLIMETRES = 1000.0  # in a metre

_FEWEST_FRAMES = 11  # a body seen for less than a third of a second is noise
_WIDEST = 0.8  # width over height


@dataclass(eq=False)
class _Body:
    """Frames of one identity and the numbers of its joints in each, (F, 25, 12)."""

    frames: list[int]
    joints: list[FloatArray]

    @property
    def places(self) -> FloatArray:
        """(F, 25, 3) metres in the sensor's frame."""
        return np.array(self.joints)[..., _PLACE]

    @property
    def is_person(self) -> bool:
        """Whether the body is present long enough and higher than wide."""
        extent = np.ptp(self.places, axis=1)
        wide = extent[:, 0] > _WIDEST * extent[:, 1]
        return len(self.frames) >= _FEWEST_FRAMES and float(np.mean(wide)) <= 0.5

    @property
    def motion(self) -> float:
        """Sum of the variances of the joints' x, y and z."""
        return float(self.places.reshape(-1, 3).var(axis=0).sum())


def read_ntu_skeleton(source: Path) -> SequenceImport:
    """Read all ``.skeleton`` files under a folder; each becomes a sequence of two people.

    Args:
        source: the folder.

    Raises:
        DataError: there is no such file.
    """
    files = sorted(source.rglob("*.skeleton"))
    if not files:
        raise DataError(f"{source}: must hold .skeleton files, got none")
    labels = ACTIONS if any(_action(path) > 60 for path in files) else ACTIONS[:60]
    return SequenceImport(_items(source, files), len(files), ("truth",), PEOPLE, labels)


def _action(path: Path) -> int:
    try:
        return NtuSample.parse(path.stem).action
    except DataError:
        return 0


def _items(source: Path, files: list[Path]) -> Iterator[Found | Refused]:
    for path in files:
        place = path.relative_to(source).as_posix()
        try:
            yield _sequence(path, place)
        except DataError as error:
            yield Refused(place, str(error))


def _sequence(path: Path, place: str) -> Found:
    sample = NtuSample.parse(path.stem)
    try:
        words = path.read_text(encoding="ascii").split()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError("a .skeleton file must be text made of numbers") from error
    frames, bodies = _parse(words)
    slots, note = _slots(frames, bodies)  # (PEOPLE, F, 25, 12)

    places = slots[..., _PLACE] * (-1, -1, 1)
    pixels = slots[..., _PIXEL].copy()
    seen = np.isfinite(pixels).all(axis=-1) & np.isfinite(places).all(axis=-1)
    if not seen.any():
        raise DataError("at least one joint must have pixel coordinates, got none")
    if _falls(places[seen][:, 0], pixels[seen][:, 0]):
        pixels[..., 0] = SIZE[0] - 1 - pixels[..., 0]
    states = np.nan_to_num(slots[..., _STATE])
    if not np.isin(states, (0, 1, 2)).all():
        raise DataError(f"a tracking state must be 0, 1 or 2, got {states.max():g}")
    confidence = np.where(seen, _CONFIDENCE[states.astype(int)], 0.0)
    points = np.concatenate([pixels, confidence[..., None]], axis=-1)
    points[~seen] = np.nan, np.nan, 0.0
    truth = _MILLIMETRES * positions_in_h36m(places[0], KINECT25)
    return Found(
        path.stem,
        place,
        keypoints_in_h36m(points, KINECT25).swapaxes(0, 1),
        {"fps": FPS, "size": SIZE, **ntu_metadata(sample)},
        {"truth": truth},
        note,
    )


def _falls(x: FloatArray, pixels: FloatArray) -> bool:
    """Whether pixel coordinates decrease with x."""
    return bool(((x - x.mean()) * (pixels - pixels.mean())).sum() < 0)


def _parse(words: list[str]) -> tuple[int, dict[str, _Body]]:
    """The number of frames, and all bodies by identity in order of appearance."""
    at = 0
    bodies: dict[str, _Body] = {}

    def number(what: str) -> int:
        nonlocal at
        if at >= len(words) or not words[at].isdecimal():
            got = words[at] if at < len(words) else "the end of the file"
            raise DataError(f"expected the number of {what}, got {got!r:.40}")
        at += 1
        return int(words[at - 1])

    frames = number("frames")
    for frame in range(frames):
        for _ in range(number(f"bodies of frame {frame}")):
            identity = words[at] if at < len(words) else ""
            at += _ABOUT_BODY
            joints = number(f"joints of frame {frame}")
            if joints != _JOINTS:
                raise DataError(f"a body must have {_JOINTS} joints, got {joints} in frame {frame}")
            chunk = words[at : at + _JOINTS * _ABOUT_JOINT]
            at += len(chunk)
            try:
                numbers = np.array(chunk, dtype=np.float64).reshape(_JOINTS, _ABOUT_JOINT)
            except ValueError as error:
                raise DataError(
                    f"frame {frame} must have {_JOINTS} joints of {_ABOUT_JOINT} numbers each, "
                    f"got {len(chunk)} words"
                ) from error
            body = bodies.setdefault(identity, _Body([], []))
            if frame in body.frames[-1:]:
                raise DataError(f"a body must occur once per frame, got it twice in frame {frame}")
            body.frames.append(frame)
            body.joints.append(numbers)
    if at != len(words):
        raise DataError(
            f"the file must end after its {frames} frames, got {len(words) - at} more words"
        )
    if not bodies:
        raise DataError("at least one frame must contain a body, got none")
    return frames, bodies


def _slots(frames: int, bodies: dict[str, _Body]) -> tuple[FloatArray, str]:
    """Bodies in two slots, (2, F, 25, 12), NaN where a slot is empty; and a note on the rest."""
    people = [body for body in bodies.values() if body.is_person]
    if not people:
        people = [max(bodies.values(), key=lambda body: len(body.frames))]
    people.sort(key=lambda body: -body.motion)
    out = np.full((PEOPLE, frames, _JOINTS, _ABOUT_JOINT), np.nan)
    used = 0
    for body in people:
        for slot in out:
            if np.isnan(slot[body.frames]).all():
                slot[body.frames] = body.joints
                used += 1
                break
    left = len(bodies) - used
    return out, f"left out {left} of {len(bodies)} bodies" if left else ""
