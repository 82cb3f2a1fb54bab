"""Peak memory of `mbcli infer` against the length of the video: it grows by the result alone.

    python -m benchmarks.memory [--minutes 1 10 60] [--json memory.json]

The footage is the beginning of ``examples/walk.mp4`` at 320x180, forward and backward again and
again, so that people stay from the first frame to the last: the worst case, since what is computed
person by person is largest then. It is decoded, tracked, repaired, lifted, placed and written as by
the command. The 2D stage alone is shortened, or an hour would take hours: MoveNet looks at the
first second, and what it has found there is repeated, moved a little, for the rest. It holds
nothing from frame to frame that would grow.

Each length runs in a process of its own, which samples its resident memory. The result is the
arrays of the `Motion3D`. Linux only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from benchmarks.timing import show, write
from mbcli.motion import save_motion
from mbcli.options import InferOptions
from mbcli.pipeline import Pipeline
from mbcli.pose2d import BACKENDS, Pose2DOptions
from mbcli.pose2d.movenet import MoveNet
from mbcli.spans import PerPerson
from mbcli.tracks.source import kept_beside
from mbcli.types import Frame, FramePoses
from mbcli.video import VideoReader, write_video

EXAMPLE = Path(__file__).parent.parent / "examples" / "walk.mp4"
SIZE, ONE_WAY = (320, 180), 16  # pixels; frames, forward and backward a second
PERIOD = 2 * ONE_WAY - 2  # frames, forward and backward
EVERY = 0.02  # seconds between samples
PAGE, MIB = 4096, 2**20  # bytes


class Repeated:
    """MoveNet in the first period; afterwards what it saw then, moved by up to a pixel."""

    def __init__(self, options: Pose2DOptions) -> None:
        self._net = MoveNet(threads=options.threads)
        self.name, self.skeleton = self._net.name, self._net.skeleton
        self.weights, self.metadata = self._net.weights, self._net.metadata
        self.state, self.resume, self.close = self._net.state, self._net.resume, self._net.close
        self._first: list[FramePoses] = []

    def __call__(self, frame: Frame) -> FramePoses:
        """The people in a frame."""
        if frame.index < PERIOD:
            self._first.append(self._net(frame))
            return self._first[-1]
        seen = self._first[frame.index % PERIOD]
        keypoints = np.array(seen.keypoints)
        keypoints[..., :2] += np.random.default_rng(frame.index).uniform(-0.5, 0.5, 2)
        return replace(seen, index=frame.index, time=frame.time, keypoints=keypoints)


def footage(path: Path, period: Path, minutes: float) -> None:
    """The packets of a period, one after the other."""
    with av.open(str(period)) as source, av.open(str(path), "w") as out:
        stream = source.streams.video[0]
        copy = out.add_stream_from_template(stream)
        packets = [p for p in source.demux(stream) if p.size]
        step = sum(p.duration or 0 for p in packets)
        rate = float(stream.average_rate or 30)
        for number in range(round(minutes * 60 * rate / PERIOD)):
            source.seek(0)
            for packet in source.demux(stream):
                if packet.size and packet.pts is not None and packet.dts is not None:
                    packet.pts, packet.dts = packet.pts + number * step, packet.dts + number * step
                    packet.stream = copy
                    out.mux(packet)


def period_of(path: Path) -> None:
    """The beginning of the example, forward and backward."""
    with VideoReader(EXAMPLE) as reader:
        pictures = [
            np.asarray(cv2.resize(frame.image, SIZE, interpolation=cv2.INTER_AREA), np.uint8)
            for frame, _ in zip(reader, range(ONE_WAY), strict=False)
        ]
    write_video(path, [*pictures, *pictures[-2:0:-1]], fps=30)


@contextmanager
def sampled(peaks: dict[str, float], stage: list[str]) -> Iterator[None]:
    """Note the largest resident memory in MiB of each stage."""
    over = threading.Event()

    def sample() -> None:
        while not over.wait(EVERY):
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            peaks[stage[0]] = max(peaks.get(stage[0], 0.0), pages * PAGE / MIB)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def arrays(*owners: Any) -> float:
    """MiB of the arrays of results."""
    values = [value for owner in owners for value in vars(owner).values()]
    held = {id(v): v.rows.nbytes for v in values if isinstance(v, PerPerson)}
    held |= {id(v): v.nbytes for v in values if isinstance(v, np.ndarray)}
    return sum(held.values()) / MIB


def measured(video: Path) -> dict[str, Any]:
    """Infer a video in this process."""
    BACKENDS["movenet"] = Repeated
    options = InferOptions(pose2d="movenet")
    pipeline = Pipeline(options)
    pipeline.load()
    peaks: dict[str, float] = {}
    stage = ["loaded"]

    def observer(name: str, done: int, total: int | None) -> None:
        stage[0] = name
        if name == "pose2d" and done == total:
            stage[0] = "tracks and repair"

    target = video.with_suffix(".npz")
    began = time.perf_counter()
    with sampled(peaks, stage):
        time.sleep(5 * EVERY)
        with kept_beside(target, video, options) as work:
            motion, report = pipeline.run(video, observer, work=work)
            stage[0] = "write"
            save_motion(target, motion)
    return {
        "frames": report.frames,
        "people": report.people,
        "seconds": time.perf_counter() - began,
        "result": arrays(motion, motion.keypoints),
        "peaks": peaks,
        "peak": max(peaks.values()),
    }


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 10, 60])
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--of", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.of is not None:
        print(json.dumps(measured(given.of)))
        return 0
    runs = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        period_of(folder / "period.mp4")
        for minutes in given.minutes:
            video = folder / f"{minutes:g}.mp4"
            footage(video, folder / "period.mp4", minutes)
            command = [sys.executable, "-m", "benchmarks.memory", "--of", str(video)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            runs[f"{minutes:g}"] = json.loads(done.stdout.splitlines()[-1])
    stages = list(next(iter(runs.values()))["peaks"])
    show(
        "peak memory in MiB",
        ("minutes", "frames", "people", "result", "peak", "beyond it", *stages),
        [
            (
                minutes,
                str(run["frames"]),
                str(run["people"]),
                f"{run['result']:.0f}",
                f"{run['peak']:.0f}",
                f"{run['peak'] - run['result']:.0f}",
                *(f"{run['peaks'].get(stage, 0):.0f}" for stage in stages),
            )
            for minutes, run in runs.items()
        ],
    )
    write(given.json, {"runs": runs})
    return 0


if __name__ == "__main__":
    sys.exit(main())
