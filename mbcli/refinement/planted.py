"""Positions of standing feet, and the shift of the body that keeps them in place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, diags_array, kron
from scipy.sparse.linalg import spsolve

from mbcli.geometry import unit
from mbcli.kinematics.legs import Legs
from mbcli.types import FloatArray, IntArray

# Standard deviations. The pose shows how far a knee is bent, and roughly where a foot is under the
# body; the picture shows where the body is across the line of sight, but hardly how far away it is.
_KNEE = np.radians(1.5)  # a third of the 5 degrees that gait analysis calls an error
_STRAIGHT = np.radians(6.0)  # a knee as straight as this hardly shortens its leg any more
_LEAST = 1e-4  # metres; shorter legs are no legs
_FOOT = 0.02  # metres; the ankle of a standing foot moves while the heel rises
_LEVEL = 0.001  # metres; a foot that is put on the floor is there, however long it was seen
# What keypoints are off by: 1.0 to 1.5 % of the standing height, decaying in 0.16 s
# (`research.noise`), across the line of sight. Errors closer in time than that are one error.
_ACROSS = 0.02  # metres, across it
LASTING = 0.16  # seconds
_AWAY = 0.04  # of the distance, along it, throughout a clip
# Of the distance, along it, from moment to moment. Steps come out short towards and away from the
# camera, by 15 % in some walks, and would carry the body along: with 0.04 planting makes the paths
# of 11 recorded people worse, from 172 to 186 mm with the focal length known; with this, 145.
_ALONG = 0.01
_JERKING = 1.5  # metres per second squared, how fast the error of the body's position changes
_OUTLIER = 1.5  # standard deviations of a foot
_OUTLIER_KNEE = 2.5  # standard deviations of a knee: few of them fit badly, but those by much
# Of Gauss and Newton, who re-weight and turn the legs: the last changes places by under 1 mm in
# walking.
_ROUNDS = 8


@dataclass(frozen=True, eq=False)
class Planted:
    """Positions of standing feet.

    Attributes:
        shift: (N, 3) metres by which the body moves in each frame.
        places: (K, 3) metres, one per contact.
    """

    shift: FloatArray
    places: FloatArray


@dataclass(frozen=True, eq=False)
class Levels:
    """Heights at which feet stand.

    Attributes:
        down: (3,) unit vector of gravity.
        depth: (K,) metres along ``down`` of the ankle of each contact.
    """

    down: FloatArray
    depth: FloatArray


def plant(
    legs: Legs, stretch: IntArray, root: FloatArray, fps: float, levels: Levels | None = None
) -> Planted:
    """Find one position per contact, and the matching shift of the body.

    Sparse weighted least squares over all frames of a person: an ankle that stands is at the
    position of its contact, at the end of a leg whose knee is bent as wanted and which has nearly
    its direction under the shifted body; the body and the standing ankle stay where they were
    seen, tightly across the line of sight and loosely along it; and the shift changes smoothly.
    Two feet on the floor at once tie their positions together, so that wrong distances even out
    over the clip. Legs that do not fit are down-weighted (Huber). The length
    of a leg is linearised along the leg's direction in the previous round (Gauss and Newton).

    Args:
        legs: N frames of F legs, in metres in the camera's frame.
        stretch: (N, F) the number of the contact, 0..K-1, or -1 in the air.
        root: (N, 3) metres in the camera's frame.
        fps: frames per second.
        levels: heights of the contacts, if they are known.
    """
    frames = len(root)
    frame, foot = np.nonzero(stretch >= 0)
    place = frames + stretch[frame, foot]
    size = frames + int(stretch.max(initial=-1)) + 1
    whole = np.arange(frames)
    known = _scattered(_measured(root, fps), whole, whole, size)
    known = known + kron(_smoothly(frames, fps, size), np.eye(3), format="csr")
    wanted = np.zeros((size, 3))
    if levels is not None:
        at = np.arange(frames, size)
        flat = np.outer(levels.down, levels.down) / _LEVEL**2
        known = known + _scattered(np.broadcast_to(flat, (len(at), 3, 3)), at, at, size)
        wanted[frames:] = levels.depth[:, None] * levels.down / _LEVEL**2

    hip, ankle = legs.hip[frame, foot], legs.ankle[frame, foot]
    seen = _measured(ankle, fps)
    known = known + _scattered(seen, place, place, size)
    np.add.at(wanted, place, (seen @ ankle[:, :, None])[:, :, 0])
    length, width = legs.length[frame, foot], _widths(legs)[frame, foot]
    leg = ankle - hip
    stiff: FloatArray = np.ones(len(frame))
    firm: FloatArray = np.ones(len(frame))
    solution = np.zeros((size, 3))
    for _ in range(_ROUNDS):
        direction = unit(leg)
        along = direction[:, :, None] * direction[:, None, :]
        block = along * (stiff / width**2)[:, None, None]
        block = block + (np.eye(3) - along) * (firm / _FOOT**2)[:, None, None]
        # The place less the shift: across the leg as measured, along it as far as wanted.
        aim = ankle + direction * (length - _dot(direction, ankle - hip))[:, None]
        pull = (block @ aim[:, :, None])[:, :, 0]
        right = wanted.copy()
        np.add.at(right, place, pull)
        np.add.at(right, frame, -pull)
        feet = _scattered(block, frame, frame, size) + _scattered(block, place, place, size)
        tie = _scattered(block, frame, place, size)
        system = known + feet - tie - tie.T
        solution = np.asarray(spsolve(system.tocsc(), right.ravel())).reshape(-1, 3)
        leg = solution[place] - solution[frame] - hip
        beside = leg - (ankle - hip)
        beside = beside - _dot(beside, direction)[:, None] * direction
        firm = _huber(np.linalg.norm(beside, axis=-1), _OUTLIER * _FOOT)
        stiff = _huber(np.abs(np.linalg.norm(leg, axis=-1) - length), _OUTLIER_KNEE * width)
    return Planted(solution[:frames], solution[frames:])


def nearer(places: FloatArray, down: FloatArray, lower: float) -> FloatArray:
    """(3,) metres along the line of sight that bring a body down, as far as is likely.

    Args:
        places: (K, 3) metres in the camera's frame, of its standing feet.
        down: (3,) unit vector of gravity.
        lower: metres by which they should come down.
    """
    middle = places.mean(axis=0)
    falls = _AWAY * float(middle @ down)
    return np.asarray(lower * falls / (falls**2 + _ACROSS**2) * _AWAY * middle)


def _dot(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.asarray((one * other).sum(axis=-1))


def _huber(residual: FloatArray, limit: float | FloatArray) -> FloatArray:
    return np.asarray(limit / np.maximum(residual, limit))


def _widths(legs: Legs) -> FloatArray:
    """(N, F) metres by which a leg's length changes with a knee's standard deviation."""
    bent = np.maximum(legs.flexion, _STRAIGHT)
    lever = legs.thigh * legs.shank * np.sin(bent) / np.maximum(legs.length, _LEAST)
    return np.maximum(lever * _KNEE, _LEAST)


def _scattered(blocks: FloatArray, row: IntArray, column: IntArray, size: int) -> csr_matrix:
    """(3 size, 3 size) with 3 x 3 blocks (M, 3, 3) at rows and columns (M,) of blocks."""
    inner = np.arange(3)
    at = np.broadcast_to(3 * row[:, None, None] + inner[:, None], blocks.shape)
    to = np.broadcast_to(3 * column[:, None, None] + inner, blocks.shape)
    return csr_matrix((blocks.ravel(), (at.ravel(), to.ravel())), shape=(3 * size, 3 * size))


def _measured(points: FloatArray, fps: float) -> FloatArray:
    """(N, 3, 3) what a frame tells of points (N, 3): the inverse of their covariance."""
    distance = np.linalg.norm(points, axis=-1)
    along = np.hypot(_ALONG * distance, _ACROSS)
    sight = unit(points)
    difference = (along**-2 - _ACROSS**-2)[:, None, None]
    blocks = np.eye(3) * _ACROSS**-2 + difference * sight[:, :, None] * sight[:, None, :]
    return np.asarray(blocks / max(1.0, LASTING * fps))


def _smoothly(frames: int, fps: float, size: int) -> csr_matrix:
    """(size, size): the shift of the body has small second differences."""
    if frames < 3:
        return csr_matrix((size, size))
    change = diags_array(
        [1.0, -2.0, 1.0], offsets=[0, 1, 2], shape=(frames - 2, size), format="csr"
    )
    change = change * (fps**2 / _JERKING)
    return csr_matrix(change.T @ change)
