"""The model of a 2D front end's errors: its parts have the sizes and time scales that it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from mbcli.errors import ConfigError
from mbcli.skeleton import COCO17, H36M17
from mbcli.train import noise_model
from mbcli.train.draw import Draw
from mbcli.train.noise_model import NoiseModel
from mbcli.train.noise_sampler import NoiseSampler

CPU = torch.device("cpu")
NOTHING = {
    **dict.fromkeys(("offset", "slow", "white"), (0.0,) * 17),
    **dict.fromkeys(
        ("hidden", "collapsed", "swapped", "dropped", "cropped", "outlier", "difficulty_sd"), 0.0
    ),
}
WRIST, TWIN = COCO17.index("left_wrist"), COCO17.index("right_wrist")


def places(batch: int, frames: int) -> torch.Tensor:
    """Everybody's keypoint number j stands at (j, 2 j) tenths of a height of 1."""
    row = torch.arange(17)[:, None] * torch.tensor([0.1, 0.2])
    return row.expand(batch, frames, 17, 2)


def report(batch: int, frames: int, fps: float = 60.0, **numbers: Any) -> torch.Tensor:
    noise = NoiseSampler(NoiseModel.model_validate({**NOTHING, **numbers}), CPU)
    height, rate = torch.ones(batch, frames), torch.full((batch,), fps)
    return noise.report(places(batch, frames), height, rate, Draw.seeded(1))


def test_without_errors_the_places_are_reported() -> None:
    seen = report(4, 9)
    assert torch.allclose(seen[..., :2], places(4, 9), atol=1e-6)
    assert seen[..., 2].min() > 0


def test_offsets_stay_white_noise_changes_and_the_slow_part_decays() -> None:
    error = report(300, 40, offset=(0.02,) * 17)[..., :2] - places(300, 40)
    assert torch.allclose(error[:, :1].expand_as(error), error, atol=1e-6)
    assert float(error.std()) == pytest.approx(0.02, rel=0.05)

    error = report(300, 40, white=(0.02,) * 17)[..., :2] - places(300, 40)
    assert float(error.std()) == pytest.approx(0.02, rel=0.05)
    assert abs(_autocorrelation(error, 1)) < 0.05

    error = report(300, 40, slow=(0.02,) * 17, time_constant=0.09)[..., :2] - places(300, 40)
    assert float(error.std()) == pytest.approx(0.02, rel=0.05)
    for frames in (1, 3, 6):
        expected = float(torch.exp(torch.tensor(-frames / 60 / 0.09)))
        assert _autocorrelation(error, frames) == pytest.approx(expected, abs=0.05)


def _autocorrelation(error: torch.Tensor, frames: int) -> float:
    return float((error[:, frames:] * error[:, :-frames]).mean() / (error**2).mean())


def test_errors_grow_with_the_person_in_the_picture() -> None:
    noise = NoiseSampler(NoiseModel.model_validate({**NOTHING, "white": (0.02,) * 17}), CPU)
    far, near = (
        noise.report(
            size * places(100, 9),
            torch.full((100, 9), size),
            torch.full((100,), 30.0),
            Draw.seeded(2),
        )
        for size in (1.0, 3.0)
    )
    assert torch.allclose(near[..., :2], 3 * far[..., :2], atol=1e-4)


@pytest.mark.parametrize("kind", ["collapsed", "swapped"])
def test_limbs_go_to_their_twins_for_a_while(kind: str) -> None:
    numbers: dict[str, Any] = {kind: 0.5, "stretch": (0.1, 0.3)}
    seen = report(400, 30, **numbers)
    there = (seen[:, :, WRIST, :2] - places(400, 30)[:, :, TWIN]).norm(dim=-1) < 1e-4
    share = there.any(dim=1).float().mean()
    assert 0.35 < float(share) < 0.6
    assert float(there.float().sum(dim=1)[there.any(dim=1)].max()) <= 0.3 * 60 + 1
    other = (seen[:, :, TWIN, :2] - places(400, 30)[:, :, WRIST]).norm(dim=-1) < 1e-4
    both = (there & other).float().sum() / there.float().sum()
    assert float(both) == pytest.approx(1.0 if kind == "swapped" else 0.25, abs=0.25)
    # Feet and hands of which nothing was confused stay where they are.
    nose = COCO17.index("nose")
    assert torch.allclose(seen[:, :, nose, :2], places(400, 30)[:, :, nose], atol=1e-6)


def test_dropped_and_cropped_keypoints_have_no_confidence() -> None:
    seen = report(400, 30, dropped=1.0, stretch=(5.0, 6.0))
    limbs = [COCO17.index(n) for n in COCO17.joints if n.split("_")[-1] in ("elbow", "ankle")]
    assert (seen[:, :, limbs, 2] == 0).float().mean() > 0.8
    assert seen[:, :, COCO17.index("nose"), 2].min() > 0


def test_the_edge_of_the_picture_cuts_off_what_lies_beyond_it() -> None:
    gone = report(400, 30, cropped=1.0)[..., 2] == 0
    assert torch.equal(gone, gone[:, :1].expand_as(gone))
    cut = gone[:, 0]
    # Places rise in x and y with the joint's number: the lower and the right edge cut off the
    # last joints and the left edge the first ones. Between 0.05 and 0.65 of the body are lost.
    lost = cut.sum(dim=1)
    assert int(lost.min()) >= 1
    assert int(lost.max()) <= 11
    last, first = cut[:, -1], cut[:, 0]
    assert torch.equal(last, ~first)
    assert 0.68 < float(last.float().mean()) < 0.82
    for row, count, from_end in zip(cut, lost.tolist(), last.tolist(), strict=True):
        assert bool((row[-count:] if from_end else row[:count]).all())


def test_outliers_and_guesses_are_as_large_and_as_frequent_as_they_say() -> None:
    error = report(400, 30, outlier=0.1)[..., :2] - places(400, 30)
    wild = error.norm(dim=-1) > 1e-5
    assert float(wild.float().mean()) == pytest.approx(0.1, rel=0.05)
    assert float(error[wild].std()) == pytest.approx(0.25, rel=0.05)  # of the height, each axis

    error = report(400, 30, hidden=1.0, stretch=(5.0, 6.0))[..., :2] - places(400, 30)
    limb = error[:, :, WRIST]
    away = limb.norm(dim=-1) > 1e-5
    assert float(limb[away].std()) == pytest.approx(0.1, rel=0.1)
    # The guess stays where it is for as long as the limb is hidden.
    assert float(limb[away.all(dim=1)].std(dim=1).max()) < 1e-5
    assert not error[:, :, COCO17.index("nose")].any()


def test_worse_keypoints_are_less_confident() -> None:
    seen = report(300, 20, hidden=0.5, stretch=(3.0, 4.0))
    error = (seen[..., :2] - places(300, 20)).norm(dim=-1)
    assert float(seen[..., 2][error > 0.1].mean()) < float(seen[..., 2][error < 1e-5].mean()) - 0.2


def test_a_derived_joint_is_as_sure_as_the_least_of_its_sources() -> None:
    noise = NoiseSampler(NoiseModel.read(None), CPU)
    confidence = torch.ones(17)
    confidence[COCO17.index("left_hip")] = 0.3
    out = noise.of_h36m(confidence)
    assert out[H36M17.index("left_hip")] == pytest.approx(0.3)
    assert out[H36M17.index("pelvis")] == pytest.approx(0.3)
    assert out[H36M17.index("right_hip")] == 1


def test_numbers_are_read_from_a_file_and_others_refused(tmp_path: Path) -> None:
    path = tmp_path / "front.json"
    path.write_text(json.dumps({**NOTHING, "name": "mine"}), encoding="utf-8")
    mine, usual = NoiseModel.read(path), NoiseModel.read(None)
    assert (mine.name, mine.white) == ("mine", (0.0,) * 17)
    assert mine.time_constant == usual.time_constant
    packaged = Path(noise_model.__file__).parent / "front_ends" / "movenet.json"
    assert usual.model_dump(mode="json") == json.loads(packaged.read_text(encoding="utf-8"))
    path.write_text('{"offset": [1, 2]}', encoding="utf-8")
    with pytest.raises(ConfigError, match="not a front end's noise"):
        NoiseModel.read(path)
    with pytest.raises(ConfigError, match="no front end"):
        NoiseModel.read(tmp_path / "none.json")


def test_a_bare_name_finds_what_is_packaged_from_any_folder(tmp_path: Path) -> None:
    # A configuration's relative paths are joined to its folder before they come here.
    for path in (Path("movenet"), tmp_path / "movenet"):
        assert NoiseModel.read(path) == NoiseModel.read(None)
    with pytest.raises(ConfigError, match=r"must be a JSON file or movenet, got .*openpose"):
        NoiseModel.read(tmp_path / "openpose")
    file = tmp_path / "movenet"
    file.write_text(json.dumps({**NOTHING, "name": "mine"}), encoding="utf-8")
    assert NoiseModel.read(file).name == "mine"


def test_part_of_the_confidence_stays_and_the_rest_decays() -> None:
    seen = report(400, 40, confidence_sd=1.0, confidence_steady=0.4, time_constant=0.09)
    logit = seen[..., 2].logit()
    assert float(logit.std()) == pytest.approx(1.0, rel=0.05)
    logit = logit - logit.mean()
    for frames in (1, 6):
        expected = 0.4 + 0.6 * float(torch.exp(torch.tensor(-frames / 60 / 0.09)))
        got = (logit[:, frames:] * logit[:, :-frames]).mean() / (logit**2).mean()
        assert float(got) == pytest.approx(expected, abs=0.05)
