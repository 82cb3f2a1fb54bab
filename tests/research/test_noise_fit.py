"""The fit of a front end's errors recovers the numbers that footage was drawn from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.accuracy.calibration import View
from mbcli.skeleton import COCO17
from mbcli.train.draw import Draw
from mbcli.train.noise_model import NoiseModel
from mbcli.train.noise_sampler import NoiseSampler
from research.noise.fit import PRIOR_CROPPED, fit
from research.noise.measures import measured
from research.noise.misses import Misses, Person, misses, missing
from research.noise.sight import sight, unseen
from research.noise.uncalibrated import without_truth

FPS, FRAMES, SIZE = 60.0, 110, (1000, 1600)
# Right of the middle, above the floor and before it, in metres; left sides mirror them.
STANDING = {
    "nose": (0.0, 1.62, 0.12),
    "eye": (0.03, 1.66, 0.10),
    "ear": (0.08, 1.65, 0.02),
    "shoulder": (0.19, 1.43, 0.0),
    "elbow": (0.30, 1.18, 0.0),
    "wrist": (0.40, 0.98, 0.10),
    "hip": (0.13, 0.92, 0.0),
    "knee": (0.15, 0.49, 0.05),
    "ankle": (0.16, 0.07, 0.0),
}
TRUE: dict[str, Any] = {
    "offset": (0.006,) * 5 + (0.010,) * 12,
    "slow": (0.008,) * 17,
    "white": (0.002,) * 9 + (0.008,) * 2 + (0.002,) * 6,
    "time_constant": 0.12,
    "difficulty_sd": 0.0,
    **dict.fromkeys(("hidden", "collapsed", "swapped", "dropped", "cropped", "outlier"), 0.0),
    "stretch": (0.3, 1.0),
    "confidence": 0.80,
    "confidence_sd": 0.5,
    "confidence_steady": 0.4,
    "confidence_slope": 0.3,
}


def moving(phase: float) -> np.ndarray:
    """(T, 17, 3) metres, z up: somebody who sways, each joint in its own time."""
    body = np.empty((len(COCO17), 3))
    for joint, name in enumerate(COCO17.joints):
        across, up, ahead = STANDING[name.split("_")[-1]]
        body[joint] = (-across if name.startswith("left") else across), ahead, up
    times = np.arange(FRAMES)[:, None, None] / FPS
    beat = phase + np.arange(len(COCO17))[:, None] + np.array([0.0, 1.0, 2.0])
    return body + 0.05 * np.sin(2 * math.pi * 0.7 * times + beat)


def cameras() -> tuple[View, ...]:
    """Four 4.5 m off, no two of them opposite each other, looking at the body's middle."""
    views = []
    for angle in (0.3, 1.3, 2.3, 3.9):
        away = np.array([-math.cos(angle), -math.sin(angle), 0.0])
        rotation = np.stack([np.cross([0, 0, -1.0], away), [0, 0, -1.0], away])
        matrix = np.array([[1400.0, 0, SIZE[0] / 2], [0, 1400.0, SIZE[1] / 2], [0, 0, 1]])
        centre = -4.5 * away + np.array([0.0, 0.0, 1.0])
        views.append(View(matrix, np.zeros(5), rotation, centre))
    return tuple(views)


@dataclass
class Footage:
    """Somebody as a front end with the numbers ``TRUE`` reports them."""

    people: list[Person]
    heights: list[np.ndarray]


def filmed(count: int, **numbers: Any) -> Footage:
    noise = NoiseSampler(NoiseModel.model_validate({**TRUE, **numbers}), torch.device("cpu"))
    views = cameras()
    people, heights = [], []
    for number in range(count):
        points = moving(number)
        xy = np.stack([view.project(points) for view in views])
        depth = np.stack([view.to_camera(points)[:, 11:13, 2].mean(axis=1) for view in views])
        height = 1.75 * 1400.0 / depth
        reported = noise.report(
            torch.from_numpy(xy).float(),
            torch.from_numpy(height).float(),
            torch.full((4,), FPS),
            Draw.seeded(100 + number),
        ).numpy()
        reported[reported[..., 2] <= 0] = np.nan, np.nan, 0
        people.append(Person(views, reported.astype(np.float64), FPS))
        heights.append(height)
    return Footage(people, heights)


@pytest.mark.slow
def test_the_numbers_that_footage_was_drawn_from_are_found() -> None:
    found = fit(filmed(2, hidden=0.3).people, "made", draws=1, rounds=4).numbers
    # What the prior adds to the views' differences is taken off the sizes again.
    grown = math.exp(found.difficulty_sd**2)
    limbs = slice(5, None)
    for part, tolerance in (("offset", 0.25), ("slow", 0.2)):
        got = grown * np.array(getattr(found, part))[limbs]
        wanted = np.array(TRUE[part])[limbs]
        assert np.abs(np.log(got / wanted)).mean() < tolerance, (part, got)
    white = grown * np.array(found.white)
    wrist, knee = COCO17.index("left_wrist"), COCO17.index("left_knee")
    assert white[wrist] == pytest.approx(0.008, rel=0.2)
    assert white[knee] == pytest.approx(0.002, abs=0.001)
    assert found.time_constant == pytest.approx(0.12, rel=0.3)
    assert found.confidence == pytest.approx(0.80, abs=0.06)
    assert found.confidence_slope == pytest.approx(0.3, abs=0.15)
    assert found.confidence_sd == pytest.approx(0.5, rel=0.2)
    assert (found.name, found.cropped) == ("made", PRIOR_CROPPED)
    # Left and right are one.
    assert found.offset[wrist] == found.offset[COCO17.index("right_wrist")]
    assert found.confidence_steady == pytest.approx(0.4, abs=0.2)
    # Few limbs move the prior only part of the way to 0.3; nothing else went wrong.
    assert 0.1 < found.hidden < 0.2
    assert 0.01 < found.swapped < 0.03


def test_an_arm_on_its_twin_and_exchanged_legs_are_told_apart() -> None:
    made = filmed(1)
    pixels = made.people[0].pixels
    at = COCO17.index
    pixels[1, 20:60, at("left_wrist")] = pixels[1, 20:60, at("right_wrist")]
    legs = [at("left_knee"), at("left_ankle"), at("right_knee"), at("right_ankle")]
    pixels[2, 70:90, legs] = pixels[2, 70:90, [*legs[2:], *legs[:2]]]
    pixels[3, 10:40, at("right_wrist"), 1] += 300  # pixels, more than half the height
    pixels[0, 50:70, at("right_ankle")] = np.nan, np.nan, 0
    pixels[0, 100, at("nose"), 0] += 200
    held_out = misses(made.people[0], made.heights[0])
    found = measured([held_out], [missing(pixels)])
    stretches = {(s.kind, s.limb, s.view): (s.first, s.frames) for s in found.stretches}
    assert set(stretches) == {
        ("collapsed", "left_wrist", 1),
        ("swapped", "left_ankle", 2),
        ("hidden", "right_wrist", 3),
        ("dropped", "right_ankle", 0),
    }
    assert stretches["dropped", "right_ankle", 0] == (50, 20)
    assert stretches["hidden", "right_wrist", 3] == pytest.approx((10, 30), abs=2)
    assert stretches["collapsed", "left_wrist", 1] == pytest.approx((20, 40), abs=2)
    assert 1 <= found.outliers <= 4
    assert found.chances["hidden"] == 16
    assert found.chances["swapped"] == 8


def test_what_others_report_wrongly_is_not_blamed_on_a_view() -> None:
    made = filmed(1)
    pixels = made.people[0].pixels
    pixels[3, :, COCO17.index("right_wrist"), 1] += 300
    held_out = misses(made.people[0], made.heights[0])
    found = measured([held_out], [missing(pixels)])
    assert {s.view for s in found.stretches} <= {3}
    assert not found.outliers


def test_without_a_calibration_the_white_part_is_measured_and_the_rest_stays() -> None:
    still = np.array([STANDING[name.split("_")[-1]] for name in COCO17.joints])
    noise = np.random.default_rng(1).normal(size=(90, 1, 17, 2)) * 300 * 0.01
    pixels = np.array([300.0, -300.0]) * still[:, :2] / 1.6 + 500 + noise
    data = np.concatenate([pixels, np.full((90, 1, 17, 1), 0.7)], axis=-1)
    numbers, lines = without_truth(data, 60.0, "mine")
    # The box is about as high as the body, whose eyes and ankles are 1.6 m apart.
    assert np.mean(numbers.white) == pytest.approx(0.01, rel=0.15)
    assert (numbers.name, numbers.offset, numbers.slow) == (
        "mine",
        NoiseModel.read(None).offset,
        NoiseModel.read(None).slow,
    )
    assert numbers.confidence == pytest.approx(0.7)
    assert any(line.startswith("not measured without a truth: offsets") for line in lines)


def test_a_view_loses_who_stands_behind_another() -> None:
    footage, views = filmed(2), cameras()
    away = views[1].rotation[2]
    behind = moving(1.0)
    before = moving(0.0) - 1.5 * away  # nearer to the second camera, and beside the others' sights
    own, others = unseen(footage.people, [before, behind])
    assert not others[0].any()
    hidden = others[1].mean(axis=(1, 2))  # by view
    assert hidden[1] > 0.7
    assert max(hidden[[0, 2, 3]]) < 0.1
    assert own.shape == others.shape == (2, 4, FRAMES, 17)


def test_what_is_told_of_hidden_keypoints_is_theirs() -> None:
    knee, wrist = COCO17.index("left_knee"), COCO17.index("right_wrist")
    own, others = np.zeros((2, 1, 4, 50, 17), dtype=bool)
    own[..., :10, wrist] = others[..., :20, knee] = True
    rng = np.random.default_rng(0)
    error = rng.normal(0, np.where(own | others, 0.05, 0.01)[..., None], (*own.shape, 2))[0]
    confidence = np.where(own | others, 0.5, 0.8)[0]
    everywhere = np.ones_like(own[0])
    one = Misses(error, np.ones_like(confidence), everywhere, ~everywhere, confidence, FPS)
    columns = [list(column.cells) for column in sight([one], own, others).columns]
    rows = {tuple(row[:2]): row[2:] for row in zip(*columns, strict=True)}
    for place, count in (
        (("wrist, ankle", "behind itself"), 40),
        (("elbow, knee", "behind another"), 80),
    ):
        series, keypoints, spread, _, twin, logit = rows[place]
        assert (series, keypoints, twin, logit) == ("4", str(count), "0.0%", "0.00")
        assert [float(x.rstrip("%")) for x in spread.split(", ")] == pytest.approx([5, 5], abs=1.2)
    seen = rows["wrist, ankle", "seen"]
    assert seen[1] == str(4 * 50 * 4 - 40)
    assert seen[-1] == "1.39"
    assert ("face", "behind itself") not in rows
