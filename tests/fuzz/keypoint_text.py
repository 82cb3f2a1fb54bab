"""Keypoint files in text: tables of all kinds."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.skeleton import BLAZEPOSE33

from .cases import Subject
from .people import FRAMES, SIZE, points_2d, reads


def _text(
    name: str, rows: Callable[[], list[list[Any]]], target: str, mark: str, *options: str
) -> Subject:
    def write(path: Path, value: Any) -> None:
        out = io.StringIO()
        for row in value if isinstance(value, list) else [[value]]:
            cells = row if isinstance(row, list | tuple) else [row]
            if mark == ",":
                csv.writer(out).writerow(cells)
            else:
                out.write(mark.join(map(str, cells)) + "\n")
        path.write_text(out.getvalue())

    def build(folder: Path) -> None:
        write(folder / target, rows())

    return Subject("keypoints text", name, reads(target, *options), target, build, rows, write)


def deeplabcut() -> list[list[Any]]:
    """The table of DeepLabCut."""
    parts = ("LeftShoulder", "RightShoulder", "LeftHip", "RightHip", "LeftKnee", "RightKnee")
    columns = [(part, coord) for part in parts for coord in ("x", "y", "likelihood")]
    values = np.random.default_rng(1).uniform(40, 360, (FRAMES, len(columns))).round(2)
    return [
        ["scorer", *("DLC" for _ in columns)],
        ["bodyparts", *(part for part, _ in columns)],
        ["coords", *(coord for _, coord in columns)],
        *([n, *row] for n, row in enumerate(values.tolist())),
    ]


def _blazepose_csv() -> list[list[Any]]:
    rng = np.random.default_rng(1)
    head = ["frame", "timestamp"]
    head += [f"{name}_{part}" for name in BLAZEPOSE33.joints for part in ("x", "y", "visibility")]
    return [
        head,
        *([n, n / 30, *rng.uniform(0.2, 0.8, 99).round(4).tolist()] for n in range(FRAMES)),
    ]


def _long_csv() -> list[list[Any]]:
    rng = np.random.default_rng(1)
    rows = [
        [n, name, *rng.uniform(0.2, 0.8, 4).round(4).tolist()]
        for n in range(FRAMES)
        for name in BLAZEPOSE33.joints
    ]
    return [["frame", "landmark", "x", "y", "z", "visibility"], *rows]


def _sleap() -> list[list[Any]]:
    nodes = ("left_shoulder", "right_shoulder", "left_hip", "right_hip", "left_knee", "right_knee")
    head = ["track", "frame_idx", "instance.score"]
    head += [f"{node}.{part}" for node in nodes for part in ("x", "y", "score")]
    rng = np.random.default_rng(1)
    rows = [
        [f"track_{p}", n, 0.9, *(rng.uniform(0.1, 0.9, 18) * 300).round(2).tolist()]
        for n in range(FRAMES)
        for p in range(2)
    ]
    return [head, *rows]


def _trc() -> list[list[Any]]:
    names = ("RHip", "LHip", "RKnee", "LKnee", "RAnkle", "LAnkle", "RShoulder", "LShoulder", "Nose")
    rng = np.random.default_rng(1)
    return [
        ["PathFileType", 4, "(X/Y/Z)", "walk.trc"],
        ["DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units"],
        [30, 30, FRAMES, len(names), "m"],
        ["Frame#", "Time", *(cell for name in names for cell in (name, "", ""))],
        ["", "", *(f"{axis}{n + 1}" for n in range(len(names)) for axis in "XYZ")],
        *(
            [n, round(n / 30, 4), *rng.uniform(0.1, 1.9, 3 * len(names)).round(4).tolist()]
            for n in range(FRAMES)
        ),
    ]


def _ultralytics_text() -> list[list[Any]]:
    rows = []
    for p in range(2):
        points = points_2d()[0, p] / [1280, 720, 1]
        rows.append([0, 0.5, 0.5, 0.1, 0.2, *points.ravel().round(5).tolist()])
    return rows


def subjects() -> list[Subject]:
    """All of them."""
    return [
        _text("blazepose csv", _blazepose_csv, "blaze.csv", ",", *SIZE),
        _text("blazepose long csv", _long_csv, "blaze.csv", ",", *SIZE),
        _text("deeplabcut csv", deeplabcut, "dlc.csv", ",", *SIZE),
        _text("sleap csv", _sleap, "sleap.csv", ",", *SIZE),
        _text("trc", _trc, "walk.trc", "\t"),
        _text("ultralytics txt", _ultralytics_text, "walk_1.txt", " ", *SIZE),
    ]
