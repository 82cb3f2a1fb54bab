"""The sections of every training configuration: model, optimiser, run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mbcli.bounds import MAX_BATCH, MAX_COUNT
from mbcli.lift.dimensions import DSTformerConfig

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=MAX_COUNT)]
Seed = Annotated[int, Field(ge=-(2**63), lt=2**63)]  # as PyTorch takes them
Range = tuple[Positive, Positive]
Precision = Literal["auto", "32-true", "16-mixed", "bf16-mixed"]


class Section(BaseModel):
    """A section of a configuration: unknown keys are errors, and ranges ascend."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    @model_validator(mode="after")
    def _ranges_ascend(self) -> Section:
        for name in type(self).model_fields:
            value = getattr(self, name)
            if not (isinstance(value, tuple) and len(value) == 2):
                continue
            # Two names or paths are not a range.
            if all(isinstance(end, int | float) for end in value) and value[0] > value[1]:
                raise ValueError(f"{name} must be [low, high], got {list(value)}")
        return self


class ModelConfig(Section):
    """Dimensions of the DSTformer; see :class:`mbcli.lift.model.DSTformerConfig`.

    ``start`` selects the initial weights of a new model: ``published``, or ``spread``, which makes
    a small model learn depth much sooner; see :mod:`mbcli.train.start`.
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


class OptimiserConfig(Section):
    """AdamW and its learning rate.

    Attributes:
        learning_rate: peak value.
        weight_decay: decoupled weight decay.
        schedule: ``cosine`` to 0 over the run, or ``exponential``: times ``decay`` per epoch.
        decay: factor per epoch of the exponential schedule.
        layer_decay: factor of the learning rate from each layer of the backbone to the one below
            it; 1 = equal rates.
        head: factor of the learning rate outside the backbone.
        freeze: prefixes of the names of parameters that are not trained.
        warmup_steps: steps of linear warm-up.
        clip_norm: maximum gradient norm; 0 = no limit.
    """

    learning_rate: Positive = 5e-4
    weight_decay: NonNegative = 0.01
    schedule: Literal["cosine", "exponential"] = "exponential"
    decay: Positive = 0.99
    layer_decay: Positive = 1.0
    head: Positive = 1.0
    freeze: tuple[str, ...] = ()
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    clip_norm: NonNegative = 0.0


class RunConfig(Section):
    """The run itself.

    Attributes:
        out: folder for checkpoints, scalars and weights; relative to the configuration file.
        steps: total number of optimiser steps; this or ``epochs``.
        epochs: length of the run in epochs, whose length depends on the data.
        batch: clips per step, over all devices.
        seed: seed of all randomness.
        accelerator: kind of device to train on.
        devices: processes on each machine; on ``cpu`` each takes one core.
        nodes: number of machines.
        precision: Lightning Fabric's name of the precision; ``auto`` is ``bf16-mixed`` where the
            device computes in bfloat16, and ``32-true`` elsewhere.
        ema: decay of the weights' moving average; 0 = none.
        log_every: steps between two scalars.
        validate_every: steps between two validations.
        save_every: steps between two checkpoints.
        keep_every: steps between two sets of weights kept under their own name; a multiple of
            ``save_every``, or 0 = none.
        validation_clips: held-out clips per validation.
        init: weights to start from, a name or a path relative to the configuration file; None
            means random ones.
    """

    out: Path
    steps: Count | None = None
    epochs: Positive | None = None
    batch: Annotated[int, Field(ge=1, le=MAX_BATCH)] = 64
    seed: Seed = 0
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: Count = 1
    nodes: Count = 1
    precision: Precision = "32-true"
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    log_every: Count = 50
    validate_every: Count = 1000
    save_every: Count = 1000
    keep_every: Annotated[int, Field(ge=0)] = 0
    validation_clips: Count = 512
    init: Path | None = None

    @model_validator(mode="after")
    def _one_length(self) -> RunConfig:
        if (self.steps is None) == (self.epochs is None):
            got = "neither" if self.steps is None else f"{self.steps} and {self.epochs:g}"
            raise ValueError(f"exactly one of run.steps and run.epochs must be given, got {got}")
        return self


class Settings(Section):
    """The sections shared by the configurations of all tasks.

    Attributes:
        run: the run itself.
        model: dimensions of the backbone.
        optimiser: optimiser and learning rates.
    """

    # Values that are paths, as section.key: they are relative to the configuration file, and may
    # differ between a run and its continuation.
    places: ClassVar[tuple[str, ...]] = ()

    run: RunConfig
    model: ModelConfig = ModelConfig()
    optimiser: OptimiserConfig = OptimiserConfig()

    @model_validator(mode="after")
    def _run_is_possible(self) -> Settings:
        processes = self.run.devices * self.run.nodes
        if self.run.batch % processes:
            raise ValueError(
                f"run.batch must be a multiple of the processes (run.devices x run.nodes), got "
                f"{self.run.batch} over {processes}"
            )
        if self.run.keep_every % self.run.save_every:
            raise ValueError(
                f"run.keep_every must be a multiple of run.save_every, got {self.run.keep_every} "
                f"and {self.run.save_every}"
            )
        self.model.build()
        return self
