"""``mbcli gait``: strides of the people in a pose.npz."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mbcli.cli.arguments import AsJson, Overwrite, PoseFile, Quiet, output
from mbcli.cli.parameters import command
from mbcli.cli.refining import refined
from mbcli.people import EVERYBODY, GRAMMAR
from mbcli.refinement.options import RefineOptions


@command
def gait(
    pose: PoseFile,
    *,
    out: Annotated[Path, output("The .csv to write: a row for each person and side.")],
    person: Annotated[
        str, typer.Option(metavar=GRAMMAR, help="Whose gait to measure.")
    ] = EVERYBODY,
    overwrite: Overwrite = False,
    refinement: RefineOptions,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Measure gait: heel strikes, toe offs, cadence, strides, stance, speed, symmetry.

    People need a whole stride of each foot. ``--json`` has the events, too.
    """
    # Imported on use, to keep --help fast.
    import json

    from mbcli.cli.screen import Screen
    from mbcli.errors import OutputError
    from mbcli.gait.parameters import gait_of
    from mbcli.gait.table import HEADER, document, rows_of, write_gait
    from mbcli.motion import load_motion
    from mbcli.storage.output import check_output, written_whole

    if out.suffix.lower() != ".csv":
        raise OutputError(f"--out must end in .csv, got {out}")
    check_output(out, overwrite=overwrite, inputs=(pose,))
    motion = refined(load_motion(pose), refinement)
    found, left_out = gait_of(motion, person)
    with written_whole(out, overwrite=overwrite) as temporary:
        write_gait(found, temporary)
    screen = Screen(quiet=quiet)
    screen.table(HEADER, [row for one in found for row in rows_of(one)])
    screen.say(f"{out}: heel strike and toe off from {found[0].read_from}; symmetry in percent")
    for words in left_out:
        screen.say(f"warning: left out for lack of whole strides: {words}")
    if as_json:
        typer.echo(json.dumps(document(found)))
