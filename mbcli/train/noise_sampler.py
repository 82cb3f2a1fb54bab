"""Keypoints as a 2D front end would report them, drawn from its `mbcli.train.noise_model`."""

from __future__ import annotations

import torch
from torch import Tensor

from mbcli.conversion import conversion_matrix
from mbcli.skeleton import COCO17, H36M17
from mbcli.train.draw import Draw
from mbcli.train.noise_model import NoiseModel
from mbcli.train.occlusion import beyond_an_edge

_LIMBS = (
    ("left_elbow", "left_wrist"),
    ("right_elbow", "right_wrist"),
    ("left_knee", "left_ankle"),
    ("right_knee", "right_ankle"),
)
_GUESS = 0.10  # of the height: distance of a guessed limb from its true position
_OUTLIER = 0.25  # of the height, per axis: anywhere on the body or beside it


class NoiseSampler:
    """Samples the keypoints that a front end would report.

    Args:
        model: noise parameters of the front end.
        device: the device of all tensors.
    """

    def __init__(self, model: NoiseModel, device: torch.device) -> None:
        self.model = model
        at = COCO17.index

        def row(values: tuple[float, ...]) -> Tensor:
            return torch.tensor(values, device=device)[:, None]  # (17, 1)

        self._offset, self._slow, self._white = map(row, (model.offset, model.slow, model.white))
        self._unseen = row(model.unseen)
        limbs = torch.zeros(len(_LIMBS), len(COCO17), device=device)
        for number, names in enumerate(_LIMBS):
            limbs[number, [at(name) for name in names]] = 1
        self._limbs = limbs  # (4, 17)
        pairs = [
            [f"{side}_{part}" for part in parts for side in ("left", "right")]
            for parts in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
        ]
        halves = torch.zeros(len(pairs), len(COCO17), device=device)
        for number, both in enumerate(pairs):
            halves[number, [at(name) for name in both]] = 1
        self._halves = halves  # (2, 17)
        self._mirror = torch.tensor(COCO17.mirror, device=device)
        sources = conversion_matrix(COCO17, H36M17) > 0
        self._sources = torch.from_numpy(sources).to(device)  # (17, 17)

    def report(
        self, xy: Tensor, height: Tensor, fps: Tensor, draw: Draw, unseen: Tensor | None = None
    ) -> Tensor:
        """Sample the keypoints reported for true COCO keypoints.

        Args:
            xy: (B, T, 17, 2) true positions, in any unit.
            height: (B, T) standing height in that unit.
            fps: (B,) frames per second.
            draw: random numbers on the same device.
            unseen: (B, T, 17) keypoints out of sight; None means that nothing is known of that,
                and that ``hidden`` stands for all of it.

        Returns:
            (B, T, 17, 3): x, y and confidence 0..1, 0 where nothing is reported.
        """
        n = self.model
        batch, frames, joints, _ = xy.shape
        size = height[..., None, None]  # (B, T, 1, 1)
        difficulty = (n.difficulty_sd * draw.normal(batch, 1, 1, 1)).exp()  # (B, 1, 1, 1)
        error = self._offset * draw.normal(batch, 1, joints, 2)  # (B, 1, J, 2)
        slow = self._decaying(batch, frames, joints * 2, fps, draw)  # (B, T, 2J)
        error = error + self._slow * slow.view(batch, frames, joints, 2)
        error = error + self._white * draw.normal(batch, frames, joints, 2)
        error = difficulty * error  # (B, T, J, 2)

        share = 1.0 if unseen is None else 1 - n.lasting
        swapped = self._times(self._halves, share * n.swapped, frames, fps, draw)  # (B, T, J)
        collapsed = self._times(self._limbs, n.collapsed, frames, fps, draw)
        share = 1.0 if unseen is None else n.unexplained
        hidden = self._times(self._limbs, share * n.hidden, frames, fps, draw)
        dropped = self._times(self._limbs, n.dropped, frames, fps, draw)
        guess = _GUESS * draw.normal(batch, 1, joints, 2)  # (B, 1, J, 2)
        error = error + hidden[..., None] * guess
        wild = draw.chance(batch, frames, joints, probability=n.outlier)  # (B, T, J)
        error = error + wild[..., None] * _OUTLIER * draw.normal(batch, frames, joints, 2)
        if unseen is not None:
            lasting = draw.chance(batch, len(self._halves), probability=n.lasting * n.swapped)
            swapped = swapped | (lasting.float() @ self._halves > 0)[:, None]
            # What is put onto its twin is as well seen as that.
            unseen = torch.where(swapped | collapsed, unseen[..., self._mirror], unseen)
            steady = n.unseen_steady**0.5 * draw.normal(batch, 1, joints, 2)  # (B, 1, J, 2)
            slow = self._decaying(batch, frames, joints * 2, fps, draw)  # (B, T, 2J)
            passing = (1 - n.unseen_steady) ** 0.5 * slow.view(batch, frames, joints, 2)
            error = error + unseen[..., None] * self._unseen * (steady + passing)
        twin = swapped | collapsed
        placed = torch.where(twin[..., None], xy[:, :, self._mirror], xy)  # (B, T, J, 2)
        reported = placed + size * error  # (B, T, J, 2)

        logit = torch.logit(torch.tensor(n.confidence)).item()
        bad = (error.norm(dim=-1) * 100).clamp_max(12)  # per cent of the height
        steady = n.confidence_steady**0.5 * draw.normal(batch, 1, joints)  # (B, 1, J)
        passing = (1 - n.confidence_steady) ** 0.5 * self._decaying(
            batch, frames, joints, fps, draw
        )  # (B, T, J)
        score = logit + n.confidence_sd * (steady + passing)
        score = score - n.confidence_slope * bad - (collapsed | swapped).float()  # (B, T, J)
        if unseen is not None:
            score = score - n.unseen_drop * unseen
        confidence = score.sigmoid()
        confidence = confidence * ~(dropped | beyond_an_edge(xy, n.cropped, draw))
        return torch.cat([reported, confidence[..., None]], dim=-1)  # (B, T, J, 3)

    def of_h36m(self, confidence: Tensor) -> Tensor:
        """(..., 17) H36M-17 confidences from COCO's: the minimum over a joint's sources."""
        spread = torch.where(self._sources, confidence[..., None, :], confidence.new_tensor(1.0))
        return spread.amin(dim=-1)

    def _decaying(self, batch: int, frames: int, count: int, fps: Tensor, draw: Draw) -> Tensor:
        """(B, T, N) unit noise whose autocorrelation is exp(-t / time constant)."""
        keep = torch.exp(-1 / (fps * self.model.time_constant))  # (B,)
        times = torch.arange(frames, device=fps.device)
        apart = (times[:, None] - times).clamp_min(0)  # (T, T)
        kernel = keep[:, None, None] ** apart * (times[:, None] >= times)  # (B, T, T)
        new = torch.sqrt(1 - keep**2)[:, None, None] * (times > 0)  # (B, 1, T)
        weight = kernel * torch.where(times > 0, new, torch.ones_like(new))  # (B, T, T)
        return weight @ draw.normal(batch, frames, count)  # (B, T, N)

    def _times(
        self, parts: Tensor, probability: float, frames: int, fps: Tensor, draw: Draw
    ) -> Tensor:
        """(B, T, J) whether a joint's part is within its failure, if it has one."""
        batch, count = len(fps), len(parts)
        length = draw.log_uniform(batch, count, limits=self.model.stretch) * fps[:, None]
        start = draw.uniform(batch, count) * (frames + length) - length  # (B, N)
        start = torch.where(
            draw.chance(batch, count, probability=probability), start, start.new_tensor(1e9)
        )
        times = torch.arange(frames, device=fps.device)[:, None]  # (T, 1)
        within = (times >= start[:, None]) & (times < (start + length)[:, None])  # (B, T, N)
        return (within.float() @ parts) > 0  # (B, T, J)
