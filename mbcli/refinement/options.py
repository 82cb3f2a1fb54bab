"""The options of refinement, checked before anything is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mbcli.bounds import LEAST_CUTOFF
from mbcli.errors import ConfigError
from mbcli.flags import check, option

FILTERS = ("none", "one-euro", "savgol", "butterworth")

# Seconds. In gaps of 0.1, 0.25 and 0.5 s cut into the walk of the example, wrists and ankles were
# off by up to 9, 43 and 106 mm on average.
DEFAULT_GAP = 0.25
# Hz. 6 Hz and order 4 over both passes are common for gait (Winter, "Biomechanics and Motor Control
# of Human Movement"); a cubic keeps the height of peaks. One-Euro lags by 0.08 s at 2 Hz, and with
# this beta, in Hz per metre per second, by 0.02 s at 1 m/s.
DEFAULT_CUTOFF = {"one-euro": 2.0, "savgol": 6.0, "butterworth": 6.0}
DEFAULT_ORDER = {"savgol": 3, "butterworth": 4}
DEFAULT_BETA = 6.0

PANEL = "Refinement"


def _each(defaults: Mapping[str, float]) -> str:
    """The default of each filter, for --help."""
    return ", ".join(f"{name} {value:g}" for name, value in defaults.items())


@dataclass(frozen=True)
class RefineOptions:
    """Which refinement steps to apply; by default, none.

    The steps always run in this order: outliers, gaps, filter, bones, feet, world.

    Attributes:
        max_gap: seconds; gaps up to this length are filled, of single joints and of whole people,
            if there are frames on both sides. 0 fills none. None means 0, or 0.25 with
            ``outliers``.
        outliers: replace joints that jump or whose bones have the wrong length, if the gap they
            leave is short enough to be filled.
        filter: ``none``, ``one-euro``, ``savgol`` or ``butterworth``.
        cutoff: Hz, below half the frame rate: the frequency that is 3 dB down for ``savgol`` and
            ``butterworth`` (None means 6); for ``one-euro`` the lowest cut-off, that of a joint
            at rest (None means 2).
        order: degree of the polynomial of ``savgol``, 0 to 7 (None means 3); order of
            ``butterworth`` over both passes, even, 2 to 12 (None means 4).
        beta: Hz by which the cut-off of ``one-euro`` rises per metre per second (None means 6).
        bones: give every bone the median length over its track.
        symmetric: with ``bones``: equal lengths left and right.
        feet: find when the feet stand on the floor, and keep them from sliding there.
        world: stand the motion on the floor, along gravity, however doubtful they are.

    Raises:
        ConfigError: a value breaks its rule or has no effect.
    """

    max_gap: float | None = option(
        None,
        "Fill gaps up to this length, of joints and of people.",
        panel=PANEL,
        metavar="SECONDS",
        unit="seconds",
        least=0,
        shown=f"0, and {DEFAULT_GAP:g} with --outliers",
    )
    outliers: bool = option(
        False, "Replace joints that jump or whose bones have the wrong length.", panel=PANEL
    )
    filter: str = option("none", "Smooth over time.", panel=PANEL, choices=FILTERS)
    cutoff: float | None = option(
        None,
        "Cut-off of the filter; for one-euro, at rest.",
        panel=PANEL,
        metavar="HZ",
        unit="Hz",
        least=LEAST_CUTOFF,
        must=f"{LEAST_CUTOFF:g} Hz or more",
        shown=_each(DEFAULT_CUTOFF),
    )
    order: int | None = option(
        None,
        "Degree of savgol's polynomial, order of butterworth over both passes.",
        panel=PANEL,
        least=0,
        shown=_each(DEFAULT_ORDER),
    )
    beta: float | None = option(
        None,
        "Hz by which the cut-off of one-euro rises per metre per second.",
        panel=PANEL,
        least=0,
        shown=f"{DEFAULT_BETA:g}",
    )
    bones: bool = option(False, "Keep every bone at its median length.", panel=PANEL)
    symmetric: bool = option(False, "With --bones: equal lengths left and right.", panel=PANEL)
    feet: bool = option(
        False, "Find when the feet stand on the floor, and keep them from sliding.", panel=PANEL
    )
    world: bool = option(
        False, "Align with gravity and the floor, even if infer was not sure of them.", panel=PANEL
    )

    def __post_init__(self) -> None:
        check(self)
        if self.outliers and self.max_gap == 0:
            raise ConfigError("--outliers needs a --max-gap above 0, to fill the gaps it leaves")
        self._check_used("--cutoff", self.cutoff, FILTERS[1:])
        self._check_used("--order", self.order, tuple(DEFAULT_ORDER))
        self._check_used("--beta", self.beta, ("one-euro",))
        if self.order is not None:
            if self.filter == "savgol" and self.order > 7:
                raise ConfigError(f"--order must be 0 to 7 for savgol, got {self.order}")
            if self.filter == "butterworth" and self.order not in range(2, 13, 2):
                raise ConfigError(
                    f"--order must be even, 2 to 12, for butterworth, got {self.order}"
                )
        if self.symmetric and not self.bones:
            raise ConfigError("--symmetric needs --bones, which is not given")

    def _check_used(self, option: str, value: float | None, filters: tuple[str, ...]) -> None:
        if value is not None and self.filter not in filters:
            raise ConfigError(f"{option} needs --filter {', '.join(filters)}, got {self.filter}")

    @property
    def changes(self) -> bool:
        """Whether any step is to be applied."""
        steps = (self.gap > 0, self.outliers, self.filter != "none")
        return any((*steps, self.bones, self.feet, self.world))

    @property
    def gap(self) -> float:
        """Longest gap to fill, in seconds."""
        if self.max_gap is not None:
            return self.max_gap
        return DEFAULT_GAP if self.outliers else 0.0
