"""``mbcli infer``: videos in, pose.npz out."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from mbcli.cli import arguments as a
from mbcli.cli.guard import FAILED
from mbcli.cli.overlay import check_overlay, draw_overlay
from mbcli.cli.parameters import command
from mbcli.errors import ConfigError
from mbcli.options import MESH, InferOptions


@command
def infer(
    inputs: a.Sources,
    *,
    out: Annotated[
        Path,
        a.output("The .npz file to write; a folder for several inputs."),
    ],
    overwrite: a.Overwrite = False,
    keypoints: a.KeypointFile = None,
    options: InferOptions,
    mesh_out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.glb|FOLDER",
            help="Output of the meshes: one animated .glb, or a folder of .obj files.",
            show_default=False,
            rich_help_panel=MESH,
        ),
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.mp4",
            help="Also draw the result on the video: .mp4, .gif, .png or .jpg; mbcli render has "
            "more options.",
            show_default=False,
            rich_help_panel="Drawing",
        ),
    ] = None,
    quiet: a.Quiet = False,
    as_json: a.AsJson = False,
    files: tuple[str, ...],
    debug: bool,
) -> None:
    """Every person's 3D motion from a video, as pose.npz."""
    # Imported on use, to keep --help fast.
    from mbcli.cli.jobs import plan, run_all
    from mbcli.cli.screen import Screen
    from mbcli.cli.summary import Result, show_summary, write_json
    from mbcli.exports.mesh import check_bodies, save_bodies
    from mbcli.motion import save_motion
    from mbcli.pipeline import Pipeline
    from mbcli.storage.output import check_output

    if (options.mesh is None) != (mesh_out is None):
        raise ConfigError("--mesh and --mesh-out go together, got only one of them")
    jobs = plan(inputs, out)
    read = (keypoints, *files)
    if keypoints is not None and len(jobs) > 1:
        raise ConfigError(f"--keypoints belongs to one video, got {len(jobs)} inputs")
    if mesh_out is not None:
        if len(jobs) > 1:
            raise ConfigError(f"--mesh-out belongs to one video, got {len(jobs)} inputs")
        check_bodies(mesh_out, overwrite=overwrite, inputs=(jobs[0][0], *read))
    if overlay is not None:
        check_overlay(overlay, jobs, overwrite=overwrite, inputs=read)
    pipeline = Pipeline(options, command=shlex.join(["mbcli", *sys.argv[1:]]))
    if len(jobs) > 1:
        # Weights that cannot be used end the run at once.
        _ = pipeline.lifter, pipeline.recogniser, pipeline.recoverer
    screen = Screen(quiet=quiet)

    def run(source: Path, target: Path) -> Result:
        check_output(target, overwrite=overwrite, inputs=(source, *read))
        with screen.progress(source.name) as observer:
            motion, report = pipeline.run(source, observer, keypoints)
            # Before the bodies are recovered, so that no finished result is lost.
            save_motion(target, motion, overwrite=overwrite)
            if mesh_out is not None:
                bodies = pipeline.bodies(motion, observer)
                save_bodies(mesh_out, bodies, motion, overwrite=overwrite)
            if overlay is not None:
                draw_overlay(overlay, motion, source, observer, overwrite=overwrite)
        for warning in report.warnings:
            screen.say(f"warning: {warning}")
        ids = tuple(motion.track_ids.tolist())
        return Result(source, target, report, track_ids=ids, meta=motion.meta, overlay=overlay)

    results = run_all(jobs, run, debug=debug)
    if as_json:
        write_json(results)
    else:
        show_summary(screen, results)
    if any(result.error is not None for result in results):
        raise typer.Exit(FAILED)
