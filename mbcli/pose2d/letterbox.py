"""Resizing of pictures to the fixed input size of a network, keeping their proportions."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from mbcli.types import FloatArray

_PAD = 114  # of 255, the grey of YOLOX, RTMDet and RTMO


def letterbox(
    image: npt.NDArray[np.uint8], size: tuple[int, int]
) -> tuple[npt.NDArray[np.uint8], FloatArray]:
    """Resize to fit and pad at the bottom and right, as OpenMMLab does.

    Args:
        image: (H, W, 3) uint8.
        size: (width, height) of the result.

    Returns:
        (height, width, 3) uint8, and the scale factors (2,) of x and y: divide by them to get back
        to pixels of ``image``.
    """
    height, width = image.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    padded = np.full((size[1], size[0], 3), _PAD, np.uint8)
    padded[: inner[1], : inner[0]] = cv2.resize(image, inner, interpolation=cv2.INTER_LINEAR)
    return padded, np.array([inner[0] / width, inner[1] / height])
