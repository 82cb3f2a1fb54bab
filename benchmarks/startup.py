"""How long commands take to start, each in a process of its own.

    python -m benchmarks.startup [--rounds 7] [--json startup.json]

Bare Python with an empty Typer command, beside `mbcli --help`, `--version` and a usage error; and
`mbcli infer` of three frames, whose time is nearly all start-up: imports, checking and loading
networks. They take turns; medians and quartiles of the time on the wall. The slowest imports of the
last command follow, by Python's own clock (``-X importtime``): those of threads overlap with
others.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from benchmarks.timing import arguments, in_turn, show, spread, told, write
from mbcli.video import VideoReader, write_video

EXAMPLE = Path(__file__).parent.parent / "examples" / "walk.mp4"
FRAMES = 3
BARE = "bare Python with Typer"
SHOWN = 12  # slowest packages


def run(*command: str) -> str:
    """What a command writes to its standard error; it may fail."""
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False
    ).stderr


def packages(log: str) -> dict[str, float]:
    """Seconds that each package's modules took themselves, slowest first."""
    spent: Counter[str] = Counter()
    for own, module in re.findall(r"import time:\s*(\d+) \|\s*\d+ \|\s*(\S+)", log):
        spent[module.partition(".")[0]] += int(own)
    return {name: micro / 1e6 for name, micro in spent.most_common(SHOWN)}


def main() -> int:
    """Run the benchmark."""
    given = arguments(__doc__, rounds=7).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip, out = Path(folder) / "clip.mp4", Path(folder) / "clip.npz"
        with VideoReader(EXAMPLE) as reader:
            write_video(clip, (f.image for f in islice(reader, FRAMES)), fps=reader.fps)
        infer = ("-m", "mbcli", "infer", str(clip), "--out", str(out), "--overwrite", "--quiet")
        commands: dict[str, tuple[str, ...]] = {
            BARE: ("-c", "import typer; typer.run(lambda: None)"),
            "mbcli --help": ("-m", "mbcli", "--help"),
            "mbcli --version": ("-m", "mbcli", "--version"),
            "usage error": ("-m", "mbcli", "infer", "--unknown"),
            f"mbcli infer, {FRAMES} frames": infer,
        }

        def started(command: tuple[str, ...]) -> Callable[[], object]:
            return lambda: run(*command)

        times = in_turn({n: started(c) for n, c in commands.items()}, given.rounds)
        if not out.exists():
            raise SystemExit(run(*infer))
        imports = packages(run("-X", "importtime", *infer))
    figures = {name: spread(values) for name, values in times.items()}
    bare = figures[BARE]["median"]
    show(
        f"start-up, seconds: median (quartiles) of {given.rounds} rounds",
        ("", "seconds", "above bare"),
        [(n, told(f), f"{f['median'] - bare:.2f}") for n, f in figures.items()],
    )
    show(
        "imports of mbcli infer",
        ("package", "seconds"),
        [(name, f"{taken:.2f}") for name, taken in imports.items()],
    )
    write(given.json, {"rounds": given.rounds, "seconds": figures, "imports": imports})
    return 0


if __name__ == "__main__":
    sys.exit(main())
