"""Frames per second of the 2D front ends on this machine, side by side in one run.

    python -m benchmarks.pose2d [--people 1 5] [--threads 2] [--repetitions 5] [--out speed.json]

The scene: one or five copies of the walker of ``examples/walk.mp4`` in a picture of 1280x720, 12
frames at 30 frames a second, so that the detector looks twice. Measured are the detector alone,
the keypoints of everybody alone, and both as the front end runs them (`TopDown`, or `MoveNet`),
decoding left out. Every repetition takes all candidates in turn, and medians are told, so that a
neighbour on the machine troubles them alike.

MMPose and its ONNX exports run with random weights, made from the configurations that come with
MMPose: the time does not depend on the values. What they find means nothing then, so the boxes
and keypoints that lead from frame to frame are given ones. The exported RTMDet ends before its
suppression, which takes less than a millisecond.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from mbcli.errors import MbcliError
from mbcli.pose2d import BACKENDS, Pose2DOptions
from mbcli.pose2d.blazepose import BlazePoseNet
from mbcli.pose2d.letterbox import letterbox
from mbcli.pose2d.movenet_nets import MultiPose, Thunder
from mbcli.pose2d.one_by_one import OnePerson
from mbcli.pose2d.onnx_session import PictureModel
from mbcli.pose2d.simcc import SimCC
from mbcli.pose2d.squares import crop_square
from mbcli.pose2d.top_down import Image, TopDown
from mbcli.types import FloatArray, Frame, FramePoses
from mbcli.video import VideoReader

EXAMPLE = Path(__file__).parent.parent / "examples" / "walk.mp4"
FRAMES = 12
WINDOW = (850, 370, 1130, 700)  # where the walker is in those frames: left, top, right, bottom
WALKER = (140, 15, 240, 315)  # the walker within the window, about
CANVAS = (1280, 720)
PLACES = ((20, 20), (330, 20), (640, 20), (950, 20), (20, 380), (330, 380))

# Mode -> name, and configurations that come with MMPose: detector, side of its input, keypoints.
MODELS = {
    "light": (
        "RTMDet-nano + RTMPose-s",
        "rtmdet_nano_320-8xb32_coco-person",
        640,
        "rtmpose-s_8xb256-420e_body8-256x192",
    ),
    "balanced": (
        "RTMDet-m + RTMPose-m",
        "rtmdet_m_640-8xb32_coco-person",
        640,
        "rtmpose-m_8xb256-420e_body8-256x192",
    ),
}
EAGER = "balanced"  # the mode whose models MMPose's front end takes by default


@dataclass
class Candidate:
    """One front end.

    Attributes:
        name: for the table.
        detect: the detector on a picture.
        locate: the keypoint model on a picture and (P, 4) boxes.
        start: a new front end of the two, nobody followed yet.
    """

    name: str
    detect: Callable[[Image], Any]
    locate: Callable[[Image, FloatArray], Any]
    start: Callable[[int], Callable[[Frame], FramePoses]]


def scene(people: int) -> list[Frame]:
    """The walker several times over, on grey."""
    left, top, right, bottom = WINDOW
    frames = []
    with VideoReader(EXAMPLE) as reader:
        for frame, _ in zip(reader, range(FRAMES), strict=False):
            image = np.full((CANVAS[1], CANVAS[0], 3), 128, np.uint8)
            for x, y in PLACES[:people]:
                image[y : y + bottom - top, x : x + right - left] = frame.image[
                    top:bottom, left:right
                ]
            frames.append(Frame(frame.index, frame.time, image))
    return frames


def given_boxes(people: int) -> FloatArray:
    """(P, 4) where they stand."""
    return np.array([np.add(WALKER, (x, y, x, y)) for x, y in PLACES[:people]], np.float32)


def given_poses(boxes: FloatArray) -> FloatArray:
    """(P, 17, 3) confident keypoints all over each box, always the same."""
    unit = np.random.default_rng(0).uniform(0.1, 0.9, (17, 2))
    points = boxes[:, None, :2] + unit * (boxes[:, None, 2:] - boxes[:, None, :2])
    return np.concatenate([points, np.ones((len(boxes), 17, 1))], axis=-1)


def followed(
    detect: Callable[[Image], Any], locate: Callable[[Image, FloatArray], Any]
) -> Callable[[int], Callable[[Frame], FramePoses]]:
    """TopDown that runs the networks but is led by given people."""

    def start(people: int) -> Callable[[Frame], FramePoses]:
        boxes = given_boxes(people)

        def detect_given(image: Image) -> FloatArray:
            detect(image)
            return np.column_stack([boxes, np.ones(people)])

        def locate_given(image: Image, where: FloatArray) -> FloatArray:
            locate(image, where)
            return given_poses(boxes[: len(where)])

        return TopDown(detect_given, locate_given, joints=17, person_threshold=0.3)

    return start


def bundled(name: str, one: OnePerson, backend: str, threads: int) -> Candidate:
    """One that comes with mbcli, with its own people."""

    def locate(image: Image, boxes: FloatArray) -> None:
        for pose in given_poses(boxes):
            one(image, crop_square(pose))

    return Candidate(
        f"MultiPose + {name}",
        MultiPose(threads),
        locate,
        lambda _: BACKENDS[backend](Pose2DOptions(threads=threads)),
    )


def openmmlab(threads: int, folder: Path) -> list[Candidate]:
    """MMPose itself, and ONNX exports of its models.

    Raises:
        MbcliError: the extra mmpose is not installed.
    """
    from mbcli.pose2d.openmmlab import prepare

    prepare()
    import torch

    torch.set_num_threads(threads)
    candidates = []
    for mode, (name, det_config, side, pose_config) in MODELS.items():
        detector, estimator = random_models(det_config, pose_config, folder)
        if mode == EAGER:
            eager: Any = eager_mmpose(det_config, pose_config, folder, threads)
            pieces = eager._detect, eager._locate
            candidates.append(Candidate(f"MMPose, eager: {name}", *pieces, followed(*pieces)))
        detect = exported_detector(detector, side, folder / f"{det_config}.onnx", threads)
        model = export(
            partial(keypoint_curves, estimator),
            estimator,
            (192, 256),
            ["simcc_x", "simcc_y"],
            folder / f"{pose_config}.onnx",
        )
        locate = SimCC(PictureModel(model, threads=threads))
        name = f"RTMPose ONNX, {mode}: {name}"
        candidates.append(Candidate(name, detect, locate, followed(detect, locate)))
    return candidates


def eager_mmpose(det_config: str, pose_config: str, folder: Path, threads: int | None) -> Any:
    """MMPose's front end with the checkpoints that `random_models` has saved in a folder."""
    return BACKENDS["mmpose"](
        Pose2DOptions(
            threads=threads,
            device="cpu",
            pose2d_config=pose_config,
            pose2d_checkpoint=str(folder / f"{pose_config}.pth"),
            det_config=det_config,
            det_checkpoint=str(folder / f"{det_config}.pth"),
        )
    )


def random_models(det_config: str, pose_config: str, folder: Path) -> tuple[Any, Any]:
    """Both models with seeded random weights, which are saved as checkpoints as well."""
    import mmpose
    import torch
    from mmdet.apis import init_detector
    from mmpose.apis import init_model

    from mbcli.pose2d.openmmlab import quiet

    packaged = Path(mmpose.__file__).parent / ".mim"
    det_path, pose_path = (next(packaged.rglob(f"{n}.py")) for n in (det_config, pose_config))
    torch.manual_seed(0)
    with quiet("mmdet"):
        detector = init_detector(str(det_path), None, palette="coco", device="cpu")
    with quiet("mmpose"):
        estimator = init_model(str(pose_path), None, device="cpu")
    for name, model in ((det_config, detector), (pose_config, estimator)):
        torch.save({"state_dict": model.state_dict()}, folder / f"{name}.pth")
    return detector, estimator


def export(
    forward: Callable[[Any], Any], model: Any, size: tuple[int, int], outputs: list[str], path: Path
) -> Path:
    """A model of torch as ONNX, any number of pictures at a time."""
    import torch

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, picture: Any) -> Any:
            return forward(picture)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Network().eval(),
            (torch.zeros(1, 3, size[1], size[0]),),
            str(path),
            input_names=["input"],
            output_names=outputs,
            dynamic_axes={name: {0: "batch"} for name in ("input", *outputs)},
            dynamo=False,
        )
    return path


def keypoint_curves(estimator: Any, picture: Any) -> Any:
    """What MMPose's head gives before it is decoded."""
    return estimator.head(estimator.extract_feat(picture))


def exported_detector(detector: Any, side: int, path: Path, threads: int) -> Callable[[Image], Any]:
    """RTMDet in onnxruntime, up to its suppression."""

    def forward(picture: Any) -> Any:
        scores, boxes = detector(picture, mode="tensor")
        return (*scores, *boxes)

    outputs = [f"output{number}" for number in range(6)]
    model = PictureModel(export(forward, detector, (side, side), outputs, path), threads=threads)

    def detect(image: Image) -> Any:
        padded, _ = letterbox(image, model.size)
        picture = (padded[..., ::-1].astype(np.float32) - 110) / 58  # costs what the real one does
        return model(picture.transpose(2, 0, 1)[None])

    return detect


def seconds(work: Callable[[], Any]) -> float:
    """Time on the wall of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(candidates: list[Candidate], people: int, repetitions: int) -> list[dict[str, Any]]:
    """Medians of each candidate, all of them in turn in every repetition."""
    frames = scene(people)
    boxes = given_boxes(people)
    times: dict[str, list[tuple[float, float, float]]] = {c.name: [] for c in candidates}
    found = {c.name: 0.0 for c in candidates}
    for repetition in range(-1, repetitions):  # the first one warms up
        for candidate in candidates:
            front_end = candidate.start(people)
            counts: list[int] = []

            def run(
                front_end: Callable[[Frame], FramePoses] = front_end, counts: list[int] = counts
            ) -> None:
                counts += [len(front_end(frame)) for frame in frames]

            taken = (
                seconds(partial(candidate.detect, frames[0].image)),
                seconds(partial(candidate.locate, frames[0].image, boxes)),
                seconds(run),
            )
            found[candidate.name] = float(np.mean(counts))
            if repetition >= 0:
                times[candidate.name].append(taken)
    return [
        {
            "name": name,
            "people": people,
            "people_found": found[name],
            "detector_ms": 1000 * median(t[0] for t in rows),
            "keypoints_ms": 1000 * median(t[1] for t in rows),
            "frames_per_second": len(frames) / median(t[2] for t in rows),
        }
        for name, rows in times.items()
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, nargs="+", default=[1, 5], choices=range(1, 7))
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120)
    candidates, skipped = [], {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            import onnx  # noqa: F401

            candidates += openmmlab(arguments.threads, Path(folder))
        except ImportError as error:
            skipped["MMPose and RTMPose ONNX"] = f"{error}: pip install onnx"
        except MbcliError as error:
            skipped["MMPose and RTMPose ONNX"] = str(error)
        threads = arguments.threads
        candidates += [
            bundled("Thunder", Thunder(threads), "movenet", threads),
            bundled("BlazePose", BlazePoseNet("blazepose-heavy", threads), "blazepose", threads),
        ]
        rows = []
        for people in arguments.people:
            rows += measure(candidates, people, arguments.repetitions)
    machine = f"{arguments.threads} threads on {os.cpu_count()} cores, {platform.machine()}"
    table = Table(title=f"2D front ends, {machine}, medians of {arguments.repetitions}")
    for column in ("", "people", "found", "detector ms", "keypoints ms", "frames/s"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for row in rows:
        table.add_row(
            row["name"],
            str(row["people"]),
            f"{row['people_found']:.1f}",
            f"{row['detector_ms']:.0f}",
            f"{row['keypoints_ms']:.0f}",
            f"{row['frames_per_second']:.1f}",
        )
    console.print(table)
    for name, reason in skipped.items():
        console.print(f"skipped: {name}: {reason}")
    if arguments.out is not None:
        import onnxruntime  # after mbcli, which keeps it from reporting its use

        facts = {"threads": arguments.threads, "onnxruntime": onnxruntime.__version__}
        content = facts | {"repetitions": arguments.repetitions, "rows": rows, "skipped": skipped}
        arguments.out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
