"""Evaluation of action recognition: top-1, top-5, confusion matrix and one-shot protocol."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mbcli.data.datasets.labelled import Labelled, LabelledSequences
from mbcli.data.datasets.ntu import ACTIONS, ntu_split
from mbcli.errors import ConfigError, DataError, WeightsError
from mbcli.geometry import unit
from mbcli.types import FloatArray, IntArray

if TYPE_CHECKING:
    from mbcli.lift.action.recognition import ActionNetwork

ONE_SHOT = "ntu120-oneshot"


@dataclass(frozen=True, eq=False)
class ActionScores:
    """Scores of action recognition on a set of clips.

    Attributes:
        classes: C names.
        counts: (C, C) int64 confusion matrix: clips by true class (row) and predicted class
            (column).
        top1: percentage of clips whose class was predicted first.
        top5: percentage of clips whose class was among the first five predictions.
    """

    classes: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    top1: float
    top5: float

    @property
    def clips(self) -> int:
        """Number of evaluated clips."""
        return int(self.counts.sum())


def score(predictions: FloatArray, labels: IntArray, classes: tuple[str, ...]) -> ActionScores:
    """Score predictions.

    Args:
        predictions: (N, C) logits, probabilities or similarities; larger is more probable.
        labels: (N,) the true classes.
        classes: C names.
    """
    order = np.argsort(-predictions, axis=1, kind="stable")  # (N, C)
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (labels, order[:, 0]), 1)
    right = order == labels[:, None]  # (N, C)
    top1, top5 = (100 * float(right[:, :k].any(axis=1).mean()) for k in (1, 5))
    return ActionScores(classes, counts, top1, top5)


def one_shot_sides(
    items: list[Labelled], exemplars: tuple[str, ...] | None
) -> tuple[list[Labelled], list[Labelled], list[Labelled]]:
    """Split sequences for one-shot recognition: training set, exemplars and test set.

    Args:
        items: labelled sequences.
        exemplars: names of one sequence of each novel class, or None for the 20 classes and
            exemplars of NTU RGB+D 120 (Liu et al. 2019).

    Returns:
        The sequences of known classes, the exemplars ordered by class, all others of novel classes.

    Raises:
        ConfigError: an exemplar does not exist, a class has two, or the training or test set is
            empty.
        DataError: without ``exemplars``, a name does not follow NTU RGB+D.
    """
    if exemplars is None:
        side = {item.sequence.name: ntu_split(item.sequence.name, ONE_SHOT) for item in items}
        chosen = [item for item in items if side[item.sequence.name] == "exemplar"]
    else:
        missing = set(exemplars) - {item.sequence.name for item in items}
        if missing:
            raise ConfigError(f"no labelled sequence is named {', '.join(sorted(missing))}")
        chosen = [item for item in items if item.sequence.name in exemplars]
    chosen.sort(key=lambda item: item.label)
    new = {item.label for item in chosen}
    names = {item.sequence.name for item in chosen}
    train = [item for item in items if item.label not in new]
    if exemplars is None:
        train = [item for item in train if side[item.sequence.name] == "train"]
    test = [item for item in items if item.label in new and item.sequence.name not in names]
    if len(new) != len(chosen) or not chosen or not test:
        raise ConfigError(
            "one-shot recognition needs one exemplar of each new class and other sequences of "
            f"them, got {len(chosen)} exemplars of {len(new)} classes and {len(test)} sequences"
        )
    return train, chosen, test


def similarities(queries: FloatArray, exemplars: FloatArray) -> FloatArray:
    """(N, K) cosines between embeddings (N, H) and exemplar embeddings (K, H)."""
    return unit(queries) @ unit(exemplars).T


def evaluate_actions(
    weights: Path,
    stores: tuple[Path, ...],
    *,
    protocol: str | None = None,
    holdout: tuple[str, ...] = (),
    exemplars: tuple[str, ...] = (),
    split: str = "test",
    device: str = "auto",
    batch: int = 16,
) -> ActionScores:
    """Evaluate weights on sequence stores.

    Args:
        weights: an action model of ours or a published one.
        stores: folders of sequence stores.
        protocol: a protocol of NTU RGB+D, whose test set is evaluated; ``ntu120-oneshot`` for
            weights that compute embeddings.
        holdout: subjects to evaluate on, without a protocol.
        exemplars: for weights that compute embeddings, names of one sequence of each class.
        split: the split to evaluate on without a protocol and without ``holdout``.
        device: device of the model.
        batch: clips per batch.

    Raises:
        ConfigError: nothing to evaluate, or a protocol that does not suit the weights.
        DataError: no store, or a class unknown to the weights.
        WeightsError: the weights cannot be read.
    """
    from mbcli.lift.action.recognition import ActionNetwork

    network = ActionNetwork.load(weights, device=device, foreign_classes=ACTIONS)
    data = LabelledSequences(stores)
    if network.embeds:
        if protocol not in (None, ONE_SHOT) or (protocol is None and not exemplars):
            raise ConfigError(
                f"{weights} computes embeddings: it needs exemplars or the protocol {ONE_SHOT}"
            )
        named = None if protocol else exemplars
        _, chosen, test = one_shot_sides(data.items, named)
        predictions = similarities(
            _predictions(network, data, test, batch), _predictions(network, data, chosen, batch)
        )
        places = {item.label: place for place, item in enumerate(chosen)}
        classes = tuple(data.classes[item.label] for item in chosen)
        return score(predictions, np.array([places[item.label] for item in test]), classes)
    if protocol == ONE_SHOT:
        raise ConfigError(f"{weights} classifies: the protocol {ONE_SHOT} needs embeddings")
    if protocol or holdout:
        _, test = data.split(protocol=protocol, holdout=holdout, evaluated="test")
    else:
        test = [item for item in data.items if item.sequence.split == split]
    if not test:
        raise ConfigError(f"no labelled sequence has the split {split!r}")
    labels = _labels_known(weights, network.classes, data, test)
    return score(_predictions(network, data, test, batch), labels, network.classes)


def _labels_known(
    weights: Path, classes: tuple[str, ...], data: LabelledSequences, test: list[Labelled]
) -> IntArray:
    """The true classes, as indices into the classes of the weights."""
    names = [data.classes[item.label] for item in test]
    unknown = sorted(set(names) - set(classes))
    if unknown:
        raise DataError(f"{weights} lacks {', '.join(unknown[:4])} of the stores' classes")
    return np.array([classes.index(name) for name in names])


def _predictions(
    network: ActionNetwork, data: LabelledSequences, items: list[Labelled], batch: int
) -> FloatArray:
    form = network.clips
    parts = []
    for first in range(0, len(items), batch):
        some = items[first : first + batch]
        clips = [data.clip(item, form.frames, form.people) for item in some]
        parts.append(network(clips, [data.size(item) for item in some]))
    if not np.isfinite(predictions := np.concatenate(parts)).all():
        raise WeightsError("the weights' predictions must be finite numbers")
    return predictions
