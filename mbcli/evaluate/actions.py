"""How well actions are recognised: top-1, top-5, who is taken for whom, and one-shot."""

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
    """How some clips were recognised.

    Attributes:
        classes: C names.
        counts: (C, C) int64 clips of each class (row) by the class they were taken for (column).
        top1: percentage of clips whose class came first.
        top5: percentage of clips whose class was among the first five.
    """

    classes: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    top1: float
    top5: float

    @property
    def clips(self) -> int:
        """How many clips were judged."""
        return int(self.counts.sum())


def score(answers: FloatArray, labels: IntArray, classes: tuple[str, ...]) -> ActionScores:
    """Judge answers.

    Args:
        answers: (N, C) logits, probabilities or similarities: the larger, the likelier.
        labels: (N,) the true classes.
        classes: C names.
    """
    order = np.argsort(-answers, axis=1, kind="stable")  # (N, C)
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (labels, order[:, 0]), 1)
    right = order == labels[:, None]  # (N, C)
    top1, top5 = (100 * float(right[:, :k].any(axis=1).mean()) for k in (1, 5))
    return ActionScores(classes, counts, top1, top5)


def one_shot_sides(
    items: list[Labelled], exemplars: tuple[str, ...] | None
) -> tuple[list[Labelled], list[Labelled], list[Labelled]]:
    """What is trained on, the exemplars of new classes, and what is compared with them.

    Args:
        items: labelled sequences.
        exemplars: names of one sequence of each new class, or None for the 20 classes and
            exemplars of NTU RGB+D 120 (Liu et al. 2019).

    Returns:
        The sequences of known classes, the exemplars ordered by class, all others of new classes.

    Raises:
        ConfigError: an exemplar that is not there, two of one class, or nothing to train on or to
            compare.
        DataError: without ``exemplars``, a name that is none of NTU RGB+D.
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
    """(N, K) cosines between embeddings (N, H) and those of exemplars (K, H)."""
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
    """Judge weights on sequence stores.

    Args:
        weights: an action model of ours or a published one.
        stores: folders of sequence stores.
        protocol: one of NTU RGB+D, whose test side is judged; ``ntu120-oneshot`` for weights that
            embed.
        holdout: subjects that are judged, without a protocol.
        exemplars: for weights that embed, names of one sequence of each class.
        split: which split of the data is judged without a protocol and without ``holdout``.
        device: where the model runs.
        batch: clips at once.

    Raises:
        ConfigError: nothing to judge, or a protocol that does not fit the weights.
        DataError: no store, or a class that the weights do not know.
        WeightsError: the weights cannot be read.
    """
    from mbcli.lift.action.recognition import ActionNetwork

    network = ActionNetwork.load(weights, device=device, foreign_classes=ACTIONS)
    data = LabelledSequences(stores)
    if network.embeds:
        if protocol not in (None, ONE_SHOT) or (protocol is None and not exemplars):
            raise ConfigError(
                f"{weights} embeds: it is judged by exemplars or by the protocol {ONE_SHOT}"
            )
        named = None if protocol else exemplars
        _, chosen, test = one_shot_sides(data.items, named)
        answers = similarities(
            _answers(network, data, test, batch), _answers(network, data, chosen, batch)
        )
        places = {item.label: place for place, item in enumerate(chosen)}
        classes = tuple(data.classes[item.label] for item in chosen)
        return score(answers, np.array([places[item.label] for item in test]), classes)
    if protocol == ONE_SHOT:
        raise ConfigError(f"{weights} classifies: the protocol {ONE_SHOT} needs weights that embed")
    if protocol or holdout:
        _, test = data.split(protocol=protocol, holdout=holdout, evaluated="test")
    else:
        test = [item for item in data.items if item.sequence.split == split]
    if not test:
        raise ConfigError(f"no labelled sequence has the split {split!r}")
    labels = _labels_known(weights, network.classes, data, test)
    return score(_answers(network, data, test, batch), labels, network.classes)


def _labels_known(
    weights: Path, classes: tuple[str, ...], data: LabelledSequences, test: list[Labelled]
) -> IntArray:
    """The true classes, in the order of the weights' own."""
    names = [data.classes[item.label] for item in test]
    unknown = sorted(set(names) - set(classes))
    if unknown:
        raise DataError(f"{weights} does not know {', '.join(unknown[:4])} of the stores' classes")
    return np.array([classes.index(name) for name in names])


def _answers(
    network: ActionNetwork, data: LabelledSequences, items: list[Labelled], batch: int
) -> FloatArray:
    form = network.clips
    parts = []
    for first in range(0, len(items), batch):
        some = items[first : first + batch]
        clips = [data.clip(item, form.frames, form.people) for item in some]
        parts.append(network(clips, [data.size(item) for item in some]))
    if not np.isfinite(answers := np.concatenate(parts)).all():
        raise WeightsError("the weights answer with numbers that are not finite")
    return answers
