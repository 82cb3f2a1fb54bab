"""Clips of equal length from sequence stores, shuffled anew each epoch."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mbcli.data.stores.sequence import Sequence
from mbcli.data.stores.sequences import SequenceStore
from mbcli.errors import ConfigError, DataError
from mbcli.types import FloatArray


@dataclass(frozen=True, eq=False)
class SequenceClip:
    """A section of a sequence.

    Attributes:
        store: index of the store.
        sequence: the sequence.
        rows: (T,) its rows in the store.
    """

    store: int
    sequence: Sequence
    rows: npt.NDArray[np.int64]


class SequenceClips:
    """All clips of several sequences.

    A sequence of more than ``frames`` frames yields one clip every ``stride`` frames. A shorter
    one of at least half as many yields one clip, in which frames repeat evenly, as in the
    published code.

    Args:
        stores: folders of sequence stores.
        frames: length T of a clip.
        stride: frames from the start of one clip to the start of the next.
        needs: arrays that must be known throughout a clip, such as ``target``.
        splits: splits of the data to use.
        sized: whether the size of the pictures must be known.

    Raises:
        DataError: a folder is not a sequence store, or lacks an array or the size of its pictures.
        ConfigError: no clip is left.
    """

    def __init__(
        self,
        stores: Iterable[Path],
        *,
        frames: int,
        stride: int,
        needs: Collection[str] = (),
        splits: Collection[str] = ("train", ""),
        sized: bool = False,
    ) -> None:
        self.frames, self._stride = frames, stride
        self.stores = [SequenceStore.open(path) for path in stores]
        self.clips: list[SequenceClip] = []
        for number, store in enumerate(self.stores):
            for name in needs:
                if not store.has(name):
                    raise DataError(f"{store.path} must hold {name}.npy for this training")
            for sequence in store.sequences:
                if sequence.split in splits:
                    if sized and sequence.size == (0, 0):
                        raise DataError(
                            f"{store.path}: sequence {sequence.name} lacks the size of its "
                            "pictures: train with data.window=crop"
                        )
                    self.clips += self._cut(number, sequence, needs)
        if not self.clips:
            names = ", ".join(str(store.path) for store in self.stores)
            raise ConfigError(
                f"no clip of {frames} frames is in {names} (splits {', '.join(splits)!r})"
            )

    def __len__(self) -> int:
        return len(self.clips)

    def _cut(self, number: int, sequence: Sequence, needs: Collection[str]) -> list[SequenceClip]:
        length, frames = sequence.frames, self.frames
        if length < frames:
            starts = [np.linspace(0, length - 1, frames).round().astype(np.int64)]
            if 2 * length < frames:
                return []
        else:
            starts = [
                np.arange(first, first + frames)
                for first in range(0, length - frames + 1, self._stride)
            ]
        store = self.stores[number]
        known = np.ones(length, dtype=bool)
        for name in needs:
            rows = np.asarray(store.array(name, sequence))
            known &= np.isfinite(rows).reshape(length, -1).all(axis=1)
        return [
            SequenceClip(number, sequence, sequence.start + at) for at in starts if known[at].all()
        ]

    def array(self, name: str, clips: Iterable[SequenceClip]) -> FloatArray:
        """(B, T, ...) float32, the rows of the given clips."""
        return np.stack([np.asarray(self.stores[c.store].rows(name)[c.rows]) for c in clips])

    def sizes(self, clips: Iterable[SequenceClip]) -> FloatArray:
        """(B, 2) width and height of the pictures in pixels."""
        return np.array([c.sequence.size for c in clips], dtype=np.float32)

    def shuffled(self, seed: int, epoch: int) -> npt.NDArray[np.int64]:
        """Indices of all clips in the order of an epoch."""
        return np.random.default_rng((seed, epoch)).permutation(len(self.clips))

    def at(self, seed: int, step: int, batch: int, places: range) -> list[SequenceClip]:
        """The clips at given positions in a step's batch; every epoch visits all clips once.

        The last batch of an epoch is filled up with the first clips of its order.
        """
        steps = self.steps(batch)
        epoch, within = divmod(step, steps)
        order = self.shuffled(seed, epoch)
        return [self.clips[order[(within * batch + place) % len(order)]] for place in places]

    def steps(self, batch: int) -> int:
        """Number of steps that visit every clip once."""
        return -(-len(self.clips) // batch)
