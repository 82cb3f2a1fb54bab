"""What a front end that follows people carries from one frame to the next."""

from __future__ import annotations

import numpy as np

from mbcli.errors import ConfigError
from mbcli.types import FloatArray


class Following:
    """The people of the previous frame, and when the whole picture was last searched.

    Args:
        search_every: seconds of video after which the whole picture is searched again.

    Raises:
        ConfigError: ``search_every`` is negative.
    """

    def __init__(self, search_every: float) -> None:
        if not search_every >= 0:
            raise ConfigError(f"search_every must be 0 or more seconds, got {search_every}")
        self._search_every = search_every
        self._forget()

    def _forget(self) -> None:
        """Begin as if no frame had been seen."""
        self._people: list[FloatArray] = []
        self._searched_at = -np.inf

    def state(self) -> dict[str, FloatArray]:
        """Keypoints of the people who are followed, and when the picture was searched."""
        people = {f"person{number}": one for number, one in enumerate(self._people)}
        return {**people, "searched_at": np.array(self._searched_at)}

    def resume(self, state: dict[str, FloatArray]) -> None:
        """Follow the people of a state."""
        self._people = [state[f"person{number}"] for number in range(len(state) - 1)]
        self._searched_at = float(state["searched_at"])
