"""Positions of standing feet, and the shift of the body that keeps them in place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, diags_array, kron
from scipy.sparse.linalg import spsolve

from mbcli.geometry import unit
from mbcli.types import FloatArray, IntArray

# Standard deviations. The pose shows where a foot is under the body; the picture shows where the
# body is across the line of sight, but hardly how far away it is.
_FOOT = 0.05  # metres; the ankle of a standing foot moves while the heel rises
_ACROSS = 0.03  # metres
_ALONG = 0.04  # of the distance
_LASTING = 0.5  # seconds; errors of the body closer in time than this are one error
_JERKING = 3.0  # metres per second squared, how fast the error of the body's position changes
_OUTLIER = 1.5  # standard deviations
_ROUNDS = 4


@dataclass(frozen=True, eq=False)
class Planted:
    """Positions of standing feet.

    Attributes:
        shift: (N, 3) metres by which the body moves in each frame.
        places: (K, 3) metres, one per contact.
    """

    shift: FloatArray
    places: FloatArray


def plant(ankles: FloatArray, stretch: IntArray, root: FloatArray, fps: float) -> Planted:
    """Find one position per contact, and the matching shift of the body.

    Sparse weighted least squares over all frames of a person: a standing ankle, moved with the
    body, is at the position of its contact; the body stays where it was measured, tightly across
    the line of sight and loosely along it; and the shift changes smoothly. Two feet on the floor
    at once tie their positions together, so that steps keep their length in the poses and wrong
    distances even out over the clip. Feet that do not fit are down-weighted (Huber).

    Args:
        ankles: (N, F, 3) metres in the camera's frame.
        stretch: (N, F) the number of the contact, 0..K-1, or -1 in the air.
        root: (N, 3) metres in the camera's frame.
        fps: frames per second.
    """
    frames = len(ankles)
    frame, foot = np.nonzero(stretch >= 0)
    number = stretch[frame, foot]
    count = int(number.max(initial=-1)) + 1
    rows = np.arange(len(frame))
    tie = csr_matrix(
        (
            np.concatenate([np.ones(len(rows)), -np.ones(len(rows))]),
            (np.concatenate([rows, rows]), np.concatenate([frame, frames + number])),
        ),
        shape=(len(rows), frames + count),
    )
    seen = ankles[frame, foot]
    body = _stays(root, fps, frames + count)
    smooth = _smoothly(frames, fps, frames + count)
    weight = np.ones(len(rows))
    solution = np.zeros((frames + count, 3))
    for _ in range(_ROUNDS):
        feet = tie.T @ diags_array(weight / _FOOT**2) @ tie
        matrix = kron(feet + smooth, np.eye(3), format="csc") + body
        right = -(tie.T @ (seen * (weight / _FOOT**2)[:, None]))
        solution = np.asarray(spsolve(matrix.tocsc(), right.ravel())).reshape(-1, 3)
        away = np.linalg.norm(tie @ solution + seen, axis=-1)
        weight = _OUTLIER * _FOOT / np.maximum(away, _OUTLIER * _FOOT)
    return Planted(solution[:frames], solution[frames:])


def _stays(root: FloatArray, fps: float, size: int) -> csr_matrix:
    """(3 size, 3 size): the body is where it was measured, within the measurement's error."""
    frames = len(root)
    distance = np.linalg.norm(root, axis=-1)
    sight = unit(root)
    along = np.hypot(_ALONG * distance, _ACROSS)
    difference = (along**-2 - _ACROSS**-2)[:, None, None]
    blocks = np.eye(3) * _ACROSS**-2 + difference * sight[:, :, None] * sight[:, None, :]
    blocks = blocks / max(1.0, _LASTING * fps)
    at = 3 * np.arange(frames)[:, None, None]
    row = np.broadcast_to(at + np.arange(3)[:, None], (frames, 3, 3))
    column = np.broadcast_to(at + np.arange(3)[None, :], (frames, 3, 3))
    return csr_matrix((blocks.ravel(), (row.ravel(), column.ravel())), shape=(3 * size, 3 * size))


def _smoothly(frames: int, fps: float, size: int) -> csr_matrix:
    """(size, size): the shift of the body has small second differences."""
    if frames < 3:
        return csr_matrix((size, size))
    change = diags_array(
        [1.0, -2.0, 1.0], offsets=[0, 1, 2], shape=(frames - 2, size), format="csr"
    )
    change = change * (fps**2 / _JERKING)
    return csr_matrix(change.T @ change)
