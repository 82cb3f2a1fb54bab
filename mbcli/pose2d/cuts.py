"""Scene cuts: pictures that have little to do with the one before."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from mbcli.types import FloatArray

# Mean difference of thumbnails, of 255, that means another scene. Neighbouring pictures of eight
# clips differ by up to 18, where a camera shakes; different clips by 49 in the median
# (`research.thresholds`).
_DIFFERENCE = 20.0
_THUMBNAIL = (32, 32)  # pixels


class CutFinder:
    """Compares each picture with the one before, by thumbnails."""

    def __init__(self) -> None:
        self._before: FloatArray | None = None

    def __call__(self, image: npt.NDArray[np.uint8]) -> bool:
        """Whether a new scene begins with this (H, W, 3) picture; the first begins none."""
        thumbnail = cv2.resize(image, _THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32)
        before, self._before = self._before, thumbnail
        return before is not None and float(np.abs(thumbnail - before).mean()) > _DIFFERENCE
