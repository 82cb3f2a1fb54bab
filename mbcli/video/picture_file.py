"""Decoding of picture files of any bit depth to upright 8-bit RGB, page by page.

Pillow reads most files, pi-heif those of phones (HEIC, whose tiles it assembles), and OpenCV colour
pictures of more than 8 bits, of which Pillow would keep only the upper 8.
"""

from __future__ import annotations

import struct
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from mbcli.errors import InputError
from mbcli.video.lens import NotedLens, of_picture
from mbcli.video.presentation import Orientation, RgbImage

# Formats whose pages form a sequence in time. The second picture in a phone's JPEG or HEIC is a
# preview, a depth map or the other view of a stereo pair.
_SEQUENCES = ("AVIF", "PNG", "TIFF", "WEBP")
# White levels for 10, 12 and 14 bits stored in 16, and for floating-point pictures.
_WHITES = (255.0, 1023.0, 4095.0, 16383.0, 65535.0)
_WHITE_OF_FLOATS = (1.0, *_WHITES)
_ORIENTATION_TAG = 0x0112  # Exif 2.32, table 4
# (mirrored, quarter turns clockwise) that make pictures with Orientation 1..8 upright.
_ORIENTATIONS = (
    *((False, 0), (True, 0), (False, 2), (True, 2)),
    *((True, 3), (False, 1), (True, 1), (False, 3)),
)
_UNREADABLE = (
    *(OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError),
    *(OverflowError, struct.error, cv2.error, Image.DecompressionBombError),
)


class PictureFile:
    """One picture, or several pages of one size.

    Attributes:
        pages: number of pictures.
        ends: seconds at which the display of each page ends, if the file states it; else empty.
    """

    def __init__(self, path: Path) -> None:
        """Read the file's header.

        Raises:
            InputError: the file is missing, empty or not a picture that can be decoded.
        """
        self.path = path
        self.ends: tuple[float, ...] = ()
        try:
            self._data = path.read_bytes()
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from error
        if not self._data:
            raise InputError(f"{path} is empty (0 bytes)")
        try:
            self._image = self._opened()
            self._deep = [] if self._image is not None and not self._loses() else self._by_opencv()
            self.pages = len(self._deep) or self._pages_of_one_size()
        except _UNREADABLE as error:
            raise self._unreadable() from error

    def _unreadable(self) -> InputError:
        return InputError(f"{self.path} is not an image that can be read")

    def _opened(self) -> Image.Image | None:
        if self._data[4:8] == b"ftyp":  # ISO/IEC 14496-12: HEIC among others
            from pi_heif import register_heif_opener

            register_heif_opener()
        with warnings.catch_warnings():
            # Pictures of 108 megapixels from phones are legitimate; Pillow still refuses twice the
            # size that it warns about.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            try:
                return Image.open(BytesIO(self._data))
            except UnidentifiedImageError:
                return None

    def _loses(self) -> bool:
        """Whether Pillow would drop bits of this picture."""
        image = self._image
        assert image is not None
        if image.format == "PNG":  # the bit depth, in the first chunk
            return self._data[24] > 8 and image.mode not in ("I", "I;16")
        bits = image.tag_v2.get(258, 8) if image.format == "TIFF" else 8  # type: ignore[attr-defined]
        return image.mode in ("RGB", "RGBA") and max(np.atleast_1d(bits)) > 8

    def _by_opencv(self) -> list[npt.NDArray[Any]]:
        data = np.frombuffer(self._data, dtype=np.uint8)
        found, images = cv2.imdecodemulti(data, cv2.IMREAD_UNCHANGED)
        if not found or not images:
            raise ValueError("OpenCV cannot read it either")
        size = images[0].shape[:2]
        return [image for image in images if image.shape[:2] == size]

    def _pages_of_one_size(self) -> int:
        image = self._image
        assert image is not None
        if image.format not in _SEQUENCES or getattr(image, "n_frames", 1) == 1:
            return 1
        size, count, ends = image.size, 0, [0.0]
        for page in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(page)
            if image.size != size:
                break  # a thumbnail of the first page
            count += 1
            if image.format != "TIFF":
                image.load()
                ends.append(ends[-1] + float(image.info.get("duration", 0)) / 1000)
        self.ends = tuple(ends[1:]) if all(np.diff(ends) > 0) else ()
        return count

    def rgb(self, page: int, white: float) -> tuple[RgbImage, float]:
        """One page as 8-bit RGB, and its white level.

        Grey, palette, CMYK and transparent pictures become RGB; transparency is dropped. For more
        than 8 bits, white is the smallest of the maxima of 10, 12, 14 or 16 bits that is not
        exceeded by any value.

        Args:
            page: 0 to ``pages - 1``; ascending order is fastest.
            white: minimum white level, so that a dark picture is scaled like its neighbours.

        Raises:
            InputError: the picture cannot be decoded.
        """
        try:
            values = self._values(page)
        except _UNREADABLE as error:
            raise self._unreadable() from error
        if values.dtype != np.uint8:
            values = np.nan_to_num(np.asarray(values, dtype=np.float32), posinf=0, neginf=0)
            whites = _WHITE_OF_FLOATS if self._in_floats(page) else _WHITES[1:]
            most = float(values.max(initial=0))
            white = max(white, next((full for full in whites if most <= full), most))
            values = np.clip(values * (255 / white) + 0.5, 0, 255).astype(np.uint8)
        if values.ndim == 2:
            values = np.repeat(values[..., None], 3, axis=-1)
        return self._orientation().upright(np.ascontiguousarray(values)), white

    def lens(self, size: tuple[int, int]) -> NotedLens | None:
        """The lens that the file notes, for a picture of (width, height) pixels."""
        return None if self._image is None else of_picture(self._image.getexif(), size)

    def _values(self, page: int) -> npt.NDArray[Any]:
        """(H, W) or (H, W, 3), as stored."""
        if self._deep:
            image = self._deep[page]
            return image if image.ndim == 2 else image[..., [2, 1, 0]]
        assert self._image is not None
        self._image.seek(page)
        if self._image.mode in ("F", "I") or self._image.mode.startswith("I;"):
            return np.asarray(self._image)
        return np.asarray(self._image.convert("RGB"))

    def _in_floats(self, page: int) -> bool:
        if self._deep:
            return self._deep[page].dtype.kind == "f"
        return self._image is not None and self._image.mode == "F"

    def _orientation(self) -> Orientation:
        said = 1 if self._image is None else self._image.getexif().get(_ORIENTATION_TAG, 1)
        mirrored, turns = _ORIENTATIONS[said - 1 if said in range(1, 9) else 0]
        return Orientation(mirrored=mirrored, turns=turns)
