"""``mbcli weights``: list, download and verify weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mbcli.cli.arguments import AsJson, Debug, Quiet
from mbcli.cli.guard import FAILED, exit_codes, show_error
from mbcli.cli.weights_export import export_weights
from mbcli.errors import ConfigError, MbcliError, WeightsError, one_line

if TYPE_CHECKING:
    from mbcli.weights import WeightsEntry

app = typer.Typer(
    help="Weights of the networks: list, download, verify. Files are searched for in "
    "$MBCLI_WEIGHTS, among those bundled with mbcli, and in the user's cache.",
    no_args_is_help=True,
)

# Location of a file; at most five letters, for the list to fit 80 columns.
_BUNDLED, _CACHE, _OWN = "mbcli", "cache", "yours"
_UNVERIFIED = "*"


@app.command("list")
def list_weights(as_json: AsJson = False, debug: Debug = False) -> None:
    """List all known weights: stage, size, licence, and location on disk."""
    with exit_codes(debug=debug, as_json=as_json):
        # Imported on use, to keep --help fast.
        from mbcli.weights import ENVIRONMENT_VARIABLE, TABLE, cache_directory

        entries = list(TABLE.values())
        if as_json:
            document = {"ok": True, "weights": [_details(entry) for entry in entries]}
            typer.echo(json.dumps(document, indent=2))
            return
        notes = list(dict.fromkeys(e.training_data for e in entries if e.training_data))
        header = ("name", "stage", "finds", "size", "licence", "disk")
        rows = [header, *(_row(entry, notes) for entry in entries)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
            cells[3] = f"{row[3]:>{widths[3]}}"
            typer.echo(" ".join(cells).rstrip())
        typer.echo(f"\n{_UNVERIFIED} Unverified: no SHA-256 of the whole file has been published.")
        typer.echo("  A download is kept if its size and contents are right.")
        typer.echo("\nTrained on data with restricted use:")
        for number, note in enumerate(notes, 1):
            typer.echo(f"  [{number}] {note}")
        typer.echo(f"\nOn disk: {_BUNDLED} = bundled, {_OWN} = in ${ENVIRONMENT_VARIABLE},")
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
    # A downloaded file has a size that the table may lack.
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
    """The location of a file, in one word."""
    from mbcli.weights import bundled_directory, cache_directory

    if path is None:
        return "-"
    return {bundled_directory(): _BUNDLED, cache_directory(): _CACHE}.get(path.parent, _OWN)


def _details(entry: WeightsEntry) -> dict[str, Any]:
    """The entry of a file in the table, and its location."""
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
        typer.Argument(metavar="NAME...", show_default=False, help="As in mbcli weights list."),
    ],
    mirror: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            show_default=False,
            help="Another server, which replaces scheme and host of the address; the path stays: "
            "https://HOST or https://HOST/SOME/PATH.",
        ),
    ] = None,
    insecure_mirror: Annotated[
        bool,
        typer.Option(
            "--insecure-mirror",
            help="Allow an http mirror, without encryption: anybody in between can replace files "
            "without a known SHA-256.",
        ),
    ] = False,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="DIR", show_default="the user's cache", help="Folder to save to."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Download again even if the file is intact on disk.")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Download weights; intact files are kept, interrupted downloads are resumed.

    Writes the paths of the files to stdout. Proxies are taken from HTTPS_PROXY, HTTP_PROXY and
    NO_PROXY.
    """
    with exit_codes(debug=debug):
        from mbcli.cli.screen import Screen
        from mbcli.weights import TABLE, fetch

        if insecure_mirror and mirror is None:
            raise ConfigError("--insecure-mirror needs --mirror, which is not given")
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
    """What a user should know about a file that was just downloaded."""
    from mbcli.weights import ENVIRONMENT_VARIABLE, digest_note, expected, search_directories

    remarks = []
    known = expected(entry, path)
    if known is None or known.source == "first download":
        remarks.append(
            "unverified: the publisher's SHA-256 is not known. Size and contents are right; the "
            f"SHA-256 of this first download is recorded in {digest_note(path).name}"
        )
    elif known.source == "publisher" and len(known.digits) < 64:
        remarks.append(
            f"unverified: only the publisher's first {len(known.digits)} digits, size and contents "
            "were checked"
        )
    if entry.training_data:
        remarks.append(f"trained on {entry.training_data}")
    if path.parent.resolve() not in [place.resolve() for place in search_directories()]:
        remarks.append(f"for mbcli to find it there, set {ENVIRONMENT_VARIABLE}={path.parent}")
    return remarks


@app.command("verify")
def verify_weights(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME...]", show_default="all on disk"),
    ] = None,
    debug: Debug = False,
) -> None:
    """Read whole files and compare them with their known checksums; exit code 1 if one is bad."""
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
                verdict = "unverified: contents are right, but no SHA-256 is known"
            elif known.source == "first download":
                verdict = "unverified: as first downloaded, and contents are right"
            elif len(known.digits) < 64:
                verdict = f"unverified: SHA-256 begins as published, {known.digits}..."
            elif known.source == "second-hand":
                verdict = "intact, by a second-hand SHA-256"
            else:
                verdict = "intact"
            typer.echo(f"{name:<{width}}  {verdict}")
        if failed:
            raise typer.Exit(FAILED)


@app.command("path")
def path_of_weights(
    name: Annotated[
        str, typer.Argument(show_default=False, help="A name from mbcli weights list.")
    ],
    debug: Debug = False,
) -> None:
    """Print the path of a file; exit code 1 if it is not on disk."""
    with exit_codes(debug=debug):
        from mbcli.weights import named, resolve

        typer.echo(str(resolve(named(name).name)))


app.command("export")(export_weights)
