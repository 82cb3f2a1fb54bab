"""Keypoint files in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.keypoints import write_keypoints
from mbcli.skeleton import BLAZEPOSE33, COCO17

from .cases import Subject
from .people import FRAMES, SIZE, coco_tracks, flat, lists, plain, points_2d, reads


def json_subject(name: str, tree: Callable[[], Any], target: str, *options: str) -> Subject:
    """A JSON document."""

    def write(path: Path, value: Any) -> None:
        path.write_text(json.dumps(value, default=plain))

    def build(folder: Path) -> None:
        (folder / target).parent.mkdir(exist_ok=True)
        write(folder / target, tree())

    source = target.partition("/")[0]
    return Subject("keypoints JSON", name, reads(source, *options), target, build, tree, write)


def _annotations() -> Any:
    return {
        "images": [
            {"id": n, "file_name": f"frame_{n:04d}.png", "width": 1280, "height": 720}
            for n in range(FRAMES)
        ],
        "annotations": [
            {
                "image_id": n,
                "category_id": 1,
                "keypoints": flat(
                    np.concatenate([points_2d()[n, p, :, :2], np.full((17, 1), 2)], 1)
                ),
                "bbox": [10, 10, 50, 100],
                "track_id": p,
            }
            for n in range(FRAMES)
            for p in range(2)
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.joints)}],
    }


def _openpose() -> Any:
    points = points_2d()[0, 0]
    return {
        "version": 1.3,
        "people": [
            {"person_id": [-1], "pose_keypoints_2d": flat(np.concatenate([points, points[5:6]]))}
        ],
    }


def _mmpose() -> Any:
    return [
        {
            "frame_id": n,
            "instances": [
                {
                    "keypoints": lists(points_2d()[n, p, :, :2]),
                    "keypoint_scores": [0.9] * 17,
                    "bbox": [[10, 10, 50, 100]],
                    "bbox_score": 0.9,
                }
                for p in range(2)
            ],
        }
        for n in range(FRAMES)
    ]


def _landmarks() -> Any:
    rng = np.random.default_rng(1)
    names = BLAZEPOSE33.joints
    return {
        "fps": 30,
        "width": 1280,
        "height": 720,
        "frames": [
            {
                "frame": n,
                "timestamp": n / 30,
                "landmarks": {
                    name: dict(zip("xyz", rng.uniform(0.2, 0.8, 3).round(4).tolist(), strict=True))
                    | {"visibility": 0.9}
                    for name in names
                },
            }
            for n in range(FRAMES)
        ],
    }


def _ultralytics() -> Any:
    return [
        [
            {
                "name": "person",
                "class": 0,
                "confidence": 0.9,
                "track_id": p + 1,
                "box": {"x1": 10.0, "y1": 10.0, "x2": 60.0, "y2": 110.0},
                "keypoints": {
                    "x": points_2d()[n, p, :, 0].round(2).tolist(),
                    "y": points_2d()[n, p, :, 1].round(2).tolist(),
                    "visible": [0.9] * 17,
                },
            }
            for p in range(2)
        ]
        for n in range(FRAMES)
    ]


def _vitpose() -> Any:
    return {
        "keypoints": [
            {str(p): lists(points_2d()[n, p][:, [1, 0, 2]]) for p in range(2)}
            for n in range(FRAMES)
        ],
        "skeleton": {str(n): name for n, name in enumerate(COCO17.joints)},
    }


def _written(name: str) -> Callable[[], Any]:
    @cache
    def tree() -> Any:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "kp.json"
            write_keypoints(path, coco_tracks(), format=name)
            return json.loads(path.read_text())

    return tree


_coco, _alphapose = _written("coco"), _written("alphapose")


def subjects() -> list[Subject]:
    """All of them."""
    frame = "people/walk_000000000000_keypoints.json"
    return [
        json_subject("coco", _coco, "coco.json", *SIZE),
        json_subject("annotations", _annotations, "annotations.json", "--fps", "30"),
        json_subject("openpose", _openpose, frame, *SIZE),
        json_subject("alphapose", _alphapose, "alphapose.json", *SIZE),
        json_subject("mmpose", _mmpose, "mmpose.json", *SIZE),
        json_subject("landmarks", _landmarks, "landmarks.json"),
        json_subject("ultralytics", _ultralytics, "yolo.json", *SIZE),
        json_subject("vitpose", _vitpose, "vitpose.json", *SIZE),
    ]
