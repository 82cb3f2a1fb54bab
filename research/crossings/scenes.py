"""Two people who meet: drawn by chance from a seed, put together from cutouts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mbcli.types import FloatArray
from research.crossings.cutouts import Cutout, Image, dressed

SIZE = 640, 360  # pixels
FPS = 30.0
KINDS = ("cross", "stop", "overtake", "turn back")
_SHARES = (0.5, 0.2, 0.15, 0.15)  # of the kinds
_HEIGHTS = 140, 215  # pixels of the nearer person
_FARTHEST = 0.75  # the farther person's height, of the nearer one's; half of them are equally tall
_HORIZON, _FOOT = 150, 340  # y in the picture; where the nearer person's feet are
_TINTS = ((35.0, -30.0), (-25.0, 30.0), (5.0, -40.0), (40.0, 30.0))  # a*, b* of changed clothes


@dataclass(frozen=True, eq=False)
class Actor:
    """A person in a scene.

    Attributes:
        cutout: what they look like.
        frames: (N,) frame of the cutout in each frame of the scene.
        mirrored: (N,) whether it is drawn mirrored.
        middle: (N,) x of their middle.
        height: in pixels.
        foot: y of their feet.
    """

    cutout: Cutout
    frames: FloatArray
    mirrored: FloatArray
    middle: FloatArray
    height: float
    foot: float

    def drawn(self, frame: int) -> tuple[Image, int, int]:
        """The picture, and x and y of its upper left corner in the scene."""
        source = int(self.frames[frame])
        picture = self.cutout.pictures[source]
        scale = self.height / self.cutout.height
        if self.mirrored[frame]:
            picture = np.ascontiguousarray(picture[:, ::-1])
        wide, high = (max(1, round(scale * side)) for side in picture.shape[1::-1])
        picture = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_AREA).astype(np.uint8)
        below = self.cutout.foot - self.cutout.corners[source, 1]
        return picture, round(self.middle[frame] - wide / 2), round(self.foot - scale * below)


@dataclass(frozen=True, eq=False)
class Scene:
    """Two people who meet; the second one is nearer.

    Attributes:
        kind: of `KINDS`.
        clothes: "same" or "changed".
        people: the two.
        meeting: frame in which they are nearest.
    """

    kind: str
    clothes: str
    people: tuple[Actor, Actor]
    meeting: int

    def compose(self, still: Image) -> tuple[list[Image], FloatArray]:
        """The pictures, and (N, 2, 4) x1 y1 x2 y2 of both people, also where one hides the other.

        Args:
            still: (360, 640, 3) RGB, the background.
        """
        pictures = []
        boxes = np.zeros((len(self.people[0].frames), 2, 4))
        for frame in range(len(boxes)):
            canvas = still.astype(np.float32)
            for who, actor in enumerate(self.people):
                picture, x, y = actor.drawn(frame)
                high, wide = picture.shape[:2]
                x1, y1 = max(0, x), max(0, y)
                x2, y2 = min(SIZE[0], x + wide), min(SIZE[1], y + high)
                boxes[frame, who] = x1, y1, max(x1, x2), max(y1, y2)
                if x2 <= x1 or y2 <= y1:
                    continue
                part = picture[y1 - y : y2 - y, x1 - x : x2 - x].astype(np.float32)
                opacity = part[..., 3:] / 255
                under = canvas[y1:y2, x1:x2]
                canvas[y1:y2, x1:x2] = under + opacity * (part[..., :3] - under)
            pictures.append(np.rint(canvas).astype(np.uint8))
        return pictures, boxes


def drawn(walker: Cutout, frames: int, rng: np.random.Generator) -> Scene:
    """A scene by chance.

    Args:
        walker: somebody who walks to the left.
        frames: length of the scene; the walker must be seen for twice as long.
        rng: source of chance.
    """
    kind = str(rng.choice(KINDS, p=_SHARES))
    # People in equal clothes who turn back look like people who cross.
    changed = kind == "turn back" or rng.random() < 0.5
    meeting = frames // 2 + int(rng.integers(-3, 4))
    ratio = rng.choice([1.0, rng.uniform(_FARTHEST, 1.0)])
    near = rng.uniform(*_HEIGHTS)
    paces = rng.uniform(0.75, 1.4, 2)
    apart, right = 0.0, [False, True]
    if kind == "overtake":
        paces, right = rng.permutation([rng.uniform(0.4, 0.6), rng.uniform(1.7, 1.9)]), [False] * 2
    if rng.random() < 0.5:
        right = [not way for way in right]
    people = []
    for who in range(2):
        height = near * (ratio if who == 0 else 1.0)
        pace = np.full(frames, paces[who])
        mirrored = np.full(frames, right[who])
        if kind == "turn back":
            apart = rng.uniform(0.25, 0.4) * near
            pace[meeting - 2 : meeting + 2] = 0
            mirrored[meeting:] ^= True
        elif kind == "stop" and who == 0:
            pace[meeting - 6 : meeting + 6] = 0
        steps = np.concatenate([[0], np.cumsum(pace[1:])])
        spare = len(walker.pictures) - 1 - steps[-1]
        source = np.floor(steps + rng.uniform(0, spare)).astype(int)
        natural = np.array([walker.middle(frame) for frame in source])
        way = np.where(mirrored, -1.0, 1.0) * height / walker.height
        middle = np.concatenate([[0], np.cumsum(way[1:] * np.diff(natural))])
        side = 0.5 if right[who] else -0.5  # who walks to the right turns back on the left
        middle += SIZE[0] / 2 - side * apart - middle[meeting]
        foot = _HORIZON + (_FOOT - _HORIZON) * height / near
        people.append(Actor(walker, source, mirrored, middle, height, foot))
    if changed:
        who = int(rng.integers(2))
        tint = _TINTS[int(rng.integers(len(_TINTS)))]
        people[who] = replace(people[who], cutout=dressed(walker, tint))
    return Scene(kind, "changed" if changed else "same", (people[0], people[1]), meeting)
