"""``mbcli evaluate``: the errors of a lifter against ground truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mbcli.cli.arguments import AsJson, Debug, Device, Overwrite, Quiet, output
from mbcli.cli.guard import exit_codes
from mbcli.errors import ConfigError, OutputError

if TYPE_CHECKING:
    from mbcli.cli.screen import Screen
    from mbcli.evaluate.figures import Evaluation, Figures
    from mbcli.lift.lifter import Lifter

_LIFTER = "Lifting"
_COLUMNS = {
    "MPJPE": "mpjpe",
    "P-MPJPE": "p_mpjpe",
    "N-MPJPE": "n_mpjpe",
    "MPJVE": "mpjve",
    "accel": "acceleration",
    "PCK": "pck",
    "AUC": "auc",
}


def evaluate(
    weights: Annotated[
        str,
        typer.Argument(
            show_default=False, help="A lifter: a name from mbcli weights list, or a file."
        ),
    ],
    store: Annotated[
        Path,
        typer.Argument(
            show_default=False,
            help="Sequence store with ground truth, or a clip store, which is filmed by four "
            "virtual cameras; see mbcli data import.",
        ),
    ],
    protocol: Annotated[
        Literal["h36m", "plain"],
        typer.Option(
            help="h36m: as published, with clips side by side, three blocked videos left out, mean "
            "over actions. plain: every frame, lifted as in videos, mean over frames."
        ),
    ] = "plain",
    split: Annotated[
        list[str] | None,
        typer.Option(
            metavar="test|val|train|none",
            show_default="test; of clips all",
            help="Split of the store to evaluate; repeatable.",
        ),
    ] = None,
    source: Annotated[
        Literal["detected", "projected"] | None,
        typer.Option(
            "--input",
            show_default="from the weights' metadata, or detected",
            help="2D input: the store's keypoints, or the projected ground truth (published: "
            "gt_2d).",
            rich_help_panel=_LIFTER,
        ),
    ] = None,
    window: Annotated[
        Literal["image", "crop"] | None,
        typer.Option(
            show_default="from the weights' metadata; image for published weights with h36m, "
            "else crop",
            help="Input window: the whole picture, or the square around the person.",
            rich_help_panel=_LIFTER,
        ),
    ] = None,
    root_relative: Annotated[
        bool | None,
        typer.Option(
            "--root-relative/--no-root-relative",
            show_default="from the weights' metadata, or off",
            help="Published rootrel: set the pelvis to 0, whatever the network predicts.",
            rich_help_panel=_LIFTER,
        ),
    ] = None,
    flip: Annotated[
        bool,
        typer.Option(
            "--flip/--no-flip",
            help="Average with the mirror image.",
            rich_help_panel=_LIFTER,
        ),
    ] = True,
    batch: Annotated[int, typer.Option(help="Windows per batch.", rich_help_panel=_LIFTER)] = 16,
    device: Device = "auto",
    out: Annotated[
        Path | None,
        output("Write all figures as JSON."),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            show_default=False, help="Draw errors by action and joint: .png .jpg .pdf .svg."
        ),
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Compare a lifter's predictions with ground truth: millimetres, by action and by joint."""
    with exit_codes(debug=debug, as_json=as_json):
        # Imported on use, to keep --help fast.
        from mbcli.cli.screen import Screen
        from mbcli.data.stores.sequence import SPLITS
        from mbcli.data.stores.sequences import open_store
        from mbcli.data.stores.store import ClipStore
        from mbcli.evaluate.filmed import filmed
        from mbcli.evaluate.picture import SUFFIXES, draw_evaluation
        from mbcli.evaluate.protocols import PROTOCOLS
        from mbcli.storage.output import check_output, written_whole

        splits = ["" if name == "none" else name for name in split or ["test"]]
        for name in splits:
            if name not in SPLITS:
                raise ConfigError(f"--split must be test, val, train or none, got {name!r}")
        if picture is not None and picture.suffix.lower() not in SUFFIXES:
            raise OutputError(f"--picture must end in {', '.join(SUFFIXES)}, got {picture}")
        for path in (out, picture):
            if path is not None:
                check_output(path, overwrite=overwrite, inputs=(weights, store))
        opened = open_store(store)
        if isinstance(opened, ClipStore) and split is not None:
            raise ConfigError(f"--split needs a sequence store; the clips of {store} have none")
        lifter, metadata = _lifter(
            weights, protocol, window, root_relative, device=device, flip=flip, batch=batch
        )
        if isinstance(opened, ClipStore):
            opened, splits = filmed(opened, along_ray=lifter.along_ray), [""]
        source = source or (
            "projected" if lifter.metadata.get("input") == "projected" else "detected"
        )
        screen = Screen(quiet=quiet)
        with screen.progress(str(store)) as observer:
            found = PROTOCOLS[protocol](
                [opened],
                lifter,
                splits=splits,
                source=source,
                progress=lambda done, total: observer("lift", done, total),
            )
        document = {"ok": True, "weights": metadata, "store": str(store), **found.document()}
        if out is not None:
            with written_whole(out, overwrite=overwrite) as part:
                part.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        if picture is not None:
            draw_evaluation(found, picture, title=f"{weights} on {store.name}", overwrite=overwrite)
        _show(screen, found)
        if as_json:
            typer.echo(json.dumps(document))


def _lifter(
    weights: str,
    protocol: str,
    window: str | None,
    root_relative: bool | None,
    *,
    device: str,
    flip: bool,
    batch: int,
) -> tuple[Lifter, dict[str, Any]]:
    """The lifter, configured by its metadata or the user, and the provenance of its weights."""
    from mbcli.lift.lifter import Lifter, LiftOptions
    from mbcli.lift.opening import open_lifter
    from mbcli.weights import resolve
    from mbcli.weights.provenance import trained_weights

    model, info = open_lifter(resolve(weights))
    metadata = dict(info.metadata)
    if info.origin != "mbcli" and protocol == "h36m":
        metadata["window"] = "image"
    if window is not None:
        metadata["window"] = window
    if root_relative is not None:
        metadata["root"] = "relative" if root_relative else "predicted"
    lifter = Lifter(model, LiftOptions(flip=flip, device=device, batch_size=batch), metadata)
    return lifter, trained_weights(
        "lift",
        info.path,
        name=weights,
        sha256=info.sha256,
        origin=info.origin,
        metadata=info.metadata,
    )


def _show(screen: Screen, found: Evaluation) -> None:
    rows = [_row(name or "all", figures) for name, figures in found.actions.items()]
    if len(rows) > 1:
        rows.append(_row(f"mean over {found.mean}", found.overall))
    screen.table(("action", "frames", *_COLUMNS), rows)
    screen.table(
        ("joint", "MPJPE"),
        [(name, f"{value:.1f}") for name, value in found.overall.joints.items()],
    )
    screen.say(
        "mm; MPJVE mm per frame, accel mm per frame squared; PCK within 150 mm and AUC in percent "
        "of 14 joints"
    )
    if found.left_out:
        screen.say(f"left out by the protocol: {len(found.left_out)} sequences")
    if found.missed:
        screen.say(f"not found, and not included in the figures: {found.missed} frames")


def _row(name: str, figures: Figures) -> tuple[str, ...]:
    values = (getattr(figures, key) for key in _COLUMNS.values())
    return name, str(figures.frames), *(f"{value:.1f}" for value in values)
