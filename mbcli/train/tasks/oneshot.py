"""One-shot action recognition: contrastively trained embeddings (Zhu et al. 2023, section 4.3).

Classes never seen in training are recognised from one example each: a clip belongs to the class
of the example with the nearest embedding by cosine. The loss is that of supervised contrastive
learning (Khosla et al. 2020), as computed by pytorch-metric-learning.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from mbcli.data.datasets.labelled import Labelled, LabelledSequences
from mbcli.errors import ConfigError
from mbcli.evaluate.actions import ActionScores, one_shot_sides, score, similarities
from mbcli.lift.action.checkpoint import save_action
from mbcli.lift.action.heads import ActionNet, new_head
from mbcli.train.action_clips import ActionBatch, ActionClipConfig, ActionClips, clip_form, evenly
from mbcli.train.backbone import start_backbone
from mbcli.train.sections import Positive, Section, Settings
from mbcli.train.share import Share
from mbcli.train.tasks.action import (
    ActionHeadConfig,
    People,
    Stores,
    check_sizes,
    head_groups,
    save_confusion,
)


class OneShotDataConfig(Section):
    """Labelled sequences; paths are relative to the configuration file.

    Attributes:
        stores: sequence stores with classes.
        protocol: ``ntu120-oneshot``: 100 classes are trained on, and each of 20 others has its
            published sequence as exemplar.
        exemplars: without a protocol, the name of one sequence of each class not trained on.
        people: people per clip; None means as many as the stores hold. Published: 2.
    """

    stores: Stores
    protocol: Literal["ntu120-oneshot"] | None = None
    exemplars: tuple[str, ...] = ()
    people: People | None = None

    @model_validator(mode="after")
    def _one_source_of_exemplars(self) -> OneShotDataConfig:
        if bool(self.protocol) == bool(self.exemplars):
            raise ValueError("data must have either a protocol or exemplars")
        return self


class OneShotClipConfig(ActionClipConfig):
    """As for classification, but shorter, as published."""

    frames: Annotated[int, Field(ge=1)] = 100


class OneShotHeadConfig(ActionHeadConfig):
    """As for classification, but with less dropout; ``hidden`` is the embedding's width."""

    dropout: Annotated[float, Field(ge=0, le=1)] = 0.1


class ContrastConfig(Section):
    """Supervised contrastive learning.

    Attributes:
        temperature: divisor of the cosines.
        views: sequences of each class in a batch.
    """

    temperature: Positive = 0.1
    views: Annotated[int, Field(ge=2)] = 2


class OneShotConfig(Settings):
    """Everything that determines the training of a one-shot model."""

    places: ClassVar[tuple[str, ...]] = ("data.stores",)

    task: Literal["oneshot"] = "oneshot"
    data: OneShotDataConfig
    clips: OneShotClipConfig = OneShotClipConfig()
    head: OneShotHeadConfig = OneShotHeadConfig()
    contrast: ContrastConfig = ContrastConfig()

    @model_validator(mode="after")
    def _sizes_agree(self) -> OneShotConfig:
        check_sizes(self, self.clips)
        if self.run.batch % self.contrast.views or self.run.batch < 2 * self.contrast.views:
            raise ValueError(
                f"run.batch must hold contrast.views sequences of several classes, got "
                f"{self.run.batch} with {self.contrast.views} of each"
            )
        return self


class OneShot:
    """Labelled sequences to embeddings, validated by the nearest exemplar of unknown classes."""

    name = "oneshot"
    selected_by = "top1"
    higher_is_better = True

    def __init__(self, settings: OneShotConfig) -> None:
        self.settings: OneShotConfig = settings
        data = settings.data
        self._criterion = _contrast(settings.contrast.temperature)
        self._data = LabelledSequences(data.stores)
        named = None if data.protocol else data.exemplars
        self._train, self._exemplars, queries = one_shot_sides(self._data.items, named)
        self._queries = evenly(queries, settings.run.validation_clips)
        self._classes = tuple(self._data.classes[item.label] for item in self._exemplars)
        self._people = data.people or min(2, self._data.people)
        self._views = ClassOrder(
            self._train, settings.run.batch, settings.contrast.views, settings.run.seed
        )
        self._scores: ActionScores | None = None
        self.epoch_steps = max(1, len(self._train) // settings.run.batch)
        backbone = start_backbone(settings)
        head = settings.head
        self.model = ActionNet(
            backbone,
            new_head(
                backbone, None, hidden=head.hidden, dropout=head.dropout, seed=settings.run.seed
            ),
        )

    def groups(self) -> list[dict[str, Any]]:
        """Backbone and head, each with its own learning rate."""
        return head_groups(self.model, self.settings.optimiser)

    def place(self, device: torch.device) -> None:
        """Make clips on the given device."""
        settings = self.settings
        self._clips = ActionClips(
            self._data, settings.clips, self._people, settings.run.seed, device
        )

    def batch(self, step: int, share: Share) -> ActionBatch:
        """Several sequences of each of many classes."""
        return self._clips.training(self._views.at(step, share.places), step, share)

    def loss(self, model: nn.Module, batch: ActionBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Contrast between classes, over the embeddings of all processes."""
        torch.manual_seed(batch.seed)  # of the dropout, for reproducible resumed runs
        embeddings = model(batch.inputs).float()  # (B, H)
        loss = _shared(self._criterion, batch.processes)(embeddings, batch.labels)
        return loss, {"contrast": loss.detach() / batch.processes}

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Percentage of sequences of unknown classes whose nearest exemplar is of their class."""
        batch = self.settings.run.batch
        exemplars = self._clips.predictions(model, self._exemplars, batch).numpy()
        queries = self._clips.predictions(model, self._queries, batch).numpy()
        places = {item.label: place for place, item in enumerate(self._exemplars)}
        labels = np.array([places[item.label] for item in self._queries])
        self._scores = score(similarities(queries, exemplars), labels, self._classes)
        return {"top1": self._scores.top1, "top5": self._scores.top5}

    def export(self, path: Path, model: nn.Module, metadata: Mapping[str, Any]) -> None:
        """Write an embedding with the exemplars of the unknown classes."""
        assert isinstance(model, ActionNet), "backbone and head are trained"
        training = model.training
        exemplars = self._clips.predictions(
            model.eval(), self._exemplars, self.settings.run.batch
        )  # (K, H)
        model.train(training)
        form = clip_form(self.settings.clips, self._people, self._train)
        save_action(path, model, self._classes, form, metadata, exemplars=exemplars, half=True)
        save_confusion(self._scores, path)


class ClassOrder:
    """The sequences of each step: several of each of its classes.

    Args:
        items: labelled sequences.
        batch: sequences per step.
        views: sequences per class in a step.
        seed: seed of the order.

    Raises:
        ConfigError: fewer than two classes to train on.
    """

    def __init__(self, items: list[Labelled], batch: int, views: int, seed: int) -> None:
        by_class: dict[int, list[Labelled]] = defaultdict(list)
        for item in items:
            by_class[item.label].append(item)
        if len(by_class) < 2:
            raise ConfigError(
                f"a contrast needs at least two classes to train on, got {len(by_class)}"
            )
        self._classes = list(by_class.values())
        self._batch, self._views, self._seed = batch, views, seed

    def at(self, step: int, places: range) -> list[Labelled]:
        """The sequences at given positions in a step's batch."""
        rng = np.random.default_rng((abs(self._seed), step))
        groups = self._batch // self._views
        rounds = -(-groups // len(self._classes))
        order = np.concatenate([rng.permutation(len(self._classes)) for _ in range(rounds)])
        chosen: list[Labelled] = []
        for number in order[:groups]:
            members = self._classes[number]
            few = len(members) < self._views
            chosen += [members[i] for i in rng.choice(len(members), self._views, replace=few)]
        return [chosen[place] for place in places]


def _contrast(temperature: float) -> nn.Module:
    try:
        from pytorch_metric_learning.losses import SupConLoss
    except ImportError as error:
        raise ConfigError(
            "a one-shot training needs pytorch-metric-learning: pip install 'mbcli[train]'"
        ) from error
    return SupConLoss(temperature=temperature)


def _shared(criterion: nn.Module, processes: int) -> nn.Module:
    """The criterion over the embeddings of all processes."""
    if processes == 1:
        return criterion
    from pytorch_metric_learning.utils.distributed import DistributedLossWrapper

    return DistributedLossWrapper(criterion)
