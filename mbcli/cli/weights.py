"""``mbcli weights``: what there is, downloads, and whether files are whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mbcli.cli.arguments import AsJson, Debug, Quiet
from mbcli.cli.guard import FAILED, exit_codes, one_line, show_error
from mbcli.errors import ConfigError, MbcliError, WeightsError

if TYPE_CHECKING:
    from mbcli.weights import WeightsEntry

app = typer.Typer(
    help="Weights of the networks: list, download, check. A file is looked for in "
    "$MBCLI_WEIGHTS, among those that come with mbcli, and in the user's cache.",
    no_args_is_help=True,
)

# Where a file lies; five letters at most, for the list to fit 80 columns.
_BUNDLED, _CACHE, _OWN = "mbcli", "cache", "yours"
_UNVERIFIED = "*"


@app.command("list")
def list_weights(as_json: AsJson = False, debug: Debug = False) -> None:
    """All weights that mbcli knows: stage, size, licence, and where they are on disk."""
    with exit_codes(debug=debug, as_json=as_json):
        # Imported on use, so that --help answers at once.
        from mbcli.weights import ENVIRONMENT_VARIABLE, TABLE, cache_directory

        entries = list(TABLE.values())
        if as_json:
            document = {"ok": True, "weights": [_facts(entry) for entry in entries]}
            typer.echo(json.dumps(document, indent=2))
            return
        notes = list(dict.fromkeys(e.training_data for e in entries if e.training_data))
        header = ("name", "stage", "finds", "size", "licence", "disk")
        rows = [header, *(_row(entry, notes) for entry in entries)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
            cells[3] = f"{row[3]:>{widths[3]}}"
            typer.echo("  ".join(cells).rstrip())
        typer.echo(f"\n{_UNVERIFIED} Unverified: nobody has told the SHA-256 of the whole file.")
        typer.echo("  A download is kept if its size and what it holds are right.")
        typer.echo("\nTrained on data that may not be used for everything:")
        for number, note in enumerate(notes, 1):
            typer.echo(f"  [{number}] {note}")
        typer.echo(f"\nOn disk: {_BUNDLED} = comes with it, {_OWN} = in ${ENVIRONMENT_VARIABLE},")
        typer.echo(f"  {_CACHE} = in {cache_directory()}")
        typer.echo("Download: mbcli weights fetch NAME")


def _row(entry: WeightsEntry, notes: list[str]) -> tuple[str, ...]:
    mark = f" [{notes.index(entry.training_data) + 1}]" if entry.training_data else ""
    path = _path(entry)
    return (
        entry.name if entry.verified else f"{entry.name} {_UNVERIFIED}",
        entry.stage,
        _finds(entry),
        _size(entry, path),
        f"{entry.licence}{mark}",
        _place(path),
    )


def _size(entry: WeightsEntry, path: Path | None) -> str:
    # A downloaded file tells a size that the table may not know.
    size = entry.bytes if path is None else path.stat().st_size
    if size is not None:
        return f"{size / 1e6:.1f} MB"
    return "?" if entry.about is None else f"~{entry.about / 1e6:.0f} MB"


def _finds(entry: WeightsEntry) -> str:
    if entry.stage in ("pretrain", "action", "mesh"):
        return {"pretrain": "features", "action": "actions", "mesh": "bodies"}[entry.stage]
    return entry.skeleton or "boxes"


def _path(entry: WeightsEntry) -> Path | None:
    from mbcli.weights import on_disk

    return on_disk(entry.name)


def _place(path: Path | None) -> str:
    """In which of the places a file lies, in a word."""
    from mbcli.weights import bundled_directory, cache_directory

    if path is None:
        return "-"
    return {bundled_directory(): _BUNDLED, cache_directory(): _CACHE}.get(path.parent, _OWN)


def _facts(entry: WeightsEntry) -> dict[str, Any]:
    """All that the table says of a file, and where it is."""
    from dataclasses import asdict

    path = _path(entry)
    return {
        **asdict(entry),
        "verified": entry.verified,
        "path": None if path is None else str(path),
    }


@app.command("fetch")
def fetch_weights(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", show_default=False, help="As mbcli weights list shows."),
    ],
    mirror: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            show_default=False,
            help="Another server, in place of scheme and host of the address; the path stays: "
            "https://HOST or https://HOST/SOME/PATH.",
        ),
    ] = None,
    insecure_mirror: Annotated[
        bool,
        typer.Option(
            "--insecure-mirror",
            help="Let the mirror be http, without encryption: everybody on the way can exchange "
            "what has no known SHA-256.",
        ),
    ] = False,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", show_default="the user's cache", help="Save there."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Download again what is on disk and whole.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Download weights; what is there and whole stays, what broke off is continued.

    The paths of the files go to stdout. Proxies are taken from HTTPS_PROXY, HTTP_PROXY, NO_PROXY.
    """
    with exit_codes(debug=debug):
        from mbcli.cli.screen import Screen
        from mbcli.weights import TABLE, fetch

        if insecure_mirror and mirror is None:
            raise ConfigError("--insecure-mirror goes with --mirror, which is not given")
        screen = Screen(quiet=quiet)
        failed = False
        for name in dict.fromkeys(names):
            try:
                with screen.progress(name, in_bytes=True) as observer:
                    path = fetch(
                        name,
                        mirror=mirror,
                        directory=to,
                        force=force,
                        insecure=insecure_mirror,
                        observer=observer,
                    )
                for line in _remarks(TABLE[name], path):
                    screen.say(f"{name}: {line}")
                typer.echo(str(path))
            except MbcliError as error:
                failed = True
                show_error(one_line(error), debug=debug)
        if failed:
            raise typer.Exit(FAILED)


def _remarks(entry: WeightsEntry, path: Path) -> list[str]:
    """What a user should know of a file that was just fetched."""
    from mbcli.weights import ENVIRONMENT_VARIABLE, digest_note, expected, search_directories

    remarks = []
    known = expected(entry, path)
    if known is None or known.source == "first download":
        remarks.append(
            "unverified: no SHA-256 of the publisher's is known. Its size and what it holds are "
            f"right; the SHA-256 of this first download is noted in {digest_note(path).name}"
        )
    elif known.source == "publisher" and len(known.digits) < 64:
        remarks.append(
            f"unverified: only the publisher's first {len(known.digits)} digits, its size and what "
            "it holds were checked"
        )
    if entry.training_data:
        remarks.append(f"trained on {entry.training_data}")
    if path.parent.resolve() not in [place.resolve() for place in search_directories()]:
        remarks.append(f"to be found there, set {ENVIRONMENT_VARIABLE}={path.parent}")
    return remarks


@app.command("verify")
def verify_weights(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME...]", show_default="all that are on disk"),
    ] = None,
    debug: Debug = False,
) -> None:
    """Read whole files and compare them with what is known of them; code 1 if one is bad."""
    with exit_codes(debug=debug):
        from mbcli.weights import TABLE, check, check_structure, named, on_disk, resolve

        chosen = names or [name for name in TABLE if on_disk(name) is not None]
        width = max(map(len, chosen), default=0)
        failed = False
        for name in dict.fromkeys(chosen):
            try:
                entry = named(name)
                path = resolve(name)
                known = check(entry, path)
                if not entry.verified:
                    check_structure(entry, path)
            except WeightsError as error:
                failed = True
                message = one_line(error)
                show_error(message if name in message else f"{name}: {message}", debug=debug)
                continue
            if known is None:
                verdict = "unverified: it holds what it should, no SHA-256 of it is known"
            elif known.source == "first download":
                verdict = "unverified: as it was first downloaded, and it holds what it should"
            elif len(known.digits) < 64:
                verdict = f"unverified: SHA-256 begins as the publisher says, {known.digits}..."
            elif known.source == "second-hand":
                verdict = "whole, by a second-hand SHA-256"
            else:
                verdict = "whole"
            typer.echo(f"{name:<{width}}  {verdict}")
        if failed:
            raise typer.Exit(FAILED)


@app.command("path")
def path_of_weights(
    name: Annotated[str, typer.Argument(show_default=False, help="A name of the list.")],
    debug: Debug = False,
) -> None:
    """Where a file lies; code 1 if it is not on disk."""
    with exit_codes(debug=debug):
        from mbcli.weights import named, resolve

        typer.echo(str(resolve(named(name).name)))
