"""Finetuning on 3D poses, relative to the pelvis or with the position in the picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from mbcli.data.stores.sequences import SequenceStore
from mbcli.evaluate.protocols import h36m, measurable
from mbcli.lift.checkpoint import save_lifter
from mbcli.lift.lifter import Lifter, LiftOptions
from mbcli.lift.model import DSTformer
from mbcli.train.backbone import backbone_groups, start_backbone
from mbcli.train.config import Loss3DConfig
from mbcli.train.corruption import DetectorNoise, mask
from mbcli.train.draw import Draw
from mbcli.train.losses import loss_3d
from mbcli.train.sections import Count, Positive, Probability, Section, Settings
from mbcli.train.sequence_clips import SequenceClips
from mbcli.train.share import Share
from mbcli.train.tasks.lifting import Lift
from mbcli.train.windows import (
    crop_window,
    image_window,
    mirrored,
    rooted,
    seen_through,
    target_through,
    without_gaps,
)

Split = Literal["train", "val", "test", ""]


class PoseDataConfig(Section):
    """Sources of the clips, their input and their target.

    Attributes:
        stores: sequence stores with 3D poses (target).
        splits: their splits to train on.
        validation: stores with ground truth in millimetres to validate on; ``stores`` if empty.
        validation_splits: their splits to validate on; empty = no validation.
        stride: frames from one clip to the next.
        window: how clips are normalised: by the whole ``image`` (published for Human3.6M), or by
            the ``crop`` around the person, as in the lifting of arbitrary videos.
        input: ``detected``, the keypoints of the store, or ``projected``, the true positions with
            confidence 1 (published: gt_2d).
        root: what is learnt about the pelvis: ``relative``, nothing (published: rootrel);
            ``first``, its position in the picture, and its depth relative to the clip's first
            frame (published: global); ``picture``, its position in the picture alone.
    """

    stores: Annotated[tuple[Path, ...], Field(min_length=1)]
    splits: Annotated[tuple[Split, ...], Field(min_length=1)] = ("train",)
    validation: tuple[Path, ...] = ()
    validation_splits: tuple[Split, ...] = ("test",)
    stride: Count = 81
    window: Literal["image", "crop"] = "image"
    input: Literal["detected", "projected"] = "detected"
    root: Literal["relative", "first", "picture"] = "relative"


class PoseClipConfig(Section):
    """How a clip is cut.

    Attributes:
        frames: length T of a clip.
        mirror: probability of a mirrored clip.
    """

    frames: Count = 243
    mirror: Probability = 0.5


class PoseCorruptionConfig(Section):
    """Corruption of the 2D input; by default none, as published.

    Attributes:
        noise: add detector noise and its confidences, for ``projected`` input.
        key_interval: frames between key frames of that noise.
        joint_mask: probability that a joint is missing.
        frame_mask: probability that a whole frame is missing.
    """

    noise: bool = False
    key_interval: Positive = 9.0
    joint_mask: Probability = 0.0
    frame_mask: Probability = 0.0


class Pose3DConfig(Settings):
    """Everything that determines the finetuning on 3D poses."""

    places: ClassVar[tuple[str, ...]] = ("data.stores", "data.validation")

    task: Literal["pose3d"] = "pose3d"
    data: PoseDataConfig
    clips: PoseClipConfig = PoseClipConfig()
    corruption: PoseCorruptionConfig = PoseCorruptionConfig()
    loss: Loss3DConfig = Loss3DConfig()

    @model_validator(mode="after")
    def _parts_agree(self) -> Pose3DConfig:
        if self.clips.frames > self.model.maxlen:
            raise ValueError(
                f"clips.frames must not exceed model.maxlen, got {self.clips.frames} "
                f"over {self.model.maxlen}"
            )
        if self.corruption.noise and self.data.input == "detected":
            raise ValueError(
                "corruption.noise is for data.input=projected: detected keypoints have their own"
            )
        return self


class Pose3D:
    """2D skeletons to 3D ones on a data set with 3D poses.

    Zhu et al. 2023, section 3.4: the whole pretrained model, trained with the 3D losses on the
    detector's unaltered keypoints.

    Raises:
        DataError, ConfigError: the stores cannot be used; see `SequenceClips`.
        WeightsError: ``run.init`` cannot be read or has other dimensions.
    """

    name = "pose3d"
    selected_by = "mpjpe"
    higher_is_better = False

    def __init__(self, settings: Pose3DConfig) -> None:
        self.settings: Pose3DConfig = settings
        self.model: DSTformer = start_backbone(settings)
        data = settings.data
        self._clips = SequenceClips(
            data.stores,
            frames=settings.clips.frames,
            stride=data.stride,
            needs=("target",),
            splits=data.splits,
            sized=data.window == "image",
        )
        self.epoch_steps = self._clips.steps(settings.run.batch)
        self._validation: list[SequenceStore] = []
        if data.validation_splits:
            paths = data.validation or data.stores
            self._validation = [SequenceStore.open(path) for path in paths]
            measurable(self._validation, data.validation_splits, data.input)

    def groups(self) -> list[dict[str, Any]]:
        """The whole backbone, with the layers' learning rates of the configuration."""
        return backbone_groups(self.model, self.settings.optimiser)

    def place(self, device: torch.device) -> None:
        """Set up the noise on the device."""
        self._device = device
        self._noise = DetectorNoise.on(device)

    def batch(self, step: int, share: Share) -> Lift:
        """The next clips in the epoch's order; every epoch visits all of them."""
        settings, clips = self.settings, self._clips
        chosen = clips.at(settings.run.seed, step, share.batch, share.places)
        target = torch.from_numpy(clips.array("target", chosen)).to(self._device)
        if settings.data.input == "projected":
            seen = torch.cat([target[..., :2], torch.ones_like(target[..., :1])], dim=-1)
        else:
            detected = torch.from_numpy(clips.array("keypoints", chosen)[:, :, 0])
            seen = without_gaps(detected.to(self._device))  # (B, T, 17, 3)
        if settings.data.window == "image":
            window = image_window(torch.from_numpy(clips.sizes(chosen)).to(self._device))
        else:
            window = crop_window(seen)
        inputs = seen_through(seen, window)  # (B, T, 17, 3)
        goal = rooted(target_through(target, window), settings.data.root)  # (B, T, 17, 3)
        parts, goals, at = [], [], 0
        for count, seed in share.seeds(settings.run.seed, step):
            draw = Draw.seeded(seed, self._device)
            flip = draw.chance(count, probability=settings.clips.mirror)
            goals.append(mirrored(goal[at : at + count], flip))
            parts.append(self._corrupted(mirrored(inputs[at : at + count], flip), draw))
            at += count
        return Lift(torch.cat(parts), torch.cat(goals))

    def _corrupted(self, clips: Tensor, draw: Draw) -> Tensor:
        cfg = self.settings.corruption
        if cfg.noise:
            clips = self._noise.corrupt(clips[..., :2], cfg.key_interval, draw)
        if cfg.joint_mask or cfg.frame_mask:
            clips = mask(clips, cfg.joint_mask, cfg.frame_mask, draw)
        return clips

    def loss(self, model: nn.Module, batch: Lift) -> tuple[Tensor, dict[str, Tensor]]:
        """The 3D losses."""
        return loss_3d(model(batch.inputs), batch.target, self.settings.loss.model_dump())

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Errors by the published protocol, millimetres, on at most ``run.validation_clips``."""
        if not self._validation:
            return {}
        assert isinstance(model, DSTformer), "the backbone is trained"
        settings = self.settings
        options = LiftOptions(
            device=str(self._device),
            window=settings.clips.frames,
            batch_size=settings.run.batch,
        )
        found = h36m(
            self._validation,
            Lifter(model, options, self._metadata()),
            splits=settings.data.validation_splits,
            source=settings.data.input,
            most=settings.run.validation_clips,
        ).overall
        return {name: getattr(found, name) for name in ("mpjpe", "p_mpjpe", "n_mpjpe", "mpjve")}

    def export(self, path: Path, model: nn.Module, metadata: Mapping[str, Any]) -> None:
        """Write a lifter with the metadata that inference needs."""
        assert isinstance(model, DSTformer), "the backbone is trained"
        save_lifter(path, model, {**metadata, **self._metadata()}, half=True)

    def _metadata(self) -> dict[str, Any]:
        data = self.settings.data
        rates = [clip.sequence.fps for clip in self._clips.clips]
        return {
            "fps": [min(rates), max(rates)],
            "skeleton": "h36m17",
            "window": data.window,
            "input": data.input,
            "root": data.root,
            "root_relative": data.root == "relative",
        }
