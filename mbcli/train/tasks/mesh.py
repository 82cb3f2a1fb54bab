"""Finetuning on pose and shape of a body model: human mesh recovery."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from mbcli.evaluate.mesh_metrics import MeshErrors
from mbcli.lift.body.body_model import JOINTS, mirrored_pose
from mbcli.lift.body.checkpoint import save_mesh
from mbcli.lift.body.choice import load_body_model
from mbcli.lift.body.network import PUBLISHED_HIDDEN, MeshHeadConfig, MeshNet
from mbcli.lift.body.recovery import recover
from mbcli.lift.body.rotations import matrices_from_vectors, vectors_from_matrices
from mbcli.train.backbone import backbone_groups, start_backbone, trainable
from mbcli.train.config import Loss3DConfig
from mbcli.train.draw import Draw
from mbcli.train.losses import loss_3d
from mbcli.train.sections import Count, NonNegative, Probability, Section, Settings
from mbcli.train.sequence_clips import SequenceClip, SequenceClips
from mbcli.train.share import Share
from mbcli.train.windows import crop_window, image_window, mirrored, seen_through, without_gaps

Split = Literal["train", "val", "test", ""]

_MILLIMETRES = 1000.0  # in a metre
_FRAMES_AT_ONCE = 64  # bodies whose vertices are in memory at a time
_UNUSED = "backbone.head."  # the 3D pose head, whose output is not used


class MeshDataConfig(Section):
    """Sources of the clips.

    Attributes:
        stores: sequence stores with ``pose`` and ``shape`` of the body model, in the camera's
            frame; for a body with fewer than 10 shape parameters, the first ones count.
        splits: their splits to train on.
        validation: stores to validate on; ``stores`` if empty.
        validation_splits: their splits to validate on; empty = no validation.
        stride: frames from one clip to the next.
        window: how clips are normalised: by the whole ``image`` (published), or by the ``crop``
            around the person.
    """

    stores: Annotated[tuple[Path, ...], Field(min_length=1)]
    splits: Annotated[tuple[Split, ...], Field(min_length=1)] = ("train",)
    validation: tuple[Path, ...] = ()
    validation_splits: tuple[Split, ...] = ("test",)
    stride: Count = 8
    window: Literal["image", "crop"] = "image"


class MeshClipConfig(Section):
    """How a clip is cut.

    Attributes:
        frames: length T of a clip.
        mirror: probability of a mirrored clip.
    """

    frames: Count = 16
    mirror: Probability = 0.5


class BodyConfig(Section):
    """The body model; see `mbcli.lift.body.choice.load_body_model`.

    Attributes:
        model: ``smpl``, or ``anny``, which needs no registration.
        path: SMPL's licensed model file.
        joint_regressor: for SMPL: ``.npy`` with H36M-17 joints as sums of vertices (published:
            ``J_regressor_h36m_correct.npy``).
    """

    model: Literal["smpl", "anny"] = "smpl"
    path: Path | None = None
    joint_regressor: Path | None = None


class HeadConfig(Section):
    """The head on top of the backbone.

    Attributes:
        hidden: width of the hidden layers.
        dropout: dropout probability of the representation.
    """

    hidden: Count = PUBLISHED_HIDDEN
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1


class MeshLossConfig(Loss3DConfig):
    """Weights of the published losses; a loss of weight 0 is not computed.

    The losses on 3D data apply to the body's joints, relative to the pelvis, in millimetres.
    ``pose`` is the mean absolute difference of the rotation matrices' entries, ``shape`` that of
    the shape parameters, ``norm`` the length of rotation vectors and shape together.
    """

    mpjpe: NonNegative = 0.5
    n_mpjpe: NonNegative = 0.0
    velocity: NonNegative = 10.0
    pose: NonNegative = 1000.0
    shape: NonNegative = 1.0
    norm: NonNegative = 20.0


class MeshConfig(Settings):
    """Everything that determines the finetuning of a mesh model."""

    places: ClassVar[tuple[str, ...]] = (
        "data.stores",
        "data.validation",
        "body.path",
        "body.joint_regressor",
    )

    task: Literal["mesh"] = "mesh"
    data: MeshDataConfig
    clips: MeshClipConfig = MeshClipConfig()
    body: BodyConfig = BodyConfig()
    head: HeadConfig = HeadConfig()
    loss: MeshLossConfig = MeshLossConfig()

    @model_validator(mode="after")
    def _parts_agree(self) -> MeshConfig:
        if self.clips.frames > self.model.maxlen:
            raise ValueError(
                f"clips.frames must not exceed model.maxlen, got {self.clips.frames} "
                f"over {self.model.maxlen}"
            )
        processes = self.run.devices * self.run.nodes
        if self.run.batch < 2 * processes:
            raise ValueError(
                "run.batch must be at least 2 per process, for batch normalisation, got "
                f"{self.run.batch} over {processes}"
            )
        if not any(self.loss.model_dump().values()):
            raise ValueError("loss must have a weight above 0")
        return self


@dataclass(frozen=True, eq=False)
class MeshBatch:
    """Clips for one step.

    Attributes:
        inputs: (B, T, 17, 3) image units and confidence.
        rotations: (B, T, 24, 3, 3).
        shape: (B, T, S).
        joints: (B, T, 17, 3) millimetres, pelvis at 0.
    """

    inputs: Tensor
    rotations: Tensor
    shape: Tensor
    joints: Tensor


class Mesh:
    """2D skeletons to pose and shape of a body model.

    Zhu et al. 2023, section 3.4: the pretrained backbone and a regression head, trained together
    at separate learning rates.

    Raises:
        ConfigError, DataError: stores or body model cannot be used.
        WeightsError: ``run.init`` or the body's file cannot be read or does not fit.
    """

    name = "mesh"
    selected_by = "mpve"
    higher_is_better = False

    def __init__(self, settings: MeshConfig) -> None:
        self.settings: MeshConfig = settings
        body, head = settings.body, settings.head
        self._body = load_body_model(body.model, body.path, body.joint_regressor)
        config = MeshHeadConfig(head.hidden, self._body.shapes, head.dropout)
        backbone = start_backbone(settings)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.run.seed)  # equal in all processes
            self.model = MeshNet(backbone, config).train()
        data = settings.data
        self._clips = self._cut(data.stores, data.stride, data.splits)
        self.epoch_steps = self._clips.steps(settings.run.batch)
        self._held_out: SequenceClips | None = None
        if data.validation_splits:
            self._held_out = self._cut(
                data.validation or data.stores, settings.clips.frames, data.validation_splits
            )

    def _cut(
        self, stores: tuple[Path, ...], stride: int, splits: tuple[Split, ...]
    ) -> SequenceClips:
        return SequenceClips(
            stores,
            frames=self.settings.clips.frames,
            stride=stride,
            needs=("pose", "shape"),
            splits=splits,
            sized=self.settings.data.window == "image",
        )

    def groups(self) -> list[dict[str, Any]]:
        """The backbone with the configured learning rates of its layers, and the head."""
        config = self.settings.optimiser
        # Several processes would wait for gradients that never come.
        config = config.model_copy(update={"freeze": (*config.freeze, _UNUSED)})
        groups = backbone_groups(self.model.backbone, config, "backbone.")
        named = [(f"head.{name}", p) for name, p in self.model.head.named_parameters()]
        head = [parameter for _, parameter in trainable(named, config.freeze)]
        return [*groups, {"params": head, "scale": config.head}] if head else groups

    def place(self, device: torch.device) -> None:
        """Move the body model to the device."""
        self._device = device
        self._body = self._body.to(device)

    def batch(self, step: int, share: Share) -> MeshBatch:
        """The next clips in the epoch's order; every epoch visits all of them."""
        settings = self.settings
        chosen = self._clips.at(settings.run.seed, step, share.batch, share.places)
        inputs, rotations, shape = self._read(self._clips, chosen)
        flips = [
            Draw.seeded(seed, self._device).chance(count, probability=settings.clips.mirror)
            for count, seed in share.seeds(settings.run.seed, step)
        ]
        flip = torch.cat(flips)  # (B,)
        inputs = mirrored(inputs, flip)
        rotations = torch.where(
            flip[:, None, None, None, None], mirrored_pose(rotations), rotations
        )
        with torch.no_grad():
            joints = self._joints(rotations, shape)
        return MeshBatch(inputs, rotations, shape, joints)

    def _read(
        self, clips: SequenceClips, chosen: list[SequenceClip]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs (B, T, 17, 3), rotations (B, T, 24, 3, 3) and shapes (B, T, S)."""

        def array(name: str) -> Tensor:
            return torch.from_numpy(clips.array(name, chosen)).to(self._device)

        seen = without_gaps(array("keypoints")[:, :, 0])  # (B, T, 17, 3)
        if self.settings.data.window == "image":
            window = image_window(torch.from_numpy(clips.sizes(chosen)).to(self._device))
        else:
            window = crop_window(seen)
        pose = array("pose")  # (B, T, 72)
        rotations = matrices_from_vectors(pose.view(*pose.shape[:2], len(JOINTS), 3))
        return seen_through(seen, window), rotations, array("shape")[..., : self._body.shapes]

    def _joints(self, rotations: Tensor, shape: Tensor) -> Tensor:
        """(B, T, 17, 3) millimetres, pelvis at 0."""
        joints = self._body.joints(rotations.flatten(0, 1), shape.flatten(0, 1))
        relative = (joints - joints[:, :1]) * _MILLIMETRES  # (B*T, 17, 3)
        return relative.view(*rotations.shape[:2], *relative.shape[1:])

    def loss(self, model: nn.Module, batch: MeshBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Losses on joints, rotations and shape."""
        weights = self.settings.loss.model_dump()
        rotations, shape = model(batch.inputs)  # (B, T, 24, 3, 3), (B, S)
        shapes = shape[:, None].expand_as(batch.shape)  # (B, T, S)
        total, parts = rotations.new_zeros(()), dict[str, Tensor]()
        if any(weights[name] for name in Loss3DConfig.model_fields):
            total, parts = loss_3d(self._joints(rotations, shapes), batch.joints, weights)
        own: dict[str, Callable[[], Tensor]] = {
            "pose": lambda: (rotations - batch.rotations).abs().mean(),
            "shape": lambda: (shapes - batch.shape).abs().mean(),
            "norm": lambda: _norm(rotations, shapes),
        }
        for name, part in own.items():
            if weights[name]:
                value = part()
                total = total + weights[name] * value
                parts[name] = value.detach()
        return total, parts

    def validate(self, model: nn.Module) -> dict[str, float]:
        """MPVE, MPJPE and PA-MPJPE in millimetres on at most ``run.validation_clips`` clips."""
        if self._held_out is None:
            return {}
        clips, run = self._held_out, self.settings.run
        count = min(run.validation_clips, len(clips))
        places = [place * len(clips) // count for place in range(count)]
        errors = MeshErrors()
        for first in range(0, count, run.batch):
            chosen = [clips.clips[place] for place in places[first : first + run.batch]]
            inputs, rotations, shape = self._read(clips, chosen)
            found, found_shape = recover(model, inputs, mirror=True)
            shapes = found_shape[:, None].expand_as(shape)
            whole = (found, shapes, rotations, shape)
            flat = [torch.split(part.flatten(0, 1), _FRAMES_AT_ONCE) for part in whole]
            for turns, numbers, true_turns, true_numbers in zip(*flat, strict=True):
                with torch.no_grad():
                    mesh = self._body.mesh(turns, numbers)
                    truth = self._body.mesh(true_turns, true_numbers)
                errors.add(*(part.cpu().numpy() for part in (*mesh, *truth)))
        return errors.result()

    def export(self, path: Path, model: nn.Module, metadata: Mapping[str, Any]) -> None:
        """Write a mesh model with the metadata that inference needs."""
        assert isinstance(model, MeshNet), "a mesh model is trained"
        rates = [clip.sequence.fps for clip in self._clips.clips]
        own = {
            "fps": [min(rates), max(rates)],
            "skeleton": "h36m17",
            "frames": self.settings.clips.frames,
            "window": self.settings.data.window,
        }
        save_mesh(path, model, self._body.name, {**metadata, **own}, half=True)


def _norm(rotations: Tensor, shapes: Tensor) -> Tensor:
    """Mean length per frame of rotation vectors and shape, concatenated to one vector."""
    vectors = vectors_from_matrices(rotations).flatten(-2)  # (B, T, 72)
    length: Tensor = torch.linalg.vector_norm(torch.cat([vectors, shapes], dim=-1), dim=-1)
    return length.mean()  # ()
