"""Rooms of textured planes, seen by a camera that moves through them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.world.movers import Picture
from mbcli.types import FloatArray


@dataclass(frozen=True, eq=False)
class Plane:
    """A textured rectangle.

    Attributes:
        corner: (3,) metres, of the texture's first pixel; y points down.
        along: (3,) metres from there to the texture's right edge.
        down: (3,) metres from there to its lower edge.
        texture: (h, w, 3) uint8.
    """

    corner: FloatArray
    along: FloatArray
    down: FloatArray
    texture: Picture


def texture(seed: int, side: int = 768) -> Picture:
    """Blotches of all sizes in random colours."""
    rng = np.random.default_rng(seed)
    whole = np.zeros((side, side, 3))
    for cells in (6, 20, 60, 180):
        coarse = rng.uniform(-1, 1, (cells, cells, 3))
        whole += cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(128 + 55 * whole, 0, 255).astype(np.uint8)


def room() -> list[Plane]:
    """A floor, a wall 9 m away, and pillars at 3 to 7 m; the camera's eye is at 1.5 m."""
    planes = [
        Plane(
            np.array([-9.0, -4.0, 9.0]), np.array([18.0, 0, 0]), np.array([0, 5.5, 0]), texture(1)
        ),
        Plane(
            np.array([-9.0, 1.5, 9.0]), np.array([18.0, 0, 0]), np.array([0, 0, -11.0]), texture(2)
        ),
    ]
    for number, (x, z) in enumerate([(-3.2, 7.0), (2.6, 6.0), (-1.6, 4.5), (1.5, 3.2), (4.0, 5.0)]):
        corner, high = np.array([x, -1.0, z]), np.array([0, 2.5, 0])
        planes.append(Plane(corner, np.array([0.5, 0, 0]), high, texture(3 + number, 256)))
    return planes


def hall(rng: np.random.Generator, way: FloatArray) -> tuple[list[Plane], list[Plane]]:
    """A floor, y = 0, and four walls around a way (N, 3); and boards that stand beside it."""
    low, high = way.min(axis=0) - 3, way.max(axis=0) + 3
    (x1, _, z1), (x2, _, z2) = low, high
    wide, deep, up = np.array([x2 - x1, 0, 0]), np.array([0, 0, z2 - z1]), np.array([0, 4.0, 0])
    corners = [np.array([x, -4.0, z]) for x, z in ((x1, z1), (x2, z1), (x2, z2), (x1, z2))]
    planes = [Plane(corners[0] + up, wide, deep, texture(1))]
    for number, along in enumerate((wide, deep, -wide, -deep)):
        planes.append(Plane(corners[number], along, up, texture(2 + number)))
    boards = []
    for number in range(14):
        foot, along = rng.uniform(low, high), rng.standard_normal(3)
        if np.linalg.norm((way - foot)[:, [0, 2]], axis=1).min() > 1.2:
            tall = rng.uniform(1, 3)
            foot[1], along[1] = -tall, 0.0
            along *= rng.uniform(0.3, 0.9) / np.linalg.norm(along)
            look = texture(6 + number % 3, 256)
            boards.append(Plane(foot, along, np.array([0, tall, 0]), look))
    return planes, boards


def filmed(
    planes: Sequence[Plane],
    poses: FloatArray,
    focal: float,
    size: tuple[int, int],
    boards: Sequence[Plane] = (),
) -> Iterator[Picture]:
    """What a camera sees.

    Args:
        planes: from the farthest to the nearest.
        poses: (T, 4, 4) from the camera's axes to the room's.
        focal: pixels.
        size: (width, height) in pixels.
        boards: in front of all planes; nearer ones hide the others.
    """
    x, y = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    rays = np.stack(
        [(x - size[0] / 2) / focal, (y - size[1] / 2) / focal, np.ones_like(x)], axis=-1
    )
    for pose in poses:
        turn, place = pose[:3, :3], pose[:3, 3]
        picture = np.full((size[1], size[0], 3), 90, np.uint8)
        away = [float(np.linalg.norm(one.corner + one.along / 2 - place)) for one in boards]
        for plane in (*planes, *(boards[number] for number in np.argsort(away)[::-1])):
            axes = np.stack([plane.along, plane.down, place - plane.corner], axis=-1)
            seen = rays @ np.linalg.inv(turn.T @ axes).T  # (h, w, 3) up to the distance
            ahead = np.where(np.abs(seen[..., 2:]) > 1e-9, -seen[..., 2:], 1e-9)
            at = (seen[..., :2] / ahead * plane.texture.shape[1::-1]).astype(np.float32)
            here = ahead[..., 0] > 0
            here &= ((at >= 0) & (at <= np.array(plane.texture.shape[1::-1]) - 1)).all(axis=-1)
            colours = cv2.remap(plane.texture, at[..., 0], at[..., 1], cv2.INTER_LINEAR)
            picture[here] = colours[here]
        yield picture
