"""The published corruption of 2D skeletons: detector noise, confidences, masks.

Zhu et al. 2023, section 4.1, and the noise model published with the code: the error of each joint
is drawn from its own Gaussian or, less often, uniformly; errors are drawn at key frames and
interpolated linearly; a little white noise is added. The confidence falls with the error.
Everything is drawn per sample, on the device, from the generator that is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mbcli.train.draw import Draw

# Per joint in H36M-17 order, normalised image units: mean x, mean y, standard deviation x, y of
# the Gaussian, and the probability that the error is Gaussian rather than uniform.
_JOINT_NOISE = (
    (0.0008132532, 0.0002123958, 0.00366263, 0.003572606, 0.9987454),
    (-0.0001482077, 0.001997603, 0.007134928, 0.005109187, 0.9669543),
    (0.002038824, -0.001510083, 0.006084423, 0.005003426, 0.8896069),
    (0.0009438475, 0.0009083699, 0.008953024, 0.005293174, 0.8938353),
    (0.00186711, -0.0007037034, 0.006716577, 0.005327726, 0.9746202),
    (0.00193284, -0.005204166, 0.007012924, 0.00492123, 0.8766729),
    (0.0008942056, -0.001871771, 0.009505804, 0.005625369, 0.8210063),
    (0.002467694, 0.002333917, 0.006588319, 0.00496767, 0.9578074),
    (0.002141222, -0.006508411, 0.005491425, 0.005305329, 0.9183146),
    (0.001655924, 0.001655108, 0.005338831, 0.004876642, 0.9679403),
    (0.000836944, 0.001592935, 0.003416378, 0.003492242, 0.9841198),
    (0.0007939354, -0.004621909, 0.008006617, 0.006087204, 0.8909932),
    (0.001499354, 0.0002960171, 0.005167672, 0.004753615, 0.8015562),
    (0.001159182, 0.001629964, 0.004990404, 0.005089038, 0.7027702),
    (0.002103821, -0.003166052, 0.007823455, 0.007934266, 0.8808956),
    (0.001682264, -0.0003300033, 0.006009086, 0.005721289, 0.8246288),
    (0.001663881, 0.001317515, 0.0053703, 0.005684072, 0.7287476),
)
# Parameters of the uniform errors, the white noise and the confidences, as published with the code.
_UNIFORM_HALF_RANGE = 0.03
_FRAME_SD = 0.002
_CONFIDENCE_A, _CONFIDENCE_B = 0.028, 1.1
_CONFIDENCE_MEAN, _CONFIDENCE_SD = -0.004585696384310722, 0.14310568571090698


@dataclass(frozen=True, eq=False)
class DetectorNoise:
    """The published noise tables on one device.

    Attributes:
        mean: (17, 2).
        sd: (17, 2).
        gaussian: (17,) probability of the Gaussian branch.
    """

    mean: Tensor
    sd: Tensor
    gaussian: Tensor

    @classmethod
    def on(cls, device: torch.device) -> DetectorNoise:
        """The published tables as tensors on ``device``."""
        table = torch.tensor(_JOINT_NOISE, dtype=torch.float32, device=device)  # (17, 5)
        return cls(table[:, 0:2], table[:, 2:4], table[:, 4])

    def corrupt(self, xy: Tensor, key_interval: float, draw: Draw) -> Tensor:
        """Add detector noise and the corresponding confidence.

        Args:
            xy: (B, T, 17, 2) normalised.
            key_interval: frames between two key frames.
            draw: random numbers on the same device.

        Returns:
            (B, T, 17, 3): noisy x, y and confidence 0..1.
        """
        batch, frames, joints, _ = xy.shape
        keys = max(2, round((frames - 1) / key_interval) + 1)
        gaussian = self.mean + self.sd * draw.normal(batch, keys, joints, 2)  # (B, K, J, 2)
        reach = _UNIFORM_HALF_RANGE
        uniform = draw.uniform(batch, keys, joints, 2, low=-reach, high=reach)  # (B, K, J, 2)
        chosen = draw.chance(batch, keys, joints, probability=self.gaussian)  # (B, K, J)
        error = torch.where(chosen[..., None], gaussian, uniform)  # (B, K, J, 2)
        error = _between_keys(error, frames)  # (B, T, J, 2)
        error = error + _FRAME_SD * draw.normal(*xy.shape)  # (B, T, J, 2)
        distance = torch.linalg.vector_norm(error, dim=-1)  # (B, T, J)
        spread = _CONFIDENCE_MEAN + _CONFIDENCE_SD * draw.normal(*distance.shape)  # (B, T, J)
        confidence = _CONFIDENCE_A / (distance + _CONFIDENCE_A) + _CONFIDENCE_B * distance + spread
        return torch.cat([xy + error, confidence.clamp(0, 1)[..., None]], dim=-1)  # (B, T, J, 3)


def _between_keys(values: Tensor, frames: int) -> Tensor:
    """Spread key frames (B, K, J, 2) evenly over ``frames`` and interpolate linearly."""
    keys = values.shape[1]
    place = torch.linspace(0, keys - 1, frames, device=values.device)  # (T,)
    low = place.floor().long().clamp(max=keys - 2)  # (T,)
    share = (place - low)[:, None, None]  # (T, 1, 1)
    return values[:, low] * (1 - share) + values[:, low + 1] * share  # (B, T, J, 2)


def mask(x: Tensor, joint: float, frame: float, draw: Draw) -> Tensor:
    """Blank single joints and whole frames: a masked token is 0 in x, y and confidence.

    Args:
        x: (B, T, J, 3).
        joint: probability that a joint is missing.
        frame: probability that a frame is missing.
        draw: random numbers on the same device.
    """
    keep_joint = draw.chance(*x.shape[:3], 1, probability=1 - joint)  # (B, T, J, 1)
    keep_frame = draw.chance(*x.shape[:2], 1, 1, probability=1 - frame)  # (B, T, 1, 1)
    return x * (keep_joint & keep_frame)  # (B, T, J, 3)
