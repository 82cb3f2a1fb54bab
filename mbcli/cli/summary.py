"""The end of a run: tables for people, one JSON object for programs."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mbcli.batch.result import Result
from mbcli.cli.screen import Screen
from mbcli.people import FEW
from mbcli.report import InferReport
from mbcli.storage.remote import address
from mbcli.version import version

if TYPE_CHECKING:
    from mbcli.motion import Motion3D
    from mbcli.types import Keypoints2D

_MEBIBYTE = 2**20  # bytes
# Fewer frames are done before the networks are loaded: their rate says nothing.
_ENOUGH = 24
_PART = 0.02  # of a run's time; what takes less has no rate worth reading
_META = (
    "backend",
    "pose2d",
    "mended",
    "weights",
    "assumptions",
    "camera",
    "world",
    "path",
    "tracks",
    "actions",
    "mesh",
)


def long_file(path: Path, result: Motion3D | Keypoints2D) -> list[str]:
    """A sentence on a file with one row a person and frame; none on a file of dense arrays."""
    if result.fits_dense:
        return []
    return [
        f"{path}: written long, one row per person and frame, since arrays of "
        f"{result.spans.frames} frames by {len(result.spans)} people would take more than 1 GB "
        "(docs/result.md)"
    ]


def show_summary(screen: Screen, results: Sequence[Result]) -> None:
    """Show all details of a single result, or one row for each of several."""
    if len(results) > 1:
        header = ("input", "people", "frames", "seconds", "frames/s", "result")
        rows = [_row(result) for result in results]
        used = [n for n, cells in enumerate(zip(*rows, strict=True)) if any(cells)]
        screen.table([header[n] for n in used], [[row[n] for n in used] for row in rows])
        for words in [result.following for result in results if result.following][:1]:
            screen.say(f"next, for example: {shlex.join(words)}")
    elif results[0].finished:
        screen.say(f"{_name(results[0].target)} was finished before; --overwrite makes it again")
    elif results[0].report is not None:
        screen.pairs(_name(results[0].source), _details(results[0], results[0].report))


def write_json(result: Result, indent: int | None = None) -> None:
    """Print a JSON object on stdout: ``ok``, ``version``, ``peak_memory_mib``, ``results``."""
    document = {
        "ok": result.error is None,
        "version": version(),
        "peak_memory_mib": peak_memory(),
        "results": [_object(result)],
    }
    typer.echo(json.dumps(document, indent=indent))


def peak_memory() -> float | None:
    """Peak memory of this process in MiB; None where the system does not record it."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    in_bytes = peak if sys.platform == "darwin" else peak * 1024
    return round(in_bytes / _MEBIBYTE, 1)


def _name(path: Path | None) -> str:
    return "" if path is None else address(path)


def _details(result: Result, report: InferReport) -> list[tuple[str, str]]:
    ids = ", ".join(map(str, result.track_ids))
    if len(result.track_ids) > FEW:
        ids = f"{result.track_ids[0]} to {result.track_ids[-1]}"
    rate, parts = _rate(report), _stages(report)
    weights = result.meta["weights"]
    count = f"{report.frames} in {report.seconds:.1f} s"
    return [
        ("people", f"{report.people} (track {'ids' if report.people > 1 else 'id'} {ids})"),
        ("frames", f"{count}: {rate} frames/s" if rate else count),
        *([("stages", f"{parts} frames/s")] if parts else []),
        ("2D stage", _pose2d(result.meta)),
        *([("weights", ", ".join(one["name"] for one in weights))] if weights else []),
        *(("assumed", _assumed(found)) for found in [result.meta.get("assumptions")] if found),
        *[
            (name, found["found"])
            for name in ("camera", "world", "path")
            for found in [result.meta.get(name)]
            if found
        ],
        *[("actions", _actions(spans)) for spans in [result.meta.get("actions")] if spans],
        ("result", _name(result.target)),
        *[("overlay", str(path)) for path in [result.overlay] if path is not None],
        *([("next", shlex.join(result.following))] if result.following else []),
    ]


def _rate(report: InferReport) -> str:
    """Frames per second of a run, "" if it was too short to have a rate."""
    return f"{report.fps:.1f}" if report.frames >= _ENOUGH else ""


def _stages(report: InferReport) -> str:
    """Frames per second of the stages that take time."""
    if report.frames < _ENOUGH:
        return ""
    long = [stage for stage in report.stages if stage.seconds > _PART * report.seconds]
    return ", ".join(f"{stage.name} {stage.fps:.1f}" for stage in long)


def _pose2d(meta: Mapping[str, Any]) -> str:
    """The origin of the keypoints and why, what would be better, and what was repaired."""
    stage = meta["pose2d"]
    lines = [f"{meta['backend']}: {stage.get('reason') or stage.get('format')}"]
    if stage.get("hint"):
        lines.append(stage["hint"])
    if meta["mended"]:
        swapped, bridged = (meta["mended"][key] for key in ("swapped", "bridged"))
        lines.append(f"repaired: left-right swaps {swapped}, flickering joints {bridged}")
    if meta["interpolated_frames"]:
        count = len(meta["interpolated_frames"])
        lines.append(f"keypoints interpolated in {count} frames (--pose2d-rate)")
    return "; ".join(lines)


def _actions(spans: Sequence[Mapping[str, Any]]) -> str:
    """The three most common actions of each person or pair."""
    seen: dict[str, dict[str, float]] = {}
    for span in spans:
        who = " with ".join(map(str, span["track_ids"]))
        name = span["labels"][0]["name"]
        of = seen.setdefault(who, {})
        of[name] = of.get(name, 0.0) + span["end"] - span["start"]
    lines = []
    for who, names in sorted(seen.items()):
        most = sorted(names, key=lambda name: -names[name])[:3]
        lines.append(f"{who}: {', '.join(most)}")
    return "; ".join(lines)


def _assumed(assumptions: Mapping[str, Mapping[str, Any]]) -> str:
    """The assumptions made, each with what to give instead."""
    height, focal = assumptions["height"], assumptions["focal"]
    guesses = []
    if not height["given"]:
        guesses.append(f"{_heights(height)} (--height, --known-distance)")
    if focal["source"] == "assumed":
        guesses.append(
            f"field of view {focal['fov']:g} degrees, focal length {focal['pixels']:.0f} pixels "
            f"({focal['words']}): distances may be off by {focal['doubt']:.0%} "
            "(--fov, --focal, --calibration)"
        )
    elif focal["doubt"] is not None:
        guesses.append(
            f"focal length {focal['pixels']:.0f} pixels within {focal['doubt']:.0%}, "
            f"{focal['words']} (--focal, --calibration)"
        )
    return "; ".join(guesses) or "nothing: height and camera were given"


def _heights(height: Mapping[str, Any]) -> str:
    people = height["people"]
    tall = {number: f"{one['metres']:.2f} m" for number, one in people.items()}
    if len(set(tall.values())) == 1:
        return f"everybody is {next(iter(tall.values()))} tall, {height['words']}"
    if len(tall) > FEW:
        return f"people are {min(tall.values())} to {max(tall.values())} tall, {height['words']}"
    return f"{', '.join(f'{n} is {metres}' for n, metres in tall.items())} tall, {height['words']}"


def _row(result: Result) -> tuple[str, ...]:
    report = result.report
    if report is None:
        made = _name(result.target)
        end = f"{made} (finished before)" if result.finished else made
        return (
            _name(result.source),
            *[""] * 4,
            end if result.error is None else f"failed: {result.error}",
        )
    return (
        _name(result.source),
        str(report.people),
        str(report.frames),
        f"{report.seconds:.1f}",
        _rate(report),
        _name(result.target),
    )


def _object(result: Result) -> dict[str, Any]:
    report = result.report
    if result.error is not None:
        return {"source": _name(result.source), "ok": False, "error": result.error}
    made = {"source": _name(result.source), "ok": True, "output": _name(result.target)}
    if report is None:
        files = {"files": [*map(_name, result.files)]} if result.files else {}
        return {**made, "finished_before": result.finished, **files, "notes": list(result.notes)}
    return {
        **made,
        "finished_before": False,
        **({} if result.overlay is None else {"overlay": str(result.overlay)}),
        "people": report.people,
        "track_ids": list(result.track_ids),
        "frames": report.frames,
        "seconds": round(report.seconds, 3),
        "frames_per_second": round(report.fps, 2),
        "stages": [
            {
                "name": stage.name,
                "seconds": round(stage.seconds, 3),
                "frames_per_second": round(stage.fps, 2),
            }
            for stage in report.stages
        ],
        **{key: result.meta[key] for key in _META if key in result.meta},
        "warnings": list(report.warnings),
    }
