"""Calibration files of other programs, recognised by content: the lens of a camera.

A format is one module here and one row in `FORMATS`. Modules are loaded on use.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from mbcli.boundary import READER_ERRORS, reading
from mbcli.errors import InputError

if TYPE_CHECKING:
    from mbcli.calibration.content import Content
    from mbcli.calibration.lens import Lens
    from mbcli.camera import Camera

__all__ = ["FORMATS", "CalibrationFormat", "calibrated", "calibration_file", "read_lenses"]


@dataclass(frozen=True)
class CalibrationFormat:
    """One kind of calibration file.

    Attributes:
        title: what people call it.
        module: name of its module, with functions ``recognise`` and ``read``; the methods below
            say what they do.
    """

    title: str
    module: str

    def recognise(self, content: Content) -> bool:
        """Whether the content is of this kind; may raise for another kind."""
        return import_module(self.module).recognise(content)

    def read(self, content: Content) -> list[Lens]:
        """Read the lenses of all cameras, at least one.

        Raises:
            InputError: the content breaks the rules of the format, or has a lens that mbcli lacks.
        """
        return import_module(self.module).read(content)


def _row(title: str, module: str) -> CalibrationFormat:
    return CalibrationFormat(title, f"{__name__}.{module}")


# No two recognise the same file; a test checks that.
FORMATS: dict[str, CalibrationFormat] = {
    "opencv": _row("OpenCV YAML, XML or JSON", "opencv"),
    "pose2sim": _row("Pose2Sim, Sports2D or Anipose TOML", "pose2sim"),
    "opencap": _row("OpenCap pickle", "opencap"),
    "colmap": _row("COLMAP cameras.txt or cameras.bin", "colmap"),
    "kalibr": _row("Kalibr camchain YAML", "kalibr"),
}


def calibration_file(text: str) -> tuple[Path, str | None]:
    """The file and the camera that ``--calibration FILE`` or ``FILE:CAMERA`` names."""
    path = Path(text)
    if path.exists() or ":" not in text:
        return path, None
    file, _, camera = text.rpartition(":")
    return (Path(file), camera) if Path(file).exists() else (path, None)


def read_lenses(path: Path) -> list[Lens]:
    """Read the lenses of all cameras in a calibration file, whatever its format.

    Raises:
        InputError: the file does not exist, no format recognises it, or it breaks the rules of its
            format.
    """
    from mbcli.calibration.content import Content

    content = Content.of(path)
    for format in FORMATS.values():
        if not _recognises(format, content):
            continue
        with reading(path, f"a calibration that can be used ({format.title})"):
            return format.read(content)
    titles = ", ".join(format.title for format in FORMATS.values())
    raise InputError(f"{path} is no calibration file that mbcli knows ({titles})")


def calibrated(text: str, size: tuple[int, int]) -> Camera:
    """The camera that ``--calibration`` names, for pictures of a size.

    Args:
        text: FILE, or FILE:CAMERA where it holds several.
        size: (width, height) of the pictures in pixels.

    Raises:
        InputError: the file cannot be read, or its pictures have another aspect.
        ConfigError: the file holds several cameras and none is named, or no such camera.
    """
    from mbcli.calibration.lens import chosen

    path, name = calibration_file(text)
    return chosen(read_lenses(path), path, name).camera(size, path)


def _recognises(format: CalibrationFormat, content: Content) -> bool:
    try:
        return format.recognise(content)
    except READER_ERRORS:
        return False
