"""How the background of one picture lies in another: a tie, and the turn and zoom it shows.

A tie maps a rectangle of an earlier picture, its keyframe, to four corners in a later one. That is
a homography, together with the part of the picture in which it was seen. In a row of numbers:

    0      number of the keyframe in its source; NaN where there is no tie
    1:5    the rectangle in the keyframe: x1 y1 x2 y2 in pixels
    5:13   its corners in the picture, clockwise from the top left: x y each, in pixels
    13     corners of the background that were followed
    14     the share of them that the homography explains
    15     the share that two views of a rigid scene explain; NaN where the homography explains most
    16     the share that is where it was in the keyframe
    17:26  where 15 is a number: the fundamental matrix of those two views, by rows, in pixels
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from mbcli.types import FloatArray

COLUMNS = 26  # of a row, as above
KEYFRAME, RECTANGLE, CORNERS = 0, slice(1, 5), slice(5, 13)  # places in a row
COUNT, EXPLAINED, RIGID, STANDS, VIEWS = 13, 14, 15, 16, slice(17, 26)  # likewise
TIES = 2  # rows a picture has at most: its own keyframe's, and one that it came back to
_GRID = 5  # points across and down
_ROUNDS = 6  # of Gauss-Newton; the third changes less than 1e-9 radians on turns of 30 degrees


def no_ties() -> FloatArray:
    """(2, 26) of a picture without ties."""
    return np.full((TIES, COLUMNS), np.nan)


def corners_of(rectangles: FloatArray) -> FloatArray:
    """(..., 4, 2) corners of rectangles (..., 4), clockwise from the top left."""
    x1, y1, x2, y2 = np.moveaxis(np.asarray(rectangles, np.float64), -1, 0)
    return np.stack(
        [np.stack(one, axis=-1) for one in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))], axis=-2
    )


def turns_and_zooms(
    ties: FloatArray,
    focal: float,
    centre: FloatArray,
    zooms: FloatArray,
    *,
    zooming: bool,
    during: tuple[FloatArray, FloatArray] | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The rotation and the change of focal length that come nearest to each tie.

    Least squares over a grid in the rectangle, in pixels (Gauss-Newton): a homography is much surer
    inside of what was followed than at its corners.

    Args:
        ties: (N, 26).
        focal: focal length in pixels of a picture whose zoom is 1.
        centre: (2,) principal point in pixels.
        zooms: (N,) zoom of the keyframes.
        zooming: whether the focal length may change from the keyframe to the picture.
        during: (N, 2, 3) of the keyframes and of the pictures, see :func:`read_at_once`; None if
            they are read at once.

    Returns:
        (N, 3, 3) rotations from the axes of the keyframe's camera to those of the picture's,
        (N,) zooms of the pictures, and (N,) root mean square of what is left, in pixels.
    """
    grids = np.stack(_grids(ties)) - centre  # (2, N, G, 2)
    before, after = grids[0] / (focal * zooms)[:, None, None], grids[1] / focal
    if during is not None:
        size = 2 * centre  # nearly; where the middle is read is taken to be the principal point
        before, after = (
            read_at_once(images, grid / size, turns[:, None])
            for images, grid, turns in zip((before, after), grids, during, strict=True)
        )
    rays = np.concatenate([before, np.ones_like(before[..., :1])], axis=-1)  # (N, G, 3)
    turns, logs = np.tile(np.eye(3), (len(ties), 1, 1)), np.log(zooms)
    unknowns = 4 if zooming else 3
    left = np.zeros(after.shape)
    for _ in range(_ROUNDS):
        seen = np.einsum("nij,ncj->nci", turns, rays)
        x, y, z = np.moveaxis(seen, -1, 0)
        scale = np.exp(logs)[:, None]
        u, v = x / z, y / z
        left = after - scale[..., None] * np.stack([u, v], axis=-1)
        at = np.stack([u, v], axis=-1)
        slopes = scale[..., None, None] * np.concatenate(
            [_by_turn(at), at[..., None]], axis=-1
        )  # (N, G, 2, 4)
        flat = slopes.reshape(len(ties), 2 * _GRID**2, 4)[..., :unknowns]
        normal = np.einsum("nki,nkj->nij", flat, flat)
        step = np.linalg.solve(
            normal + 1e-12 * np.eye(unknowns),
            np.einsum("nki,nk->ni", flat, left.reshape(len(ties), 2 * _GRID**2))[..., None],
        )[..., 0]
        turns = Rotation.from_rotvec(step[:, :3]).as_matrix() @ turns
        if zooming:
            logs = logs + step[:, 3]
    return turns, np.exp(logs), focal * np.sqrt((left**2).sum(axis=-1).mean(axis=-1))


def read_at_once(images: FloatArray, shares: FloatArray, during: FloatArray) -> FloatArray:
    """Where a picture would show things had it been read at once, not row by row.

    While a rolling shutter reads a picture, the camera turns on. To the first order, which at 30
    degrees a second leaves 0.0002 focal lengths.

    Args:
        images: (..., 2) places in focal lengths from the principal point.
        shares: (..., 2) places in the picture, from -0.5 at its left and top to 0.5.
        during: (..., 2, 3) rotation vectors in the camera's axes, radians: how it turns while the
            picture is read from the left to the right, and from the top to the bottom.

    Returns:
        (..., 2) places at the time at which the middle of the picture was read.
    """
    turns = (shares[..., None] * during).sum(axis=-2)
    return images + np.einsum("...ij,...j->...i", _by_turn(images), turns)


def _by_turn(images: FloatArray) -> FloatArray:
    """(..., 2, 3) how places move with a small turn w, which moves a ray by w x ray."""
    u, v = np.moveaxis(images, -1, 0)
    return np.stack(
        [
            np.stack([-u * v, 1 + u * u, -v], axis=-1),
            np.stack([-(1 + v * v), u * v, u], axis=-1),
        ],
        axis=-2,
    )


def turns_in_space(
    ties: FloatArray, turns: FloatArray, focal: float, centre: FloatArray
) -> FloatArray:
    """The rotations of a camera that also changes its place.

    A homography takes a step to the side for a turn; two views of a scene with depth do not. Where
    a tie has a fundamental matrix, it leaves two rotations half a turn apart (Hartley and
    Zisserman, "Multiple View Geometry", result 9.19), of which the nearer one is taken.

    Args:
        ties: (N, 26).
        turns: (N, 3, 3) of the homographies, from `turns_and_zooms`.
        focal: focal length in pixels.
        centre: (2,) principal point in pixels.

    Returns:
        (N, 3, 3) rotations from the axes of the keyframe's camera to those of the picture's.
    """
    lens, found = np.diag([focal, focal, 1.0]), turns.copy()
    lens[:2, 2] = centre
    for row in np.flatnonzero(np.isfinite(ties[:, RIGID])):
        essential = lens.T @ ties[row, VIEWS].reshape(3, 3) @ lens
        one, other, _ = cv2.decomposeEssentialMat(essential)
        found[row] = max(one, other, key=lambda turn: float(np.sum(turn * turns[row])))
    return found


def _grids(ties: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(N, 25, 2) points in the rectangles of ties, and where they are in the pictures; pixels."""
    # From the unit square to the four corners (Heckbert, "Fundamentals of texture mapping and image
    # warping", 1989, section 2.2.3); that of the rectangle is affine.
    one, two, three, four = np.moveaxis(ties[:, CORNERS].reshape(-1, 4, 2), 1, 0)
    turn, along, down = one - two + three - four, two - three, four - three
    area = along[:, 0] * down[:, 1] - along[:, 1] * down[:, 0]
    g = (turn[:, 0] * down[:, 1] - turn[:, 1] * down[:, 0]) / area
    h = (along[:, 0] * turn[:, 1] - along[:, 1] * turn[:, 0]) / area
    u, v = (part.ravel() for part in np.meshgrid(*[np.linspace(0, 1, _GRID)] * 2))
    right = two - one + g[:, None] * two
    below = four - one + h[:, None] * four
    above = right[:, None] * u[:, None] + below[:, None] * v[:, None] + one[:, None]
    after = above / (g[:, None] * u + h[:, None] * v + 1)[..., None]
    low, high = ties[:, None, 1:3], ties[:, None, 3:5]
    return low + (high - low) * np.stack([u, v], axis=-1), after
