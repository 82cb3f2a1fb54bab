"""Sequences labelled with an action class, split into training and evaluation sets."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mbcli.data.datasets.ntu import ntu_split
from mbcli.data.stores.sequence import Sequence
from mbcli.data.stores.sequences import SequenceStore
from mbcli.errors import ConfigError, DataError
from mbcli.types import FloatArray, IntArray

_GAP = np.array([np.nan, np.nan, 0.0], dtype=np.float32)
_TRAINING_SPLITS = ("train", "")


@dataclass(frozen=True)
class Labelled:
    """A sequence and its class.

    Attributes:
        store: index of its store.
        sequence: the sequence.
        label: its class, an index into the combined classes of all stores.
    """

    store: int
    sequence: Sequence
    label: int


class LabelledSequences:
    """All labelled sequences of several stores; classes with equal names are merged.

    Args:
        paths: folders of sequence stores.

    Attributes:
        items: the sequences, in the order of the stores.
        classes: names of the classes.
        people: maximum number of people per frame.

    Raises:
        DataError: a folder is not a sequence store, or no sequence has a class.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._stores = [SequenceStore.open(path) for path in paths]
        names = [name for store in self._stores for name in store.labels]
        self.classes = tuple(dict.fromkeys(names))
        self.people = max(store.people for store in self._stores)
        self.items = [
            Labelled(number, sequence, self.classes.index(store.labels[sequence.label]))
            for number, store in enumerate(self._stores)
            for sequence in store.sequences
            if sequence.label is not None
        ]
        if not self.items:
            where = ", ".join(str(store.path) for store in self._stores)
            raise DataError(f"{where}: no sequence has a label: action data is needed")

    def split(
        self, *, protocol: str | None, holdout: Collection[str], evaluated: str
    ) -> tuple[list[Labelled], list[Labelled]]:
        """Split the sequences into a training and an evaluation set.

        Args:
            protocol: a protocol of NTU RGB+D, which decides by the sequences' names; None uses
                the split stored with each sequence.
            holdout: subjects to evaluate on, whatever their split.
            evaluated: the split to evaluate on.

        Returns:
            The training set and the evaluation set.

        Raises:
            ConfigError: an unknown subject, no sequence to train on, or none to evaluate on
                although a protocol or subjects were given.
            DataError: with a protocol, a name that does not follow NTU RGB+D.
        """
        unknown = set(holdout) - {item.sequence.subject for item in self.items}
        if unknown:
            known = ", ".join(sorted({item.sequence.subject for item in self.items}))
            raise ConfigError(f"no labelled sequence shows {', '.join(unknown)} (known: {known})")
        train, evaluation = [], []
        for item in self.items:
            side = item.sequence.split
            if protocol is not None:
                side = ntu_split(item.sequence.name, protocol)
                side = {"test": evaluated, "": "left out"}.get(side, side)
            if item.sequence.subject in holdout or side == evaluated:
                evaluation.append(item)
            elif side in _TRAINING_SPLITS:
                train.append(item)
        if not train or ((protocol or holdout) and not evaluation):
            raise ConfigError(
                f"of {len(self.items)} labelled sequences {len(train)} are left to train on and "
                f"{len(evaluation)} to evaluate on (protocol {protocol or 'none'}, held out: "
                f"{', '.join(holdout) or 'nobody'}, splits: {self._splits()})"
            )
        return train, evaluation

    def _splits(self) -> str:
        return ", ".join(sorted({item.sequence.split or "none" for item in self.items}))

    def clip(
        self,
        item: Labelled,
        frames: int,
        people: int,
        *,
        part: tuple[float, float] = (1.0, 1.0),
        rng: np.random.Generator | None = None,
    ) -> FloatArray:
        """A clip of given length from a sequence, resampled in time.

        Args:
            item: the sequence.
            frames: length T of the clip.
            people: M; further people are dropped, absent ones are missing keypoints.
            part: smallest and largest share of the sequence that a random clip covers.
            rng: draws the position and the frames; without it the clip samples the whole sequence
                evenly.

        Returns:
            (T, M, 17, 3) float32 pixels and confidence.
        """
        length, first = item.sequence.frames, 0
        if rng is not None:
            covered = max(1, round(length * rng.uniform(*part)))
            first = int(rng.integers(length - covered + 1))
            length = covered
        rows = item.sequence.start + first + resampled(length, frames, rng)
        points = np.asarray(self._stores[item.store].rows("keypoints")[rows])[:, :people]
        out: FloatArray = np.broadcast_to(_GAP, (frames, people, *points.shape[2:])).copy()
        out[:, : points.shape[1]] = points
        return out

    def size(self, item: Labelled) -> tuple[int, int]:
        """Width and height of the pictures; (0, 0) where unknown."""
        return item.sequence.size


def resampled(length: int, frames: int, rng: np.random.Generator | None = None) -> IntArray:
    """Indices that resample a sequence to another length, as MotionBERT does.

    Args:
        length: number of frames of the sequence.
        frames: number of frames of the clip.
        rng: without it the indices are evenly spaced. With it, each index is drawn from its own
            section of a longer sequence, or is one of the two nearest frames of a shorter one.

    Returns:
        (frames,) ascending indices within 0..length - 1.
    """
    even = np.arange(frames) * length / frames
    if rng is None:
        return even.astype(np.int64)
    if length < frames:
        up = rng.random(frames) < 0.5
        chosen = np.sort(np.where(up, np.ceil(even), np.floor(even)))
    else:
        chosen = even + rng.random(frames) * (length / frames)
    return chosen.clip(0, length - 1).astype(np.int64)
