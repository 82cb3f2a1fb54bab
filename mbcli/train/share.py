"""Which part of a step's batch a process makes, so that the batch is the same for any number."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

# Clips that are drawn from one seed. Processes that hold whole groups draw what one would draw.
_GROUP = 8


@dataclass(frozen=True)
class Share:
    """One process's part of every batch.

    Attributes:
        batch: clips a step, over all processes.
        rank: number of this process.
        processes: how many there are.
    """

    batch: int
    rank: int = 0
    processes: int = 1

    @property
    def count(self) -> int:
        """Clips a step of this process."""
        return self.batch // self.processes

    @property
    def places(self) -> range:
        """Places of this process's clips in the batch."""
        return range(self.rank * self.count, (self.rank + 1) * self.count)

    def seeds(self, seed: int, step: int) -> list[tuple[int, int]]:
        """(clips, seed) of each group that this process draws at a step.

        The batch is the same for one and for several processes as long as each has a multiple of
        eight clips.
        """
        size = gcd(self.count, _GROUP)
        first = self.rank * (self.count // size)
        groups = range(first, first + self.count // size)
        return [(size, (seed * 1_000_003 + step) * 65_537 + group) for group in groups]
