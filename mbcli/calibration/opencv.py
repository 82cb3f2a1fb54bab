"""OpenCV's FileStorage: YAML, XML or JSON with a camera matrix and coefficients of distortion.

The names of the two differ from program to program (OpenCV's own samples write ``camera_matrix``
and ``distortion_coefficients``, its stereo sample ``M1`` and ``D1``, EasyMocap ``K_01`` and
``dist_01``, others ``cameraMatrix``, ``K``, ``mtx``). A suffix is the name of one of several
cameras; so is a map that holds them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from mbcli.calibration.content import Content
from mbcli.calibration.lens import Lens, opencv_lens
from mbcli.types import FloatArray

_STARTS = (b"%YAML", b"<?xml", b"{")
_MATRIX = re.compile(r"(?:camera_?matrix|intrinsics?(?:_?matrix)?|mtx|k|m)_?([0-9]*)", re.I)
_BENT = re.compile(r"(?:dist(?:ortion)?s?(?:_?coeff(?:icient)?s?)?|d)_?([0-9]*)", re.I)
# OpenCV's calibration sample writes ``fisheye_model``; ROS and others name the model.
_FISHEYE = re.compile(r"(?:is_?)?fisheye(?:_?model)?", re.I)
_MODEL = re.compile(r"(?:camera|distortion|lens)_?model", re.I)
_FISHEYES = ("fisheye", "equidistant")
_SIZE = re.compile(r"(?:image|img|frame)_?size", re.I)
_WIDTH, _HEIGHT = (re.compile(rf"(?:image_?)?{side}", re.I) for side in ("width", "height"))


def recognise(content: Content) -> bool:
    """Whether it is OpenCV's, with a camera matrix; never raises."""
    if not content.data.lstrip().startswith(_STARTS):
        return False
    try:
        return bool(_cameras(content))
    except (cv2.error, ValueError, SystemError):
        return False


def read(content: Content) -> list[Lens]:
    """Read the lenses; see `mbcli.calibration.CalibrationFormat`."""
    return [
        opencv_lens(name, size, matrix, bent, fisheye=fisheye)
        for name, (size, matrix, bent, fisheye) in _cameras(content).items()
    ]


_Found = tuple["list[float] | None", FloatArray, FloatArray, bool]


def _cameras(content: Content) -> dict[str, _Found]:
    """The size, matrix, coefficients and whether it is a fisheye of every camera, by name."""
    if len(content.data) < 8:
        return {}
    # From memory: OpenCV cannot open every name of a file.
    storage = cv2.FileStorage(content.text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
    try:
        root = storage.root()
        found = _of_map(root, "")
        for name, node in _members(root):
            if node.isMap():
                found |= _of_map(node, name)
        return found
    finally:
        storage.release()


def _members(node: Any) -> Iterator[tuple[str, Any]]:
    names: list[str] = node.keys()
    for name in names:
        yield name, node.getNode(name)


def _of_map(node: Any, camera: str) -> dict[str, _Found]:
    size: list[float | None] = [None, None]
    matrices: dict[str, FloatArray] = {}
    bent: dict[str, FloatArray] = {}
    fisheye = False
    for name, member in _members(node):
        if (found := _MATRIX.fullmatch(name)) and (matrix := _numbers(member)).size == 9:
            matrices[found[1]] = matrix.reshape(3, 3)
        elif found := _BENT.fullmatch(name):
            bent[found[1]] = _numbers(member).ravel()
        elif _SIZE.fullmatch(name) and (sides := _numbers(member).ravel()).size == 2:
            size = [*sides.tolist()]
        elif _FISHEYE.fullmatch(name):
            fisheye = bool(member.real())
        elif _MODEL.fullmatch(name):
            fisheye = member.string().lower() in _FISHEYES
        elif _WIDTH.fullmatch(name):
            size[0] = member.real()
        elif _HEIGHT.fullmatch(name):
            size[1] = member.real()
    known = [side for side in size if side is not None]
    whole = known if len(known) == 2 else None
    return {
        camera + number: (whole, matrix, bent.get(number, np.zeros(0)), fisheye)
        for number, matrix in matrices.items()
    }


def _numbers(node: Any) -> FloatArray:
    """The numbers of a matrix or a sequence; empty for anything else."""
    if node.isMap():
        matrix = node.mat()
        return np.zeros(0) if matrix is None else np.asarray(matrix, np.float64)
    if node.isSeq():
        each = [node.at(k) for k in range(node.size())]
        parts = [_numbers(one) if one.isSeq() else np.array([one.real()]) for one in each]
        return np.concatenate([np.zeros(0), *parts])
    return np.zeros(0)
