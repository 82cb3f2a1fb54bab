"""Conversion of high dynamic range, PQ and HLG (ITU-R BT.2100), to standard range for 2D networks.

Light is measured in units of reference white, 203 cd/m2 (ITU-R BT.2408, table 1). It is unchanged
up to the knee; brighter light is compressed into the range between knee and white. Colours are
converted from the primaries of BT.2020 to those of BT.709 (ITU-R BT.2087), and light to a signal
with the exponent of BT.1886.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from mbcli.video.presentation import RgbImage

Transfer = Literal["pq", "hlg"]
Deep = npt.NDArray[np.uint16]

# Code points of ITU-T H.273, table 3.
TRANSFERS: dict[int, Transfer] = {16: "pq", 18: "hlg"}

_WHITE = 203.0  # cd/m2
_HLG_PEAK = 1000.0  # cd/m2, the nominal display of BT.2100
_HLG_GAMMA = 1.2  # of such a display: BT.2100, note 5e to table 5
_KNEE = 0.8  # of white; skin is at about 0.5 (BT.2408, table 2)
_EXPONENT = 2.4  # BT.1886
_BRIGHTNESS_2020 = (0.2627, 0.6780, 0.0593)  # of red, green and blue: BT.2020, table 4
_TO_709 = np.array(  # BT.2087, annex 2
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)
_STEPS = 4096  # of the last table: 16 times finer than the 8-bit output


@cache
def _light(transfer: Transfer) -> npt.NDArray[np.float32]:
    """(65536,) light of each 16-bit code: cd/m2 for PQ, of the scene and 0..1 for HLG."""
    signal = np.linspace(0, 1, 1 << 16)
    if transfer == "pq":  # BT.2100, table 4
        m1, m2 = 2610 / 16384, 2523 / 4096 * 128
        c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
        power = signal ** (1 / m2)
        return np.asarray(
            10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1), np.float32
        )
    a, b, c = 0.17883277, 0.28466892, 0.55991073  # BT.2100, table 5
    return np.asarray(
        np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12), np.float32
    )


@cache
def _shown() -> RgbImage:
    """(4096,) 8-bit signal of the square root of light, 0 to the peak of HLG's display."""
    light = np.linspace(0, 1, _STEPS) ** 2 * (_HLG_PEAK / _WHITE)
    room = 1 - _KNEE
    bright = _KNEE + room * (1 - np.exp(-(light - _KNEE) / room))
    return np.asarray(
        255 * np.where(light < _KNEE, light, bright) ** (1 / _EXPONENT) + 0.5, np.uint8
    )


def standard_range(image: Deep, transfer: Transfer) -> RgbImage:
    """A picture in BT.2020 and PQ or HLG as one in BT.709.

    Args:
        image: (H, W, 3) RGB, full-range codes of 16 bits.
        transfer: transfer function of the codes.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    light = _light(transfer)[image]  # (H, W, 3)
    if transfer == "hlg":
        scene = light @ np.array(_BRIGHTNESS_2020, np.float32)  # (H, W)
        light *= _HLG_PEAK * np.maximum(scene, 1e-6)[..., None] ** (_HLG_GAMMA - 1)
    mixed = cv2.transform(light, _TO_709 / _HLG_PEAK)
    steps = np.sqrt(np.clip(mixed, 0, 1)) * (_STEPS - 1)
    return np.asarray(_shown()[(steps + 0.5).astype(np.uint16)])
