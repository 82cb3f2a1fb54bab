"""From ties between pictures to where a camera in one place looks, picture by picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.sparse import lil_matrix
from scipy.sparse.linalg import lsqr
from scipy.spatial.transform import Rotation, Slerp

from mbcli.geometry import nearest_rotation
from mbcli.placing.low_pass import low_pass
from mbcli.placing.ties import KEYFRAME, RIGID, turns_and_zooms, turns_in_space
from mbcli.types import BoolArray, FloatArray, IntArray

_ZOOMED = 0.015  # of the focal length; ties of pictures without a zoom differ by up to 0.008
# Of the search for the focal length: ties that are enough, and natural logarithms: how far it goes,
# how near it comes, and the step to either side that shows how sure it is.
_ENOUGH, _REACH, _NEAR, _ASIDE = 2000, 1.2, 0.003, 0.05
# Of the search for the time in which a picture is read: ties that are enough, the step that is
# tried, as a share of the time from picture to picture, and by how much what is left of the ties
# must shrink (mean square). Over the walk clip it shrinks by half or more where pictures are read
# in half of that time, and by 1 % where they are read at once.
_SOME, _READ, _SHRINKS = 500, 0.5, 0.8
# Share of the corners that two views must explain. In rooms rendered for cameras that move through
# them, rotations are off by 0.1 degrees above it, and by up to 27 below.
_RIGID = 0.76
# Hz. What a hand that carries a camera shakes faster is less than the errors of single pictures.
_HANDS = 3.0
_PASSES = 5  # over closed loops; turns are small after the first


@dataclass(frozen=True, eq=False)
class Looks:
    """Where the camera of a shot looks, and how far it is zoomed in.

    Attributes:
        turns: (T, 3, 3) rotations from the camera's axes to those of the first picture's.
        zooms: (T,) focal length relative to that of the first picture.
        known: (T,) whether the picture is tied to others; else it is bridged.
        left: (T,) root mean square in pixels of what the turn and zoom leave of the tie.
        during: (T, 2, 3) how the camera turns while a picture is read, see
            `mbcli.placing.ties.read_at_once`; 0 where that does not show.
        readout: seconds in which a picture is read; 0 where that does not show.
    """

    turns: FloatArray
    zooms: FloatArray
    known: BoolArray
    left: FloatArray
    during: FloatArray
    readout: float = 0.0


def looks_of(
    ties: FloatArray, numbers: IntArray, times: FloatArray, focal: float, centre: FloatArray
) -> Looks:
    """Turn and zoom of every picture of a shot.

    Each picture has those of its tie, after its keyframe's. Where the view has come back to an
    earlier keyframe, the loop is closed: what is left of it is spread over the keyframes between
    (rotation averaging in the tangent space, least squares). Zooms that stay below 1.5 % are none.
    Pictures without a tie are bridged at an even speed. If the ties show that pictures are read row
    by row while the camera turns (a rolling shutter), that is taken out of them.

    Args:
        ties: (T, 2, 26) of the shot, see `mbcli.placing.ties`.
        numbers: (T,) of its pictures, in which ties name keyframes.
        times: (T,) seconds.
        focal: focal length of the first picture in pixels.
        centre: (2,) principal point in pixels.
    """
    chain = _Chain(ties, numbers, focal, centre)
    looks, zooming = chain.followed(times, zooming=True), True
    if np.abs(np.log(looks.zooms[looks.known])).max(initial=0.0) < _ZOOMED:
        looks, zooming = chain.followed(times, zooming=False), False
    during, seconds = chain.readout(looks, times, zooming=zooming)
    if seconds:
        looks = replace(chain.followed(times, zooming=zooming, during=during), readout=seconds)
    return looks


def moved_looks(
    ties: FloatArray, numbers: IntArray, times: FloatArray, focal: float, centre: FloatArray
) -> Looks:
    """Turn of every picture of a shot in which the camera also moves through space.

    As `looks_of`, but by `turns_in_space`, without zooms, which going ahead looks like, and without
    what is faster than 3 Hz.
    """
    known = np.where(ties[..., RIGID, None] < _RIGID, np.nan, ties)
    looks = _Chain(known, numbers, focal, centre).followed(times, zooming=False, moving=True)
    return replace(looks, turns=nearest_rotation(low_pass(looks.turns, times, _HANDS)))


def turned_focal(
    ties: FloatArray,
    numbers: IntArray,
    zooms: FloatArray,
    focal: float,
    centre: FloatArray,
    during: FloatArray,
) -> tuple[float, float]:
    """The focal length with which turns alone explain the ties best, and its doubt.

    Only with the right one things move from the middle of a picture to its edge as they do. On the
    walk clip as seen by cameras that pan by 22 degrees, or shake by 5, it is off by 2.4 % at most
    (``python -m benchmarks.world``). A roll about the line of sight tells nothing.

    Args:
        ties: (T, 2, 26) of pictures that are known to turn, see `mbcli.placing.ties`.
        numbers: (T,) of the pictures, in which ties name keyframes.
        zooms: (T,) focal length relative to that of the first picture.
        focal: where the search begins, in pixels; it reaches to 0.3 and to 3.3 times as much.
        centre: (2,) principal point in pixels.
        during: (T, 2, 3), see `Looks`, as found with ``focal``.

    Returns:
        The focal length of a picture whose zoom is 1, in pixels, and the relative change of it that
        doubles what is left of the ties.
    """
    rows, which = np.nonzero(np.isfinite(ties[..., KEYFRAME]))
    rows, which = (one[:: 1 + len(rows) // _ENOUGH] for one in (rows, which))
    tied = ties[rows, which]
    before = np.searchsorted(numbers, tied[:, KEYFRAME])
    keyframes = zooms[before]
    zooming = bool((zooms != 1).any())

    def left(log: float) -> float:
        pixels = float(np.exp(log))
        # Turns are smaller where the focal length is longer, in proportion.
        share = focal / pixels
        read = share * during[before], share * during[rows]
        off = turns_and_zooms(tied, pixels, centre, keyframes, zooming=zooming, during=read)[2]
        return float(np.mean(off**2))

    reach = (np.log(focal) - _REACH, np.log(focal) + _REACH)
    found = minimize_scalar(left, bounds=reach, method="bounded", options={"xatol": _NEAR})
    around = (left(found.x - _ASIDE) + left(found.x + _ASIDE)) / 2 - found.fun
    doubt = _ASIDE * np.sqrt(found.fun / around) if around > 0 else np.inf
    return float(np.exp(found.x)), float(doubt)


class _Chain:
    """The ties of a shot, keyframe by keyframe."""

    def __init__(
        self, ties: FloatArray, numbers: IntArray, focal: float, centre: FloatArray
    ) -> None:
        self._ties, self._focal, self._centre = ties, focal, centre
        rows = {int(number): row for row, number in enumerate(numbers)}
        tied = np.isfinite(ties[..., KEYFRAME])
        self._keyframe = np.full(ties.shape[:2], -1)
        self._keyframe[tied] = [rows[int(number)] for number in ties[..., KEYFRAME][tied]]
        self._keyframes = np.unique(self._keyframe[tied])

    def followed(
        self,
        times: FloatArray,
        *,
        zooming: bool,
        during: FloatArray | None = None,
        moving: bool = False,
    ) -> Looks:
        """Turns and zooms of all pictures."""
        count = len(self._ties)
        during = np.zeros((count, 2, 3)) if during is None else during
        turns: FloatArray = np.tile(np.eye(3), (count, 1, 1))
        zooms: FloatArray = np.ones(count)
        known, left = np.zeros(count, np.bool_), np.full(count, np.nan)
        inner = np.tile(np.eye(3), (count, 2, 1, 1))  # from the keyframe's axes
        ratios = np.ones((count, 2))
        last = 0
        for keyframe in self._keyframes.tolist():
            if not known[keyframe]:  # a beginning: it looks where the last picture before looked
                before = np.flatnonzero(known[:keyframe])
                last = int(before[-1]) if len(before) else keyframe
                turns[keyframe], zooms[keyframe] = turns[last], zooms[last]
                known[keyframe] = True
            rows, which = np.nonzero(self._keyframe == keyframe)
            turn, zoom, off = turns_and_zooms(
                self._ties[rows, which],
                self._focal,
                self._centre,
                np.full(len(rows), zooms[keyframe]),
                zooming=zooming,
                during=(np.broadcast_to(during[keyframe], (len(rows), 2, 3)), during[rows]),
            )
            if moving:
                its = self._ties[rows, which]
                turn = turns_in_space(its, turn, self._focal, self._centre)
            inner[rows, which], ratios[rows, which] = turn, zoom / zooms[keyframe]
            own = which == 0
            mine = rows[own]
            turns[mine] = turns[keyframe] @ np.swapaxes(turn[own], 1, 2)
            zooms[mine], known[mine], left[mine] = zoom[own], True, off[own]
        loops = np.flatnonzero((self._keyframe >= 0).all(axis=1))
        if len(loops):
            turns, zooms = self._closed(loops, turns, zooms, inner, ratios, known)
        _bridge(turns, zooms, known, times)
        return Looks(turns, zooms, known, left, during)

    def readout(
        self, looks: Looks, times: FloatArray, *, zooming: bool
    ) -> tuple[FloatArray, float]:
        """(T, 2, 3) how the camera turns while pictures are read, and the seconds of that.

        What a turn leaves of a tie grows with the speed of the turn and with the row, if rows are
        read one after the other: a parabola of the time that reading takes. Pictures that were
        filmed on their side are read from column to column.
        """
        none: FloatArray = np.zeros((len(times), 2, 3))
        rows, which = np.nonzero(self._keyframe >= 0)
        if not len(rows):
            return none, 0.0
        rows, which = (one[:: 1 + len(rows) // _SOME] for one in (rows, which))
        keyframe, speeds = self._keyframe[rows, which], _speeds(looks.turns, times)
        step = _READ * float(np.median(np.diff(times)))

        def read(axis: int, seconds: float) -> FloatArray:
            during = none.copy()
            during[:, axis] = seconds * speeds
            return during

        def left(during: FloatArray) -> float:
            off = turns_and_zooms(
                self._ties[rows, which],
                self._focal,
                self._centre,
                looks.zooms[keyframe],
                zooming=zooming,
                during=(during[keyframe], during[rows]),
            )[2]
            return float(np.mean(off**2))

        plain, best, found = left(none), np.inf, (none, 0.0)
        for axis in (0, 1):
            ahead, back = left(read(axis, step)), left(read(axis, -step))
            bend = ahead + back - 2 * plain
            seconds = step * np.clip((back - ahead) / (2 * bend), -2, 2) if bend > 0 else 0.0
            during = read(axis, seconds)
            if (now := left(during)) < min(best, _SHRINKS * plain):
                best, found = now, (during, abs(float(seconds)))
        return found

    def _closed(
        self,
        loops: IntArray,
        turns: FloatArray,
        zooms: FloatArray,
        inner: FloatArray,
        ratios: FloatArray,
        known: BoolArray,
    ) -> tuple[FloatArray, FloatArray]:
        """With loops closed, by small further turns of the keyframes."""
        place = {int(row): number for number, row in enumerate(self._keyframes)}
        edges: list[tuple[int, int, FloatArray, float]] = []
        for row in self._keyframes.tolist():
            parent = int(self._keyframe[row, 0])
            if parent >= 0:
                edges.append((parent, row, inner[row, 0].T, np.log(ratios[row, 0])))
        for row in loops.tolist():
            one, other = self._keyframe[row].tolist()
            between = inner[row, 0].T @ inner[row, 1]
            edges.append((one, other, between, np.log(ratios[row, 0] / ratios[row, 1])))
        ends = [(place[a], place[b]) for a, b, _, _ in edges]
        at, logs = turns[self._keyframes].copy(), np.log(zooms[self._keyframes])
        for _ in range(_PASSES):
            off = np.array(
                [
                    Rotation.from_matrix(at[a] @ between @ at[b].T).as_rotvec()
                    for (a, b), (_, _, between, _) in zip(ends, edges, strict=True)
                ]
            )
            at = Rotation.from_rotvec(_spread(ends, off, len(at))).as_matrix() @ at
        apart = np.array([logs[a] + e[3] - logs[b] for (a, b), e in zip(ends, edges, strict=True)])
        logs = logs + _spread(ends, apart[:, None], len(at))[:, 0]
        own = self._keyframe[:, 0]
        tied = np.flatnonzero(own >= 0)
        number = [place[int(row)] for row in own[tied]]
        turns, zooms = turns.copy(), zooms.copy()
        turns[self._keyframes], zooms[self._keyframes] = at, np.exp(logs)
        turns[tied] = at[number] @ np.swapaxes(inner[tied, 0], 1, 2)
        zooms[tied] = np.exp(logs[number]) * ratios[tied, 0]
        return turns, zooms


def _speeds(turns: FloatArray, times: FloatArray) -> FloatArray:
    """(T, 3) radians a second in the camera's axes, from the picture before to the one after."""
    before, after = (np.clip(np.arange(len(times)) + k, 0, len(times) - 1) for k in (-1, 1))
    between = Rotation.from_matrix(np.swapaxes(turns[before], 1, 2) @ turns[after]).as_rotvec()
    return np.asarray(between / np.maximum(times[after] - times[before], 1e-9)[:, None])


def _spread(ends: Sequence[tuple[int, int]], off: FloatArray, count: int) -> FloatArray:
    """(count, D) values whose differences along edges come nearest to ``off``; the first is 0."""
    system = lil_matrix((len(ends) + 1, count))
    for row, (a, b) in enumerate(ends):
        system[row, a], system[row, b] = -1.0, 1.0
    system[len(ends), 0] = 1e3
    wanted = np.concatenate([off, np.zeros((1, off.shape[1]))])
    sparse = system.tocsr()
    return np.stack([lsqr(sparse, one, atol=1e-12, btol=1e-12)[0] for one in wanted.T], axis=-1)


def _bridge(turns: FloatArray, zooms: FloatArray, known: BoolArray, times: FloatArray) -> None:
    """Fill unknown rows between known ones, in place; the ends hold."""
    rows = np.flatnonzero(known)
    if len(rows) < 2 or known.all():
        if len(rows) == 1:
            turns[:], zooms[:] = turns[rows[0]], zooms[rows[0]]
        return
    within = np.clip(times, times[rows[0]], times[rows[-1]])
    filled = Slerp(times[rows], Rotation.from_matrix(turns[rows]))(within).as_matrix()
    turns[~known] = filled[~known]
    logs = np.interp(times, times[rows], np.log(zooms[rows]))
    zooms[~known] = np.exp(logs)[~known]
