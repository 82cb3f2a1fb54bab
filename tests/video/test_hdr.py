"""HDR video read back as the standard range that it was made from."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from mbcli.video import VideoReader
from mbcli.video.hdr import standard_range

# Red, green, blue, white, black, greys, skin, sky.
CHART = np.array(
    [
        *((200, 40, 40), (40, 170, 60), (50, 60, 190), (235, 235, 235), (0, 0, 0)),
        *((128, 128, 128), (60, 60, 60), (198, 150, 125), (120, 165, 210)),
    ]
)
BT2020 = 9  # ITU-T H.273: primaries, and matrix with constant luminance off
TRANSFERS = {"pq": 16, "hlg": 18}
X265 = {"pq": "smpte2084", "hlg": "arib-std-b67"}


def light_of(chart: npt.NDArray[np.int_]) -> npt.NDArray[np.float64]:
    """cd/m2 in BT.2020 of 8-bit BT.709, white at 203: ITU-R BT.2408, display-referred mapping."""
    to_2020 = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    return ((chart / 255) ** 2.4 * 203) @ np.array(to_2020).T


def codes_of(light: npt.NDArray[np.float64], transfer: str) -> npt.NDArray[np.uint16]:
    """16-bit codes, by the formulas of ITU-R BT.2100 in the direction of the camera."""
    if transfer == "pq":
        y = (light / 10_000) ** (2610 / 16384)
        signal = ((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32)
    else:
        shown = light @ [0.2627, 0.6780, 0.0593] / 1000
        scene = light / 1000 * np.maximum(shown, 1e-9)[..., None] ** (1 / 1.2 - 1)
        bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
        signal = np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)
    return np.asarray(np.clip(signal * 65535 + 0.5, 0, 65535), np.uint16)


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_below_the_knee_the_picture_is_the_one_graded_for_standard_range(transfer: str) -> None:
    codes = codes_of(light_of(CHART), transfer)
    back = standard_range(codes[None], transfer)[0]  # type: ignore[arg-type]
    below = CHART.max(axis=1) < 225  # 0.8 of white
    assert np.abs(back[below].astype(int) - CHART[below]).max() <= 2
    white = back[3]
    assert 215 <= white.min() <= white.max() <= 235


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_highlights_keep_their_order_below_white(transfer: str) -> None:
    light = np.repeat(np.geomspace(1, 1000, 50)[:, None], 3, axis=1)
    back = standard_range(codes_of(light, transfer)[None], transfer)[0]  # type: ignore[arg-type]
    levels = back[:, 0].astype(int)
    assert np.all(np.diff(levels) >= 0)
    assert levels[-1] >= 253
    assert levels[35] < levels[40] < 255  # 140 and 280 cd/m2


def yuv_of(rgb: npt.NDArray[np.float64], colour_range: ColorRange) -> VideoFrame:
    """A frame of 10 bits, by the definition (BT.2020, tables 4 and 5; BT.2100, table 9).

    Not by PyAV, whose 17th release takes another matrix than it is told.
    """
    red, green, blue = np.moveaxis(rgb, -1, 0)
    luma = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    chroma = [(blue - luma) / 1.8814, (red - luma) / 1.4746]
    narrow = colour_range == ColorRange.MPEG
    low, high, span = (64, 876, 896) if narrow else (0, 1023, 1023)
    planes = [low + high * luma, *(512 + span * part[::2, ::2] for part in chroma)]
    frame = VideoFrame(rgb.shape[1], rgb.shape[0], "yuv420p10le")
    for plane, values in zip(frame.planes, planes, strict=True):
        rows = np.zeros((plane.height, plane.line_size // 2), "<u2")
        rows[:, : plane.width] = np.rint(values)
        plane.update(rows.tobytes())
    return frame


@pytest.mark.parametrize("colour_range", [ColorRange.MPEG, ColorRange.JPEG])
@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_hdr_video(tmp_path: Path, transfer: str, colour_range: ColorRange) -> None:
    path = tmp_path / "phone.mkv"
    picture = np.repeat(np.repeat(codes_of(light_of(CHART), transfer)[None], 64, 0), 32, 1)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx265", rate=30)
        stream.height, stream.width = picture.shape[:2]
        stream.pix_fmt = "yuv420p10le"
        words = "limited" if colour_range == ColorRange.MPEG else "full"
        stream.options = {
            "x265-params": "log-level=none:frame-threads=1:pools=none:bframes=0:crf=4"
            f":colorprim=bt2020:transfer={X265[transfer]}:colormatrix=bt2020nc:range={words}"
        }
        frame = yuv_of(picture / 65535, colour_range)
        frame.pts, frame.color_trc = 0, TRANSFERS[transfer]
        frame.colorspace = frame.color_primaries = BT2020
        frame.color_range = colour_range
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with VideoReader(path) as reader:
        image = next(iter(reader)).image
    seen = image[32, 16::32].astype(int)
    below = CHART.max(axis=1) < 225
    assert np.abs(seen[below] - CHART[below]).max() <= 8  # what 10 bits and the codec cost
    with VideoReader(path) as reader:
        _, _, shown = next(reader.pictures())
        planar = shown.planar((288, 64))
        assert planar is not None
        grey = planar.planes[0][32, 32 * 5 + 16]
    assert grey == pytest.approx(16 + 219 * 128 / 255, abs=2)
