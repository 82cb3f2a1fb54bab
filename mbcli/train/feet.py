"""Clips with feet: what a 2D stage would see of toes and heels beside a filmed body."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mbcli.lift.feet import ANKLES
from mbcli.skeleton import BODY27, FEET, H36M17
from mbcli.train.bodies import stature
from mbcli.train.cameras import to_rays
from mbcli.train.config import PretrainConfig
from mbcli.train.corruption import mask
from mbcli.train.draw import Draw
from mbcli.train.sampling import ClipSampler
from mbcli.train.synthesis import Synthesiser

_FEET = [BODY27.index(joint) for joint in FEET]
_ANKLES = list(ANKLES)
# What BlazePose sees of a foot.
_BLAZEPOSE = [not joint.endswith("small_toe") for joint in FEET]
# Errors of a toe or heel in the picture beside those of its ankle, as shares of the stature:
# constant in a clip, and of each frame. A guess, near what MoveNet's ankle has
# (`mbcli/train/front_ends/movenet.json`: 0.0109 and 0.0030).
_OFFSET, _WHITE = 0.010, 0.003


@dataclass(frozen=True, eq=False)
class FeetBatch:
    """Clips for one step, normalised by the window of the body's keypoints.

    Attributes:
        inputs: (B, T, 23, 3) input of the network, image units and confidence.
        target: (B, T, 23, 3) image units, as in `mbcli.train.synthesis.Batch`.
        scale: (B, T) image units per metre at the pelvis' depth.
        root: (B, T, 3) metres, the target's pelvis in the camera's axes.
    """

    inputs: Tensor
    target: Tensor
    scale: Tensor
    root: Tensor


class FeetSynthesiser:
    """Draws recordings with feet and films them.

    Args:
        sampler: source of the motions, with feet.
        config: bodies, cameras and corruption.
        hidden: share of the clips without a keypoint of a foot.
        partial: share of the clips with BlazePose's: a heel and one toe.
        device: device of all computation after drawing the clips.
    """

    def __init__(
        self,
        sampler: ClipSampler,
        config: PretrainConfig,
        hidden: float,
        partial: float,
        device: torch.device,
    ) -> None:
        self._config = config
        self._shares = (hidden, hidden + partial)
        self._body = Synthesiser(sampler, config, device)
        self._blazepose = torch.tensor(_BLAZEPOSE, device=device)[None, None, :, None]

    def batch(self, count: int, seed: int, frames: int | None = None) -> FeetBatch:
        """Draw ``count`` clips; equal seeds give equal clips on the same device."""
        return self.film(*self._body.drawn(count, seed, frames))

    def film(self, seen: Tensor, fps: Tensor, draw: Draw) -> FeetBatch:
        """Project bodies with feet, and corrupt what is seen of them.

        Args:
            seen: (B, T, 27, 3) metres, x right, y down, z away.
            fps: (B,) frames per second.
            draw: random numbers on the synthesiser's device.
        """
        body = seen[:, :, : -len(FEET)]
        film = self._body.film(body, fps, draw)
        feet, root = seen[:, :, _FEET], film.root[:, :, None]  # (B, T, 6, 3), (B, T, 1, 3)
        origin = film.target[:, :, :1, :2]  # (B, T, 1, 2)
        per_metre = film.scale[..., None, None]  # (B, T, 1, 1)
        relative = feet - root
        if self._config.camera.target == "ray":
            relative = to_rays(relative, film.root)
        place = relative * per_metre + torch.nn.functional.pad(origin, (0, 1))  # (B, T, 6, 3)
        pixels = feet[..., :2] / feet[..., 2:] - root[..., :2] / root[..., 2:]
        exact = pixels * per_metre * root[..., 2:] + origin  # (B, T, 6, 2)
        inputs = torch.cat(
            [film.inputs, self._reported(exact, film.inputs, film.clean, body, film.scale, draw)],
            dim=2,
        )
        chance = draw.uniform(len(seen))  # (B,)
        none, some = (chance < share for share in self._shares)
        keep = torch.where(some[:, None, None, None], self._blazepose, True)
        keep = keep & ~none[:, None, None, None]  # (B, 1, 6, 1)
        inputs = torch.cat([inputs[:, :, : len(H36M17)], inputs[:, :, len(H36M17) :] * keep], 2)
        return FeetBatch(inputs, torch.cat([film.target, place], dim=2), film.scale, film.root)

    def _reported(
        self,
        exact: Tensor,
        inputs: Tensor,
        clean: Tensor,
        body: Tensor,
        scale: Tensor,
        draw: Draw,
    ) -> Tensor:
        """(B, T, 6, 3) keypoints of feet that err with their ankle and are lost with it."""
        batch, time = exact.shape[:2]
        ankle, true = inputs[:, :, _ANKLES], clean[:, :, _ANKLES]  # (B, T, 6, 3), (B, T, 6, 2)
        there = ankle[..., 2:] > 0
        height = stature(body)[:, None, None, None] * scale[..., None, None]  # (B, T, 1, 1)
        own = _OFFSET * draw.normal(batch, 1, len(FEET), 2)
        own = own + _WHITE * draw.normal(batch, time, len(FEET), 2)
        if not self._config.corruption.noise:
            own = own * 0
        points = exact + (ankle[..., :2] - true) + height * own
        points = torch.cat([points, ankle[..., 2:]], dim=-1) * there
        return mask(points, self._config.corruption.joint_mask, 0.0, draw)
