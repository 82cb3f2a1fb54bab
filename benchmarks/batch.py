"""Videos per hour of `mbcli infer` over a folder, against the number of processes.

    python -m benchmarks.batch [--jobs 1 2 4] [--videos 8] [--rounds 3] [--json batch.json]

The videos are pieces of ``examples/walk.mp4`` of one second, so that start-up counts for much: each
process loads the networks once. Every run is a process of its own and begins from nothing. All
take turns; medians and quartiles of the time on the wall, and the videos per hour that follow.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from benchmarks.timing import arguments, in_turn, show, spread, told, write
from mbcli.cores import cores
from mbcli.video import VideoReader, write_video

EXAMPLE = Path(__file__).parent.parent / "examples" / "walk.mp4"
FRAMES = 30


def main() -> int:
    """Run the benchmark."""
    parser = arguments(__doc__, rounds=3)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--videos", type=int, default=8)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with VideoReader(EXAMPLE) as reader:
            pictures = [frame.image for frame in islice(reader, FRAMES)]
            for number in range(given.videos):
                write_video(folder / f"{number:02d}.mp4", iter(pictures), fps=reader.fps)

        def run(jobs: int) -> Callable[[], object]:
            command = ["-m", "mbcli", "infer", str(folder), "--overwrite", "--quiet"]
            return lambda: subprocess.run(
                [sys.executable, *command, "--jobs", str(jobs)], check=True, capture_output=True
            )

        times = in_turn({str(jobs): run(jobs) for jobs in given.jobs}, given.rounds)
        made = len(list(folder.glob("*.npz")))
    assert made == given.videos, made
    figures = {jobs: spread(values) for jobs, values in times.items()}
    pace = {jobs: 3600 * given.videos / figure["median"] for jobs, figure in figures.items()}
    show(
        f"{given.videos} videos of {FRAMES} frames, {cores()} cores",
        ("--jobs", "seconds", "videos per hour"),
        [(jobs, told(figure), f"{pace[jobs]:.0f}") for jobs, figure in figures.items()],
    )
    facts = {"videos": given.videos, "frames": FRAMES, "usable_cores": cores()}
    write(
        given.json,
        {"rounds": given.rounds, **facts, "seconds": figures, "videos_per_hour": pace},
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
