"""``mbcli keypoints``: videos in, 2D keypoint tracks out."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from mbcli.cli import arguments as a
from mbcli.cli.guard import FAILED, exit_codes
from mbcli.errors import ConfigError


def keypoints(
    inputs: a.Sources,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            show_default=False,
            help="The file to write, .npz or .json; with several inputs an existing folder.",
        ),
    ],
    format: Annotated[
        Literal["mbcli", "coco", "alphapose"] | None,
        typer.Option(
            help="mbcli (.npz, nothing is lost), coco (results JSON) or alphapose (JSON).",
            show_default="by suffix; .json is coco",
        ),
    ] = None,
    overwrite: a.Overwrite = False,
    start: a.Start = None,
    end: a.End = None,
    every: a.Every = 1,
    keypoints: a.KeypointFile = None,
    image_size: a.ImageSize = None,
    fps: a.Fps = None,
    joint_map: a.JointMap = None,
    person: a.Person = "all",
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
    device: a.Device = "auto",
    quiet: a.Quiet = False,
    as_json: a.AsJson = False,
    debug: a.Debug = False,
) -> None:
    """Every person's 2D keypoints from a video; a keypoint file is converted."""
    with exit_codes(debug=debug, as_json=as_json):
        # Imported on use, so that --help answers at once.
        from mbcli.cli.jobs import plan, run_all
        from mbcli.cli.screen import Screen
        from mbcli.cli.summary import Result, show_summary, write_json
        from mbcli.keypoints import SUFFIXES, write_keypoints
        from mbcli.options import InferOptions
        from mbcli.report import Stopwatch
        from mbcli.storage.output import check_output
        from mbcli.tracks.source import opened

        options = InferOptions(
            start=start,
            end=end,
            every=every,
            person=person,
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
            device=device,
        )
        suffixes = (".npz", ".json") if format is None else (SUFFIXES[format],)
        jobs = plan(inputs, out, suffixes)
        if keypoints is not None and len(jobs) > 1:
            raise ConfigError(f"--keypoints belongs to one video, got {len(jobs)} inputs")
        command = shlex.join(["mbcli", *sys.argv[1:]])
        files = (keypoints, joint_map, pose2d_config, pose2d_checkpoint, det_config, det_checkpoint)
        screen = Screen(quiet=quiet)

        def run(source: Path, target: Path) -> Result:
            check_output(target, overwrite=overwrite, inputs=(source, *files))
            watch = Stopwatch()
            with (
                screen.progress(source.name) as observer,
                opened(source, options, keypoints) as detect,
            ):
                detection = detect(observer, watch)
            meta = detection.meta(options, command)
            write_keypoints(
                target, detection.keypoints, format=format, meta=meta, overwrite=overwrite
            )
            frames, people = detection.keypoints.present.shape
            report = watch.report(frames=frames, people=people, warnings=detection.warnings)
            for warning in report.warnings:
                screen.say(f"warning: {warning}")
            ids = tuple(detection.keypoints.track_ids.tolist())
            return Result(source, target, report, track_ids=ids, meta=meta)

        results = run_all(jobs, run, debug=debug)
        if as_json:
            write_json(results)
        else:
            show_summary(screen, results)
    if any(result.error is not None for result in results):
        raise typer.Exit(FAILED)
