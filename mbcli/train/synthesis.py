"""Training pairs from recordings: simulated output of the 2D stage, and the pose behind it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mbcli.conversion import conversion_matrix
from mbcli.geometry import INPUT_LIMIT, MIN_CONFIDENCE
from mbcli.skeleton import COCO17, COCO_OF_BODY21, H36M17
from mbcli.train.bodies import stature, vary
from mbcli.train.cameras import to_rays, view
from mbcli.train.config import PretrainConfig
from mbcli.train.corruption import DetectorNoise, mask
from mbcli.train.draw import Draw
from mbcli.train.noise_model import NoiseModel
from mbcli.train.noise_sampler import NoiseSampler
from mbcli.train.occlusion import out_of_sight
from mbcli.train.recombine import recombined, reversed_in_time
from mbcli.train.sampling import ClipSampler
from mbcli.train.surface import SurfaceKeypoints, SurfaceTable

# Half of a window's side, as a fraction of the standing height, at least: in a window around the
# one joint that a 2D stage is sure of, a body is a hundred windows tall, and its error as large.
_SMALLEST = 0.1
_PELVIS = H36M17.index("pelvis")


@dataclass(frozen=True, eq=False)
class Batch:
    """Clips for one step, normalised by their own windows.

    Attributes:
        clean: (B, T, 17, 2) the keypoints without errors.
        noisy: (B, T, 17, 3) with detector noise and confidence, nothing masked.
        inputs: (B, T, 17, 3) input of the network.
        target: (B, T, 17, 3) image units; x, y = the pelvis in the picture plus the root-relative
            pose at the pelvis' scale, z = root-relative depth at that scale.
        scale: (B, T) image units per metre at the pelvis' depth.
        root: (B, T, 3) metres, the target's pelvis in the camera's axes.
    """

    clean: Tensor
    noisy: Tensor
    inputs: Tensor
    target: Tensor
    scale: Tensor
    root: Tensor


class Synthesiser:
    """Draws recordings and films them.

    Args:
        sampler: source of the motions.
        config: bodies, cameras and corruption.
        device: device of all computation after drawing the clips.
    """

    def __init__(self, sampler: ClipSampler, config: PretrainConfig, device: torch.device) -> None:
        self._sampler = sampler
        self._config = config
        self._device = device
        self._noise = DetectorNoise.on(device)
        self._to_h36m = torch.from_numpy(conversion_matrix(COCO17, H36M17)).float().to(device)
        self._front_end = NoiseSampler(NoiseModel.read(config.corruption.front_end), device)
        self._surface = None
        if config.clips.surface > 0:
            self._surface = SurfaceKeypoints(SurfaceTable.read(), config.clips.surface, device)

    def batch(self, count: int, seed: int, frames: int | None = None) -> Batch:
        """Draw ``count`` clips; equal seeds give equal clips on the same device.

        Args:
            count: number of clips B.
            seed: seed of all randomness.
            frames: length T of the clips; None means the configuration's.
        """
        return self.film(*self.drawn(count, seed, frames))

    def drawn(
        self, count: int, seed: int, frames: int | None = None
    ) -> tuple[Tensor, Tensor, Draw]:
        """The arguments of :meth:`film` for ``count`` clips, with feet if the sampler draws them.

        Args:
            count: number of clips B.
            seed: seed of all randomness.
            frames: length T of the clips; None means the configuration's.
        """
        # Two streams, on the device and on the CPU: with equal seeds, each recording would always
        # get the same body and camera.
        draw = Draw.seeded(2 * seed, self._device)
        cpu = Draw.seeded(2 * seed + 1)
        world, fps = self._sampler.draw(count, cpu, frames)  # (B, T, 21, 3), (B,)
        world, clips = world.to(self._device), self._config.clips
        if clips.reversed > 0:
            world = reversed_in_time(world, clips.reversed, draw)
        if clips.recombined > 0:
            world = recombined(world, clips.recombined, draw)
        body = vary(world, clips, draw)  # (B, T, 21, 3)
        return view(body, self._config.camera, draw), fps.to(self._device), draw

    def film(self, seen: Tensor, fps: Tensor, draw: Draw) -> Batch:
        """Project bodies in camera axes, corrupt the keypoints, and set up the target.

        Args:
            seen: (B, T, 21, 3) metres, x right, y down, z away.
            fps: (B,) frames per second.
            draw: random numbers on the synthesiser's device.
        """
        cfg = self._config.corruption
        pose = seen[:, :, : len(H36M17)]  # (B, T, 17, 3)
        placed = seen[:, :, COCO_OF_BODY21]  # (B, T, 17, 3)
        if self._surface is not None:
            placed = self._surface.place(seen, draw)  # (B, T, 17, 3)
            if self._config.clips.answer == "keypoints":
                pose = pose + self._to_h36m @ (placed - seen[:, :, COCO_OF_BODY21])  # (B, T, 17, 3)
        coco = placed[..., :2] / placed[..., 2:]  # (B, T, 17, 2), focal length 1
        root = pose[:, :, _PELVIS]  # (B, T, 3)
        depth = root[..., 2:]  # (B, T, 1)
        pelvis_xy = (root[..., :2] / depth)[:, :, None]  # (B, T, 1, 2)
        height = stature(seen)[:, None] / depth[..., 0]  # (B, T)
        # The errors of these clips come from the noise model, before joints are derived.
        measured = draw.chance(len(seen), 1, 1, 1, probability=cfg.measured)  # (B, 1, 1, 1)
        exact = coco
        if cfg.offset_sd > 0:
            offset = draw.normal(len(seen), 1, len(COCO17), 2)  # (B, 1, 17, 2)
            coco = coco + cfg.offset_sd * height[..., None, None] * offset  # (B, T, 17, 2)
        keypoints = self._to_h36m @ coco  # (B, T, 17, 2)
        there = torch.ones_like(keypoints[..., 0], dtype=torch.bool)  # (B, T, 17)
        if cfg.measured > 0:
            unseen = None
            if cfg.occlusion:
                unseen = out_of_sight(placed, seen, fps, self._front_end.model, draw)
            reported = self._front_end.report(exact, height, fps, draw, unseen)  # (B, T, 17, 3)
            confidence = self._front_end.of_h36m(reported[..., 2])  # (B, T, 17)
            confident = (confidence >= MIN_CONFIDENCE) | ~measured[..., 0]
            there = confident | ~confident.flatten(1).any(dim=1)[:, None, None]

        # The window is the bounding box of the confident keypoints. It uses positions without
        # errors, which excludes outliers as inference does.
        infinite = torch.full_like(keypoints, torch.inf)
        low = torch.where(there[..., None], keypoints, infinite).amin(dim=(1, 2))  # (B, 2)
        high = torch.where(there[..., None], keypoints, -infinite).amax(dim=(1, 2))  # (B, 2)
        half = torch.maximum((high - low).amax(dim=-1) / 2, _SMALLEST * height.amax(dim=1))  # (B,)
        half = half[:, None, None, None]  # (B, 1, 1, 1)
        center = ((low + high) / 2)[:, None, None]  # (B, 1, 1, 2)
        clean = (keypoints - center) / half  # (B, T, 17, 2)
        scale = (1 / depth) / half[..., 0]  # (B, T, 1)
        relative = pose - root[:, :, None]  # (B, T, 17, 3)
        if self._config.camera.target == "ray":
            relative = to_rays(relative, root)
        target = relative * scale[..., None]  # (B, T, 17, 3)
        origin = (pelvis_xy - center) / half  # (B, T, 1, 2)
        target = target + torch.cat([origin, torch.zeros_like(origin[..., :1])], dim=-1)

        noisy = self._corrupt(clean, draw)  # (B, T, 17, 3)
        inputs = noisy
        if cfg.measured > 0:
            seen_xy = (self._to_h36m @ reported[..., :2] - center) / half  # (B, T, 17, 2)
            known = (confidence > 0) & (seen_xy.abs() <= INPUT_LIMIT).all(dim=-1)  # (B, T, 17)
            guessed = torch.cat([seen_xy, confidence[..., None]], dim=-1) * known[..., None]
            inputs = torch.where(measured, guessed, noisy)  # (B, T, 17, 3)
        inputs = mask(inputs, cfg.joint_mask, cfg.frame_mask, draw)  # (B, T, 17, 3)
        return Batch(clean, noisy, inputs, target, scale[..., 0], root)

    def _corrupt(self, clean: Tensor, draw: Draw) -> Tensor:
        cfg = self._config.corruption
        if not cfg.noise:
            return torch.cat([clean, torch.ones_like(clean[..., :1])], dim=-1)  # (B, T, 17, 3)
        low, high = cfg.key_interval
        interval = draw.uniform(1, low=low, high=high).item()
        return self._noise.corrupt(clean, interval, draw)  # (B, T, 17, 3)
