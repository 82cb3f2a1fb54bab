"""``mbcli infer``: videos in, pose.npz out."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from mbcli.cli import arguments as a
from mbcli.cli.guard import FAILED, exit_codes
from mbcli.cli.overlay import check_overlay, draw_overlay
from mbcli.errors import ConfigError

_MESH, _DRAWING = "Body meshes", "Drawing"


def infer(
    inputs: a.Sources,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            show_default=False,
            help="The .npz file to write; with several inputs an existing folder.",
        ),
    ],
    overwrite: a.Overwrite = False,
    start: a.Start = None,
    end: a.End = None,
    every: a.Every = 1,
    keypoints: a.KeypointFile = None,
    image_size: a.ImageSize = None,
    fps: a.Fps = None,
    joint_map: a.JointMap = None,
    person: a.Person = "all",
    height: Annotated[
        float | None,
        typer.Option(
            help="Standing height in metres.", show_default="1.70", rich_help_panel=a.PEOPLE
        ),
    ] = None,
    focal: Annotated[
        float | None,
        typer.Option(
            help="Focal length in pixels.", show_default="from --fov", rich_help_panel=a.PEOPLE
        ),
    ] = None,
    fov: Annotated[
        float | None,
        typer.Option(
            help="Field of view in degrees across the picture's longer side.",
            show_default="55",
            rich_help_panel=a.PEOPLE,
        ),
    ] = None,
    pose2d: a.Pose2D = "auto",
    min_score: a.MinScore = None,
    pose2d_mode: a.Mode = None,
    pose2d_config: a.Pose2DConfig = None,
    pose2d_checkpoint: a.Pose2DCheckpoint = None,
    det_config: a.DetConfig = None,
    det_checkpoint: a.DetCheckpoint = None,
    pose2d_flip: a.Pose2DFlip = None,
    pose2d_batch: a.Pose2DBatch = None,
    fix_swaps: a.FixSwaps = True,
    bridge: a.Bridge = True,
    weights: Annotated[
        str,
        typer.Option(
            metavar="NAME|PATH", help="Weights of the lifter.", rich_help_panel=a.NETWORKS
        ),
    ] = "mbcli-lifter",
    device: a.Device = "auto",
    precision: Annotated[
        Literal["float32", "bfloat16", "float16"],
        typer.Option(help="Arithmetic of the lifter.", rich_help_panel=a.NETWORKS),
    ] = "float32",
    flip: Annotated[
        bool,
        typer.Option(
            "--flip/--no-flip",
            help="Average with the mirror image: better, and slower.",
            rich_help_panel=a.NETWORKS,
        ),
    ] = True,
    low_pass: Annotated[
        float,
        typer.Option(
            metavar="HZ",
            help="Take out trembling faster than this, without a lag; 0 = leave it.",
            rich_help_panel=a.NETWORKS,
        ),
    ] = 10.0,
    compat: Annotated[
        Literal["motionbert"] | None,
        typer.Option(
            help="Lift exactly as published, to compare numbers: 2D keypoints stay as they come.",
            rich_help_panel=a.NETWORKS,
        ),
    ] = None,
    action: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="Weights that name what people do; the names go into the result.",
            show_default=False,
            rich_help_panel=a.NETWORKS,
        ),
    ] = None,
    mesh: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="Weights that recover everybody's body as a mesh; needs --mesh-out.",
            show_default=False,
            rich_help_panel=_MESH,
        ),
    ] = None,
    mesh_out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.glb|FOLDER",
            help="Where the meshes go: one animated .glb, or a folder of .obj files.",
            show_default=False,
            rich_help_panel=_MESH,
        ),
    ] = None,
    body_model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="SMPL's model file, which its publishers license to you.",
            show_default=False,
            rich_help_panel=_MESH,
        ),
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.mp4",
            help="Draw the result on the video, when it is whole: .mp4, .gif, .png or .jpg; mbcli "
            "render has more to choose from.",
            show_default=False,
            rich_help_panel=_DRAWING,
        ),
    ] = None,
    quiet: a.Quiet = False,
    as_json: a.AsJson = False,
    debug: a.Debug = False,
) -> None:
    """Every person's 3D motion from a video, as pose.npz."""
    with exit_codes(debug=debug, as_json=as_json):
        # Imported on use, so that --help answers at once.
        from mbcli.cli.jobs import plan, run_all
        from mbcli.cli.screen import Screen
        from mbcli.cli.summary import Result, show_summary, write_json
        from mbcli.exports.mesh import check_bodies, save_bodies
        from mbcli.motion import save_motion
        from mbcli.options import InferOptions
        from mbcli.pipeline import Pipeline
        from mbcli.storage.output import check_output

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
            pose2d_mode=pose2d_mode,
            pose2d_config=pose2d_config,
            pose2d_checkpoint=pose2d_checkpoint,
            det_config=det_config,
            det_checkpoint=det_checkpoint,
            pose2d_flip=pose2d_flip,
            pose2d_batch=pose2d_batch,
            image_size=a.parse_size(image_size),
            fps=fps,
            joint_map=a.read_map(joint_map),
            fix_swaps=fix_swaps,
            bridge=bridge,
            weights=weights,
            device=device,
            precision=precision,
            flip=flip,
            low_pass=low_pass,
            compat=compat,
            action=action,
            mesh=mesh,
            body_model=None if body_model is None else str(body_model),
        )
        if (mesh is None) != (mesh_out is None):
            raise ConfigError("--mesh and --mesh-out go together, got only one of them")
        jobs = plan(inputs, out)
        files = (
            *(keypoints, joint_map, weights, action, mesh, body_model),
            *(pose2d_config, pose2d_checkpoint, det_config, det_checkpoint),
        )
        if keypoints is not None and len(jobs) > 1:
            raise ConfigError(f"--keypoints belongs to one video, got {len(jobs)} inputs")
        if mesh_out is not None:
            if len(jobs) > 1:
                raise ConfigError(f"--mesh-out belongs to one video, got {len(jobs)} inputs")
            check_bodies(mesh_out, overwrite=overwrite, inputs=(jobs[0][0], *files))
        if overlay is not None:
            check_overlay(overlay, jobs, overwrite=overwrite, inputs=files)
        pipeline = Pipeline(options, command=shlex.join(["mbcli", *sys.argv[1:]]))
        if len(jobs) > 1:
            # Weights that are of no use to any input end the run at once.
            _ = pipeline.lifter, pipeline.recogniser, pipeline.recoverer
        screen = Screen(quiet=quiet)

        def run(source: Path, target: Path) -> Result:
            check_output(target, overwrite=overwrite, inputs=(source, *files))
            with screen.progress(source.name) as observer:
                motion, report = pipeline.run(source, observer, keypoints)
                # Before the bodies are recovered: nothing that is finished may be lost.
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
