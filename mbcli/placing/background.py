"""Following the background from picture to picture, with people left out.

Corners of a keyframe are found again in every later picture directly, not by way of the pictures
between, so that errors don't add up. A picture that shows too little of its keyframe becomes
the next keyframe, unless the view has come back to an earlier one: then it is tied to both, which
closes the loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mbcli.camera import Camera, focal_length
from mbcli.placing.corners import (
    FEWEST,
    NEAR,
    WINDOW,
    Grey,
    cells_of,
    free_of,
    homography,
    inside,
    mapped,
    stands_in,
)
from mbcli.placing.ties import (
    CORNERS,
    COUNT,
    EXPLAINED,
    KEYFRAME,
    RECTANGLE,
    RIGID,
    STANDS,
    VIEWS,
    corners_of,
    no_ties,
    turns_and_zooms,
)
from mbcli.types import BoolArray, FloatArray, Frame, FramePoses

_CORNERS = 20  # a cell's at most
_MOST = 600  # of the whole picture, before those of crowded cells are left out
_QUALITY = 0.005  # of the best corner's
_APART = 8  # small pixels between corners
_LEVELS = 3  # of its pyramid: steps of up to some 50 small pixels are found
_ALIKE = 25.0  # grey levels by which windows may differ on average
_RIGID_BELOW = 0.85  # share explained by a homography below which two views are compared further
_LEAST_SEEN = 0.55  # share of a keyframe's corners that a picture must show; else it is the next
_LEAST_FOUND = 0.3  # share that must be found; the light may have changed
_RETURNED = 0.75  # share of an earlier keyframe's corners by which the view has come back to it
_KEPT = 48  # keyframes of a shot, of 100 kB each
_PATIENCE = 8  # pictures without a tie before a new beginning


@dataclass(eq=False)
class _Keyframe:
    number: int
    grey: Grey
    corners: FloatArray  # (N, 2) float32, small pixels
    turn: FloatArray  # about; from its axes to those of the first
    zoom: float
    written: bool = False


class Background:
    """Ties between the pictures of a video; call it with one after the other.

    Args:
        size: (width, height) of the pictures in pixels.
        camera: a lens whose distortion is taken out of the ties; None if it has none.
    """

    def __init__(self, size: tuple[int, int], camera: Camera | None = None) -> None:
        self._camera = camera if camera is not None and camera.bends else None
        # Where the view is, only to guess which keyframe it has come back to.
        self._focal, self._middle = focal_length(size, None, None), np.array(size) / 2
        self._kept: list[_Keyframe] = []
        self._now: _Keyframe | None = None  # the keyframe that pictures are tied to
        self._last: tuple[int, Grey, BoolArray] | None = None  # the last picture with a tie
        self._view: FloatArray = np.eye(
            3
        )  # homography from the keyframe to the last picture, small pixels
        self._turn, self._zoom = np.eye(3), 1.0  # about, of the last picture
        self._lost = 0  # pictures since

    def __call__(self, frame: Frame, poses: FramePoses) -> FloatArray:
        """The ties of a picture.

        Args:
            frame: the picture.
            poses: the people in it.

        Returns:
            (2, 26), see `mbcli.placing.ties`; NaN for a tie that there is not.
        """
        grey = np.asarray(cv2.cvtColor(frame.small, cv2.COLOR_RGB2GRAY), np.uint8)
        free = free_of(grey, poses, frame.shrunk)
        ties = no_ties()
        if frame.cut:
            self._kept, self._now, self._last = [], None, None
            self._turn, self._zoom, self._lost = np.eye(3), 1.0, 0
        if self._now is None:
            self._begin(frame.index, grey, free)
        else:
            ties[0] = self._tie(self._now, grey, free, self._view, frame.shrunk)
            if np.isnan(ties[0, KEYFRAME]) and self._last is not None:
                number, before, there = self._last
                if number != self._now.number and self._begin(number, before, there):
                    ties[0] = self._tie(self._now, grey, free, np.eye(3), frame.shrunk)
            if np.isnan(ties[0, KEYFRAME]):
                self._lost += 1
                if self._lost > _PATIENCE and self._begin(frame.index, grey, free):
                    self._last, self._lost = (frame.index, grey, free), 0
                return ties
            self._look(self._now, ties[0], frame.shrunk)
            found = ties[0, COUNT] * ties[0, EXPLAINED]
            if inside(
                self._seen(self._view, self._now.corners, frame.shrunk), grey
            ).mean() < _LEAST_SEEN or found < _LEAST_FOUND * len(self._now.corners):
                ties[1] = self._returned(grey, free, frame.shrunk)
                if np.isnan(ties[1, KEYFRAME]):
                    self._begin(frame.index, grey, free)
        self._last, self._lost = (frame.index, grey, free), 0
        return ties

    def _begin(self, number: int, grey: Grey, free: BoolArray) -> bool:
        """Make a picture, seen from where the view is, the keyframe; False if it has no corners."""
        found: Any = cv2.goodFeaturesToTrack(
            grey, _MOST, _QUALITY, _APART, mask=free.astype(np.uint8) * 255
        )
        if found is None:
            return False
        corners: FloatArray = found[:, 0]
        cells = cells_of(corners, grey)
        few = np.zeros(len(corners), np.bool_)
        for cell in np.unique(cells):
            few[np.flatnonzero(cells == cell)[:_CORNERS]] = True  # the best come first
        if few.sum() < FEWEST:
            return False
        self._now = _Keyframe(number, grey, corners[few], self._turn, self._zoom)
        self._view = np.eye(3)
        self._kept = [*self._kept[-_KEPT + 1 :], self._now]
        return True

    def _tie(
        self, keyframe: _Keyframe, grey: Grey, free: BoolArray, guess: FloatArray, shrunk: int
    ) -> FloatArray:
        """(26,) the tie to a keyframe, NaN if it cannot be found from the guessed homography."""
        tie = no_ties()[0]
        start = self._seen(guess, keyframe.corners, shrunk)
        here = inside(start, grey)
        if here.sum() < FEWEST:
            return tie
        before, start = keyframe.corners[here], start[here].astype(np.float32).reshape(-1, 1, 2)
        found, status, apart = cv2.calcOpticalFlowPyrLK(
            keyframe.grey,
            grey,
            before[:, None],
            start,
            winSize=WINDOW,
            maxLevel=_LEVELS,
            flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        )
        after: FloatArray = np.asarray(found[:, 0], np.float32)
        good = (status[:, 0] == 1) & (apart[:, 0] < _ALIKE) & inside(after, grey)
        good[good] &= free[tuple(after[good].astype(int).T[::-1])]
        stands = stands_in(before[good], after[good])
        before, after = (self._straight(one[good], shrunk) for one in (before, after))
        there = np.isfinite(before + after).all(axis=1)
        before, after = before[there], after[there]
        view, explained = homography(before, after, grey)
        if view is None:
            return tie
        if explained.mean() < _RIGID_BELOW:
            tie[RIGID], tie[VIEWS] = self._two_views(before, after, shrunk)
        kept = before[explained]
        rectangle = np.concatenate([kept.min(axis=0), kept.max(axis=0)]).astype(np.float64)
        tie[KEYFRAME] = keyframe.number
        tie[RECTANGLE] = (rectangle + 0.5) * shrunk
        tie[CORNERS] = ((mapped(view, corners_of(rectangle)) + 0.5) * shrunk).ravel()
        tie[COUNT], tie[EXPLAINED] = len(before), explained.mean()
        tie[STANDS] = stands.mean()
        return tie

    def _two_views(
        self, before: FloatArray, after: FloatArray, shrunk: int
    ) -> tuple[float, FloatArray]:
        """The share of corners that a rigid scene explains, and its fundamental matrix (9,); NaN.

        It is that of an essential matrix, which is surer, with about the right lens.
        """
        ends = before.astype(np.float64), after.astype(np.float64)
        essential, mask = cv2.findEssentialMat(
            *ends, self._lens(1.0, shrunk), cv2.USAC_ACCURATE, 0.999, NEAR
        )
        if essential is None or essential.shape != (3, 3) or mask is None:
            return np.nan, np.full(9, np.nan)
        back: FloatArray = np.diag([1 / self._focal, 1 / self._focal, 1.0])
        back[:2, 2] = -self._middle / self._focal
        return float(mask.mean()), (back.T @ essential @ back).ravel()

    def _look(self, keyframe: _Keyframe, tie: FloatArray, shrunk: int) -> None:
        """Note where the view is, from a tie to a keyframe."""
        before = corners_of(tie[RECTANGLE]) / shrunk - 0.5
        after = tie[CORNERS].reshape(4, 2) / shrunk - 0.5
        ends = before.astype(np.float32), after.astype(np.float32)
        self._view = np.asarray(cv2.getPerspectiveTransform(*ends), np.float64)
        turn, zoom, _ = turns_and_zooms(
            tie[None], self._focal, self._middle, np.array([keyframe.zoom]), zooming=True
        )
        self._turn, self._zoom = keyframe.turn @ turn[0].T, float(zoom[0])

    def _returned(self, grey: Grey, free: BoolArray, shrunk: int) -> FloatArray:
        """(26,) the tie to an earlier keyframe that the picture shows well; NaN without one."""
        best, most, guess = None, _RETURNED, np.eye(3)
        here = self._lens(self._zoom, shrunk)
        for keyframe in self._kept:
            turn = self._turn.T @ keyframe.turn
            if keyframe is self._now or turn[2, 2] < 0.5:
                continue
            view = here @ turn @ np.linalg.inv(self._lens(keyframe.zoom, shrunk))
            share = inside(self._seen(view, keyframe.corners, shrunk), grey).mean()
            if share >= most:
                best, most, guess = keyframe, share, view
        if best is None:
            return no_ties()[0]
        tie = self._tie(best, grey, free, guess, shrunk)
        if not np.isnan(tie[KEYFRAME]):
            self._now = best
            self._look(best, tie, shrunk)
        return tie

    def _lens(self, zoom: float, shrunk: int) -> FloatArray:
        """(3, 3) about the camera matrix of small pictures."""
        focal, (x, y) = self._focal * zoom / shrunk, self._middle / shrunk - 0.5
        return np.array([[focal, 0, x], [0, focal, y], [0, 0, 1]])

    def _straight(self, corners: FloatArray, shrunk: int) -> FloatArray:
        """Where a lens without distortion would show corners (N, 2) of small pictures."""
        if self._camera is None:
            return corners
        straight = self._camera.straightened((corners + 0.5) * shrunk) / shrunk - 0.5
        return straight.astype(np.float32)

    def _seen(self, view: FloatArray, corners: FloatArray, shrunk: int) -> FloatArray:
        """Where corners (N, 2) are seen that a homography moves as if without distortion."""
        if self._camera is None:
            return mapped(view, corners)
        there = mapped(view, self._straight(corners, shrunk))
        seen = self._camera.distorted((there + 0.5) * shrunk) / shrunk - 0.5
        return seen.astype(np.float32)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """What going on needs, with the keyframes since the last call only."""
        new = [one for one in self._kept if not one.written]
        for one in new:
            one.written = True
        number, grey, free = self._last or (-1, np.zeros((0, 0), np.uint8), np.zeros((0, 0), bool))
        return {
            "view": self._view,
            "turn": self._turn,
            "zoom": np.array([self._zoom]),
            "numbers": np.array(
                [
                    number,
                    -1 if self._now is None else self._now.number,
                    self._lost,
                    *(one.number for one in self._kept),
                ],
                np.int64,
            ),
            "grey": grey,
            "free": free,
            "new_numbers": np.array([one.number for one in new], np.int64),
            "new_counts": np.array([len(one.corners) for one in new], np.int64),
            "new_corners": np.concatenate(
                [np.zeros((0, 2), np.float32), *(one.corners for one in new)]
            ),
            "new_grey": np.array([one.grey for one in new], np.uint8),
            "new_turns": np.array([one.turn for one in new]).reshape(-1, 3, 3),
            "new_zooms": np.array([one.zoom for one in new], np.float64),
        }

    def resume(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Go on from a state; those of a run are given in order."""
        ends = np.cumsum(state["new_counts"])
        known = {one.number: one for one in self._kept}
        for row, number in enumerate(state["new_numbers"].tolist()):
            corners = state["new_corners"][ends[row] - state["new_counts"][row] : ends[row]]
            known[number] = _Keyframe(
                number,
                state["new_grey"][row],
                corners,
                state["new_turns"][row],
                float(state["new_zooms"][row]),
                written=True,
            )
        last, now, self._lost, *numbers = state["numbers"].tolist()
        self._kept = [known[number] for number in numbers]
        self._now = known.get(now)
        self._last = None if last < 0 else (last, state["grey"], state["free"])
        self._view, self._turn = state["view"], state["turn"]
        self._zoom = float(state["zoom"][0])
