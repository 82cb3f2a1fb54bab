"""How near the lifted poses come to the truth, beside the trivial answers and BlazePose.

    python -m benchmarks.accuracy [--multiview FOLDER] [--store STORE] [--people NAME ...]
                               [--weights NAME|PATH ...] [--blazepose PYTHON] [--out FOLDER]

Real video: FOLDER holds one video per camera and ``Calib.qca.txt``. A man is triangulated from our
own 2D stage, and each view is lifted alone. Held-out recordings: STORE is a clip store; people
who were kept from the training are filmed by virtual cameras. `figures` defines what is told.

PYTHON is an interpreter with ``mediapipe==0.10.14``; see ``blazepose.py``. Into the folder of
``--out`` go ``accuracy.json``, ``accuracy.html`` and BlazePose's landmarks, which a later run
takes from there. Needs ``mbcli[train]``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.accuracy.compare import Answer, blazepose, measure, ours, trivial
from benchmarks.accuracy.figures import Figures
from benchmarks.accuracy.footage import Footage, read_footage
from benchmarks.accuracy.heldout import SUBJECTS, training_mean
from benchmarks.accuracy.page import Page
from benchmarks.accuracy.people import PICTURED, HeldOut, measure_people
from benchmarks.accuracy.pictures import (
    error_curves,
    over_reference,
    reprojected,
    worst_frames,
    worst_pieces,
)
from benchmarks.accuracy.place import Place
from benchmarks.accuracy.rows import (
    Rows,
    as_json,
    footage_rows,
    people_rows,
    place_rows,
    reference_rows,
)
from mbcli.data.stores.store import ClipStore
from mbcli.errors import ConfigError, MbcliError
from mbcli.storage.output import written_whole


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--multiview", type=Path, help="folder of calibrated videos")
    parser.add_argument("--store", type=Path, help="clip store with the held-out people")
    parser.add_argument("--people", nargs="+", default=list(SUBJECTS), help="held-out people")
    parser.add_argument("--weights", nargs="+", default=["mbcli-lifter"], help="name or path")
    parser.add_argument("--blazepose", metavar="PYTHON", help="interpreter with mediapipe")
    parser.add_argument("--cameras", type=int, default=4, help="for each held-out recording")
    parser.add_argument("--every", type=int, default=1, help="measure every n-th held-out piece")
    parser.add_argument("--out", type=Path, help="folder for JSON, page and landmarks")
    return parser.parse_args()


def _show(console: Console, rows: Rows) -> None:
    table = Table(title=rows.title, title_justify="left")
    for number, name in enumerate(rows.head):
        table.add_column(name, justify="right" if number else "left")
    for row in rows.body:
        table.add_row(*row)
    console.print(table)


def _pictures(
    page: Page, footage: Footage, answers: dict[str, Answer], first: str
) -> list[tuple[int, int, float]]:
    """The pictures of the footage; says which frames are worst."""
    page.heading("The reference over the views")
    page.picture(reprojected(footage), "Blue is what the 2D stage says of the view.")
    page.heading("Lifted over reference")
    page.picture(over_reference(footage, answers[first]), f"{first}; one similarity for the clip.")
    page.heading("Errors over time")
    shown = {n: a for n, a in answers.items() if not n.endswith(("assumed", "mean pose"))}
    page.picture(error_curves(footage, shown), "P-MPJPE frame by frame.")
    page.heading("The worst ten frames")
    picture, worst = worst_frames(footage, answers[first])
    page.picture(picture, f"{first}; each frame aligned.")
    return worst


def _run(arguments: argparse.Namespace, console: Console) -> None:
    if arguments.multiview is None and arguments.store is None:
        raise ConfigError("there must be something to measure on: --multiview, --store or both")
    if arguments.blazepose and arguments.out is None:
        raise ConfigError("--blazepose must come with --out, where its landmarks are kept")
    if arguments.cameras < 1 or arguments.every < 1:
        raise ConfigError("--cameras and --every must be at least 1")
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
    store = None if arguments.store is None else ClipStore.open(arguments.store)
    mean = None if store is None else training_mean(store, arguments.people)
    page = Page("How near the lifted poses come to the truth")
    tables: list[Rows] = []
    footage: Footage | None = None
    measured: dict[str, list[Figures]] = {}
    places: dict[str, list[Place]] = {}
    worst: list[tuple[int, int, float]] = []
    found: HeldOut | None = None

    if arguments.multiview is not None:
        footage = read_footage(arguments.multiview)
        answers: dict[str, Answer] = {}
        for weights in arguments.weights:
            mine, sizes = ours(footage, weights)
            answers |= mine
            places |= sizes
        first = next(iter(answers))
        if arguments.blazepose:
            answers |= blazepose(footage, arguments.blazepose, arguments.out)
        answers |= trivial(footage, mean)
        measured = measure(footage, answers)
        tables = [
            reference_rows(footage.quality),
            *footage_rows(measured),
            place_rows(places),
        ]
        page.heading("Real video")
        page.tables(tables)
        worst = _pictures(page, footage, answers, first)
    if store is not None:
        assert mean is not None
        found = measure_people(
            store,
            arguments.weights,
            mean,
            people=arguments.people,
            cameras=arguments.cameras,
            every=arguments.every,
        )
        rows = people_rows(found, f"{Path(arguments.weights[0]).stem}, {PICTURED}")
        tables += rows
        page.heading("Held-out people")
        page.tables(rows)
        page.picture(worst_pieces(found.worst, PICTURED), "The worst ten pieces, noisy 2D.")
    for rows_ in tables:
        _show(console, rows_)
    if arguments.out is not None:
        quality = None if footage is None else footage.quality
        document = as_json(quality, measured, places, found, worst)
        for name, text in (
            ("accuracy.json", json.dumps(document, indent=2) + "\n"),
            ("accuracy.html", page.text()),
        ):
            with written_whole(arguments.out / name, overwrite=True) as part:
                part.write_text(text, encoding="utf-8")


def main() -> int:
    """Run the benchmark; 1 if it cannot be run."""
    try:
        _run(_arguments(), Console(width=None if sys.stdout.isatty() else 200))
    except MbcliError as error:
        print(f"accuracy: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
