"""``mbcli render``: videos and pictures of a pose.npz."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from mbcli.batch.options import BatchOptions
from mbcli.cli.arguments import AsJson, Overwrite, PoseFiles, Quiet, Video, output
from mbcli.cli.parameters import command
from mbcli.cli.refining import refined
from mbcli.cli.render_page import EmbedVideo, check_embedding, render_page
from mbcli.errors import ConfigError
from mbcli.flags import described, flag, of, shown
from mbcli.refinement.options import RefineOptions
from mbcli.show.drawing.options import PAGE, VIEW, RenderOptions

if TYPE_CHECKING:
    from mbcli.batch.result import Result
    from mbcli.batch.work import Watcher


@command
def render(
    poses: PoseFiles = None,
    *,
    out: Annotated[
        Path,
        output(
            "The file to write: .mp4 for a video, .gif for an animation, .png or .jpg for one "
            "frame or a contact sheet, .html for an interactive page. Or a folder, for .mp4; or a "
            "name with {name}, {folder} or {parent} of the input."
        ),
    ],
    batch: BatchOptions,
    overwrite: Overwrite = False,
    video: Video = None,
    embed_video: EmbedVideo = False,
    options: RenderOptions,
    refinement: RefineOptions,
    quiet: Quiet = False,
    as_json: AsJson = False,
    given: frozenset[str],
    debug: bool,
) -> None:
    """Draw a pose.npz: skeletons on the video, a 3D view, or both."""
    kind = out.suffix.lower() or ".mp4"
    check_embedding(kind, video, embed_video)
    check_used(kind, options, given)
    # Imported on use, to keep --help fast.
    from mbcli.cli.jobs import planned, pose_files, run_jobs
    from mbcli.cli.screen import Screen
    from mbcli.show.drawing.files import SUFFIXES, check_suffix

    if not out.is_dir() and out.suffix:
        check_suffix(out, others=(PAGE,))
    plan = planned(poses, out, batch, inside=pose_files, suffixes=(*SUFFIXES, PAGE))
    heard = kind == ".mp4" and options.sound
    if video is not None:
        if plan.several:
            raise ConfigError(f"--video belongs to one pose.npz, got {len(plan.jobs)} inputs")
        if not (options.needs_video or heard or kind == PAGE):
            raise ConfigError(f"--video is for --layout side, overlay or sound only, got {video}")
    work = Drawing(options, refinement, video, embed_video, overwrite)
    run_jobs(plan, work, Screen(quiet=quiet), batch, as_json=as_json, debug=debug)


@dataclass(frozen=True)
class Drawing:
    """``mbcli render`` of one file after the other."""

    options: RenderOptions
    refinement: RefineOptions
    video: Path | None
    embed_video: bool
    overwrite: bool

    def key(self, source: Path) -> str:
        """The fingerprint of a drawing. Of the video, its path alone counts."""
        from mbcli.batch.finished import fingerprint

        given = f"render {self.embed_video} {self.video}"
        return fingerprint(given, [self.options, self.refinement], [source])

    def __call__(self, source: Path, target: Path, progress: Watcher) -> Result:
        """Draw one file."""
        from mbcli.batch.result import Result
        from mbcli.motion import load_motion
        from mbcli.show.drawing.files import render as draw
        from mbcli.storage.output import check_output

        check_output(target, overwrite=self.overwrite, inputs=(source, self.video))
        began = time.perf_counter()
        motion = refined(load_motion(source), self.refinement)
        notes = [] if motion.there.rows.any() else [f"warning: {source} contains no people"]
        with progress.progress(str(source)) as observer:
            if target.suffix.lower() == PAGE:
                notes += render_page(
                    motion,
                    source,
                    target,
                    video=self.video,
                    embed_video=self.embed_video,
                    person=self.options.person,
                    overwrite=self.overwrite,
                    observer=observer,
                )
                return Result(source, target, notes=tuple(notes))
            report = draw(
                motion,
                target,
                video=self.video,
                options=self.options,
                overwrite=self.overwrite,
                observer=observer,
            )
        seconds = time.perf_counter() - began
        if report.missing:
            notes.append(
                f"warning: {report.missing} of {report.frames} frames are not in the video; they "
                "are drawn without it"
            )
        pixels = "x".join(map(str, report.size))
        pace = "" if report.fps is None else f" at {report.fps:g} frames/s"
        voice = " with sound" if report.sound else ""
        notes.append(
            f"{target}: {report.frames} frames{pace}{voice}, {pixels}, in {seconds:.1f} s "
            f"({report.frames / seconds:.1f} frames/s)"
        )
        return Result(source, target, notes=tuple(notes))


def check_used(kind: str, options: RenderOptions, given: frozenset[str]) -> None:
    """Refuse options without effect.

    Args:
        kind: suffix of the file.
        options: all options.
        given: names of those on the command line.

    Raises:
        ConfigError: an option would have no effect.
    """
    for one in described(options):
        about, name = of(one), flag(one.name)
        value = shown(getattr(options, one.name)).strip("'")
        if one.name not in given:
            continue
        if about.suffixes and kind not in about.suffixes:
            raise ConfigError(f"{name} is for {', '.join(about.suffixes)} only, got {value}")
        if kind == PAGE and one.name != "person":
            raise ConfigError(f"{name} is for videos and pictures only, got {value}")
        if about.panel == VIEW and options.layout == "overlay":
            raise ConfigError(f"{name} is for --layout side, 3d, grid only, got {value}")
        if one.name in ("columns", "count") and options.frame is not None:
            raise ConfigError(f"{name} is for contact sheets only, got {value}")
    if "turn" in given and options.camera != "orbit":
        raise ConfigError(f"--turn is for --camera orbit only, got {options.turn:g}")
