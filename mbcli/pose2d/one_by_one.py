"""Following people one by one: MultiPose finds them, a network of one person locates keypoints.

MultiPose detects people in the whole picture a few times a second, and immediately after somebody
was lost: more rarely while all who are followed are well seen, more often while nobody is. The
other network locates the keypoints of each person in each frame, in a square crop around the
keypoints of the previous frame.

That network expects a single upright person. Other people in a crop are therefore painted over
(`mbcli.pose2d.hiding`), and the crop is rotated for people who lean.

MoveNet's Thunder cannot decide whether a person is present: on bushes and walls its keypoints reach
a mean confidence of 0.4, as high as on a small or half-hidden person. MultiPose scores background
below 0.1. Where it misses somebody who is being followed, or finds somebody faintly, it runs again
on that person's crop. If nobody is found, it also searches the picture with a black border, since
people who fill the picture or are cut by its edge score higher when there is room around them.

Limits: MultiPose returns at most six people, so a seventh is found only if its score exceeds
another's. People whose height is below about an eighth of the picture's longer side, or who are
mostly hidden, may be missed. While two people overlap, hidden keypoints are guesses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import cv2
import numpy as np

from mbcli.pose2d.following import Following
from mbcli.pose2d.hiding import hide_others
from mbcli.pose2d.movenet_nets import MultiPose
from mbcli.pose2d.overlap import box_iou, distinct, keypoint_box, oks
from mbcli.pose2d.squares import SURE, Image, Square, crop_square
from mbcli.skeleton import COCO17, Skeleton
from mbcli.types import FloatArray, Frame, FramePoses

_CONFIRM = 0.1  # MultiPose score that confirms a person who is already followed
_CONFIRM_CLOSE = 0.25  # likewise when it runs on that person's crop; background stays below 0.2
# MultiPose score from which a stranger's crop is searched: of 56 crops of two people, cut by an
# edge or from head to hips or knees, the whole picture gave 0.06 or more to all, their own crops
# 0.25 or more to 9 in 10 of the faint ones. In 18 pictures without people, no crop exceeded 0.07.
_FAINT = 0.05
_BORDER = 0.2  # of the longer side: in those pictures, this raised the score of cut-off people most
# Seconds between searches while nobody is in the picture: a newcomer misses 0.07 s at most, as one
# frame in three is searched at 30 a second.
_EMPTY = 0.1
# Mean confidence from which a person is well seen: bushes and walls reach 0.4, and 95 of 100 people
# in real footage more than 0.55. Then the picture is searched half as often.
_WELL_SEEN, _SELDOM = 0.5, 2.0
# Seconds for which it is not, after somebody was lost: as long as they may come back as themselves
# (`mbcli.tracks.joining`).
_MISSED = 2.0
_PRESENT = 0.25  # mean confidence below which the network's keypoints are not a person
# Minimum likeness (0..1) of two poses of one person, between frames or between models. For two
# people in each of five clips it was never below 0.32 within 0.1 s, and below 0.25 in 1 of 100
# within 0.2 s; for two people in one frame it was above 0.19 in 1 of 100 (`research.thresholds`).
_SAME = 0.25
# OKS above which two crops show one person: two people passing each other reached 0.41.
_DUPLICATE = 0.65
_BOX_MARGIN = 0.1  # of the keypoint box on each side: heads and feet extend beyond their keypoints
_CLOCK_SLACK = 0.002  # seconds: rounding of time stamps in some containers
# Share of the crop's side: a person further off-centre is located a second time. On the walk clip
# a single pass from 0.15 off-centre errs by 0.2 to 0.8 % of the side, from 0.25 by 1.4 to 4 %.
_RECROP = 0.12

_BODY = len(COCO17)  # MultiPose's keypoints, which come first in those of the other network


class OnePerson(Protocol):
    """A network that locates the keypoints of the person in the middle of a square."""

    def __call__(
        self, image: Image, square: Square, prepare: Callable[[Image], Image] | None = None
    ) -> FloatArray:
        """Keypoints of one person.

        Args:
            image: (H, W, 3) uint8 RGB.
            square: the region to search; outside the picture it is black.
            prepare: changes the crop before it is passed to the network.

        Returns:
            (J, 3) float32 x, y in pixels of ``image``, confidence 0..1; COCO-17 comes first.
        """
        ...


class OneByOne(Following):
    """Detects people with MultiPose and follows each with another network.

    Those that derive from it are a `mbcli.pose2d.Pose2D` with a name, a skeleton and weights.
    """

    skeleton: Skeleton
    trunks: float = 0.0  # of `mbcli.pose2d.squares.crop_square`

    def __init__(
        self,
        one: OnePerson,
        models: str,
        *,
        threads: int | None = None,
        search_every: float = 0.2,
        person_threshold: float = 0.2,
    ) -> None:
        """Load MultiPose.

        Args:
            one: the other network.
            models: their names, for metadata.
            threads: CPU threads; None lets onnxruntime choose.
            search_every: seconds of video after which the whole picture is searched again: every
                sixth frame at 30 fps, every frame at 5 fps. It is searched half as often while
                everybody is well seen and nobody was lost for two seconds, and after 0.1 s at most
                while nobody is there. So long a newcomer may go unnoticed.
            person_threshold: 0..1, minimum MultiPose score of a new person.

        Raises:
            ConfigError: ``search_every`` is negative.
            WeightsError: a weights file is missing or damaged.
        """
        super().__init__(search_every)
        self.metadata: Mapping[str, Any] = {
            "models": models,
            "device": "cpu",
            "person_threshold": person_threshold,
            "search_every": search_every,
        }
        self._person_threshold = person_threshold
        self._one = one
        self._multipose = MultiPose(threads)
        # Keypoints are in this order while people are followed.
        body_first = [*COCO17.joints, *(j for j in self.skeleton.joints if j not in COCO17.joints)]
        self._order = [body_first.index(joint) for joint in self.skeleton.joints]

    def close(self) -> None:
        """Release both networks."""
        del self._one, self._multipose

    def __call__(self, frame: Frame) -> FramePoses:
        """The people in one frame, in no particular order.

        Frames come in order of time; people are followed from frame to frame.

        Returns:
            Boxes around the confident keypoints with a margin of a tenth, inside the picture;
            keypoints with the network's confidence. Uncertain keypoints are kept, with a
            low confidence; some may lie outside the picture.
        """
        image = frame.image
        if frame.cut:
            self._forget()
        people = self._follow(image, self._people)
        lost = len(people) < len(self._people)
        waited = frame.time - self._searched_at
        if lost or waited > self._patience(people, frame.time) - _CLOCK_SLACK:
            people = self._search(image, people)
            if not people and waited > self._search_every - _CLOCK_SLACK:
                people = self._search_bordered(image)
            self._searched_at = frame.time
        if len(people) < len(self._people):
            self._lost_at = frame.time
        self._people = people
        return self._frame_poses(frame, people)

    def state(self) -> dict[str, FloatArray]:
        """As `Following`, and when somebody was lost."""
        return {**super().state(), "lost_at": np.array(self._lost_at)}

    def resume(self, state: dict[str, FloatArray]) -> None:
        """Follow the people of a state."""
        self._lost_at = float(state["lost_at"])
        super().resume({name: value for name, value in state.items() if name != "lost_at"})

    def _forget(self) -> None:
        super()._forget()
        self._lost_at = -math.inf

    def _patience(self, people: list[FloatArray], now: float) -> float:
        """Seconds after which the picture is searched, while these people are followed."""
        if not people:
            return min(_EMPTY, self._search_every)
        well_seen = all(_score(person) >= _WELL_SEEN for person in people)
        seldom = well_seen and now - self._lost_at > _MISSED
        return self._search_every * (_SELDOM if seldom else 1.0)

    def _follow(self, image: Image, people: list[FloatArray]) -> list[FloatArray]:
        """Follow people into the next frame, dropping those who fade, jump or coincide.

        When two crops end up on one person, the one that moved less keeps the person.
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
        """The network's keypoints near given ones, with a second pass if they are off-centre."""
        square = crop_square(near, self.trunks)
        keypoints = self._look(image, square, near, others)
        better = crop_square(keypoints, self.trunks)
        off = float(np.abs(better.middle - square.middle).max())
        if off > _RECROP * square.side:
            keypoints = self._look(image, better, keypoints, others)
        return keypoints

    def _look(
        self, image: Image, square: Square, own: FloatArray, others: Sequence[FloatArray]
    ) -> FloatArray:
        """The network's keypoints in a square, with other people nearby painted over."""
        seen = [_within(person, square) for person in (own, *others)]
        hide = partial(hide_others, own=seen[0], others=seen[1:], sure=SURE)
        return self._one(image, square, hide)

    def _search(self, image: Image, people: list[FloatArray]) -> list[FloatArray]:
        """Search the whole picture: confirm followed people, drop lost ones, add new ones."""
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
            if index not in met:
                staying += self._newcomer(image, poses[index], scores[index], staying)
        return staying

    def _search_bordered(self, image: Image) -> list[FloatArray]:
        """Search the picture with a black border, outside which nobody is cut off."""
        width = round(_BORDER * max(image.shape[:2]))
        around = cv2.copyMakeBorder(image, width, width, width, width, cv2.BORDER_CONSTANT)
        shift = np.array([width, width, 0], np.float32)
        return [person - shift for person in self._search(np.asarray(around, np.uint8), [])]

    def _is_there(self, image: Image, people: list[FloatArray], index: int) -> bool:
        """Whether MultiPose finds a person in their crop whom it missed in the whole picture."""
        poses, scores = self._multipose.closer(image, crop_square(people[index]))
        seen = [pose for pose, score in zip(poses, scores, strict=True) if score >= _CONFIRM_CLOSE]
        return index in _pairs(people, seen)  # not if the detection matches somebody else better

    def _newcomer(
        self, image: Image, pose: FloatArray, score: float, others: list[FloatArray]
    ) -> list[FloatArray]:
        """Keypoints of a new detection; none if it is not a person or already followed."""
        if any(oks(pose, other, SURE) > _DUPLICATE for other in others):
            return []  # MultiPose finds some people twice
        if score < self._person_threshold:
            closer = None if score < _FAINT else self._closer(image, pose)
            # What resembles somebody known is a part of them.
            if closer is None or any(_likeness(closer, other) >= _SAME for other in others):
                return []
            pose = closer
        # In a crowd the network may lock on to a neighbour; MultiPose's keypoints are then used.
        for keypoints in (self._locate(image, pose, others), self._filled(pose)):
            if (
                _score(keypoints) >= _PRESENT
                and _likeness(keypoints, pose) >= _SAME
                and all(oks(keypoints, o, SURE) <= _DUPLICATE for o in others)
            ):
                return [keypoints]
        return []

    def _closer(self, image: Image, pose: FloatArray) -> FloatArray | None:
        """MultiPose's keypoints of a faint detection in its own crop; None if it is nobody."""
        poses, scores = self._multipose.closer(image, crop_square(pose))
        best = int(np.argmax(scores))
        sure = scores[best] >= max(_CONFIRM_CLOSE, self._person_threshold)
        return poses[best] if sure and _likeness(poses[best], pose) >= _SAME else None

    def _filled(self, pose: FloatArray) -> FloatArray:
        """(J, 3) MultiPose's keypoints, those that it lacks missing."""
        lacking = np.full((len(self.skeleton) - len(pose), 3), (np.nan, np.nan, 0), np.float32)
        return np.concatenate([pose, lacking])

    def _frame_poses(self, frame: Frame, people: list[FloatArray]) -> FramePoses:
        keypoints = np.array(people, np.float32).reshape(-1, len(self.skeleton), 3)
        boxes = np.empty((len(people), 4), np.float32)
        for row, person in enumerate(people):
            box = keypoint_box(person, SURE)
            margin = _BOX_MARGIN * np.tile(box[2:] - box[:2], 2) * (-1, -1, 1, 1)
            boxes[row] = np.clip(box + margin, 0, np.tile(frame.size, 2))
        return FramePoses(frame.index, frame.time, boxes, keypoints[:, self._order])


def _likeness(first: FloatArray, second: FloatArray) -> float:
    """Similarity of two poses, 0..1: the higher of keypoint and box agreement."""
    boxes = keypoint_box(first[:_BODY], SURE), keypoint_box(second[:_BODY], SURE)
    return max(oks(first, second, SURE), box_iou(*boxes))


def _within(person: FloatArray, square: Square) -> FloatArray:
    """(J, 3) keypoints in pixels of the square's crop."""
    return np.concatenate([square.inside(person[:, :2]), person[:, 2:]], axis=1)


def _score(keypoints: FloatArray) -> float:
    return float(keypoints[:_BODY, 2].mean())


def _pairs(people: list[FloatArray], seen: list[FloatArray]) -> dict[int, int]:
    """Match followed people to detections: index to index, the most similar pairs first."""
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
