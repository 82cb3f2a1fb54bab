"""COLMAP's ``cameras.txt`` and ``cameras.bin``: models and parameters of cameras by number.

https://colmap.github.io/format.html and the list of camera models in COLMAP's documentation. As
here, the first pixel spans 0..1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mbcli.calibration.content import Content
from mbcli.calibration.lens import Lens, lens
from mbcli.errors import InputError

# Number and parameters of each model; ``f`` is the focal length along both axes.
_MODELS: dict[str, tuple[int, tuple[str, ...]]] = {
    "SIMPLE_PINHOLE": (0, ("f", "cx", "cy")),
    "PINHOLE": (1, ("fx", "fy", "cx", "cy")),
    "SIMPLE_RADIAL": (2, ("f", "cx", "cy", "k1")),
    "RADIAL": (3, ("f", "cx", "cy", "k1", "k2")),
    "OPENCV": (4, ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2")),
    "FULL_OPENCV": (
        6,
        ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"),
    ),
    "OPENCV_FISHEYE": (5, ("fx", "fy", "cx", "cy", "k1", "k2", "k3", "k4")),
    "SIMPLE_RADIAL_FISHEYE": (8, ("f", "cx", "cy", "k1")),
    "RADIAL_FISHEYE": (9, ("f", "cx", "cy", "k1", "k2")),
}
# Number and count of parameters of the models that mbcli lacks.
_OTHERS = {
    "FOV": (7, 5),
    "THIN_PRISM_FISHEYE": (10, 12),
}
_BENT = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
_BENT_FISHEYE = ("k1", "k2", "k3", "k4")
_COUNTS = {number: len(names) for number, names in _MODELS.values()} | dict(_OTHERS.values())
_NAMES = {number: name for name, (number, _) in (_MODELS | _OTHERS).items()}
_MOST = 100_000  # cameras of one reconstruction

_Camera = tuple[str, str, int, int, list[float]]  # number, model, width, height, parameters


def recognise(content: Content) -> bool:
    """Whether there are cameras of models that COLMAP has, and nothing else; may raise."""
    return bool(list(_cameras(content)))


def read(content: Content) -> list[Lens]:
    """Read the lenses; see `mbcli.calibration.CalibrationFormat`."""
    return [_lens(content, *camera) for camera in _cameras(content)]


def _lens(
    content: Content, number: str, model: str, width: int, height: int, values: list[float]
) -> Lens:
    if model not in _MODELS:
        raise InputError(
            f"{content.path} must have cameras of {', '.join(_MODELS)}, but camera {number} is "
            f"{model}"
        )
    _, names = _MODELS[model]
    if len(values) != len(names):
        raise ValueError(
            f"camera {number} must have {len(names)} parameters for {model}, got {len(values)}"
        )
    named = dict(zip(names, values, strict=True))
    focal = [named.get("fx", named.get("f", 0.0)), named.get("fy", named.get("f", 0.0))]
    fisheye = model.endswith("FISHEYE")
    bent = [named.get(name, 0.0) for name in (_BENT_FISHEYE if fisheye else _BENT)]
    centre = named["cx"], named["cy"]
    return lens(number, (width, height), focal, centre, bent, fisheye=fisheye)


def _cameras(content: Content) -> Iterator[_Camera]:
    """All cameras of either kind of file; raises ValueError or struct.error for other content."""
    # The number of cameras, of which the high bytes are 0.
    if b"\0" in content.data[:8]:
        yield from _of_binary(content.data)
        return
    for line in content.text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        number, model, width, height, *values = words
        if model not in (_MODELS | _OTHERS):
            raise ValueError(f"no camera model {model!r}")
        yield str(int(number)), model, int(width), int(height), [float(value) for value in values]


def _of_binary(data: bytes) -> Iterator[_Camera]:
    (count,) = struct.unpack_from("<Q", data)
    if not 0 < count <= _MOST:
        raise ValueError(f"{count} cameras")
    at = 8
    for _ in range(count):
        number, model, width, height = struct.unpack_from("<iiQQ", data, at)
        at += 24
        values = struct.unpack_from(f"<{_COUNTS[model]}d", data, at)
        at += 8 * len(values)
        yield str(number), _NAMES[model], width, height, list(values)
    if at != len(data):
        raise ValueError("bytes after the last camera")
