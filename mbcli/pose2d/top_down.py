"""Top-down poses in a video: a detector finds people, a second network their keypoints.

The detector is the more expensive of the two, and people move little between frames. It therefore
runs a few times per second, at a scene cut, and immediately after somebody was lost. In between,
each person's box comes from the confident keypoints of the previous frame.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mbcli.pose2d.following import Following
from mbcli.pose2d.overlap import box_iou, distinct, keypoint_box, oks
from mbcli.skeleton import COCO17
from mbcli.types import FloatArray, Frame, FramePoses

Image = npt.NDArray[np.uint8]

# Minimum confidence of keypoints used for boxes and comparisons: MMPose's limit for drawing them.
SURE = 0.3

# Detector score that suffices for somebody who is already followed, as in ByteTrack (Zhang et al.
# 2022), where boxes above it are matched to known tracks.
_UPHOLD = 0.1
# Minimum IoU to match a detection with a followed person's box, from SORT (Bewley et al. 2016). Of
# boxes of one person 0.2 s apart, 95 of 100 overlap by more than 0.4.
_UPHOLD_IOU = 0.3
# Mean confidence below which followed keypoints are not a person: lower than `SURE`, so that
# half-hidden people are kept. From the second value on, people missed by the detector are kept: it
# is half as high again, since there is no other evidence for them.
_PRESENT = 0.25
_CLEAR = 0.4
# Minimum likeness (0..1) of two poses of one person, from frame to frame. For two people in each of
# five clips it was never below 0.32 within 0.1 s, and below 0.25 in 1 of 100 within 0.2 s; for two
# people in one frame it was above 0.19 in 1 of 100 (`research.thresholds`).
_SAME = 0.25
# OKS above which two boxes show one person: two people passing each other reached 0.41.
_DUPLICATE = 0.65

# Margins as shares of the keypoint box's width and height, on each side: hands, heads and feet
# extend beyond their keypoints. RTMDet's boxes of 40 whole people in side view extend as far.
_MARGIN = np.array([0.15, 0.08])

_CLOCK_SLACK = 0.002  # seconds: rounding of time stamps in some containers
_BODY = len(COCO17)  # the skeletons of top-down models all begin with these joints


class TopDown(Following):
    """Finds people with ``detect`` and their keypoints with ``locate``; frames come in order."""

    def __init__(
        self,
        detect: Callable[[Image], FloatArray],
        locate: Callable[[Image, FloatArray], FloatArray],
        *,
        joints: int,
        person_threshold: float,
        search_every: float = 0.2,
    ) -> None:
        """Combine two networks.

        Args:
            detect: from a (H, W, 3) uint8 RGB picture to (N, 5) people, x1 y1 x2 y2 in pixels and
                score 0..1, including low scores.
            locate: from the picture and (P, 4) boxes, P > 0, to (P, J, 3) keypoints, x, y in
                pixels and confidence 0..1. The first 17 joints are those of COCO-17.
            joints: J.
            person_threshold: 0..1, minimum detector score of a new person.
            search_every: seconds of video after which the detector runs again: every sixth
                frame at 30 fps, every frame at 5 fps.

        Raises:
            ConfigError: ``search_every`` is negative.
        """
        super().__init__(search_every)
        self._detect = detect
        self._locate = locate
        self._joints = joints
        self._person_threshold = person_threshold

    def __call__(self, frame: Frame) -> FramePoses:
        """The people in one frame, in no particular order.

        Returns:
            The detector's boxes in frames where it ran, else boxes around the confident keypoints
            with a margin; both clipped to the picture. All keypoints as returned by ``locate``.
        """
        image = frame.image
        if frame.cut:
            self._forget()
        waited = frame.time - self._searched_at
        due = waited > self._search_every - _CLOCK_SLACK
        if not due:
            people = self._follow(image)
            boxes = _boxes(people, frame.size)
            due = len(people) < len(self._people)
        if due:
            people, boxes = self._search(frame)
            self._searched_at = frame.time
        self._people = people
        keypoints = np.array(people, np.float32).reshape(-1, self._joints, 3)
        return FramePoses(frame.index, frame.time, boxes, keypoints)

    def _follow(self, image: Image) -> list[FloatArray]:
        """The people of the previous frame, without those who fade, jump or coincide."""
        if not self._people:
            return []
        size = image.shape[1], image.shape[0]
        found = list(self._locate(image, _boxes(self._people, size)))
        followed = [
            (pose, oks(pose[:_BODY], before[:_BODY], SURE))
            for pose, before in zip(found, self._people, strict=True)
            if pose[:, 2].mean() >= _PRESENT and _likeness(pose, before) >= _SAME
        ]
        # When two boxes end up on one person, the one that moved less keeps the person.
        poses = [pose for pose, _ in followed]
        return [poses[i] for i in _once(poses, [merit for _, merit in followed])]

    def _search(self, frame: Frame) -> tuple[list[FloatArray], FloatArray]:
        """Everybody in the picture and their (P, 4) boxes.

        A followed person needs less evidence than a new one: a weak detection, or clear keypoints
        without any detection. Small detectors miss people every other time, and where nobody is
        left, keypoints are never clear.
        """
        detections = np.asarray(self._detect(frame.image), np.float32).reshape(-1, 5)
        seen, scores = _inside(detections[:, :4], frame.size), detections[:, 4]
        expected = _boxes(self._people, frame.size)
        taken = [
            index
            for index, box in enumerate(seen)
            if np.all(box[2:] - box[:2] >= 1)
            and (
                scores[index] >= self._person_threshold
                or (scores[index] >= _UPHOLD and _meets(box, expected))
            )
        ]
        overlooked = [i for i, box in enumerate(expected) if not _meets(box, seen[taken])]
        boxes = np.concatenate([seen[taken], expected[overlooked]])
        if not len(boxes):
            return [], boxes
        poses = list(self._locate(frame.image, boxes))
        clear = [
            pose
            for pose, index in zip(poses[len(taken) :], overlooked, strict=True)
            if pose[:, 2].mean() >= _CLEAR and _likeness(pose, self._people[index]) >= _SAME
        ]
        poses = poses[: len(taken)] + clear
        boxes = np.concatenate([seen[taken], _boxes(clear, frame.size)])
        kept = _once(poses, [*scores[taken], *np.zeros(len(clear))])
        return [poses[i] for i in kept], boxes[kept]


def _meets(box: FloatArray, others: FloatArray) -> bool:
    """Whether a box matches one of the others."""
    return any(box_iou(box, other) >= _UPHOLD_IOU for other in others)


def _likeness(first: FloatArray, second: FloatArray) -> float:
    """Similarity of two poses, 0..1: the higher of keypoint and box agreement."""
    boxes = keypoint_box(first, SURE), keypoint_box(second, SURE)
    return max(oks(first[:_BODY], second[:_BODY], SURE), box_iou(*boxes))


def _once(poses: list[FloatArray], merit: npt.ArrayLike) -> list[int]:
    """Indices of the poses that remain after removing duplicates of a person."""
    return distinct([pose[:_BODY] for pose in poses], merit, _DUPLICATE, SURE)


def _boxes(people: list[FloatArray], size: tuple[int, int]) -> FloatArray:
    """(P, 4) boxes around the confident keypoints, with a margin, clipped to the picture."""
    boxes = np.empty((len(people), 4), np.float32)
    for row, person in enumerate(people):
        box = keypoint_box(person, SURE)
        boxes[row] = box + np.tile(_MARGIN * (box[2:] - box[:2]), 2) * (-1, -1, 1, 1)
    return _inside(boxes, size)


def _inside(boxes: FloatArray, size: tuple[int, int]) -> FloatArray:
    return np.clip(boxes, 0, np.tile(size, 2)).astype(np.float32)
