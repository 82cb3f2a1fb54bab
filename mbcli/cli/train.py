"""``mbcli pretrain`` and ``mbcli finetune``."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mbcli.cli.arguments import AsJson, Debug, Quiet
from mbcli.cli.guard import exit_codes
from mbcli.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

    from mbcli.train.meter import Progress, TrainingObserver
    from mbcli.train.tasks import Task

_EXTRA = (
    "h5py",
    "lightning_fabric",
    "matplotlib",
    "pydantic",
    "pytorch_metric_learning",
    "scipy",
    "tensorboard",
    "yaml",
)


Config = Annotated[
    Path,
    typer.Argument(
        show_default=False, help="YAML file, or the name of an example, such as lifter_tiny."
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SECTION.KEY=VALUE",
        show_default=False,
        help="Change a value of the configuration; repeatable.",
    ),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Resume from the last checkpoint in run.out.")
]


def pretrain(
    config: Config,
    changes: Changes = None,
    resume: Resume = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Train a DSTformer on corrupted 2D skeletons: from 3D recordings, 3D poses and videos."""
    with exit_codes(debug=debug, as_json=as_json):
        _need_extra()
        # Imported on use, to keep --help fast.
        from mbcli.train.tasks.table import pretraining

        _train(pretraining(config, changes or ()), resume=resume, quiet=quiet, as_json=as_json)


def finetune(
    config: Config,
    changes: Changes = None,
    resume: Resume = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Finetune a DSTformer: 3D pose, action classes, one-shot actions or body meshes."""
    with exit_codes(debug=debug, as_json=as_json):
        _need_extra()
        from mbcli.train.tasks.table import finetuning

        _train(finetuning(config, changes or ()), resume=resume, quiet=quiet, as_json=as_json)


def _train(task: Task, *, resume: bool, quiet: bool, as_json: bool) -> None:
    last: list[Progress] = []
    with _display(quiet=quiet) as observe:

        def remember(progress: Progress) -> None:
            last[:] = [progress]
            observe(progress)

        weights = _trained(task, resume, remember)
    if weights is None:
        return
    if as_json:
        validation = dict(last[0].validation) if last else {}
        document = {"ok": True, "weights": str(weights), "validation": validation}
        typer.echo(json.dumps(document))
    elif not quiet:
        typer.echo(f"weights: {weights}", err=True)


def _trained(task: Task, resume: bool, observe: TrainingObserver) -> Path | None:
    """Train; a run that is interrupted says what is saved and how to go on."""
    from mbcli.train.engine import train

    try:
        return train(task, resume=resume, observe=observe)
    except KeyboardInterrupt as error:
        if len(error.args) > 1:
            words = ["mbcli", *(word for word in sys.argv[1:] if word != "--resume"), "--resume"]
            typer.echo(f"{error.args[1]}; to resume: {shlex.join(words)}", err=True)
        raise


def _need_extra() -> None:
    from importlib.util import find_spec

    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"training needs the extra packages ({', '.join(missing)} missing): "
            "pip install 'mbcli[train]'"
        )


@contextmanager
def _display(*, quiet: bool) -> Iterator[TrainingObserver]:
    """A live panel on a terminal, elsewhere one line per report."""
    if quiet:
        yield lambda progress: None
        return
    start: list[tuple[float, int]] = []

    def time_left(progress: Progress) -> float:
        # Measured from the first report: the time before it is mostly start-up.
        now = time.monotonic()
        if not start:
            start.append((now, progress.step))
        since, first = start[0]
        done = progress.step - first
        return (now - since) / done * (progress.steps - progress.step) if done else 0.0

    if not sys.stderr.isatty():
        yield lambda progress: print(_line(progress, time_left(progress)), file=sys.stderr)
        return
    from rich.console import Console
    from rich.live import Live

    shown: dict[str, str] = {}  # the last figures on held-out data

    def panel(progress: Progress) -> Table:
        for name, value in progress.validation.items():
            shown[f"held out {name}"] = f"{value:.1f}"
        return _panel(progress, {**dict(_details(progress, time_left(progress))), **shown})

    with Live(console=Console(stderr=True), refresh_per_second=4) as live:
        yield lambda progress: live.update(panel(progress))


def _details(progress: Progress, left: float) -> list[tuple[str, str]]:
    details = [
        ("step", f"{progress.step} of {progress.steps}"),
        ("epoch", f"{progress.epoch:.2f}"),
        ("loss", f"{progress.loss:.4f}"),
        *((name, f"{value:.4f}") for name, value in progress.parts.items()),
        ("clips/s", f"{progress.clips_per_second:.1f}"),
        ("data wait", f"{progress.data_share:.0%}"),
        ("left", f"{left / 60:.0f} min" if left else "?"),
    ]
    return details + [(f"held out {k}", f"{v:.1f}") for k, v in progress.validation.items()]


def _line(progress: Progress, left: float) -> str:
    return "  ".join(f"{name} {value}" for name, value in _details(progress, left))


def _panel(progress: Progress, details: Mapping[str, str]) -> Table:
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_row("", ProgressBar(total=progress.steps, completed=progress.step, width=40))
    for name, value in details.items():
        table.add_row(name, value)
    return table
