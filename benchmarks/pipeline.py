"""Frames per second of `mbcli infer`, stage by stage, beside the bare calls of its networks.

    python -m benchmarks.pipeline [--people 1 5] [--frames 90] [--rounds 5] [--json pipeline.json]

The scene: the walker of ``examples/walk.mp4``, or five copies, on grey, as H.264 at 30 frames a
second, in 1280x720 and 1920x1080. The networks are loaded before. In every round each scene is run
once and then the bare calls: as many calls of each network as that run made, on inputs of the same
shapes, one after the other and nothing else. All take turns; medians and quartiles.

MMPose's chain is that of its demonstration: RTMDet-m and RTMPose-m in every frame, eager, with
random weights (the time does not depend on the values) and given boxes. It is measured on a few
frames, without decoding, tracking and lifting. Without the extra ``mmpose`` it is left out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np

from benchmarks.pose2d import EXAMPLE, MODELS, eager_mmpose, given_boxes, random_models, scene
from benchmarks.timing import arguments, seconds, show, spread, told, write
from mbcli.errors import MbcliError
from mbcli.lift.runtime import Network
from mbcli.options import InferOptions
from mbcli.pipeline import Pipeline
from mbcli.pose2d.onnx_session import OnnxModel
from mbcli.report import InferReport
from mbcli.video import VideoReader, write_video

SIZES = ((1280, 720), (1920, 1080))
# Where the walker is in the example: the middle of the box in frame 0 and each frame's step to the
# left, its width, and the upper and lower edge; and the places of the copies, in 1280x720.
FROM, STEP, WIDTH, ABOVE, BELOW = 1047, 6.95, 280, 350, 710
PLACES = ((500, 180), (20, 0), (930, 0), (20, 360), (930, 360))
MMPOSE_FRAMES = 3

Run = Callable[[Any], Any]
Shapes = Counter[tuple[int, tuple[int, ...]]]


def film(path: Path, people: int, size: tuple[int, int], frames: int) -> None:
    """The walker several times over, on grey; walking on the spot."""

    def pictures() -> Iterator[np.ndarray]:
        with VideoReader(EXAMPLE) as reader:
            for frame, number in zip(reader, range(frames), strict=False):
                left = round(FROM - STEP * number) - WIDTH // 2
                walker = frame.image[ABOVE:BELOW, left : left + WIDTH]
                picture = np.full((720, 1280, 3), 128, np.uint8)
                for x, y in PLACES[:people]:
                    picture[y : y + BELOW - ABOVE, x : x + WIDTH] = walker
                yield np.asarray(cv2.resize(picture, size), np.uint8)

    write_video(path, pictures(), fps=30)


class Calls:
    """Counts calls of the networks, and makes as many again on equal inputs."""

    def __init__(self) -> None:
        self._counts: Shapes = Counter()
        self._again: dict[tuple[int, tuple[int, ...]], Callable[[], Any]] = {}
        self._names: dict[int, str] = {}

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count the calls within."""
        self._counts.clear()

        def counting(original: Any) -> Any:
            def call(network: Any, batch: Any) -> Any:
                key = id(network), batch.shape
                self._counts[key] += 1
                if key not in self._again:
                    self._again[key] = partial(original, network, batch.copy())
                    path = getattr(network, "path", None)
                    self._names[id(network)] = "lifter" if path is None else path.stem
                return original(network, batch)

            return call

        with (
            mock.patch.object(OnnxModel, "__call__", counting(OnnxModel.__call__)),
            mock.patch.object(Network, "_run", counting(Network._run)),
        ):
            yield

    def again(self) -> None:
        """Make the calls that were counted last, and nothing else."""
        for key, count in self._counts.items():
            for _ in range(count):
                self._again[key]()

    @property
    def by_network(self) -> dict[str, int]:
        """How many there were."""
        total: Counter[str] = Counter()
        for (network, _), count in self._counts.items():
            total[self._names[network]] += count
        return dict(total)


def of_mmpose(folder: Path, people: int) -> Callable[[], None]:
    """MMPose's own chain over a few frames.

    Raises:
        MbcliError, ImportError: the extra mmpose is not installed.
    """
    from mbcli.pose2d.openmmlab import prepare

    prepare()
    _, det_config, _, pose_config = MODELS["balanced"]
    random_models(det_config, pose_config, folder)
    front_end = eager_mmpose(det_config, pose_config, folder, None)
    pictures, boxes = [f.image for f in scene(people)[:MMPOSE_FRAMES]], given_boxes(people)

    def chain() -> None:
        for picture in pictures:
            front_end._detect(picture)
            front_end._locate(picture, boxes)

    return chain


def measure(
    people: int, size: tuple[int, int], given: argparse.Namespace, pipeline: Pipeline, folder: Path
) -> dict[str, Any]:
    """One scene: whole runs and bare calls in turn."""
    clip = folder / f"{people}_{size[1]}.mp4"
    film(clip, people, size, given.frames)
    calls = Calls()
    reports: list[InferReport] = []
    bare: list[float] = []
    with calls.counted():
        motion, _ = pipeline.run(clip)
    for _ in range(given.rounds):
        reports.append(pipeline.run(clip)[1])
        bare.append(seconds(calls.again))
    frames = len(motion.timestamps)
    stages = {
        stage.name: spread([1000 * r.stages[number].seconds / frames for r in reports])
        for number, stage in enumerate(reports[0].stages)
    }
    return {
        "people": people,
        "size": size,
        "frames": frames,
        "people_found": len(motion.track_ids),
        "calls": calls.by_network,
        "ms_per_frame": spread([1000 * r.seconds / frames for r in reports]),
        "bare_ms_per_frame": spread([1000 * s / frames for s in bare]),
        "speed_of_bare_calls": spread([b / r.seconds for b, r in zip(bare, reports, strict=True)]),
        "stages_ms_per_frame": stages,
    }


def main() -> int:
    """Run the benchmark."""
    parser = arguments(__doc__, rounds=5)
    parser.add_argument("--people", type=int, nargs="+", default=[1, 5], choices=range(1, 6))
    parser.add_argument("--frames", type=int, default=90)
    given = parser.parse_args()
    rows, mmpose, skipped = [], {}, ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pipeline = Pipeline(InferOptions(pose2d="movenet"))
        for people in given.people:
            rows += [measure(people, size, given, pipeline, folder) for size in SIZES]
            try:
                chain = of_mmpose(folder, people)
            except (ImportError, MbcliError) as error:
                skipped = str(error)
                continue
            chain()
            taken = [1000 * seconds(chain) / MMPOSE_FRAMES for _ in range(given.rounds)]
            mmpose[people] = spread(taken)
    columns = [f"{r['people']}, {r['size'][1]}p" for r in rows]
    lines = [
        ("whole run", *(told(r["ms_per_frame"], 1) for r in rows)),
        ("bare calls", *(told(r["bare_ms_per_frame"], 1) for r in rows)),
        ("of their speed", *(told(r["speed_of_bare_calls"]) for r in rows)),
    ]
    lines += [
        (stage, *(told(r["stages_ms_per_frame"][stage], 1) for r in rows))
        for stage in rows[0]["stages_ms_per_frame"]
    ]
    if mmpose:
        lines.append(("MMPose's chain, eager, 720p", *(told(mmpose[r["people"]], 0) for r in rows)))
    show(f"ms a frame, people and size; medians of {given.rounds} rounds", ("", *columns), lines)
    if skipped:
        print(f"MMPose's chain is left out: {skipped}")
    ratios = {
        people: chain["median"] / row["ms_per_frame"]["median"]
        for people, chain in mmpose.items()
        for row in rows
        if row["people"] == people and row["size"] == SIZES[0]
    }
    facts = {"scenes": rows, "mmpose_ms_per_frame": mmpose, "times_as_fast_as_mmpose": ratios}
    write(given.json, {"rounds": given.rounds, **facts})
    return 0


if __name__ == "__main__":
    sys.exit(main())
