"""``mbcli infer``: videos in, pose.npz out."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mbcli.cli.arguments import AsJson, Debug, Overwrite, Quiet
from mbcli.cli.guard import FAILED, exit_codes, one_line, show_error
from mbcli.errors import ConfigError, MbcliError, OutputError

if TYPE_CHECKING:
    from mbcli.cli.screen import Screen
    from mbcli.cli.summary import Result
    from mbcli.pipeline import Pipeline

_INPUT, _PEOPLE, _NETWORKS = "What to read", "People and camera", "Networks"


def infer(
    videos: Annotated[
        list[Path],
        typer.Argument(
            metavar="VIDEO",
            show_default=False,
            help="Videos, images, folders of images or folders of videos.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            show_default=False,
            help="The .npz file to write; with several inputs an existing folder.",
        ),
    ],
    overwrite: Overwrite = False,
    start: Annotated[
        float | None,
        typer.Option(help="Seconds at which to begin.", rich_help_panel=_INPUT),
    ] = None,
    end: Annotated[
        float | None, typer.Option(help="Seconds at which to stop.", rich_help_panel=_INPUT)
    ] = None,
    every: Annotated[int, typer.Option(help="Take every n-th frame.", rich_help_panel=_INPUT)] = 1,
    person: Annotated[
        str,
        typer.Option(metavar="all|largest|ID", help="Whom to keep.", rich_help_panel=_PEOPLE),
    ] = "all",
    height: Annotated[
        float | None,
        typer.Option(
            help="Standing height in metres.", show_default="1.70", rich_help_panel=_PEOPLE
        ),
    ] = None,
    focal: Annotated[
        float | None,
        typer.Option(
            help="Focal length in pixels.", show_default="from --fov", rich_help_panel=_PEOPLE
        ),
    ] = None,
    fov: Annotated[
        float | None,
        typer.Option(
            help="Field of view in degrees across the picture's longer side.",
            show_default="55",
            rich_help_panel=_PEOPLE,
        ),
    ] = None,
    pose2d: Annotated[
        str, typer.Option(help="What finds people and their keypoints.", rich_help_panel=_NETWORKS)
    ] = "movenet",
    min_score: Annotated[
        float | None,
        typer.Option(
            help="0 to 1: how sure it must be of a person; lower finds more, also ghosts.",
            show_default="that of --pose2d",
            rich_help_panel=_NETWORKS,
        ),
    ] = None,
    weights: Annotated[
        str,
        typer.Option(metavar="NAME|PATH", help="Weights of the lifter.", rich_help_panel=_NETWORKS),
    ] = "mbcli-lifter",
    device: Annotated[
        str,
        typer.Option(
            metavar="auto|cpu|cuda|cuda:N|mps",
            help="Where to lift.",
            rich_help_panel=_NETWORKS,
        ),
    ] = "auto",
    precision: Annotated[
        Literal["float32", "bfloat16", "float16"],
        typer.Option(help="Arithmetic of the lifter.", rich_help_panel=_NETWORKS),
    ] = "float32",
    flip: Annotated[
        bool,
        typer.Option(
            "--flip/--no-flip",
            help="Average with the mirror image: better, and slower.",
            rich_help_panel=_NETWORKS,
        ),
    ] = True,
    compat: Annotated[
        Literal["motionbert"] | None,
        typer.Option(
            help="Lift exactly as published, to compare numbers.", rich_help_panel=_NETWORKS
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Every person's 3D motion from a video, as pose.npz."""
    with exit_codes(debug=debug, as_json=as_json):
        # Imported on use, so that --help answers at once.
        from mbcli.cli.screen import Screen
        from mbcli.cli.summary import show_summary, write_json
        from mbcli.options import InferOptions
        from mbcli.pipeline import Pipeline

        options = InferOptions(
            start=start,
            end=end,
            every=every,
            person=person,
            height=height,
            focal=focal,
            fov=fov,
            pose2d=pose2d,
            min_score=min_score,
            weights=weights,
            device=device,
            precision=precision,
            flip=flip,
            compat=compat,
        )
        jobs = plan(videos, out)
        pipeline = Pipeline(options, command=shlex.join(["mbcli", *sys.argv[1:]]))
        screen = Screen(quiet=quiet)
        results = run_all(pipeline, jobs, screen, overwrite=overwrite, debug=debug)
        if as_json:
            write_json(results)
        else:
            show_summary(screen, results)
    if any(result.error is not None for result in results):
        raise typer.Exit(FAILED)


def plan(sources: list[Path], out: Path) -> list[tuple[Path, Path]]:
    """Pair every source with its result; a folder of videos stands for the videos in it.

    Raises:
        OutputError: a result without the suffix .npz, or several inputs and no folder for them.
        ConfigError: two inputs whose results would have the same name.
        InputError: a folder that cannot be listed.
    """
    # Imported on use: PyAV and OpenCV take a noticeable part of a second to load.
    from mbcli.output import check_folder
    from mbcli.video import list_videos

    flat: list[Path] = []
    for source in sources:
        flat += (list_videos(source) if source.is_dir() else []) or [source]
    if len(flat) == 1 and not out.is_dir():
        if out.suffix.lower() != ".npz":
            raise OutputError(f"--out must end in .npz, got {out}")
        return [(flat[0], out)]
    if not out.is_dir():
        raise OutputError(f"with several inputs --out must be an existing folder, got {out}")
    check_folder(out)
    by_name: dict[str, Path] = {}
    for source in flat:
        name = source.resolve().name if source.is_dir() else source.stem
        if name in by_name:
            raise ConfigError(
                f"inputs of one run must differ in name, got {by_name[name]} and {source}: "
                f"both results would be {out / name}.npz"
            )
        by_name[name] = source
    return [(source, out / f"{name}.npz") for name, source in by_name.items()]


def run_all(
    pipeline: Pipeline,
    jobs: list[tuple[Path, Path]],
    screen: Screen,
    *,
    overwrite: bool,
    debug: bool,
) -> list[Result]:
    """Run every job; of several, one that fails does not stop the rest.

    Raises:
        MbcliError: the only job failed, or the weights are of no use to any of them.
    """
    from mbcli.cli.summary import Result

    if len(jobs) == 1:
        return [_run(pipeline, *jobs[0], screen, overwrite=overwrite)]
    _ = pipeline.lifter
    results = []
    for source, target in jobs:
        try:
            results.append(_run(pipeline, source, target, screen, overwrite=overwrite))
        except MbcliError as error:
            show_error(one_line(error), debug=debug)
            results.append(Result(source=source, error=one_line(error)))
    return results


def _run(
    pipeline: Pipeline, source: Path, target: Path, screen: Screen, *, overwrite: bool
) -> Result:
    from mbcli.cli.summary import Result
    from mbcli.export.npz import save_motion
    from mbcli.output import check_output

    check_output(target, overwrite=overwrite)
    with screen.progress(source.name) as observer:
        motion, report = pipeline.run(source, observer)
    save_motion(target, motion, overwrite=overwrite)
    for warning in report.warnings:
        screen.say(f"warning: {warning}")
    return Result(
        source=source,
        target=target,
        report=report,
        track_ids=tuple(motion.track_ids.tolist()),
        meta=motion.meta,
    )
