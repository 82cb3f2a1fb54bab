"""The 2D front end that comes with the project: Google's MoveNet on onnxruntime, CPU only.

Two models share the work. MultiPose looks at the whole picture every few frames, and at once
when somebody was lost, and says who is there. Thunder gives the keypoints of each person in
each frame, from a square crop that follows the keypoints of the frame before.

Thunder knows one person who stands upright. So whoever else is in a crop is painted over
(`mbcli.pose2d.hiding`), and the crop is turned with people who lean.

Thunder must not decide who is there: on bushes and walls its keypoints reach a mean confidence
of 0.4, as much as on a small or half-hidden person. MultiPose gives background less than 0.1, and
where it overlooks somebody who is followed, it is asked again with that person's crop only.

Limits: MultiPose returns six people at most, so a seventh is found only when its score passes
another's. People whose height is under about an eighth of the picture's longer side, or who are
mostly hidden, may be missed. While two people overlap, what is hidden is guessed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from mbcli.errors import ConfigError
from mbcli.pose2d.hiding import hide_others
from mbcli.pose2d.movenet_nets import Image, MultiPose, Square, Thunder
from mbcli.pose2d.overlap import box_iou, distinct, keypoint_box, oks
from mbcli.skeleton import COCO17, Skeleton
from mbcli.types import FloatArray, Frame, FramePoses

# Keypoint confidence from which a joint shapes crops, boxes and comparisons: that of the crops in
# MoveNet's tutorial (TensorFlow Hub, 2021).
SURE = 0.2

_CONFIRM = 0.1  # MultiPose score that upholds a person who is followed already
_CONFIRM_CLOSE = 0.25  # the same when it looks at that person's crop; background stays below 0.2
_PRESENT = 0.25  # mean confidence below which Thunder's keypoints are no person
# Likeness (0..1) of two poses of one person, between frames or between models. Two people in five
# clips were never below 0.32 within 0.1 s and below 0.25 in 1 of 100 within 0.2 s; two people of
# one frame were above 0.19 in 1 of 100 (`research.thresholds`).
_SAME = 0.25
# OKS above which two crops have landed on one person: two who passed one another reached 0.41.
_DUPLICATE = 0.65
_BOX_MARGIN = 0.1  # of the keypoint box on each side: heads and feet end beyond their keypoints
_CLOCK_SLACK = 0.002  # seconds by which time stamps are rounded in some containers
_LEANING = math.radians(10), math.radians(30)  # from here the crop turns a little, from here all
_SHORT_TRUNK = 0.12, 0.22  # trunk over reach: how it leans is not known below, is known above
# Of the crop's side: a person further off its middle is looked at once more. On the walk clip a
# single look from 0.15 off errs by 0.2 to 0.8 % of the side, from 0.25 too low by 1.4 and 4 %.
_RECROP = 0.12

_TORSO = [
    COCO17.index(f"{side}_{part}") for side in ("left", "right") for part in ("shoulder", "hip")
]
_HIPS = [COCO17.index("left_hip"), COCO17.index("right_hip")]


class MoveNet:
    """Finds people by MultiPose and follows each by Thunder; a `mbcli.pose2d.Pose2D`."""

    name: str = "movenet"
    skeleton: Skeleton = COCO17
    weights: tuple[str, ...] = ("movenet-thunder", "movenet-multipose")

    def __init__(
        self,
        *,
        threads: int | None = None,
        search_every: float = 0.2,
        person_threshold: float = 0.2,
    ) -> None:
        """Load both networks.

        Args:
            threads: CPU threads; None lets onnxruntime choose.
            search_every: seconds of video after which the whole picture is searched again:
                every sixth frame at 30 fps, every frame at 5 fps.
            person_threshold: 0..1, MultiPose score from which a new person is taken up.

        Raises:
            ConfigError: ``search_every`` is negative.
            WeightsError: a weights file is missing or damaged.
        """
        if not search_every >= 0:
            raise ConfigError(f"search_every must be 0 or more seconds, got {search_every}")
        self.facts: Mapping[str, Any] = {
            "models": "MultiPose and Thunder",
            "device": "cpu",
            "person_threshold": person_threshold,
            "search_every": search_every,
        }
        self._search_every = search_every
        self._person_threshold = person_threshold
        self._thunder = Thunder(threads)
        self._multipose = MultiPose(threads)
        self._people: list[FloatArray] = []
        self._searched_at = -np.inf

    def close(self) -> None:
        """Give back both networks."""
        del self._thunder, self._multipose

    def __call__(self, frame: Frame) -> FramePoses:
        """The people in one frame, in no particular order.

        Frames come in order of time; people are followed from each to the next.

        Returns:
            Boxes around the confident keypoints with a margin of a tenth, inside the picture;
            COCO-17 keypoints with the confidence that the network gave. Keypoints that it is
            unsure of stay, with a low confidence; some may lie outside the picture.
        """
        image = frame.image
        if frame.cut:
            self._people, self._searched_at = [], -np.inf
        people = self._follow(image, self._people)
        lost = len(people) < len(self._people)
        waited = frame.time - self._searched_at
        if lost or not people or waited > self._search_every - _CLOCK_SLACK:
            people = self._search(image, people)
            self._searched_at = frame.time
        self._people = people
        return _frame_poses(frame, people)

    def _follow(self, image: Image, people: list[FloatArray]) -> list[FloatArray]:
        """The same people in the next frame, without those who fade, jump or coincide.

        When two crops land on one person, the one that came the shorter way keeps them.
        """
        followed: list[FloatArray] = []
        merit: list[float] = []
        for index, person in enumerate(people):
            keypoints = self._locate(image, person, [*people[:index], *people[index + 1 :]])
            likeness = _likeness(keypoints, person)
            if likeness >= _SAME and _score(keypoints) >= _PRESENT:
                followed.append(keypoints)
                merit.append(oks(keypoints, person, SURE))
        return [followed[i] for i in distinct(followed, merit, _DUPLICATE, SURE)]

    def _locate(self, image: Image, near: FloatArray, others: Sequence[FloatArray]) -> FloatArray:
        """Thunder's keypoints around given ones, with a second look if they lie off-centre."""
        square = crop_square(near)
        keypoints = self._look(image, square, near, others)
        better = crop_square(keypoints)
        off = float(np.abs(better.middle - square.middle).max())
        if off > _RECROP * square.side:
            keypoints = self._look(image, better, keypoints, others)
        return keypoints

    def _look(
        self, image: Image, square: Square, own: FloatArray, others: Sequence[FloatArray]
    ) -> FloatArray:
        """Thunder's keypoints in a square without those who are near by."""
        seen = [_within(person, square) for person in (own, *others)]
        hide = partial(hide_others, own=seen[0], others=seen[1:], sure=SURE)
        return self._thunder(image, square, hide)

    def _search(self, image: Image, people: list[FloatArray]) -> list[FloatArray]:
        """Uphold the followed by the whole picture, drop who is not there, take up who is new."""
        poses, scores = self._multipose(image)
        seen = [int(i) for i in np.flatnonzero(scores >= min(_CONFIRM, self._person_threshold))]
        pairs = _pairs(people, [poses[i] for i in seen])
        staying = [
            person
            for index, person in enumerate(people)
            if index in pairs or self._is_there(image, people, index)
        ]
        met = {seen[i] for i in pairs.values()}
        for index in np.argsort(-scores):
            if index not in met and scores[index] >= self._person_threshold:
                keypoints = self._newcomer(image, poses[index], staying)
                if keypoints is not None:
                    staying.append(keypoints)
        return staying

    def _is_there(self, image: Image, people: list[FloatArray], index: int) -> bool:
        """Whether MultiPose, looking closer, sees a person it overlooked in the whole picture."""
        poses, scores = self._multipose.closer(image, crop_square(people[index]))
        seen = [pose for pose, score in zip(poses, scores, strict=True) if score >= _CONFIRM_CLOSE]
        return index in _pairs(people, seen)  # not if what it sees is liker to somebody else

    def _newcomer(
        self, image: Image, pose: FloatArray, others: list[FloatArray]
    ) -> FloatArray | None:
        """Keypoints of somebody MultiPose found; None if they are nobody or one of the others."""
        # In a crowd Thunder may settle on a neighbour; MultiPose's own keypoints serve then.
        for keypoints in (self._locate(image, pose, others), pose):
            if (
                _score(keypoints) >= _PRESENT
                and _likeness(keypoints, pose) >= _SAME
                and all(oks(keypoints, o, SURE) <= _DUPLICATE for o in others)
            ):
                return keypoints
        return None


def crop_square(keypoints: FloatArray) -> Square:
    """The square in which Thunder looks for a person, from keypoints of the frame before.

    The rule published with MoveNet (TensorFlow Hub tutorial, 2021): 1.9 times the reach of the
    torso, or 1.2 times that of all confident keypoints if wider. The published centre are the
    hips. Here it lies half-way from them to the middle of the body: with crops shifted and
    scaled at random, 54 people in real pictures, keypoints scattered a tenth less than about
    either of the two.

    Args:
        keypoints: (17, 3) x, y in pixels and confidence.
    """
    sure = keypoints[:, 2] >= SURE
    level = Square(0, 0, 0, _lean(keypoints))
    points = keypoints[:, :2] @ level.axes  # (17, 2) along the crop's own axes
    low, high = keypoint_box(np.column_stack([points, keypoints[:, 2]]), SURE).reshape(2, 2)
    centre = (low + high) / 2
    if sure[_HIPS].all():
        centre = (centre + points[_HIPS].mean(axis=0)) / 2
    reach = 1.2 * float(np.maximum(high - centre, centre - low).max())
    if sure[_TORSO].all():
        reach = max(reach, 1.9 * float(np.abs(points[_TORSO] - centre).max()))
    side = max(round(2 * reach), 16)
    left, top = np.rint(level.axes @ centre - side / 2).astype(int)
    return Square(int(left), int(top), side, level.turn)


def _lean(keypoints: FloatArray) -> float:
    """Radians by which a person's crop is turned, clockwise, so that the trunk stands upright.

    Thunder knows few people who lean. Those who hardly do are left as they are, and so are those
    whose trunk is too short in the picture to show how.
    """
    if not (keypoints[_TORSO, 2] >= SURE).all():
        return 0.0
    ends = keypoints[_TORSO, :2].reshape(2, 2, 2).mean(axis=0)  # shoulders, hips
    trunk = (ends[0] - ends[1]).astype(np.float64)
    sure = keypoints[keypoints[:, 2] >= SURE, :2]
    share = float(np.linalg.norm(trunk) / max(np.ptp(sure, axis=0).max(), 1e-6))
    angle = math.atan2(trunk[0], -trunk[1])
    known = np.clip((share - _SHORT_TRUNK[0]) / (_SHORT_TRUNK[1] - _SHORT_TRUNK[0]), 0, 1)
    leaning = (abs(angle) - _LEANING[0]) / (_LEANING[1] - _LEANING[0])
    return float(angle * known * np.clip(leaning, 0, 1))


def _likeness(first: FloatArray, second: FloatArray) -> float:
    """0..1: the better of keypoint and box agreement, for one person seen twice."""
    boxes = keypoint_box(first, SURE), keypoint_box(second, SURE)
    return max(oks(first, second, SURE), box_iou(*boxes))


def _within(person: FloatArray, square: Square) -> FloatArray:
    """(17, 3) keypoints in pixels of the square's crop."""
    return np.concatenate([square.inside(person[:, :2]), person[:, 2:]], axis=1)


def _score(keypoints: FloatArray) -> float:
    return float(keypoints[:, 2].mean())


def _pairs(people: list[FloatArray], seen: list[FloatArray]) -> dict[int, int]:
    """Which followed person is which seen one: index to index, the likest first."""
    likeness = {
        (i, j): _likeness(person, pose)
        for i, person in enumerate(people)
        for j, pose in enumerate(seen)
    }
    pairs: dict[int, int] = {}
    for i, j in sorted(likeness, key=lambda key: -likeness[key]):
        if likeness[i, j] >= _SAME and i not in pairs and j not in pairs.values():
            pairs[i] = j
    return pairs


def _frame_poses(frame: Frame, people: list[FloatArray]) -> FramePoses:
    keypoints = np.array(people, np.float32).reshape(-1, len(COCO17), 3)
    boxes = np.empty((len(people), 4), np.float32)
    for row, person in enumerate(people):
        box = keypoint_box(person, SURE)
        margin = _BOX_MARGIN * np.tile(box[2:] - box[:2], 2) * (-1, -1, 1, 1)
        boxes[row] = np.clip(box + margin, 0, np.tile(frame.size, 2))
    return FramePoses(frame.index, frame.time, boxes, keypoints)
