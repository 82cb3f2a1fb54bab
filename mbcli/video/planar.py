"""Pictures in the layout of video codecs: luma at full size, chroma at half size (4:2:0)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace

from mbcli.video.presentation import Orientation, RgbImage

Matrix = Literal["bt601", "bt709"]

# Code points of ITU-T H.273, as FFmpeg attaches them to a frame.
_UNSPECIFIED = 2
_MATRICES: dict[int, Matrix] = {1: "bt709", 5: "bt601", 6: "bt601"}
_CODES: dict[Matrix, int] = {"bt709": 1, "bt601": 6}
_SPACES = {"bt709": Colorspace.ITU709, "bt601": Colorspace.ITU601}
# Players assume BT.709 for an untagged video with at least this many lines.
_HIGH_DEFINITION = 720
# Share of red and blue in luma: ITU-R BT.601 and BT.709.
_SHARES: dict[Matrix, tuple[float, float]] = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}


@dataclass(frozen=True)
class Planar:
    """A picture in YUV 4:2:0, 8 bits, luma 16..235 and chroma 16..240.

    Attributes:
        frame: FFmpeg's frame.
        matrix: colour matrix from RGB to luma and chroma.
        planes: views of the frame: luma (H, W), blue and red chroma (H / 2, W / 2), uint8. The
            planes of a decoded frame must not be modified: the decoder may still need them.
    """

    frame: VideoFrame
    matrix: Matrix
    planes: tuple[RgbImage, RgbImage, RgbImage]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.frame.width, self.frame.height

    @classmethod
    def of(cls, frame: VideoFrame, matrix: Matrix) -> Planar:
        """Wrap a frame that is already in YUV 4:2:0."""
        blue, red = _view(frame.planes[1]), _view(frame.planes[2])
        return cls(frame, matrix, (_view(frame.planes[0]), blue, red))

    @classmethod
    def empty(cls, size: tuple[int, int], matrix: Matrix) -> Planar:
        """A picture to draw on, with arbitrary contents; width and height must be even."""
        width, height = size
        if width % 2 or height % 2:
            raise ValueError(f"a picture in YUV 4:2:0 must have even sides, got {width}x{height}")
        return cls.of(VideoFrame(width, height, "yuv420p"), matrix)

    def upright(self, orientation: Orientation) -> Planar:
        """A mirrored and rotated copy."""
        if orientation == Orientation():
            return self
        turned = Planar.empty(orientation.upright_size(self.size), self.matrix)
        for source, target in zip(self.planes, turned.planes, strict=True):
            target[:] = orientation.upright(source)
        return turned


def matrix_of(frame: VideoFrame) -> Matrix:
    """The matrix to use for drawing on a video: its own, or BT.709 if its own is unusual."""
    if frame.colorspace == _UNSPECIFIED:
        return "bt709" if frame.height >= _HIGH_DEFINITION else "bt601"
    return _MATRICES.get(frame.colorspace, "bt709")


def code_of(matrix: Matrix) -> int:
    """Its code point in ITU-T H.273, used for primaries, transfer and matrix."""
    return _CODES[matrix]


def stored_as(frame: VideoFrame, matrix: Matrix) -> dict[str, Any]:
    """Colour parameters of a decoded frame for the converter, with defaults for untagged frames.

    Args:
        frame: the frame.
        matrix: of its video, for an untagged frame.
    """
    source = _MATRICES.get(frame.colorspace)
    if source is None and frame.colorspace == _UNSPECIFIED:
        source = matrix
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    return {
        "src_colorspace": None if source is None else _SPACES[source],
        "src_color_range": ColorRange.JPEG if full else ColorRange.MPEG,
    }


def as_planar(frame: VideoFrame, size: tuple[int, int], matrix: Matrix) -> Planar:
    """A decoded frame scaled to (width, height), both even; the frame itself if it fits already.

    Raises:
        FFmpegError, ValueError: its pixel format cannot be converted.
    """
    planar = frame.reformat(
        width=size[0],
        height=size[1],
        format="yuv420p",
        dst_colorspace=_SPACES[matrix],
        **stored_as(frame, matrix),
        dst_color_range=ColorRange.MPEG,
        interpolation="AREA" if size[1] < frame.height else "BILINEAR",
    )
    return Planar.of(planar, matrix)


def planar_of_rgb(image: RgbImage, size: tuple[int, int], matrix: Matrix) -> Planar:
    """Convert (H, W, 3) RGB to a planar picture of (width, height), both even."""
    if (image.shape[1], image.shape[0]) != size:
        method = cv2.INTER_AREA if size[1] < image.shape[0] else cv2.INTER_LINEAR
        image = np.asarray(cv2.resize(image, size, interpolation=method), dtype=np.uint8)
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    planar = frame.reformat(
        format="yuv420p", dst_colorspace=_SPACES[matrix], dst_color_range=ColorRange.MPEG
    )
    return Planar.of(planar, matrix)


def yuv_of(colour: tuple[int, int, int], matrix: Matrix) -> tuple[int, int, int]:
    """Red, green and blue, 0..255, to luma and the two chroma values."""
    red, green, blue = (value / 255 for value in colour)
    of_red, of_blue = _SHARES[matrix]
    bright = of_red * red + (1 - of_red - of_blue) * green + of_blue * blue
    u = (blue - bright) / (2 * (1 - of_blue))
    v = (red - bright) / (2 * (1 - of_red))
    return round(16 + 219 * bright), round(128 + 224 * u), round(128 + 224 * v)


def _view(plane: VideoPlane) -> npt.NDArray[np.uint8]:
    rows: npt.NDArray[np.uint8] = np.frombuffer(memoryview(plane), dtype=np.uint8)
    return rows.reshape(plane.height, plane.line_size)[:, : plane.width]
