"""Peak memory of `mbcli infer` against the length of the video.

    python -m benchmarks.memory [--minutes 0.25 0.5 1] [--every 1] [--json memory.json]

The videos are ``examples/walk.mp4`` over and over, forward and backward in turn, so that people
stay where they are. Each run is a process of its own; its peak is what the system has recorded
(``peak_memory_mib`` of ``--json``). The result itself, the arrays in `pose.npz`, is told beside it:
what is beyond must not grow with the length. Looking at every frame of ten minutes takes about a
quarter of an hour; with ``--every 10`` as much is decoded, but less looked at and kept.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import chain, cycle, islice
from pathlib import Path

import numpy as np

from benchmarks.timing import arguments, show, write
from mbcli.video import VideoReader, write_video

EXAMPLE = Path(__file__).parent.parent / "examples" / "walk.mp4"
SIZE = 2**20  # bytes of a MiB


def looped(frames: int) -> Iterator[np.ndarray]:
    """The example forward and backward, again and again."""
    with VideoReader(EXAMPLE) as reader:
        pictures = [frame.image for frame in reader]
    return islice(cycle(chain(pictures, reversed(pictures))), frames)


def peak(video: Path, every: int) -> tuple[float, float]:
    """MiB at the peak, and MiB of the arrays in the result."""
    out = video.with_suffix(".npz")
    command = ["-m", "mbcli", "infer", str(video), "--out", str(out), "--every", str(every)]
    done = subprocess.run(
        [sys.executable, *command, "--overwrite", "--json", "--quiet"],
        capture_output=True,
        text=True,
        check=True,
    )
    with np.load(out, allow_pickle=False) as file:
        arrays = sum(file[name].nbytes for name in file.files)
    return json.loads(done.stdout)["peak_memory_mib"], arrays / SIZE


def main() -> int:
    """Run the benchmark."""
    parser = arguments(__doc__, rounds=1)
    parser.add_argument("--minutes", type=float, nargs="+", default=[0.25, 0.5, 1.0])
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for minutes in given.minutes:
            video = Path(folder) / "video.mp4"
            frames = round(30 * 60 * minutes)
            write_video(video, looped(frames), fps=30, overwrite=True)
            found = [peak(video, given.every) for _ in range(given.rounds)]
            row = {"minutes": minutes, "frames": frames, "result_mib": found[0][1]}
            rows.append(row | {"peak_mib": [high for high, _ in found]})
    show(
        "peak memory, MiB",
        ("minutes", "frames", "peak", "result"),
        [
            (
                f"{row['minutes']:g}",
                str(row["frames"]),
                f"{np.median(row['peak_mib']):.0f}",
                f"{row['result_mib']:.1f}",
            )
            for row in rows
        ],
    )
    write(given.json, {"every": given.every, "rows": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
