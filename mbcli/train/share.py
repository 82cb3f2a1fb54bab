"""The share of each process in a step's batch, which does not depend on their number."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

# Clips drawn from one seed. Processes with whole groups draw what a single process would draw.
_GROUP = 8


@dataclass(frozen=True)
class Share:
    """One process's share of every batch.

    Attributes:
        batch: clips per step, over all processes.
        rank: index of this process.
        processes: number of processes.
    """

    batch: int
    rank: int = 0
    processes: int = 1

    @property
    def count(self) -> int:
        """Clips per step in this process."""
        return self.batch // self.processes

    @property
    def places(self) -> range:
        """Positions of this process's clips in the batch."""
        return range(self.rank * self.count, (self.rank + 1) * self.count)

    def seeds(self, seed: int, step: int) -> list[tuple[int, int]]:
        """(clips, seed) of each group that this process draws at a step.

        One and several processes draw equal batches as long as each has a multiple of eight clips.
        """
        size = gcd(self.count, _GROUP)
        first = self.rank * (self.count // size)
        groups = range(first, first + self.count // size)
        return [(size, (seed * 1_000_003 + step) * 65_537 + group) for group in groups]
