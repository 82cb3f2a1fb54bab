"""What a user can choose about refinement, checked before anything is read."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mbcli.errors import ConfigError

FILTERS = ("none", "one-euro", "savgol", "butterworth")

DEFAULT_GAP = 0.25  # seconds
DEFAULT_CUTOFF = {"one-euro": 2.0, "savgol": 6.0, "butterworth": 6.0}  # Hz
DEFAULT_ORDER = {"savgol": 3, "butterworth": 4}
DEFAULT_BETA = 6.0  # Hz per metre a second


@dataclass(frozen=True)
class RefineOptions:
    """What is done to a motion; as it stands, nothing.

    The steps are always taken in this order: outliers, gaps, filter, bones, feet, world.

    Attributes:
        max_gap: seconds; holes up to this long are filled, of one joint as of a whole person,
            between frames on both sides of them. 0 fills none. None is 0, and 0.25 with
            ``outliers``.
        outliers: take out joints that jump, or whose bones are of a wrong length, where the
            hole is short enough to be filled.
        filter: ``none``, ``one-euro``, ``savgol`` or ``butterworth``.
        cutoff: Hz, below half the frame rate. What is 3 dB down for ``savgol`` and
            ``butterworth`` (6 if None); the lowest cut-off, that of a joint at rest, for
            ``one-euro`` (2 if None).
        order: degree of the polynomial of ``savgol``, 0 to 7 (3 if None); order of
            ``butterworth`` over both of its passes, even, 2 to 12 (4 if None).
        beta: by how many Hz the cut-off of ``one-euro`` rises per metre a second (6 if None).
        bones: give every bone the length that it has in the median of its track.
        symmetric: with ``bones``: the same length left and right.
        feet: find when the feet stand on the floor, and keep them from sliding there.
        world: find the floor and gravity, as a frame of reference beside that of the camera.

    Raises:
        ConfigError: a value outside its rule, or one that would do nothing.
    """

    max_gap: float | None = None
    outliers: bool = False
    filter: str = "none"
    cutoff: float | None = None
    order: int | None = None
    beta: float | None = None
    bones: bool = False
    symmetric: bool = False
    feet: bool = False
    world: bool = False

    def __post_init__(self) -> None:
        if self.max_gap is not None and not (math.isfinite(self.max_gap) and self.max_gap >= 0):
            raise ConfigError(f"--max-gap must be 0 or more seconds, got {self.max_gap:g}")
        if self.outliers and self.max_gap == 0:
            raise ConfigError("--outliers needs a --max-gap above 0, to fill what it takes out")
        if self.filter not in FILTERS:
            raise ConfigError(f"--filter must be {', '.join(FILTERS)}, got {self.filter!r}")
        self._check_used("--cutoff", self.cutoff, FILTERS[1:])
        if self.cutoff is not None and not (math.isfinite(self.cutoff) and self.cutoff > 0):
            raise ConfigError(f"--cutoff must be a positive number of Hz, got {self.cutoff:g}")
        self._check_used("--order", self.order, tuple(DEFAULT_ORDER))
        if self.order is not None:
            if self.filter == "savgol" and not 0 <= self.order <= 7:
                raise ConfigError(f"--order must be 0 to 7 for savgol, got {self.order}")
            if self.filter == "butterworth" and self.order not in range(2, 13, 2):
                raise ConfigError(
                    f"--order must be even, 2 to 12, for butterworth, got {self.order}"
                )
        self._check_used("--beta", self.beta, ("one-euro",))
        if self.beta is not None and not (math.isfinite(self.beta) and self.beta >= 0):
            raise ConfigError(f"--beta must be 0 or more, got {self.beta:g}")
        if self.symmetric and not self.bones:
            raise ConfigError("--symmetric goes with --bones, which is not given")

    def _check_used(self, option: str, value: float | None, filters: tuple[str, ...]) -> None:
        if value is not None and self.filter not in filters:
            raise ConfigError(
                f"{option} goes with --filter {', '.join(filters)}, and that is {self.filter}"
            )

    @property
    def changes(self) -> bool:
        """Whether anything is done at all."""
        steps = (self.gap > 0, self.outliers, self.filter != "none")
        return any((*steps, self.bones, self.feet, self.world))

    @property
    def gap(self) -> float:
        """Longest hole that is filled, in seconds."""
        if self.max_gap is not None:
            return self.max_gap
        return DEFAULT_GAP if self.outliers else 0.0
