"""``mbcli data import``: import recordings and data sets of other programs into a store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mbcli.cli.arguments import AsJson, Debug, Overwrite, Quiet, output
from mbcli.cli.guard import exit_codes
from mbcli.errors import ConfigError, InputError
from mbcli.options import joint_map_of, parse_size
from mbcli.storage.inputs import check_there

if TYPE_CHECKING:
    from mbcli.data.formats import ImportFormat

RECORDINGS, DATA_SETS, KEYPOINTS = "Recordings", "Data sets", "Keypoint files"


def import_data(
    format: Annotated[
        str,
        typer.Argument(
            show_default=False,
            help="bvh, c3d, h36m-pickle ...; listed by mbcli data formats.",
        ),
    ],
    source: Annotated[
        Path,
        typer.Argument(
            show_default=False,
            help="The file, or the folder to search, including subfolders.",
        ),
    ],
    out: Annotated[Path, output("The store to create.")],
    prefix: Annotated[str, typer.Option(help="Prefix of every person's name.")] = "",
    licence: Annotated[str, typer.Option(help="Terms of use, stored with every clip.")] = "",
    fps: Annotated[
        float | None,
        typer.Option(help="Frames per second.", show_default="from the file, or the format's"),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(
            metavar="METRES|UNIT",
            help="Length of a unit in the recordings in metres, or the unit: m, cm, mm, inch, cmu.",
            show_default="detected",
            rich_help_panel=RECORDINGS,
        ),
    ] = None,
    max_fps: Annotated[
        float | None,
        typer.Option(
            help="Maximum frame rate; faster recordings are thinned out.",
            show_default="60",
            rich_help_panel=RECORDINGS,
        ),
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="Matched against a recording's path in SOURCE; group 'subject' is the person.",
            show_default="the file's folder",
            rich_help_panel=RECORDINGS,
        ),
    ] = None,
    up: Annotated[
        str | None,
        typer.Option(
            metavar="x|y|z|-x|-y|-z",
            help="The axis of the recordings that points up.",
            show_default="found from the motion",
            rich_help_panel=RECORDINGS,
        ),
    ] = None,
    human_lengths: Annotated[
        bool,
        typer.Option(
            "--human-lengths",
            help="Give the bones of a figure the lengths of people.",
            rich_help_panel=RECORDINGS,
        ),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            help="Recordings to read in parallel.", show_default="1", rich_help_panel=RECORDINGS
        ),
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(
            help="Folder with your body model files.", show_default=False, rich_help_panel=DATA_SETS
        ),
    ] = None,
    detections: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="2D file of VideoPose3D: gt, cpn_ft_h36m_dbb ...",
            show_default="the only one",
            rich_help_panel=DATA_SETS,
        ),
    ] = None,
    cameras: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json",
            help="Calibration of the cameras.",
            show_default="the published one",
            rich_help_panel=DATA_SETS,
        ),
    ] = None,
    image_size: Annotated[
        str | None,
        typer.Option(
            metavar="WIDTHxHEIGHT",
            help="Size of the pictures, for files without it.",
            show_default=False,
            rich_help_panel=KEYPOINTS,
        ),
    ] = None,
    joint_map: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.json|THEIRS=OURS,...",
            help="Map from joint names of a recording or keypoint file to ours: JSON, or pairs.",
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Import recordings or a data set into a new store."""
    with exit_codes(debug=debug, as_json=as_json):
        # Imported on use, to keep --help fast.
        from mbcli.cli.screen import Screen
        from mbcli.data.formats import import_format
        from mbcli.storage.output import check_separate

        kind = import_format(format)
        options = _given(
            format,
            kind,
            scale=scale,
            fps=fps,
            max_fps=max_fps,
            subject=subject,
            up=up,
            human_lengths=human_lengths or None,
            jobs=jobs,
            models=models,
            detections=detections,
            cameras=cameras,
            image_size=image_size,
            joint_map=joint_map,
        )
        _check_source(format, kind, source)
        check_separate(
            [out], [source, models, cameras, None if joint_map is None else Path(joint_map)]
        )
        if "joint_map" in options:
            options["joint_map"] = joint_map_of(options["joint_map"])
        if "scale" in options:
            options["scale"] = metres_of(options["scale"])
        if format == "keypoints":
            options = _reading_keypoints(source, options)
        screen = Screen(quiet=quiet)
        with screen.progress(str(source)) as observer:
            report = kind.run(
                source,
                out,
                prefix=prefix,
                licence=licence,
                progress=lambda done, total: observer("import", done, total),
                overwrite=overwrite,
                **options,
            )
        if as_json:
            document = {
                "ok": True,
                "output": str(out),
                "store": kind.store,
                "imported": list(report.imported),
                "refused": [{"file": file, "reason": reason} for file, reason in report.refused],
                "notes": [{"file": file, "note": note} for file, note in report.notes],
                "hours": report.hours,
                "read_as": dict(report.read_as),
            }
            typer.echo(json.dumps(document, indent=2))
            return
        for file, reason in (*report.refused, *report.notes):
            screen.say(f"{file}: {reason}")
        screen.pairs(
            str(source),
            [
                (kind.store, f"{len(report.imported)}, {report.hours:.2f} hours"),
                *(("read as", f"{how}: {count}") for how, count in report.read_as.items()),
                ("refused", str(len(report.refused))),
                ("result", str(out)),
            ],
        )


def metres_of(scale: str) -> float:
    """The length of a unit in metres, from a number or the name of a unit.

    Raises:
        ConfigError: the text is neither.
    """
    from mbcli.data.recordings.units import UNITS

    if scale in UNITS:
        return UNITS[scale]
    try:
        return float(scale)
    except ValueError:
        raise ConfigError(
            f"--scale must be a number of metres or {', '.join(UNITS)}, got {scale!r}"
        ) from None


def _given(format: str, kind: ImportFormat, **options: Any) -> dict[str, Any]:
    """The options given by the user.

    Raises:
        ConfigError: an option does not apply to the format.
    """
    given = {name: value for name, value in options.items() if value is not None}
    foreign = [name for name in given if name not in kind.options]
    if foreign:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in kind.options)
        raise ConfigError(
            f"--{foreign[0].replace('_', '-')} does not apply to {format}, "
            f"which takes {flags or 'no options of its own'}"
        )
    return given


def _check_source(format: str, kind: ImportFormat, source: Path) -> None:
    check_there(source)
    if kind.source == "folder" and not source.is_dir():
        raise InputError(f"{format} needs a folder, but {source} is not one")
    if kind.source == "file" and not source.is_file():
        raise InputError(f"{format} needs a file, but {source} is not one")


def _reading_keypoints(source: Path, options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `read_tracks`: the files, and a function that reads one of them."""
    from mbcli.keypoints import read_keypoints
    from mbcli.options import InferOptions
    from mbcli.tracks.source import detect_in_file

    size = options.get("image_size")
    how = InferOptions(
        fps=options.get("fps"),
        image_size=None if size is None else parse_size(size),
        joint_map=options.get("joint_map"),
    )
    return {
        "files": list(_keypoint_files(source)),
        "reader": lambda path: detect_in_file(read_keypoints(path, how.joint_map), how).keypoints,
    }


def _keypoint_files(source: Path) -> Iterator[Path]:
    """A file or folder that itself holds keypoints, or those below a folder."""
    from mbcli.keypoints import is_keypoint_file

    if is_keypoint_file(source):
        yield source
    elif source.is_dir():
        for path in sorted(source.iterdir()):
            yield from _keypoint_files(path)
