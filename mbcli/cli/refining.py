"""The options of refinement, which mean the same in every command that takes a pose.npz.

A command takes them all, under these names, and hands them on; `refine` does nothing with None:

    from mbcli.cli import refining as r

    def command(
        pose: ..., out: ...,
        max_gap: r.MaxGap = None, outliers: r.Outliers = False,
        filter_: r.Filter = "none", cutoff: r.Cutoff = None,
        order: r.Order = None, beta: r.Beta = None,
        bones: r.Bones = False, symmetric: r.Symmetric = False,
        feet: r.Feet = False, world: r.World = False,
    ) -> None:
        with exit_codes(debug=debug):
            refinement = r.refine_options(
                max_gap=max_gap, outliers=outliers, filter_=filter_, cutoff=cutoff,
                order=order, beta=beta, bones=bones, symmetric=symmetric,
                feet=feet, world=world,
            )
            motion = r.refined(load_motion(pose), refinement)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from mbcli.motion import Motion3D
    from mbcli.refinement.options import RefineOptions

REFINEMENT = "Refinement"

MaxGap = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="Fill holes up to this long, of joints as of people.",
        show_default="0, and 0.25 with --outliers",
        rich_help_panel=REFINEMENT,
    ),
]
Outliers = Annotated[
    bool,
    typer.Option(
        "--outliers/--no-outliers",
        help="Take out joints that jump, or whose bones are of a wrong length.",
        rich_help_panel=REFINEMENT,
    ),
]
Filter = Annotated[
    Literal["none", "one-euro", "savgol", "butterworth"],
    typer.Option("--filter", help="Smooth over time.", rich_help_panel=REFINEMENT),
]
Cutoff = Annotated[
    float | None,
    typer.Option(
        metavar="HZ",
        help="Cut-off of the filter; of one-euro, that at rest.",
        show_default="6; one-euro 2",
        rich_help_panel=REFINEMENT,
    ),
]
Order = Annotated[
    int | None,
    typer.Option(
        help="Degree of savgol's polynomial, order of butterworth over both passes.",
        show_default="savgol 3, butterworth 4",
        rich_help_panel=REFINEMENT,
    ),
]
Beta = Annotated[
    float | None,
    typer.Option(
        help="Hz by which the cut-off of one-euro rises per metre a second.",
        show_default="6",
        rich_help_panel=REFINEMENT,
    ),
]
Bones = Annotated[
    bool,
    typer.Option(
        "--bones/--no-bones",
        help="Keep every bone at one length, its median.",
        rich_help_panel=REFINEMENT,
    ),
]
Symmetric = Annotated[
    bool,
    typer.Option(
        "--symmetric/--no-symmetric",
        help="With --bones: the same lengths left and right.",
        rich_help_panel=REFINEMENT,
    ),
]
Feet = Annotated[
    bool,
    typer.Option(
        "--feet/--no-feet",
        help="Find when the feet stand on the floor, and keep them from sliding.",
        rich_help_panel=REFINEMENT,
    ),
]
World = Annotated[
    bool,
    typer.Option(
        "--world/--no-world",
        help="Find the floor and gravity; takes the camera to stand still.",
        rich_help_panel=REFINEMENT,
    ),
]


def refine_options(
    *,
    max_gap: float | None,
    outliers: bool,
    filter_: str,
    cutoff: float | None,
    order: int | None,
    beta: float | None,
    bones: bool,
    symmetric: bool,
    feet: bool,
    world: bool,
) -> RefineOptions | None:
    """What was asked for, None if that is nothing.

    Raises:
        ConfigError: a value outside its rule, or one that would do nothing.
    """
    from mbcli.refinement.options import RefineOptions

    options = RefineOptions(
        max_gap=max_gap,
        outliers=outliers,
        filter=filter_,
        cutoff=cutoff,
        order=order,
        beta=beta,
        bones=bones,
        symmetric=symmetric,
        feet=feet,
        world=world,
    )
    return options if options.changes else None


def refined(motion: Motion3D, options: RefineOptions | None) -> Motion3D:
    """The motion refined as asked for; as it is with None."""
    if options is None:
        return motion
    from mbcli.refinement.refine import refine

    return refine(motion, options)
