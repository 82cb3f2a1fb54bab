"""Keypoint files of other programs and our own, recognised by content.

A format is one file here and one row in `FORMATS`; one that can be written has a row in `WRITERS`
and in `SUFFIXES` besides.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mbcli.errors import ConfigError, InputError
from mbcli.keypoints import (
    alphapose,
    blazepose,
    coco,
    coco_annotations,
    deeplabcut,
    mmpose,
    openpose,
    own,
    sleap,
    trc,
    ultralytics,
    videopose3d,
    vitpose,
)
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.types import Keypoints2D

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "WRITERS",
    "KeypointFile",
    "KeypointFormat",
    "is_keypoint_file",
    "read_keypoints",
    "write_keypoints",
]


@dataclass(frozen=True)
class KeypointFormat:
    """One kind of keypoint file.

    Attributes:
        title: what people call it.
        recognise: whether the content is of this kind; never raises for another kind.
        read: the whole file; raises InputError for what breaks the format's rules.
    """

    title: str
    recognise: Callable[[Source], bool]
    read: Callable[[Source], KeypointFile]


# The order matters only in that no two recognise the same file; a test holds that.
FORMATS: dict[str, KeypointFormat] = {
    "mbcli": KeypointFormat("mbcli's own .npz", own.recognise, own.read),
    "videopose3d": KeypointFormat("VideoPose3D .npz", videopose3d.recognise, videopose3d.read),
    "openpose": KeypointFormat("OpenPose folder of JSON", openpose.recognise, openpose.read),
    "alphapose": KeypointFormat("AlphaPose JSON", alphapose.recognise, alphapose.read),
    "mmpose": KeypointFormat("MMPose predictions JSON", mmpose.recognise, mmpose.read),
    "coco": KeypointFormat("COCO keypoint results JSON", coco.recognise, coco.read),
    "annotations": KeypointFormat(
        "COCO keypoint annotations JSON", coco_annotations.recognise, coco_annotations.read
    ),
    "blazepose": KeypointFormat(
        "MediaPipe BlazePose CSV, JSON or text", blazepose.recognise, blazepose.read
    ),
    "deeplabcut": KeypointFormat("DeepLabCut CSV or HDF5", deeplabcut.recognise, deeplabcut.read),
    "sleap": KeypointFormat("SLEAP analysis CSV or HDF5", sleap.recognise, sleap.read),
    "trc": KeypointFormat("TRC of Sports2D and the like", trc.recognise, trc.read),
    "ultralytics": KeypointFormat(
        "ultralytics text or JSON", ultralytics.recognise, ultralytics.read
    ),
    "vitpose": KeypointFormat("easy_ViTPose JSON", vitpose.recognise, vitpose.read),
}


def _write_own(
    path: Path, keypoints: Keypoints2D, meta: Mapping[str, Any], overwrite: bool
) -> None:
    own.write(path, keypoints, meta, overwrite=overwrite)


# The JSON formats are lists of people, without a place for anything else.
def _write_coco(path: Path, keypoints: Keypoints2D, _: Mapping[str, Any], overwrite: bool) -> None:
    coco.write(path, keypoints, overwrite=overwrite)


def _write_alphapose(
    path: Path, keypoints: Keypoints2D, _: Mapping[str, Any], overwrite: bool
) -> None:
    alphapose.write(path, keypoints, overwrite=overwrite)


Writer = Callable[[Path, Keypoints2D, Mapping[str, Any], bool], None]
# Of two with the same suffix the first is taken unless the user names the other.
WRITERS: dict[str, Writer] = {
    "mbcli": _write_own,
    "coco": _write_coco,
    "alphapose": _write_alphapose,
}
SUFFIXES = {"mbcli": ".npz", "coco": ".json", "alphapose": ".json"}


def read_keypoints(path: Path | str, joint_map: dict[str, str] | None = None) -> KeypointFile:
    """Read a keypoint file or folder, whatever its format.

    Args:
        path: the file, or the folder of an OpenPose run.
        joint_map: their joint names -> ours, for formats with free names.

    Raises:
        InputError: no such file, no format knows it, or it breaks the rules of its format.
    """
    source = Source(Path(path), joint_map)
    for format in FORMATS.values():
        if format.recognise(source):
            return format.read(source)
    if source.kind == "npz" and not zipfile.is_zipfile(source.path):
        raise InputError(f"{path} is no whole .npz file: its end is missing")
    if source.kind == "json" and source.document == []:
        raise InputError(f"{path} holds no person in any frame")
    titles = ", ".join(format.title for format in FORMATS.values())
    raise InputError(f"{path} is no keypoint file that mbcli knows ({titles})")


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
        format: a key of `WRITERS`; None goes by the suffix, ``.json`` being COCO.
        meta: where they come from, ready for JSON; only our own format has a place for it.
        overwrite: replace an existing file.

    Raises:
        ConfigError: no such format or suffix, the two do not fit, or a skeleton that the format
            cannot hold.
        OutputError: the file exists and ``overwrite`` is off, or it cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if format is None:
        format = next((name for name, ends in SUFFIXES.items() if ends == suffix), None)
        if format is None:
            choices = " or ".join(dict.fromkeys(SUFFIXES.values()))
            raise ConfigError(f"a keypoint file must end in {choices}, got {path.name}")
    if format not in WRITERS:
        raise ConfigError(f"the format must be {', '.join(WRITERS)}, got {format!r}")
    if suffix != SUFFIXES[format]:
        raise ConfigError(
            f"a keypoint file in the format {format} must end in {SUFFIXES[format]}, "
            f"got {path.name}"
        )
    WRITERS[format](path, keypoints, {} if meta is None else meta, overwrite)


def is_keypoint_file(path: Path | str) -> bool:
    """Whether a path is to be read as keypoints rather than as pictures, by content.

    Text, JSON, HDF5 and zip archives are never pictures; of folders, those that a format knows.

    Raises:
        InputError: no such file, or it cannot be read.
    """
    source = Source(Path(path))
    if source.kind == "folder":
        return any(format.recognise(source) for format in FORMATS.values())
    return source.kind in ("json", "text", "hdf5", "npz")
