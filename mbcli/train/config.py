"""The configuration of a pretraining run: typed, read from YAML, strict about every key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mbcli.errors import ConfigError
from mbcli.lift.model import DSTformerConfig
from mbcli.weights import TABLE

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Range = tuple[Positive, Positive]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    @model_validator(mode="after")
    def _ranges_ascend(self) -> _Section:
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) == 2 and value[0] > value[1]:
                raise ValueError(f"{name} must be [low, high], got {list(value)}")
        return self


class DataConfig(_Section):
    """Where the clips come from.

    Attributes:
        store: folder of the clip store; a relative path starts at the configuration file.
        holdout: subjects kept out of training and used for validation.
    """

    store: Path
    holdout: tuple[str, ...] = ()


class ModelConfig(_Section):
    """Dimensions of the DSTformer; see :class:`mbcli.lift.model.DSTformerConfig`.

    ``start`` chooses the random weights of a new model: ``published``, or ``spread``, with which
    a small model learns depth much sooner; see :mod:`mbcli.train.start`.
    """

    dim_feat: Count = 256
    dim_rep: Count = 512
    depth: Count = 5
    num_heads: Count = 8
    mlp_ratio: Count = 4
    maxlen: Count = 243
    start: Literal["published", "spread"] = "published"

    def build(self) -> DSTformerConfig:
        """The model's own configuration type."""
        return DSTformerConfig(**self.model_dump(exclude={"start"}))


class ClipConfig(_Section):
    """How a clip is cut from a recording and how its body is varied.

    Attributes:
        frames: length T of a clip.
        fps: [low, high] frame rate, drawn log-uniformly.
        speed: [low, high] playback speed, drawn log-uniformly.
        mirror: probability of a mirrored body.
        height: [low, high] of the body's height in metres, drawn uniformly.
        bone_sd: standard deviation of each bone group's length ratio.
    """

    frames: Count = 243
    fps: Range = (12.0, 60.0)
    speed: Range = (0.8, 1.25)
    mirror: Probability = 0.5
    height: Range = (1.5, 1.95)
    bone_sd: NonNegative = 0.05


class CameraConfig(_Section):
    """Virtual pinhole cameras.

    Attributes:
        distance: [low, high] from camera to body in metres, drawn log-uniformly.
        height: [low, high] of the camera above the floor in metres.
        off_axis_sd: standard deviation of the angle between the optical axis and the body, degrees.
        roll_sd: standard deviation of the camera's roll, degrees.
    """

    distance: Range = (2.0, 12.0)
    height: Range = (0.3, 2.5)
    off_axis_sd: NonNegative = 8.0
    roll_sd: NonNegative = 3.0


class CorruptionConfig(_Section):
    """What is done to the 2D input.

    Attributes:
        noise: draw the published detector noise and its confidences.
        key_interval: [low, high] frames between key frames of that noise (published: 9, 243
            frames over 27 key frames).
        offset_sd: standard deviation of a constant offset a joint and clip, fraction of height.
        joint_mask: probability that a joint is missing.
        frame_mask: probability that a whole frame is missing.
    """

    noise: bool = True
    key_interval: Range = (9.0, 9.0)
    offset_sd: NonNegative = 0.0
    joint_mask: Probability = 0.05
    frame_mask: Probability = 0.1


class LossConfig(_Section):
    """Weights of the published losses on 3D data; one of weight 0 is not computed."""

    mpjpe: NonNegative = 1.0
    n_mpjpe: NonNegative = 0.5
    velocity: NonNegative = 20.0


class OptimiserConfig(_Section):
    """AdamW and its learning rate.

    Attributes:
        learning_rate: peak value.
        weight_decay: decoupled weight decay.
        schedule: ``cosine`` to 0 over the run, or ``exponential``: times ``decay`` an epoch.
        decay: factor an epoch of the exponential schedule.
        epoch_steps: steps that count as an epoch for the exponential schedule.
        warmup_steps: linear warm-up.
        clip_norm: largest gradient norm; 0 = no limit.
    """

    learning_rate: Positive = 5e-4
    weight_decay: NonNegative = 0.01
    schedule: Literal["cosine", "exponential"] = "exponential"
    decay: Positive = 0.99
    epoch_steps: Count = 1000
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    clip_norm: NonNegative = 0.0


class RunConfig(_Section):
    """The run itself.

    Attributes:
        out: folder for checkpoints, scalars and weights; relative to the configuration file.
        steps: optimiser steps in all.
        batch: clips a step, over all devices.
        seed: fixes everything that is drawn.
        accelerator: where to train.
        devices: processes; on ``cpu`` each takes one core.
        precision: as Lightning Fabric names it.
        ema: decay of the weights' moving average; 0 = none.
        log_every: steps between two scalars.
        validate_every: steps between two validations.
        save_every: steps between two checkpoints.
        validation_clips: held-out clips a validation.
        init: weights to start from, a name or a path; random ones if None. A relative path
            starts at the configuration file.
    """

    out: Path
    steps: Count
    batch: Count = 64
    seed: int = 0
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: Count = 1
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true"
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    log_every: Count = 50
    validate_every: Count = 1000
    save_every: Count = 1000
    validation_clips: Count = 512
    init: Path | None = None


class PretrainConfig(_Section):
    """Everything that determines a pretraining run."""

    data: DataConfig
    run: RunConfig
    model: ModelConfig = ModelConfig()
    clips: ClipConfig = ClipConfig()
    camera: CameraConfig = CameraConfig()
    corruption: CorruptionConfig = CorruptionConfig()
    loss: LossConfig = LossConfig()
    optimiser: OptimiserConfig = OptimiserConfig()

    @model_validator(mode="after")
    def _sizes_agree(self) -> PretrainConfig:
        if self.clips.frames > self.model.maxlen:
            raise ValueError(
                f"clips.frames must not exceed model.maxlen, got {self.clips.frames} "
                f"over {self.model.maxlen}"
            )
        if self.run.batch % self.run.devices:
            raise ValueError(
                f"run.batch must be a multiple of run.devices, got {self.run.batch} "
                f"over {self.run.devices}"
            )
        self.model.build()
        return self


def load_config(path: Path, overrides: Iterable[str] = ()) -> PretrainConfig:
    """Read a YAML file and apply ``section.key=value`` overrides.

    Raises:
        ConfigError: the file is missing or no YAML mapping, a key is unknown (the nearest known
            one is named), or a value breaks its rule.
    """
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        first = str(error).splitlines()[0]
        raise ConfigError(f"the configuration {path} is not valid YAML: {first}") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"the configuration {path} must be a mapping of sections")
    for item in overrides:
        _apply_override(tree, item)
    try:
        config = PretrainConfig.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_first_line(error)}") from error
    base = path.resolve().parent
    return config.model_copy(
        update={
            "data": config.data.model_copy(update={"store": base / config.data.store}),
            "run": config.run.model_copy(
                update={"out": base / config.run.out, "init": _start(base, config.run.init)}
            ),
        }
    )


def _start(base: Path, init: Path | None) -> Path | None:
    if init is None or str(init) in TABLE:
        return init
    return base / init


def _apply_override(tree: dict[str, Any], item: str) -> None:
    key, separator, text = item.partition("=")
    section, dot, name = key.strip().partition(".")
    if not separator or not dot or not name:
        raise ConfigError(f"an override must read section.key=value, got {item!r}")
    branch = tree.setdefault(section, {})
    if not isinstance(branch, dict):
        raise ConfigError(f"an override needs a section, but {section!r} is a value")
    branch[name] = yaml.safe_load(text)


def _first_line(error: ValidationError) -> str:
    """One line for the first thing that is wrong, with the nearest key for an unknown one."""
    first = error.errors(include_url=False)[0]
    where = [str(part) for part in first["loc"]]
    if first["type"] != "extra_forbidden":
        message = first["msg"].removeprefix("Value error, ")
        prefix = ".".join(where)
        return f"{prefix}: {message} (got {first['input']!r})" if prefix else message
    section: Any = PretrainConfig
    for part in where[:-1]:
        section = section.model_fields[part].annotation
    known = list(section.model_fields)
    near = difflib.get_close_matches(where[-1], known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    return f"unknown key {'.'.join(where)}: {hint}"
