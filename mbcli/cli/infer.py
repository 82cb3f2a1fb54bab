"""``mbcli infer``: videos in, pose.npz out."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mbcli.batch.options import BatchOptions
from mbcli.batch.plan import POSE
from mbcli.cli import arguments as a
from mbcli.cli.looking import InParts
from mbcli.cli.overlay import check_overlay, draw_overlay
from mbcli.cli.parameters import command
from mbcli.errors import ConfigError
from mbcli.options import MESH, InferOptions

if TYPE_CHECKING:
    from mbcli.batch.result import Result
    from mbcli.batch.work import Watcher
    from mbcli.pipeline import Pipeline
    from mbcli.storage.journal import Arrays


@command
def infer(
    inputs: a.Sources = None,
    *,
    out: Annotated[
        Path | None,
        a.output(
            "The .npz file to write; or a folder; or a name with {name}, {folder} or {parent} of "
            "the input. By default INPUT.pose.npz beside each input."
        ),
    ] = None,
    batch: BatchOptions,
    overwrite: a.Overwrite = False,
    restart: a.Restart = False,
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
    from mbcli.cli.jobs import planned, run_jobs
    from mbcli.cli.screen import Screen
    from mbcli.exports.mesh import check_bodies
    from mbcli.video import list_videos

    if (options.mesh is None) != (mesh_out is None):
        raise ConfigError("--mesh and --mesh-out go together, got only one of them")
    plan = planned(inputs, out, batch, inside=list_videos, suffixes=(".npz",), beside=POSE)
    read = (keypoints, *files)
    for name, value in (("keypoints", keypoints), ("mesh-out", mesh_out), ("overlay", overlay)):
        if value is not None and plan.several:
            raise ConfigError(f"--{name} belongs to one video, got {len(plan.jobs)} inputs")
    source = plan.jobs[0].source
    if mesh_out is not None:
        check_bodies(mesh_out, overwrite=overwrite, inputs=(source, *read))
    if overlay is not None:
        check_overlay(overlay, source, overwrite=overwrite, inputs=read)
    line = shlex.join(["mbcli", *sys.argv[1:]])
    work = Inference(options, line, keypoints, read, mesh_out, overlay, overwrite, restart)
    if plan.several:
        work.check_networks()
    run_jobs(plan, work, Screen(quiet=quiet), batch, as_json=as_json, debug=debug)


@dataclass(frozen=True, eq=False)
class Inference(InParts):
    """``mbcli infer`` of one input after the other, with the options of the command."""

    options: InferOptions
    line: str
    keypoints: Path | None
    read: tuple[Path | str | None, ...]
    mesh_out: Path | None
    overlay: Path | None
    overwrite: bool
    restart: bool
    seen: tuple[Arrays, ...] = ()

    @cached_property
    def pipeline(self) -> Pipeline:
        """The networks, which stay loaded."""
        from mbcli.pipeline import Pipeline

        return Pipeline(self.options, command=self.line)

    def check_networks(self) -> None:
        """Load the networks, so that weights that cannot be used end the run at once."""
        _ = self.pipeline.lifter, self.pipeline.recogniser, self.pipeline.recoverer

    def key(self, source: Path) -> str:
        """The fingerprint of a result."""
        from mbcli.batch.finished import fingerprint
        from mbcli.calibration import calibration_file

        lens = self.options.calibration
        camera = None if lens is None else calibration_file(lens)[0]
        weights = (self.options.weights, self.options.action, self.options.mesh)
        return fingerprint("infer", [self.options], (source, *self.read, camera, *weights))

    def __call__(self, source: Path, target: Path, progress: Watcher) -> Result:
        """Infer one input, and write and draw what is asked for."""
        from mbcli.batch.result import Result, noted
        from mbcli.cli.following import drawing
        from mbcli.cli.summary import long_file
        from mbcli.exports.mesh import save_bodies
        from mbcli.motion import save_motion
        from mbcli.storage.output import check_output
        from mbcli.tracks.source import kept_beside

        check_output(target, overwrite=self.overwrite, inputs=(source, *self.read))
        with progress.progress(source.name) as observer:
            with kept_beside(
                target, source, self.options, restart=self.restart, seen=self.seen
            ) as work:
                motion, report = self.pipeline.run(source, observer, self.keypoints, work)
                # Before the bodies are recovered, so that no finished result is lost.
                save_motion(target, motion, overwrite=self.overwrite)
            if self.mesh_out is not None:
                bodies = self.pipeline.bodies(motion, observer)
                save_bodies(self.mesh_out, bodies, motion, overwrite=self.overwrite)
            if self.overlay is not None:
                draw_overlay(self.overlay, motion, source, observer, overwrite=self.overwrite)
        return Result(
            source,
            target,
            report=report,
            track_ids=tuple(motion.track_ids.tolist()),
            meta=motion.meta,
            notes=(*long_file(target, motion), *noted(work, report)),
            overlay=self.overlay,
            following=drawing(target, report.frames) if report.people else (),
        )

    def __getstate__(self) -> dict[str, Any]:
        """Without the networks, which each process loads for itself."""
        return {name: value for name, value in self.__dict__.items() if name != "pipeline"}
