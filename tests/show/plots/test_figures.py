"""Figures of motions: what is in them, read from their vector forms, and what is refused."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure
from motions import grounded, hidden, walking

from mbcli.errors import ConfigError, InputError, OutputError
from mbcli.motion import Motion3D
from mbcli.show.plots.figure import SUFFIXES, plot
from mbcli.show.plots.ink import SIDES
from mbcli.show.plots.options import PlotOptions, What
from mbcli.show.plots.panels import angle_panels, overall, speed_panels
from mbcli.show.plots.selection import MOST_PEOPLE, select

WHATS: tuple[What, ...] = ("angles", "speeds", "confidence", "trajectories")


@pytest.fixture(scope="module")
def motion() -> Motion3D:
    return hidden(walking(frames=45, people=2), slice(20, 26), person=1)


def words(path: Path) -> list[str]:
    root = ElementTree.parse(path).getroot()
    return [" ".join("".join(e.itertext()).split()) for e in root.iter() if e.tag.endswith("text")]


@pytest.mark.parametrize("what", WHATS)
def test_each_figure_in_each_form(what: What, motion: Motion3D, tmp_path: Path) -> None:
    options = PlotOptions(what=what, joint=("knee",))
    for suffix in SUFFIXES:
        report = plot(motion, tmp_path / f"figure{suffix}", options)
        assert (report.frames, report.people, report.left_out) == (45, (1, 2), 0)
    picture = cv2.imread(str(tmp_path / "figure.png"))
    assert picture is not None
    # cv2 rounds as it likes; a figure has the reported size, at 200 dots per inch.
    width, height = (200 * inches for inches in report.inches)
    assert picture.shape[:2] == pytest.approx((height, width), abs=1)
    assert picture.std() > 5
    assert (picture[[0, -1]] == 255).all()  # nothing runs over the edge
    assert (picture[:, [0, -1]] == 255).all()
    said = words(tmp_path / "figure.svg")
    assert {"person 1", "person 2"} <= set(said)
    assert any("gaps: the person is absent" in line for line in said)
    pdf = (tmp_path / "figure.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"/FontFile2" in pdf  # TrueType, carried along
    assert b"/Subtype /Image" not in pdf


def test_angles_show_mean_range_and_confidence(motion: Motion3D, tmp_path: Path) -> None:
    options = PlotOptions(joint=("knee",), person="2")
    plot(motion, tmp_path / "knee.svg", options)
    said = words(tmp_path / "knee.svg")
    chosen = select(motion, options)
    knee = angle_panels(chosen, options.joint)[0][0]
    left = next(curve for curve in knee.curves if curve.side == "left")
    there = np.isfinite(left.values)
    mean, low, high = left.values[there].mean(), *np.nanquantile(left.values, [0, 1])
    sure = left.confidence[there]
    assert (
        f"left: mean {mean:.0f}°, {low:.0f}° to {high:.0f}°; "
        f"confidence {sure.mean():.2f}, {sure.min():.2f} to {sure.max():.2f}"
    ) in said
    assert "person 1" not in said
    assert {"left", "right", "thin: confidence below 0.5"} <= set(said)
    band = overall(chosen, 1).curves[0]
    assert band.low is not None
    assert band.high is not None
    scores = np.where(np.isfinite(motion.positions[:, 1, :, 0]), motion.confidence[:, 1], np.nan)
    np.testing.assert_allclose(band.low[there], scores[there].min(axis=-1))
    np.testing.assert_allclose(band.high[there], scores[there].max(axis=-1))
    assert np.isnan(band.values[~there]).all()


def test_sides_differ_without_their_colours() -> None:
    left, right = SIDES["left"], SIDES["right"]
    assert left.dashes != right.dashes

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    bright, dark = luminance(left.colour), luminance(right.colour)
    assert (bright + 0.05) / (dark + 0.05) > 1.5
    # And both can be read on white (WCAG asks 3 of graphics; the wide strokes come close).
    assert 1.05 / (dark + 0.05) > 3
    assert 1.05 / (bright + 0.05) > 2.4


@pytest.mark.parametrize(
    ("joints", "labels"),
    [
        (("knee",), ["knee flexion"]),
        (("hip",), ["hip flexion", "hip adduction", "hip rotation"]),
        (("hip_rotation", "elbow-flex"), ["hip rotation", "elbow flexion"]),
        (("pelvis",), ["pelvis tilt", "pelvis obliquity", "pelvis heading"]),
        (("left_elbow",), ["elbow flexion"]),
    ],
)
def test_joints_choose_angles(joints: tuple[str, ...], labels: list[str], motion: Motion3D) -> None:
    panels = angle_panels(select(motion, PlotOptions()), joints)[0]
    assert [panel.label for panel in panels] == labels
    if joints == ("left_elbow",):
        assert [curve.side for curve in panels[0].curves] == ["left"]


def test_speeds_are_those_of_the_walk(motion: Motion3D) -> None:
    chosen = select(motion, PlotOptions(what="speeds"))
    pelvis = speed_panels(chosen, ("pelvis",))[0][0].curves[0].values
    assert pelvis == pytest.approx(1.0, abs=0.15)  # it goes up and down on its way
    absent = speed_panels(chosen, ("pelvis",))[1][0].curves[0].values
    assert np.isnan(absent).tolist() == (~motion.present[:, 1]).tolist()
    ankle = speed_panels(chosen, ("ankle",))[0][0].curves[0].values
    assert ankle.min() == pytest.approx(0, abs=1e-3)  # it stands


def test_times_and_one_frame(motion: Motion3D, tmp_path: Path) -> None:
    report = plot(motion, tmp_path / "part.svg", PlotOptions("speeds", start=0.5, end=1.0))
    assert report.frames == int(((motion.timestamps >= 0.5) & (motion.timestamps <= 1)).sum())
    for what in WHATS:
        options = PlotOptions(what=what, joint=("elbow",))
        report = plot(walking(frames=1), tmp_path / f"{what}.svg", options)
        assert report.frames == 1


def test_a_motion_in_the_world_stands_on_its_floor(motion: Motion3D, tmp_path: Path) -> None:
    world = np.eye(4)
    world[1, 3] = -1.2
    plot(
        grounded(motion, world),
        tmp_path / "way.svg",
        PlotOptions(what="trajectories", joint=("ankle",)),
    )
    said = words(tmp_path / "way.svg")
    assert "above the floor [m]" in said
    assert any(line.startswith("up along the estimated gravity") for line in said)
    assert {"from above", "from the side", "left ankle", "right ankle"} <= set(said)


def test_the_same_motion_gives_the_same_file(motion: Motion3D, tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        for name in "ab":
            plot(motion, tmp_path / f"{name}{suffix}", PlotOptions(what="trajectories"))
        first, second = ((tmp_path / f"{name}{suffix}").read_bytes() for name in "ab")
        assert first == second


def test_letters_of_a_pdf_stay_letters(motion: Motion3D, tmp_path: Path) -> None:
    plot(motion, tmp_path / "a.pdf", PlotOptions(joint=("knee",)))
    parts = re.findall(rb"stream\r?\n(.*?)endstream", (tmp_path / "a.pdf").read_bytes(), re.S)
    drawn = b""
    for part in parts:
        try:
            drawn += zlib.decompress(part)
        except zlib.error:
            continue
    assert b"Tj" in drawn or b"TJ" in drawn


def test_names_with_dollars_are_no_formulas(motion: Motion3D, tmp_path: Path) -> None:
    named = replace(motion, meta={"source": "/a/$x_1$ $.mp4"})
    plot(named, tmp_path / "a.svg", PlotOptions("trajectories"))
    assert any("$x_1$ $.mp4" in line for line in words(tmp_path / "a.svg"))


def test_a_crowd_is_cut_to_those_seen_longest(tmp_path: Path) -> None:
    crowd = hidden(walking(frames=12, people=MOST_PEOPLE + 2), slice(0, 6), person=3)
    crowd = hidden(crowd, slice(2, 9), person=0)
    report = plot(crowd, tmp_path / "a.svg", PlotOptions(joint=("knee",)))
    assert report.people == (2, 3, 5, 6, 7, 8)
    assert report.left_out == 2
    with pytest.raises(ConfigError, match="at most 6 people, got 7"):
        select(crowd, PlotOptions(person="1,2,3,4,5,6,7"))


def test_nobody_and_nothing_are_refused(motion: Motion3D, tmp_path: Path) -> None:
    empty = hidden(walking(frames=5), slice(None))
    for nobody in (empty, walking(frames=5, people=0), walking(frames=0)):
        with pytest.raises(InputError, match="holds nobody"):
            plot(nobody, tmp_path / "a.pdf")
    with pytest.raises(InputError, match="nothing of person 2 in the 6 frames"):
        plot(motion, tmp_path / "a.pdf", PlotOptions(person="2", start=0.66, end=0.84))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"person": "9"}, "--person must be all, largest or one of 1, 2, got 9"),
        ({"person": "first"}, "--person must be all, largest or ids such as 1 or 1,3, got 'first'"),
        ({"joint": ("toe",)}, "--joint must be one of hip, knee, .* got 'toe'"),
        ({"joint": ("toe",), "what": "speeds"}, "--joint must be one of pelvis, .* got 'toe'"),
        ({"joint": ("left_pelvis",), "what": "trajectories"}, "got 'left_pelvis'"),
        ({"start": 7.0}, "between 0.00 and 1.47 seconds, got 7 to inf"),
        ({"start": 1.0, "end": 1.0}, "--end must be after --start 1, got 1"),
        ({"start": float("nan")}, "--start must be a number of seconds, got nan"),
        ({"what": "heights"}, "--what must be angles, trajectories, .* got 'heights'"),
    ],
)
def test_wrong_options_are_reported(
    options: dict[str, Any], message: str, motion: Motion3D, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        plot(motion, tmp_path / "a.pdf", PlotOptions(**options))
    assert not list(tmp_path.iterdir())


def test_files_are_not_replaced_unasked(motion: Motion3D, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"must end in \.pdf, \.svg, \.png, got .*a\.jpg"):
        plot(motion, tmp_path / "a.jpg")
    (tmp_path / "a.pdf").write_text("mine")
    with pytest.raises(OutputError, match="exists"):
        plot(motion, tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_text() == "mine"
    plot(motion, tmp_path / "a.pdf", PlotOptions("trajectories"), overwrite=True)
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize("person", ["1", "all"])
def test_title_and_legend_stay_apart(
    what: What, person: str, motion: Motion3D, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Any] = []
    savefig = Figure.savefig

    def saved(self: Figure, *args: Any, **options: Any) -> None:
        figures.append(self)
        savefig(self, *args, **options)

    monkeypatch.setattr(Figure, "savefig", saved)
    plot(motion, tmp_path / "figure.png", PlotOptions(what=what, person=person))
    (figure,) = figures
    (legend,) = figure.legends
    title = figure._suptitle.get_window_extent()
    lines = [text.get_window_extent() for text in legend.get_texts()]
    lines += [line.get_window_extent() for line in legend.get_lines()]
    assert not any(title.overlaps(line) for line in lines)
