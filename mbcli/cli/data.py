"""``mbcli data``: import motion into stores for training, and inspect stores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from mbcli.cli.arguments import AsJson, Debug, Overwrite, Quiet, output
from mbcli.cli.data_import import import_data
from mbcli.cli.data_preview import preview
from mbcli.cli.guard import FAILED, exit_codes
from mbcli.errors import ConfigError

app = typer.Typer(help="Stores of motion data for training.", no_args_is_help=True)


app.command("import")(import_data)
app.command("preview")(preview)

_SHOWN = 5  # people listed by name


@app.command("formats")
def formats(debug: Debug = False) -> None:
    """List the formats of import, with the kind of store and the options of each."""
    with exit_codes(debug=debug):
        # Imported on use, to keep --help fast.
        from mbcli.data.formats import FORMATS

        for name, kind in FORMATS.items():
            flags = " ".join(f"--{option.replace('_', '-')}" for option in kind.options)
            typer.echo(f"{name:<14} {kind.title}: a {kind.source} into {kind.store}  {flags}")


@app.command("merge")
def merge(
    stores: Annotated[
        list[Path], typer.Argument(show_default=False, help="Clip stores, in order.")
    ],
    out: Annotated[Path, output("The clip store to create.")],
    leave_out: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SUBJECT", show_default=False, help="A person to leave out; repeatable."
        ),
    ] = None,
    duplicates: Annotated[
        bool,
        typer.Option(
            "--duplicates/--no-duplicates",
            help="Keep clips of a performance that another clip also shows.",
        ),
    ] = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Merge clip stores into a new one, with each performance once."""
    with exit_codes(debug=debug):
        # Imported on use, to keep --help fast.
        from mbcli.cli.screen import Screen
        from mbcli.data.stores.duplicates import find_duplicates
        from mbcli.data.stores.store import ClipStore, check_new_store, merge_clips
        from mbcli.storage.output import check_separate

        check_separate([out], stores)
        check_new_store(out, overwrite=overwrite)
        opened = [ClipStore.open(path) for path in stores]
        people = sorted({subject for store in opened for subject in store.subjects})
        absent = set(leave_out or ())
        unknown = sorted(absent - set(people))
        if unknown:
            raise ConfigError(
                f"--leave-out must name a person of the stores, got {', '.join(unknown)} "
                f"(known: {', '.join(people)})"
            )
        there = [(store, clip) for store in opened for clip in store.clips]
        clips = [(store, clip) for store, clip in there if clip.subject not in absent]
        twins = [] if duplicates else find_duplicates(clips)
        dropped = {twin.clip for twin in twins}
        kept = [pair for number, pair in enumerate(clips) if number not in dropped]
        merged = merge_clips(kept, out, overwrite=overwrite)
        screen = Screen(quiet=quiet)
        titles = [f"{clip.name} of {store.path}" for store, clip in clips]
        for twin in twins:
            screen.say(
                f"{titles[twin.clip]}: left out, {titles[twin.of]} shows the same performance"
            )
        screen.pairs(
            str(out),
            [
                ("clips", f"{len(merged.clips)}, {merged.hours:.2f} hours"),
                ("people", str(len(merged.subjects))),
                ("left out", str(len(there) - len(merged.clips))),
            ],
        )


Store = Annotated[Path, typer.Argument(show_default=False, help="A store of either kind.")]


@app.command("info")
def info(store: Store, quiet: Quiet = False, as_json: AsJson = False, debug: Debug = False) -> None:
    """Describe a store: counts, hours, people, frame rates and the ranges of the joints."""
    with exit_codes(debug=debug, as_json=as_json):
        # Imported on use, to keep --help fast.
        from mbcli.cli.screen import Screen
        from mbcli.data.stores.sequences import open_store
        from mbcli.data.stores.summary import describe

        summary = describe(open_store(store))
        if as_json:
            typer.echo(json.dumps({"ok": True, "store": str(store), **summary}, indent=2))
            return
        screen = Screen(quiet=quiet)
        screen.pairs(str(store), list(_lines(summary)))
        for array, joints in summary["ranges"].items():
            screen.table(
                (array, "x" if array != "joints" else "x (m)", "y", "z or score", "missing"),
                [
                    (
                        joint,
                        *(_span(a, b) for a, b in zip(span["min"], span["max"], strict=True)),
                        f"{span['missing']:.1%}",
                    )
                    for joint, span in joints.items()
                ],
            )


def _lines(summary: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The summary of a store as names and values."""
    yield "format", summary["format"]
    yield "clips", f"{summary['clips']}, {summary['frames']} frames, {summary['hours']:.2f} hours"
    longest = sorted(summary["subjects"].items(), key=lambda item: -item[1])
    some = ", ".join(f"{name} {hours * 60:.1f} min" for name, hours in longest[:_SHOWN])
    more = f" and {len(longest) - _SHOWN} more" if len(longest) > _SHOWN else ""
    yield "people", f"{len(longest)}: {some}{more}"
    yield "fps", ", ".join(f"{fps} ({count})" for fps, count in summary["fps"].items())
    for key in ("licences", "splits", "actions"):
        counts = {name: count for name, count in summary.get(key, {}).items() if name}
        if counts:
            yield key, ", ".join(f"{name} ({count})" for name, count in counts.items())
    if "people" in summary:
        yield "people per frame", str(summary["people"])
        yield (
            "arrays",
            ", ".join(
                ("keypoints", *(f"{name} {share:.0%}" for name, share in summary["arrays"].items()))
            ),
        )


def _span(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"{low:.4g}..{high:.4g}"


@app.command("check")
def check(
    store: Store, quiet: Quiet = False, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Check every clip of a store and list broken ones; exit code 1 if there are any."""
    with exit_codes(debug=debug, as_json=as_json):
        # Imported on use, to keep --help fast.
        from mbcli.cli.screen import Screen
        from mbcli.data.stores.check import check_store
        from mbcli.data.stores.sequences import open_store
        from mbcli.data.stores.store import ClipStore

        opened = open_store(store)
        count = len(opened.clips if isinstance(opened, ClipStore) else opened.sequences)
        faults = list(check_store(opened))
        broken = len({name for name, _ in faults if name})
        if as_json:
            rows = [{"clip": name, "reason": reason} for name, reason in faults]
            document = {"ok": not faults, "store": str(store), "clips": count, "faults": rows}
            typer.echo(json.dumps(document, indent=2))
        else:
            screen = Screen(quiet=quiet)
            for name, reason in faults:
                screen.say(f"{name or store}: {reason}")
            screen.pairs(str(store), [("clips", str(count)), ("broken", str(broken))])
    if faults:
        raise typer.Exit(FAILED)
