"""``mbcli doctor``: what this machine has, what is wrong, and what would be faster or better."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from mbcli.cli.arguments import AsJson, Debug
from mbcli.cli.guard import FAILED, exit_codes


def doctor(
    report: Annotated[
        bool,
        typer.Option(
            "--report", help="Write it for a bug report, in Markdown and without private paths."
        ),
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Check Python, libraries, processors, codecs, weights and disk, and give advice."""
    with exit_codes(debug=debug, as_json=as_json):
        # Imported on use, to keep --help fast.
        from mbcli.cli.examination import examine, without_private_paths

        findings = list(examine())
        if report:
            typer.echo("| what | found | remark |\n|---|---|---|")
            for one in findings:
                remark = " ".join(filter(None, (one.problem, one.advice)))
                cells = [without_private_paths(cell) for cell in (one.name, one.found, remark)]
                typer.echo("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        elif as_json:
            typer.echo(
                json.dumps(
                    {
                        "ok": not any(one.problem for one in findings),
                        "findings": [one.__dict__ for one in findings],
                    },
                    indent=2,
                )
            )
        else:
            width = max(len(one.name) for one in findings)
            for one in findings:
                typer.echo(f"{one.name:<{width}}  {one.found}")
                for mark, text in (("PROBLEM: ", one.problem), ("advice: ", one.advice)):
                    if text:
                        typer.echo(f"{'':<{width}}  {mark}{text}")
        if any(one.problem for one in findings):
            raise typer.Exit(FAILED)
