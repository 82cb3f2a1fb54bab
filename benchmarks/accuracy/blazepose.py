"""MediaPipe BlazePose on videos, in an environment of its own.

    python benchmarks/accuracy/blazepose.py --complexity 1|2 --boxes boxes.npz
        --out landmarks.npz VIDEO ...

Needs nothing of mbcli but ``pip install 'mediapipe==0.10.14'``, a release that still has the
solutions API. Its wheel carries the full model (complexity 1); the heavy one (complexity 2) it
downloads on first use, or it is put beside the full one by hand: ``pose_landmark_heavy.tflite`` of
the npm package ``@mediapipe/pose`` into ``mediapipe/modules/pose_landmark``.

BlazePose follows one person, and not always the one that is wanted. So it is shown the pictures
cut to where the person is in the whole clip, and grey outside the person's box of the frame.

``boxes.npz`` holds for each video N, from 0, ``boxes_N`` (T, 4): left, top, right, bottom in
pixels. Written are for each video ``world_N`` (T, 33, 3) float32 metres, x right, y down, z away
from the camera, the middle of the hips at 0, and ``image_N`` (T, 33, 3) pixels and visibility;
NaN where nobody was found.
"""

from __future__ import annotations

import argparse
from typing import Any

import cv2
import mediapipe
import numpy as np

GREY = 128


def landmarks(
    video: str, boxes: np.ndarray[Any, Any], complexity: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(T, 33, 3) world landmarks and (T, 33, 3) pixels with visibility of one video."""
    left, top = np.floor(boxes[:, :2].min(axis=0)).astype(int).clip(min=0)
    right, bottom = np.ceil(boxes[:, 2:].max(axis=0)).astype(int)
    nothing = np.full((33, 3), np.nan)
    world: list[Any] = []
    image: list[Any] = []
    capture = cv2.VideoCapture(video)
    with mediapipe.solutions.pose.Pose(model_complexity=complexity, smooth_landmarks=True) as pose:
        for box in boxes:
            there, frame = capture.read()
            if not there:
                raise SystemExit(f"{video} must have {len(boxes)} frames, got {len(world)}")
            near = np.full_like(frame, GREY)
            x1, y1, x2, y2 = box.round().astype(int).clip(min=0)
            near[y1:y2, x1:x2] = frame[y1:y2, x1:x2]
            part = np.ascontiguousarray(near[top:bottom, left:right, ::-1])
            found = pose.process(part)
            if found.pose_world_landmarks is None:
                world.append(nothing)
                image.append(nothing)
                continue
            world.append([(p.x, p.y, p.z) for p in found.pose_world_landmarks.landmark])
            height, width = part.shape[:2]
            image.append(
                [
                    (p.x * width + left, p.y * height + top, p.visibility)
                    for p in found.pose_landmarks.landmark
                ]
            )
    capture.release()
    return np.array(world, np.float32), np.array(image, np.float32)


def main() -> None:
    """Run all videos and write one file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", nargs="+")
    parser.add_argument("--complexity", type=int, choices=(0, 1, 2), required=True)
    parser.add_argument("--boxes", required=True)
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    boxes = np.load(arguments.boxes)
    arrays: dict[str, Any] = {}
    for number, video in enumerate(arguments.videos):
        world, image = landmarks(video, boxes[f"boxes_{number}"], arguments.complexity)
        arrays[f"world_{number}"], arrays[f"image_{number}"] = world, image
    np.savez(arguments.out, **arrays)


if __name__ == "__main__":
    main()
