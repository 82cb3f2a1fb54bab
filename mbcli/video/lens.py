"""The focal length that a camera has noted in a picture or a video.

Pictures have it in Exif; an iPhone's videos in the metadata of the video's track, which FFmpeg does
not give out. Android's cameras note none in videos.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

# Exif 2.32, table 4 and 8
_EXIF, _MILLIMETRES, _EQUIVALENT = 0x8769, 0x920A, 0xA405
_WIDTH, _HEIGHT, _DENSITY, _UNIT = 0xA002, 0xA003, 0xA20E, 0xA210
_MILLIMETRES_PER = {2: 25.4, 3: 10.0, 4: 1.0}  # inch, centimetre, millimetre

_DIAGONAL = math.hypot(36, 24)  # millimetres of 35 mm film, by which equivalents are defined
_FILM = 36.0  # its width
# Sides of whole sensors. What has another aspect was cut out of one of them, at the factory or by
# the user, and its equivalent may be of either: by its width it is wrong by 5 % at most.
_WHOLE = (4 / 3, 3 / 2)
_SAME_ASPECT = 0.01
# Relative: equivalents are whole numbers, of a lens focused at infinity.
_DOUBT, _DOUBT_CUT = 0.03, 0.05
_EQUIVALENTS = (5.0, 2000.0)  # plausible millimetres, from circular fisheyes to telescopes
_SENSORS = (2.0, 60.0)  # plausible millimetres of the longer side, from webcams to medium format

_KEY = "com.apple.quicktime.camera."
# An iPhone's "iPhone 12 Pro back triple camera 4.2mm f/1.6": focal length in millimetres and its
# 35 mm equivalent, as its photographs have both.
_LENS_MODEL = re.compile(r"iPhone .*\bback\b.* ([0-9.]+) ?mm f/[0-9.]+")
_IPHONES = {
    **{1.54: 13, 1.57: 13, 2.22: 13},
    **{3.99: 28, 4.2: 26, 4.25: 26, 5.1: 26, 5.7: 26, 6.765: 24, 6.86: 24},
    **{6.0: 52, 7.5: 65, 9.0: 77, 15.66: 120},
}
_MOST = 2**26  # bytes of a movie's header: days of video
_DEPTH = ("moov", "trak", "udta")  # boxes in which metadata are looked for


@dataclass(frozen=True)
class NotedLens:
    """What a file says of the lens.

    Attributes:
        focal: pixels of the upright picture.
        doubt: relative standard error.
        words: where it comes from.
    """

    focal: float
    doubt: float
    words: str


def of_picture(exif: Any, size: tuple[int, int]) -> NotedLens | None:
    """The lens by a picture's Exif.

    Args:
        exif: Pillow's.
        size: (width, height) of the picture in pixels.
    """
    try:
        values = dict(exif.get_ifd(_EXIF))
    except (ValueError, TypeError, KeyError, OSError, SyntaxError, struct.error):
        return None
    taken = _sides(_number(values.get(_WIDTH)), _number(values.get(_HEIGHT)))
    shown = _sides(*size)
    if taken is not None and shown is not None and not _alike(_aspect(taken), _aspect(shown)):
        # Cut out: the pixels are as large as before only if one side is whole.
        if not set(taken) & set(shown):
            return None
        scale = 1.0
    else:
        taken = taken or shown
        scale = max(size) / max(taken or (1,))
    equivalent = _number(values.get(_EQUIVALENT))
    if taken is not None and _EQUIVALENTS[0] <= equivalent <= _EQUIVALENTS[1]:
        return _of_equivalent(equivalent, taken, scale, "in its Exif")
    millimetres, density = _number(values.get(_MILLIMETRES)), _number(values.get(_DENSITY))
    unit = _MILLIMETRES_PER.get(int(_number(values.get(_UNIT)) or 2))
    if unit is None or taken is None or millimetres <= 0 or density <= 0:
        return None
    if not _SENSORS[0] <= max(taken) / density * unit <= _SENSORS[1]:
        return None  # the density of a screen or a printer
    words = f"{millimetres:g} mm and the sensor's pixels in its Exif"
    return NotedLens(millimetres * density / unit * scale, _DOUBT, words)


def of_video(path: Path, size: tuple[int, int]) -> NotedLens | None:
    """The lens by the metadata of an iPhone's video.

    Args:
        path: the file.
        size: (width, height) of its upright pictures in pixels.
    """
    try:
        with path.open("rb") as file:
            noted = _metadata(file)
    except (OSError, ValueError, struct.error):
        return None
    said = noted.get(f"{_KEY}focal_length.35mm_equivalent")
    equivalent = _leading(said)
    if _EQUIVALENTS[0] <= equivalent <= _EQUIVALENTS[1]:
        return _of_equivalent(equivalent, size, 1.0, "in its metadata", video=True)
    model = str(noted.get(f"{_KEY}lens_model", ""))
    found = _LENS_MODEL.fullmatch(model.strip())
    known = None if found is None else _IPHONES.get(_leading(found[1]))
    if known is None:
        return None
    return _of_equivalent(known, size, 1.0, f'for "{model.strip()}" in its metadata', video=True)


def _of_equivalent(
    millimetres: float,
    taken: tuple[float, float] | tuple[int, int],
    scale: float,
    where: str,
    *,
    video: bool = False,
) -> NotedLens | None:
    aspect = _aspect(taken)
    whole = not video and any(_alike(aspect, one) for one in _WHOLE)
    film = _DIAGONAL / math.hypot(1, 1 / aspect) if whole else _FILM
    words = f"{millimetres:g} mm (35 mm equivalent) {where}"
    focal = millimetres / film * max(taken) * scale
    return NotedLens(focal, _DOUBT if whole else _DOUBT_CUT, words)


def _sides(width: float, height: float) -> tuple[float, float] | None:
    return (width, height) if width >= 1 and height >= 1 else None


def _aspect(size: tuple[float, float] | tuple[int, int]) -> float:
    """The longer side by the shorter."""
    return max(size) / min(size)


def _alike(one: float, other: float) -> bool:
    return abs(one / other - 1) <= _SAME_ASPECT


def _number(value: Any) -> float:
    """A finite number of Exif; 0 for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return 0.0
    return number if math.isfinite(number) else 0.0


def _leading(value: Any) -> float:
    """The number that a text begins with, as in "26.00mm"; 0 without one."""
    found = re.match(r"[0-9]+(\.[0-9]+)?", str(value).strip())
    return float(found[0]) if found else 0.0


def _metadata(file: BinaryIO) -> Mapping[str, Any]:
    """The metadata of a movie and its tracks (QuickTime File Format, "Metadata")."""
    end = file.seek(0, 2)
    at = 0
    while at + 8 <= end:
        file.seek(at)
        head = file.read(16)
        size, kind = struct.unpack_from(">I4s", head)
        start = at + 8
        if size == 1:
            size, start = struct.unpack_from(">Q", head, 8)[0], at + 16
        size = size or end - at
        if kind == b"moov" and at + size - start <= _MOST:
            file.seek(start)
            return dict(_items(file.read(at + size - start), _DEPTH))
        if size < 8:
            break
        at += size
    return {}


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of boxes in a row; the last may be cut off."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:
            return
        yield kind, data[at + 8 : at + size]
        at += size


def _items(data: bytes, inside: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for kind, content in _boxes(data):
        if kind == b"meta":
            # ISO's box has a version before its content, QuickTime's has none.
            for skip in (0, 4):
                yield from _keyed(dict(_boxes(content[skip:])))
        elif kind.decode("latin1") in inside:
            yield from _items(content, inside)


def _keyed(parts: Mapping[bytes, bytes]) -> Iterator[tuple[str, Any]]:
    keys = parts.get(b"keys", b"")[8:]
    names = [name.decode("utf-8", "replace") for _, name in _boxes(keys)]
    for number, item in _boxes(parts.get(b"ilst", b"")):
        place = int.from_bytes(number, "big") - 1
        value = dict(_boxes(item)).get(b"data", b"")
        if 0 <= place < len(names) and len(value) > 8:
            yield names[place], _value(int.from_bytes(value[:4], "big"), value[8:])


def _value(kind: int, raw: bytes) -> Any:
    """A text or number by its type in QuickTime's table of well-known types."""
    if kind in (23, 24) and len(raw) == (4 if kind == 23 else 8):
        return struct.unpack(">f" if kind == 23 else ">d", raw)[0]
    if kind in (21, 22):
        return int.from_bytes(raw, "big", signed=kind == 21)
    return raw.decode("utf-8", "replace")
