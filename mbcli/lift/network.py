"""A lifter's network, numpy in and numpy out, averaged with the mirror image."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.geometry import flip
from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray


class MirroredNetwork(ABC):
    """A network that is ready to run, in torch or in another runtime.

    Args:
        mirror: average with the prediction for the mirror image, both in one batch.
        skeleton: skeleton of the J joints, which defines left and right.
    """

    def __init__(self, mirror: bool, skeleton: Skeleton) -> None:
        self.mirror = mirror
        self.skeleton = skeleton

    def __call__(self, clips: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Lift a batch of clips.

        Args:
            clips: (B, T, J, 3) normalised x, y and confidence, missing joints (0, 0, 0).

        Returns:
            (B, T, J, 3) x, y, z in the units of the input.
        """
        return self.with_disagreement(clips)[0]

    def with_disagreement(
        self, clips: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]:
        """Lift a batch of clips and measure the disagreement with the mirror image.

        Args:
            clips: (B, T, J, 3) as in a call.

        Returns:
            (B, T, J, 3) the mean, as in a call, and (B, T, J, 3) the prediction for the original
            picture minus that mean (the mirrored prediction, mirrored back, lies as far on the
            other side); None without ``mirror``.
        """
        if not self.mirror:
            return self._run(clips), None
        straight, mirrored = np.split(self._run(np.concatenate([clips, self._flip(clips)])), 2)
        mean = ((straight + self._flip(mirrored)) / 2).astype(np.float32)
        return mean, straight - mean

    def _flip(self, clips: npt.NDArray[np.float32]) -> FloatArray:
        return flip(clips, self.skeleton)

    @property
    @abstractmethod
    def on_cpu(self) -> bool:
        """Whether it runs on the processor."""

    @abstractmethod
    def _run(self, clips: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Lift (B, T, J, 3) of any floating-point type."""
