"""Clips of labelled actions for training: resampled, augmented and normalised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from mbcli.data.datasets.labelled import Labelled, LabelledSequences
from mbcli.lift.action.network_input import ClipForm, normalised
from mbcli.skeleton import H36M17
from mbcli.train.draw import Draw
from mbcli.train.sections import Count, NonNegative, Positive, Probability, Range, Section
from mbcli.train.share import Share

_MIRROR = list(H36M17.mirror)

Item = TypeVar("Item")


class ActionClipConfig(Section):
    """How clips are made and augmented; the defaults are the published ones.

    Attributes:
        frames: length T of a clip, to which a sequence is resampled.
        part: [low, high] share of a sequence that a clip covers, drawn uniformly.
        turn: a clip is rotated in the picture by an angle that changes from one random value to
            another, each within this many degrees.
        grow: [low, high] of the two scale factors it changes between.
        shift: maximum of the two shifts it changes between, in halves of the picture's longer
            side.
        margins: [low, high] side of the square that is mapped to -1..1, relative to the
            keypoints' box.
        margin: the side for validation and inference.
        mirror: probability of a mirrored clip; published: 0.
    """

    frames: Count = 243
    part: Range = (1.0, 1.0)
    turn: NonNegative = 10.0
    grow: Range = (0.9, 1.1)
    shift: NonNegative = 0.1
    margins: Range = (1.0, 3.0)
    margin: Positive = 2.0
    mirror: Probability = 0.0


@dataclass(frozen=True, eq=False)
class ActionBatch:
    """Clips for one step.

    Attributes:
        inputs: (B, M, T, 17, 3) input of the network.
        labels: (B,) int64 classes.
        seed: seed of the randomness inside the network.
        processes: number of processes that share the step.
    """

    inputs: Tensor
    labels: Tensor
    seed: int
    processes: int


class ActionClips:
    """Makes clips of labelled sequences on a device.

    Args:
        data: the sequences.
        config: how clips are made.
        people: people per clip.
        seed: seed of all randomness.
        device: the device to put the clips on.
    """

    def __init__(
        self,
        data: LabelledSequences,
        config: ActionClipConfig,
        people: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self._data = data
        self._config = config
        self._people = people
        self._seed = seed
        self._device = device

    def training(self, items: list[Labelled], step: int, share: Share) -> ActionBatch:
        """Random clips of the sequences at this process's positions in a step."""
        points = np.stack(
            [
                self._data.clip(
                    item,
                    self._config.frames,
                    self._people,
                    part=self._config.part,
                    rng=np.random.default_rng((abs(self._seed), step, place)),
                )
                for item, place in zip(items, share.places, strict=True)
            ]
        )
        whole = torch.from_numpy(points).to(self._device)  # (B, T, M, 17, 3)
        sizes = torch.tensor([self._data.size(item) for item in items], device=self._device)
        seeds = share.seeds(self._seed, step)
        parts, at = [], 0
        for count, seed in seeds:
            group = slice(at, at + count)
            draw = Draw.seeded(seed, self._device)
            parts.append(varied(whole[group], sizes[group], self._config, draw))
            at += count
        labels = torch.tensor([item.label for item in items], device=self._device)
        return ActionBatch(torch.cat(parts), labels, seeds[0][1], share.processes)

    def evaluation(self, items: list[Labelled]) -> Tensor:
        """(B, M, T, 17, 3) the sequences as in inference."""
        frames, people = self._config.frames, self._people
        points = np.stack([self._data.clip(item, frames, people) for item in items])
        return normalised(torch.from_numpy(points).to(self._device), self._config.margin)

    def predictions(self, model: nn.Module, items: list[Labelled], batch: int) -> Tensor:
        """(N, C) predictions of a model in evaluation mode, float32 on the CPU."""
        with torch.inference_mode():
            parts = [
                model(self.evaluation(items[first : first + batch])).float().cpu()
                for first in range(0, len(items), batch)
            ]
        return torch.cat(parts)


def varied(points: Tensor, sizes: Tensor, config: ActionClipConfig, draw: Draw) -> Tensor:
    """Rotate, scale, shift, mirror and frame clips at random.

    Args:
        points: (B, T, M, 17, 3) pixels and confidence; missing = confidence 0.
        sizes: (B, 2) width and height of the pictures; 0 where unknown.
        config: amounts of augmentation.
        draw: source of all randomness.

    Returns:
        (B, M, T, 17, 3) inputs of a network.
    """
    count, frames = points.shape[:2]
    xy = _in_picture(points, sizes)  # (B, T, M, J, 2)

    def between(low: float, high: float) -> Tensor:
        """(B, T, 1, 1) interpolated from one random value to another."""
        ends = draw.uniform(count, 2, low=low, high=high)
        way = torch.linspace(0, 1, frames, device=ends.device)
        return torch.lerp(ends[:, :1], ends[:, 1:], way)[..., None, None]

    angle = torch.deg2rad(between(-config.turn, config.turn))
    size = between(*config.grow)
    x, y = xy.unbind(-1)  # 2 x (B, T, M, J)
    x, y = (
        size * (angle.cos() * x - angle.sin() * y) + between(-config.shift, config.shift),
        size * (angle.sin() * x + angle.cos() * y) + between(-config.shift, config.shift),
    )
    flip = draw.chance(count, probability=config.mirror)[:, None, None, None]
    moved = torch.stack([torch.where(flip, -x, x), y, points[..., 2]], dim=-1)
    moved = torch.where(flip[..., None], moved[..., _MIRROR, :], moved)  # (B, T, M, J, 3)
    low, high = config.margins
    return normalised(moved, draw.uniform(count, low=low, high=high))


def _in_picture(points: Tensor, sizes: Tensor) -> Tensor:
    """(B, T, M, J, 2) offsets from the picture's centre, in halves of its longer side.

    If the picture's size is unknown, the square around all keypoints replaces it.
    """
    seen = points[..., 2:] > 0
    xy = points[..., :2]
    low = torch.where(seen, xy, torch.inf).flatten(1, 3).amin(dim=1)  # (B, 2)
    high = torch.where(seen, xy, -torch.inf).flatten(1, 3).amax(dim=1)  # (B, 2)
    known = sizes[:, :1] > 0
    middle = torch.where(known, sizes / 2, (low + high) / 2)  # (B, 2)
    side = torch.where(known, sizes, high - low).amax(dim=-1, keepdim=True)  # (B, 1)
    half = (side / 2).clamp_min(1e-6)
    return (xy - middle[:, None, None, None]) / half[:, None, None, None]


def clip_form(config: ActionClipConfig, people: int, items: list[Labelled]) -> ClipForm:
    """What inference must know about the training clips."""
    seconds = float(np.median([item.sequence.seconds for item in items])) * sum(config.part) / 2
    return ClipForm(config.frames, people, config.margin, round(seconds, 3))


def evenly(items: list[Item], count: int) -> list[Item]:
    """At most ``count`` items, evenly spread over all."""
    if len(items) <= count:
        return items
    return [items[place] for place in np.linspace(0, len(items) - 1, count).round().astype(int)]
