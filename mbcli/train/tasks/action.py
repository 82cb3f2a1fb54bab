"""Recognition of actions by classes (Zhu et al. 2023, section 4.3)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from mbcli.data.datasets.labelled import Labelled, LabelledSequences
from mbcli.evaluate.actions import ActionScores, score
from mbcli.evaluate.confusion import draw_confusion
from mbcli.lift.action.checkpoint import save_action
from mbcli.lift.action.heads import HIDDEN, ActionNet, new_head
from mbcli.train.action_clips import ActionBatch, ActionClipConfig, ActionClips, clip_form, evenly
from mbcli.train.backbone import backbone_groups, start_backbone, trainable
from mbcli.train.sections import Count, OptimiserConfig, Probability, Section, Settings
from mbcli.train.share import Share

Stores = Annotated[tuple[Path, ...], Field(min_length=1)]
People = Annotated[int, Field(ge=1, le=2)]

# The backbone's own 3D pose output, which is not used.
_UNUSED = "backbone.head."


class ActionDataConfig(Section):
    """Labelled sequences; paths are relative to the configuration file.

    Attributes:
        stores: sequence stores with classes.
        protocol: protocol of NTU RGB+D, which splits sequences by their names; None uses the
            split stored with each sequence.
        holdout: subjects to evaluate on, whatever their split.
        evaluated: the split to evaluate on.
        people: people per clip; None means as many as the stores hold. Published: 2.
    """

    stores: Stores
    protocol: Literal["ntu60-xsub", "ntu60-xview", "ntu120-xsub", "ntu120-xset"] | None = None
    holdout: tuple[str, ...] = ()
    evaluated: Literal["val", "test"] = "val"
    people: People | None = None


class ActionHeadConfig(Section):
    """The head.

    Attributes:
        hidden: width of the hidden layer, or of the embedding.
        dropout: dropout probability of the representation.
    """

    hidden: Count = HIDDEN
    dropout: Probability = 0.5


class ActionConfig(Settings):
    """Everything that determines the training of an action classifier."""

    places: ClassVar[tuple[str, ...]] = ("data.stores",)

    task: Literal["action"] = "action"
    data: ActionDataConfig
    clips: ActionClipConfig = ActionClipConfig()
    head: ActionHeadConfig = ActionHeadConfig()

    @model_validator(mode="after")
    def _sizes_agree(self) -> ActionConfig:
        check_sizes(self, self.clips)
        return self


def check_sizes(settings: Settings, clips: ActionClipConfig) -> None:
    """Refuse sizes that cannot be trained.

    Raises:
        ValueError: clips are longer than the backbone supports or cover more than a sequence, or
            the batch is too small for batch normalisation.
    """
    run = settings.run
    if clips.frames > settings.model.maxlen:
        raise ValueError(
            f"clips.frames must not exceed model.maxlen, got {clips.frames} over "
            f"{settings.model.maxlen}"
        )
    if clips.part[1] > 1:
        raise ValueError(f"clips.part must be within 0..1, got {list(clips.part)}")
    if run.batch < 2 * run.devices * run.nodes:
        raise ValueError(
            "run.batch must be at least 2 per process, for batch normalisation, got "
            f"{run.batch} over {run.devices * run.nodes}"
        )


class Action:
    """Labelled sequences to classes: cross-entropy, selected by top-1."""

    name = "action"
    selected_by = "top1"
    higher_is_better = True

    def __init__(self, settings: ActionConfig) -> None:
        self.settings: ActionConfig = settings
        data = settings.data
        self._data = LabelledSequences(data.stores)
        self._train, held_out = self._data.split(
            protocol=data.protocol, holdout=data.holdout, evaluated=data.evaluated
        )
        self._held_out = evenly(held_out, settings.run.validation_clips)
        self._people = data.people or min(2, self._data.people)
        self._order = Order(self._train, settings.run.batch, settings.run.seed)
        self._scores: ActionScores | None = None
        self.epoch_steps = self._order.steps
        backbone = start_backbone(settings)
        head = settings.head
        self.model = ActionNet(
            backbone,
            new_head(
                backbone,
                len(self._data.classes),
                hidden=head.hidden,
                dropout=head.dropout,
                seed=settings.run.seed,
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
        """Clips of the next sequences in the order."""
        return self._clips.training(self._order.at(step, share.places), step, share)

    def loss(self, model: nn.Module, batch: ActionBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy, and the percentage of correct predictions."""
        torch.manual_seed(batch.seed)  # of the dropout, for reproducible resumed runs
        logits = model(batch.inputs)  # (B, classes)
        loss = F.cross_entropy(logits.float(), batch.labels)
        right = 100 * (logits.argmax(dim=1) == batch.labels).float().mean()
        return loss, {"cross_entropy": loss.detach(), "top1": right}

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Percentages of sequences whose class is predicted first, and among the first five."""
        if not self._held_out:
            return {}
        batch = self.settings.run.batch
        predictions = self._clips.predictions(model, self._held_out, batch).numpy()
        labels = torch.tensor([item.label for item in self._held_out]).numpy()
        self._scores = score(predictions, labels, self._data.classes)
        return {"top1": self._scores.top1, "top5": self._scores.top5}

    def export(self, path: Path, model: nn.Module, metadata: Mapping[str, Any]) -> None:
        """Write a classifier, and a picture of the latest validation's confusion matrix."""
        assert isinstance(model, ActionNet), "backbone and head are trained"
        form = clip_form(self.settings.clips, self._people, self._train)
        save_action(path, model, self._data.classes, form, metadata, half=True)
        save_confusion(self._scores, path)


class Order:
    """The sequences of each step: all of them once per epoch, shuffled anew each time."""

    def __init__(self, items: list[Labelled], batch: int, seed: int) -> None:
        self._items, self._batch, self._seed = items, batch, seed
        self.steps = -(-len(items) // batch)

    def at(self, step: int, places: range) -> list[Labelled]:
        """The sequences at given positions in a step's batch."""
        epoch, within = divmod(step, self.steps)
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + epoch)
        order = torch.randperm(len(self._items), generator=generator).tolist()
        # The last batch of an epoch is filled up with the first of its order.
        chosen = [order[(within * self._batch + place) % len(order)] for place in places]
        return [self._items[number] for number in chosen]


def head_groups(model: ActionNet, config: OptimiserConfig) -> list[dict[str, Any]]:
    """Parameter groups of a backbone with a head, with the ``scale`` of their learning rate."""
    frozen = config.model_copy(update={"freeze": (*config.freeze, _UNUSED)})
    groups = backbone_groups(model.backbone, frozen, "backbone.")
    named = [(f"head.{name}", parameter) for name, parameter in model.head.named_parameters()]
    head = [parameter for _, parameter in trainable(named, config.freeze)]
    return groups + ([{"params": head, "scale": config.head}] if head else [])


def save_confusion(scores: ActionScores | None, weights: Path) -> None:
    """Draw the confusion matrix next to the weights, if there are scores."""
    if scores is not None:
        title = f"top-1 {scores.top1:.1f} %, top-5 {scores.top5:.1f} %, {scores.clips} clips"
        path = weights.with_name(f"{weights.stem}_confusion.png")
        draw_confusion(scores.counts, scores.classes, path, title=title)
