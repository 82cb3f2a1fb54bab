"""Reader of NTU RGB+D's own ``.skeleton`` files: what Kinect v2 tracked, as text.

Numbers with blanks between them: the number of frames, then for each frame the number of bodies,
and for each body a line of ten (its identity, edges cut, state and confidence of the hands,
restricted, lean x and y, tracking state), the number of joints, 25, and a line for each:

    x y z   depthX depthY   colorX colorY   orientation w x y z   tracking state

x, y, z are metres in the sensor's frame: x to the sensor's left, y up, z away. colorX, colorY are
pixels of the 1920 x 1080 colour picture. The state is 2 for tracked, 1 for inferred, 0 for not
tracked: confidences of 1, 0.5 and 0 here.

Kinect mirrors its pictures: colorX grows with x, to the sensor's left, and a person's left hand
is where one expects the right one. Both are turned back, so that x grows to the right and left
is left. A file whose colorX falls with x has pictures that are not mirrored and is kept so.

Identities break off, and chairs are taken for people. As the data set's makers advise, a body
that is wide rather than high is no person, and the one whose joints vary most comes first; a body
that begins where another ended takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mbcli.data.datasets.joints import keypoints_in_h36m, positions_in_h36m
from mbcli.data.datasets.ntu import ACTIONS, FPS, SIZE, NtuSample
from mbcli.data.datasets.pyskl import PEOPLE, ntu_facts
from mbcli.data.datasets.sequence_import import Found, Refused, SequenceImport
from mbcli.errors import DataError
from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray

# Kinect's head is the middle of the head, on the level of the eyes, as is what stands for our
# head where there are only eyes. The nose is placed between it and the neck.
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
    """Frames of one identity and what was told of its joints in each, (F, 25, 12)."""

    frames: list[int]
    told: list[FloatArray]

    @property
    def places(self) -> FloatArray:
        """(F, 25, 3) metres in the sensor's frame."""
        return np.array(self.told)[..., _PLACE]

    @property
    def is_person(self) -> bool:
        """Whether it is there long enough, and higher than wide."""
        extent = np.ptp(self.places, axis=1)
        wide = extent[:, 0] > _WIDEST * extent[:, 1]
        return len(self.frames) >= _FEWEST_FRAMES and float(np.mean(wide)) <= 0.5

    @property
    def motion(self) -> float:
        """How much the joints vary, the sum of the variances of x, y and z."""
        return float(self.places.reshape(-1, 3).var(axis=0).sum())


def read_ntu_skeleton(source: Path) -> SequenceImport:
    """Read all ``.skeleton`` files under a folder; each is a sequence of two people.

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
        raise DataError("a .skeleton file is a text of numbers") from error
    frames, bodies = _parse(words)
    slots, note = _slots(frames, bodies)  # (PEOPLE, F, 25, 12)

    places = slots[..., _PLACE] * (-1, -1, 1)
    pixels = slots[..., _PIXEL].copy()
    seen = np.isfinite(pixels).all(axis=-1) & np.isfinite(places).all(axis=-1)
    if not seen.any():
        raise DataError("a joint or more must have a place in the picture, got none")
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
        {"fps": FPS, "size": SIZE, **ntu_facts(sample)},
        {"truth": truth},
        note,
    )


def _falls(x: FloatArray, pixels: FloatArray) -> bool:
    """Whether pixels count against x."""
    return bool(((x - x.mean()) * (pixels - pixels.mean())).sum() < 0)


def _parse(words: list[str]) -> tuple[int, dict[str, _Body]]:
    """The number of frames, and all bodies by identity in the order in which they appear."""
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
                told = np.array(chunk, dtype=np.float64).reshape(_JOINTS, _ABOUT_JOINT)
            except ValueError as error:
                raise DataError(
                    f"frame {frame} must tell {_JOINTS} joints by {_ABOUT_JOINT} numbers each, "
                    f"got {len(chunk)} words"
                ) from error
            body = bodies.setdefault(identity, _Body([], []))
            if frame in body.frames[-1:]:
                raise DataError(f"a body must stand once in a frame, got twice in frame {frame}")
            body.frames.append(frame)
            body.told.append(told)
    if at != len(words):
        raise DataError(f"{frames} frames were announced, got {len(words) - at} words more")
    if not bodies:
        raise DataError("a body must be there, got none in any frame")
    return frames, bodies


def _slots(frames: int, bodies: dict[str, _Body]) -> tuple[FloatArray, str]:
    """Bodies in two places, (2, F, 25, 12), NaN where nobody is; and what was left out."""
    people = [body for body in bodies.values() if body.is_person]
    if not people:
        people = [max(bodies.values(), key=lambda body: len(body.frames))]
    people.sort(key=lambda body: -body.motion)
    out = np.full((PEOPLE, frames, _JOINTS, _ABOUT_JOINT), np.nan)
    used = 0
    for body in people:
        for slot in out:
            if np.isnan(slot[body.frames]).all():
                slot[body.frames] = body.told
                used += 1
                break
    left = len(bodies) - used
    return out, f"left out {left} of {len(bodies)} bodies" if left else ""
