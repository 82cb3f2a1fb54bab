"""How fast a motion is drawn: `mbcli render` beside a Matplotlib figure a frame, in one run.

    python -m benchmarks.render [POSE.npz] [--video VIDEO] [--rounds 5] [--json render.json]

Without POSE.npz a person walks across the example video. Both draw the same stretch of one person
at the same size into H.264: the video's picture with the skeleton on the left, the skeleton in
space on the right. Matplotlib does it as usual: one figure, whose lines get new numbers for each
frame, `fig.canvas.draw`, the pixels to FFmpeg with the same encoder settings. They take turns;
medians over the rounds. Other layouts of `mbcli render` follow, and its peak memory over a clip
and over ten times as many frames, each in a process of its own. What it needs in processor time is
told too: on a busy machine the time on the wall tells of the neighbours.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from rich.console import Console
from rich.table import Table

from mbcli.camera import camera_from
from mbcli.motion import Motion3D, load_motion, save_motion
from mbcli.show.drawing.files import render
from mbcli.show.drawing.options import RenderOptions
from mbcli.skeleton import H36M17
from mbcli.types import Keypoints2D
from mbcli.video import VideoReader, write_video

EXAMPLE = Path(__file__).parent.parent / "examples" / "walk.mp4"
LAYOUTS: dict[str, RenderOptions] = {
    "side by side": RenderOptions(),
    "overlay": RenderOptions(layout="overlay"),
    "3D": RenderOptions(layout="3d"),
    "3D, orbit": RenderOptions(layout="3d", camera="orbit"),
    "grid": RenderOptions(layout="grid"),
}
# The peak since the process began: resource.getrusage would tell that of its parent if higher.
MEMORY = """
import re, sys
from pathlib import Path
from mbcli.show.drawing.files import render
from mbcli.show.drawing.options import RenderOptions
from mbcli.motion import load_motion
render(load_motion(sys.argv[1]), sys.argv[2], options=RenderOptions(layout="3d"), overwrite=True)
print(int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024)
"""


def strolling(frames: int, size: tuple[int, int], fps: float) -> Motion3D:
    """Somebody who swings arms and legs while crossing the picture."""
    phase = np.arange(frames) / fps * 2 * np.pi
    body = np.zeros((frames, 17, 3))
    heights = {"knee": 0.43, "ankle": 0.85, "shoulder": -0.5, "elbow": -0.22, "wrist": 0.03}
    for number, joint in enumerate(H36M17.joints):
        side, _, part = joint.rpartition("_")
        sign = {"left": 1.0, "right": -1.0, "": 0.0}[side]
        body[:, number, 0] = 0.12 * sign
        body[:, number, 1] = {**heights, "spine": -0.25, "thorax": -0.5, "nose": -0.6}.get(
            part, -0.72 if part == "head" else 0.0
        )
        if part in ("knee", "ankle", "elbow", "wrist"):
            swing = 0.5 if part in ("ankle", "wrist") else 0.2
            body[:, number, 2] = swing * sign * np.sin(phase) * (-1 if part == "wrist" else 1)
    root = np.stack([np.linspace(-1.5, 1.5, frames), 0 * phase, 4 + 0 * phase], axis=-1)
    places = body + root[:, None]
    pixels = max(size) * places[..., :2] / places[..., 2:] + np.array(size) / 2
    confidence = np.full((frames, 1, 17), 0.9)
    keypoints = Keypoints2D(
        data=np.concatenate([pixels[:, None], confidence[..., None]], axis=-1),
        skeleton=H36M17,
        fps=fps,
        timestamps=np.arange(frames) / fps,
        size=size,
        track_ids=np.array([1]),
        boxes=np.full((frames, 1, 4), np.nan),
        frame_index=np.arange(frames),
    )
    camera = camera_from(size, focal=float(max(size)), frames=frames)
    return Motion3D(body[:, None], root[:, None], body[:, None], confidence, keypoints, camera)


def with_matplotlib(motion: Motion3D, video: Path, out: Path) -> None:
    """The picture of `mbcli render --layout side`, drawn by Matplotlib."""
    from matplotlib import pyplot as plt

    width, height = motion.keypoints.size
    figure = plt.figure(figsize=((width + height) / 100, height / 100), dpi=100)
    canvas: Any = figure.canvas  # Agg's, which publishes no types
    left = figure.add_axes((0, 0, width / (width + height), 1))
    beside = (width / (width + height), 0, height / (width + height), 1)
    space = figure.add_axes(beside, projection="3d")
    left.set_axis_off()
    shown = left.imshow(np.zeros((height, width, 3), np.uint8), aspect="auto")
    bones = H36M17.bones
    flat = [left.plot([], [], lw=4)[0] for _ in bones]
    deep: list[Any] = [space.plot([], [], [], lw=4)[0] for _ in bones]  # Line3D
    bodies = motion.in_camera[:, 0]
    low, high = bodies.min(axis=(0, 1)), bodies.max(axis=(0, 1))
    space.set(xlim=(low[0], high[0]), ylim=(low[2], high[2]), zlim=(-high[1], -low[1]))
    title = figure.text(0.01, 0.96, "")

    def frames() -> Iterator[np.ndarray]:
        with VideoReader(video) as reader:
            for row, frame in enumerate(reader):
                if row >= len(bodies):
                    return
                shown.set_data(frame.image)
                points, body = motion.keypoints.data[row, 0], bodies[row]
                for line, solid, (a, b) in zip(flat, deep, bones, strict=True):
                    line.set_data(points[[a, b], 0], points[[a, b], 1])
                    solid.set_data_3d(body[[a, b], 0], body[[a, b], 2], -body[[a, b], 1])
                title.set_text(f"frame {row}   {frame.time:.2f} s")
                canvas.draw()
                yield np.asarray(canvas.buffer_rgba())[..., :3].copy()

    write_video(out, frames(), fps=motion.fps)
    plt.close(figure)


def timed(work: Callable[[], object], frames: int) -> tuple[float, float]:
    """Frames a second on the wall, and milliseconds of processor time a frame."""
    before, began = os.times(), time.perf_counter()
    work()
    seconds, after = time.perf_counter() - began, os.times()
    busy = after.user + after.system - before.user - before.system
    return frames / seconds, 1000 * busy / frames


def peak_memory(motion: Motion3D, folder: Path) -> float:
    """MiB that a process takes to draw a motion in 3D."""
    pose = folder / "memory.npz"
    save_motion(pose, motion, overwrite=True)
    command = [sys.executable, "-c", MEMORY, str(pose), str(folder / "memory.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pose", type=Path, nargs="?")
    parser.add_argument("--video", type=Path, default=EXAMPLE)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--cores", type=int, default=2, help="of those that may be used")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    mpl.use("Agg")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given.cores])
    with VideoReader(given.video) as reader:
        size, fps = reader.info.size, reader.fps
    motion = strolling(given.frames, size, fps) if given.pose is None else load_motion(given.pose)
    who = motion.track_ids[:1].tolist()
    frames = len(motion.timestamps)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def ours(options: RenderOptions) -> Callable[[], object]:
            chosen = replace(options, person=",".join(map(str, who)))
            out = folder / "ours.mp4"
            return lambda: render(motion, out, video=given.video, options=chosen, overwrite=True)

        theirs = folder / "theirs.mp4"
        works: dict[str, Callable[[], object]] = {
            "Matplotlib, one figure per frame": lambda: with_matplotlib(
                motion, given.video, theirs
            ),
            **{f"mbcli render, {name}": ours(options) for name, options in LAYOUTS.items()},
        }
        rounds = [
            {name: timed(work, frames) for name, work in works.items()} for _ in range(given.rounds)
        ]
        short = strolling(300, size, fps)
        memory = {}
        if sys.platform == "linux":
            for length, clip in ((300, short), (3000, _longer(short, 10))):
                memory[length] = round(peak_memory(clip, folder))
    table = Table("", "frames/s", "ms of processor a frame", title=f"{size[0]}x{size[1]}")
    rows = {}
    for name in works:
        pace, busy = (statistics.median(r[name][k] for r in rounds) for k in (0, 1))
        rows[name] = {"frames_per_second": round(pace, 1), "cpu_ms_per_frame": round(busy, 1)}
        table.add_row(name, f"{pace:.1f}", f"{busy:.1f}")
    console = Console()
    console.print(table)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    console.print(f"load of the machine at the end: {load}; peak memory (MiB) by frames: {memory}")
    if given.json is not None:
        facts = {"size": size, "frames": frames, "load": load, "rows": rows, "memory_mib": memory}
        given.json.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return 0


def _longer(motion: Motion3D, times: int) -> Motion3D:
    """The motion over and over."""
    frames = times * len(motion.timestamps)
    return replace(
        motion,
        positions=np.tile(motion.positions, (times, 1, 1, 1)),
        root=np.tile(motion.root, (times, 1, 1)),
        positions_normalized=np.tile(motion.positions_normalized, (times, 1, 1, 1)),
        confidence=np.tile(motion.confidence, (times, 1, 1)),
        keypoints=replace(
            motion.keypoints,
            data=np.tile(motion.keypoints.data, (times, 1, 1, 1)),
            boxes=np.tile(motion.keypoints.boxes, (times, 1, 1)),
            timestamps=np.arange(frames) / motion.fps,
            frame_index=np.arange(frames),
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
