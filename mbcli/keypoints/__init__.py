"""Keypoint files of other programs and our own, recognised by content.

A format is one module here and one row in `FORMATS`. Modules are loaded on use, so that the command
line can list the formats without waiting for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mbcli.boundary import READER_ERRORS, reading
from mbcli.errors import ConfigError, InputError
from mbcli.flags import check, listed, option

if TYPE_CHECKING:
    from mbcli.keypoints.records import KeypointFile
    from mbcli.keypoints.source import Source
    from mbcli.types import Keypoints2D

__all__ = [
    "FORMATS",
    "WRITTEN",
    "KeypointFormat",
    "WriteOptions",
    "is_keypoint_file",
    "read_keypoints",
    "write_keypoints",
]


@dataclass(frozen=True)
class KeypointFormat:
    """One kind of keypoint file.

    Attributes:
        title: what people call it.
        module: name of its module, with functions ``recognise`` and ``read``, and ``write`` if
            there is a ``suffix``; the methods below say what they do.
        suffix: suffix of the files that can be written; None if it is only read.
    """

    title: str
    module: str
    suffix: str | None = None

    def recognise(self, source: Source) -> bool:
        """Whether the content is of this kind; never raises for another kind."""
        return import_module(self.module).recognise(source)

    def read(self, source: Source) -> KeypointFile:
        """Read the whole file.

        Raises:
            InputError: the content breaks the rules of the format.
        """
        return import_module(self.module).read(source)

    def write(
        self, path: Path, keypoints: Keypoints2D, meta: Mapping[str, Any], *, overwrite: bool
    ) -> None:
        """Create a file; see `write_keypoints`."""
        import_module(self.module).write(path, keypoints, meta, overwrite=overwrite)


def _row(title: str, module: str, suffix: str | None = None) -> KeypointFormat:
    return KeypointFormat(title, f"{__name__}.{module}", suffix)


# No two recognise the same file; a test checks that. Of two with one suffix, the first is the
# default.
FORMATS: dict[str, KeypointFormat] = {
    "mbcli": _row("mbcli's own .npz", "own", ".npz"),
    "videopose3d": _row("VideoPose3D .npz", "videopose3d"),
    "openpose": _row("OpenPose folder of JSON", "openpose"),
    "coco": _row("COCO keypoint results JSON", "coco", ".json"),
    "alphapose": _row("AlphaPose JSON", "alphapose", ".json"),
    "mmpose": _row("MMPose predictions JSON", "mmpose"),
    "annotations": _row("COCO keypoint annotations JSON", "coco_annotations"),
    "blazepose": _row("MediaPipe BlazePose CSV, JSON or text", "blazepose"),
    "deeplabcut": _row("DeepLabCut CSV or HDF5", "deeplabcut"),
    "sleap": _row("SLEAP analysis CSV or HDF5", "sleap"),
    "trc": _row("TRC of Sports2D and the like", "trc"),
    "ultralytics": _row("ultralytics text or JSON", "ultralytics"),
    "vitpose": _row("easy_ViTPose JSON", "vitpose"),
}
# Format that can be written -> suffix.
WRITTEN = {name: row.suffix for name, row in FORMATS.items() if row.suffix is not None}


@dataclass(frozen=True)
class WriteOptions:
    """How to write keypoints.

    Attributes:
        format: a key of `WRITTEN`; None goes by the suffix, ``.json`` being COCO.

    Raises:
        ConfigError: no such format.
    """

    format: str | None = option(
        None,
        f"Format of the file: {listed([f'{name} ({end})' for name, end in WRITTEN.items()])}.",
        choices=tuple(WRITTEN),
        shown="by suffix; .json is coco",
    )

    def __post_init__(self) -> None:
        check(self)


# What a file that no format knows is said to be, by `Source.kind`.
_KINDS = {"text": "text", "json": "JSON", "hdf5": "HDF5", "npz": "a ZIP archive"}


def read_keypoints(path: Path | str, joint_map: dict[str, str] | None = None) -> KeypointFile:
    """Read a keypoint file or folder, whatever its format.

    Args:
        path: the file, or the folder of an OpenPose run.
        joint_map: their joint names -> ours, for formats with free names.

    Raises:
        InputError: the file does not exist, no format recognises it, or it breaks the rules of its
            format.
    """
    from mbcli.keypoints.source import Source
    from mbcli.storage.arrays import opened_npz

    source = Source(Path(path), joint_map)
    for format in FORMATS.values():
        if _recognises(format, source):
            with reading(source.path, f"a file that can be used ({format.title})"):
                return format.read(source)
    if source.kind == "npz":
        with opened_npz(source.path):
            pass  # says what is wrong with the archive itself
    if source.kind == "json" and source.document == []:
        raise InputError(f"{path} holds no person in any frame")
    titles = ", ".join(format.title for format in FORMATS.values())
    what = f"{_KINDS[source.kind]}, but " if source.kind in _KINDS else ""
    raise InputError(f"{path} is {what}no keypoint file that mbcli knows ({titles})")


def _recognises(format: KeypointFormat, source: Source) -> bool:
    """Whether a file is of a format; one that its recogniser stumbles over is not.

    Raises:
        MbcliError: it is, or may be, and cannot be read.
    """
    try:
        return format.recognise(source)
    except READER_ERRORS:
        return False


def write_keypoints(
    path: Path | str,
    keypoints: Keypoints2D,
    *,
    format: str | None = None,
    meta: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """Write tracks as a keypoint file.

    Args:
        path: the file to write.
        keypoints: tracks in any skeleton, for JSON one that gives COCO-17.
        format: see `WriteOptions`.
        meta: their origin, ready for JSON; only our own format has a place for it.
        overwrite: replace an existing file.

    Raises:
        ConfigError: the format or suffix is unknown, the two do not match, or the format cannot
            hold the skeleton.
        OutputError: the file exists and ``overwrite`` is off, or it cannot be written.
    """
    path, format = Path(path), WriteOptions(format).format
    suffix = path.suffix.lower()
    if format is None:
        format = next((name for name, ends in WRITTEN.items() if ends == suffix), None)
        if format is None:
            choices = " or ".join(dict.fromkeys(WRITTEN.values()))
            raise ConfigError(f"a keypoint file must end in {choices}, got {path.name}")
    if suffix != WRITTEN[format]:
        raise ConfigError(
            f"a keypoint file in the format {format} must end in {WRITTEN[format]}, got {path.name}"
        )
    FORMATS[format].write(path, keypoints, {} if meta is None else meta, overwrite=overwrite)


def is_keypoint_file(path: Path | str) -> bool:
    """Whether to read a path as keypoints rather than as pictures, by content.

    Text, JSON, HDF5 and zip archives are never pictures, unless they are named like them; those and
    a folder count if a format recognises them.

    Raises:
        InputError: the file does not exist or cannot be read.
    """
    from mbcli.keypoints.source import Source
    from mbcli.video.images import IMAGE_SUFFIXES
    from mbcli.video.reader import VIDEO_SUFFIXES

    source = Source(Path(path))
    as_pictures = source.path.suffix.lower() in (*VIDEO_SUFFIXES, *IMAGE_SUFFIXES)
    if source.kind == "folder" or (as_pictures and source.kind != "other"):
        return any(_recognises(format, source) for format in FORMATS.values())
    return source.kind in ("json", "text", "hdf5", "npz")
