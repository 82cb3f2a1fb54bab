"""Lifting: from 2D keypoints to 3D, for pretraining and for finetuning on 3D poses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mbcli.data.stores.store import ClipStore
from mbcli.lift.checkpoint import save_lifter
from mbcli.lift.model import DSTformer
from mbcli.train.backbone import backbone_groups, start_backbone
from mbcli.train.config import PretrainConfig
from mbcli.train.corruption import DetectorNoise, mask
from mbcli.train.curriculum import Curriculum
from mbcli.train.draw import Draw
from mbcli.train.losses import loss_3d, reprojection
from mbcli.train.sampling import ClipSampler, check_shares, check_subjects
from mbcli.train.sequence_clips import SequenceClips
from mbcli.train.share import Share
from mbcli.train.synthesis import Synthesiser
from mbcli.train.validation import Validator
from mbcli.train.windows import (
    crop_window,
    image_window,
    mirrored,
    rooted,
    seen_through,
    target_through,
    without_gaps,
)

SHORTEST = 9
"""Frames of the shortest clips that ``clips.short`` requests."""


@dataclass(frozen=True, eq=False)
class Lift:
    """Clips for one step.

    Attributes:
        inputs: (B, T, 17, 3) input of the network, image units and confidence.
        target: (B, T, 17, 3) target of the prediction; for 2D data only x and y are valid.
        confidence: (B, T, 17, 1) for 2D data, None for 3D data.
    """

    inputs: Tensor
    target: Tensor
    confidence: Tensor | None = None


def clip_length(settings: PretrainConfig, step: int) -> int:
    """Frames of the clips drawn at a step, equal in all processes."""
    clips = settings.clips
    draw = Draw.seeded(settings.run.seed * 1_000_003 + step)
    if clips.frames <= SHORTEST or not draw.chance(1, probability=clips.short):
        return clips.frames
    return round(float(draw.log_uniform(1, limits=(SHORTEST, clips.frames))))


class Pretraining:
    """Corrupted 2D skeletons to 3D ones, on both 3D and 2D data.

    Zhu et al. 2023, sections 3.3 and 4.1: for 3D data, the 2D input is projected and corrupted
    like a detector's; for 2D data, the detector's own keypoints are only masked, and the
    prediction is compared in the picture, weighted by confidence.
    """

    name = "pretrain"
    selected_by = "noisy/p_mpjpe"
    higher_is_better = False

    def __init__(self, settings: PretrainConfig) -> None:
        self.settings: PretrainConfig = settings
        self.model: DSTformer = start_backbone(settings)
        data, batch = settings.data, settings.run.batch
        self._store = None if data.store is None else ClipStore.open(data.store)
        self._sampler = None
        if self._store is not None:
            check_shares(self._store, settings.clips.shares)
            check_subjects(self._store, data.holdout, "data.holdout")
            people = set(self._store.subjects) - set(data.holdout)
            self._sampler = ClipSampler(self._store, people, settings.clips)
        frames, stride = settings.clips.frames, data.stride
        sized = data.window == "image"
        self._poses = self._clips(data.poses, frames, stride, ("target",), sized)
        self._videos = self._clips(data.videos, frames, stride, (), sized)
        self._curriculum = Curriculum(
            drawn=data.epoch_steps if self._sampler else 0,
            poses=self._poses.steps(batch) if self._poses else 0,
            videos=self._videos.steps(batch) if self._videos else 0,
            start_videos=data.start_videos,
        )
        self.epochs = self._curriculum.epochs
        self.epoch_steps = self.epochs.steps

    @staticmethod
    def _clips(
        stores: tuple[Path, ...], frames: int, stride: int, needs: tuple[str, ...], sized: bool
    ) -> SequenceClips | None:
        if not stores:
            return None
        return SequenceClips(stores, frames=frames, stride=stride, needs=needs, sized=sized)

    def groups(self) -> list[dict[str, Any]]:
        """The whole backbone, with the layers' learning rates of the configuration."""
        return backbone_groups(self.model, self.settings.optimiser)

    def place(self, device: torch.device) -> None:
        """Set up cameras, noise and validation on the device."""
        self._device = device
        self._noise = DetectorNoise.on(device)
        settings = self.settings
        self._synthesiser = None
        if self._sampler is not None:
            self._synthesiser = Synthesiser(self._sampler, settings, device)
        self._validator = None
        if self._store is not None and settings.data.holdout:
            self._validator = Validator(self._store, settings, device)

    def batch(self, step: int, share: Share) -> Lift:
        """Clips of the step's source."""
        source, number = self._curriculum.turn(step)
        seeds = share.seeds(self.settings.run.seed, step)
        if source == "drawn":
            assert self._synthesiser is not None, "only a store is drawn from"
            frames = clip_length(self.settings, step)
            parts = [self._synthesiser.batch(count, seed, frames) for count, seed in seeds]
            inputs = torch.cat([part.inputs for part in parts])  # (B, T, 17, 3)
            return Lift(inputs, torch.cat([part.target for part in parts]))
        clips = self._poses if source == "poses" else self._videos
        assert clips is not None, "the curriculum only names existing sources"
        return self._from_sequences(clips, number, share, seeds, videos=source == "videos")

    def _from_sequences(
        self,
        clips: SequenceClips,
        number: int,
        share: Share,
        seeds: list[tuple[int, int]],
        *,
        videos: bool,
    ) -> Lift:
        settings = self.settings
        chosen = clips.at(settings.run.seed, number, share.batch, share.places)
        name = "keypoints" if videos else "target"
        points = torch.from_numpy(clips.array(name, chosen)).to(self._device)
        if videos:
            points = without_gaps(points[:, :, 0])  # (B, T, 17, 3)
        seen = (
            points if videos else torch.cat([points[..., :2], torch.ones_like(points[..., :1])], -1)
        )
        window = crop_window(seen)
        if settings.data.window == "image":
            window = image_window(torch.from_numpy(clips.sizes(chosen)).to(self._device))
        clean = seen_through(seen, window)  # (B, T, 17, 3)
        target = clean if videos else rooted(target_through(points, window), "picture")
        inputs, targets, at = [], [], 0
        for count, seed in seeds:
            draw = Draw.seeded(seed, self._device)
            part, goal = clean[at : at + count], target[at : at + count]
            flip = draw.chance(count, probability=settings.clips.mirror)
            part, goal = mirrored(part, flip), mirrored(goal, flip)
            targets.append(goal)
            inputs.append(self._corrupted(part, draw, noise=not videos))
            at += count
        goal = torch.cat(targets)
        return Lift(torch.cat(inputs), goal, goal[..., 2:] if videos else None)

    def _corrupted(self, clean: Tensor, draw: Draw, *, noise: bool) -> Tensor:
        """Add masks, and detector noise unless the input came from a detector."""
        cfg = self.settings.corruption
        if noise and cfg.noise:
            interval = float(draw.log_uniform(1, limits=cfg.key_interval))
            clean = self._noise.corrupt(clean[..., :2], interval, draw)  # (B, T, 17, 3)
        return mask(clean, cfg.joint_mask, cfg.frame_mask, draw)

    def loss(self, model: nn.Module, batch: Lift) -> tuple[Tensor, dict[str, Tensor]]:
        """3D losses, or the reprojection loss on 2D data."""
        prediction = model(batch.inputs)  # (B, T, 17, 3)
        weights = self.settings.loss.model_dump()
        if batch.confidence is None:
            return loss_3d(prediction, batch.target, weights)
        part = reprojection(prediction, batch.target, batch.confidence)
        return weights["reprojection"] * part, {"reprojection": part.detach()}

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Errors on held-out people, millimetres."""
        return {} if self._validator is None else self._validator(model)

    def export(self, path: Path, model: nn.Module, metadata: Mapping[str, Any]) -> None:
        """Write a lifter."""
        assert isinstance(model, DSTformer), "the backbone is trained"
        clips = self.settings.clips
        own = {
            "fps": list(clips.fps),
            **({} if clips.span is None else {"span": clips.span[1]}),
            "skeleton": "h36m17",
            "window": self.settings.data.window,
            "root": "picture",
            "root_relative": False,
            "axes": self.settings.camera.target,
        }
        save_lifter(path, model, {**metadata, **own}, half=True)
