"""Feet for a finished lifter: what is filmed, what is learnt, what is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from train.conftest import standing, swinging

from mbcli.data.stores.store import ClipStore, StoreWriter
from mbcli.errors import ConfigError
from mbcli.lift.checkpoint import load_feet, load_lifter
from mbcli.skeleton import BODY21, BODY23, BODY27, FEET, H36M17
from mbcli.train.bodies import vary
from mbcli.train.config import ClipConfig, PretrainConfig
from mbcli.train.draw import Draw
from mbcli.train.engine import train
from mbcli.train.feet import FeetSynthesiser
from mbcli.train.meter import Progress
from mbcli.train.reading import load_config
from mbcli.train.recombine import recombined
from mbcli.train.sampling import ClipSampler
from mbcli.train.tasks.feet import Feet, FeetConfig

# From the ankle: a flat foot of somebody who faces +z, the left one.
FOOT = {
    "big_toe": (-0.02, -0.06, 0.19),
    "small_toe": (0.05, -0.06, 0.15),
    "heel": (0, -0.06, -0.05),
}


def feet(body: np.ndarray) -> np.ndarray:
    """(F, 6, 3) flat feet under the ankles of a body."""
    parts = []
    for joint in FEET:
        side, _, part = joint.partition("_")
        x, y, z = FOOT[part]
        away = (x if side == "left" else -x, y, z)
        parts.append(body[:, BODY21.index(f"{side}_ankle")] + away)
    return np.stack(parts, axis=1)


@pytest.fixture(scope="module")
def walkers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people with feet, and one without."""
    path = tmp_path_factory.mktemp("clips") / "feet"
    with StoreWriter(path) as writer:
        for number, subject in enumerate(("ann", "bob", "eve", "joe")):
            body = swinging(120, float(number))
            writer.add(
                body, name=f"{subject}/1", subject=subject, source=f"{subject}.bvh", fps=60.0,
                feet=None if subject == "joe" else feet(body),
            )  # fmt: skip
    return path


@pytest.fixture
def make(make_config: Callable[..., Path], walkers: Path, tiny_lifter: Path) -> Callable[..., Path]:
    """Writes a small configuration; keyword arguments update its sections."""

    def written(**sections: Any) -> Path:
        data = {"store": str(walkers), **sections.pop("data", {})}
        soles = {"lifter": str(tiny_lifter), **sections.pop("feet", {})}
        model = {"maxlen": 27}
        path = make_config(data=data, feet=soles, model=model, clips={"frames": 27}, **sections)
        tree = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump({"task": "feet", **tree}))
        return path

    return written


def films(store: Path, hidden: float, partial: float, **corruption: float) -> FeetSynthesiser:
    config = PretrainConfig.model_validate(
        {
            "data": {"store": store},
            "run": {"out": ".", "steps": 1},
            "clips": {"frames": 9, "mirror": 0.0},
            "camera": {"roll_sd": 0.0},
            "corruption": {"noise": False, "joint_mask": 0.0, "frame_mask": 0.0, **corruption},
        }
    )
    sampler = ClipSampler(ClipStore.open(store), ["ann", "bob"], config.clips, feet=True)
    return FeetSynthesiser(sampler, config, hidden, partial, torch.device("cpu"))


def test_without_errors_feet_are_seen_where_they_are(walkers: Path) -> None:
    film = films(walkers, 0.0, 0.0).batch(6, seed=3)
    assert film.inputs.shape == film.target.shape == (6, 9, 23, 3)
    assert (film.inputs[..., 2] == 1).all()
    # Undo the window, the scale and the camera: the keypoint is on the ray of the foot.
    metres = (film.target - film.target[:, :, :1]) / film.scale[..., None, None]
    place = metres + film.root[:, :, None]
    half = 1 / (film.scale * film.root[..., 2])
    origin = film.target[:, :, :1, :2]
    rays = (film.inputs[..., :2] - origin) * half[..., None, None]
    rays = rays + (film.root[..., :2] / film.root[..., 2:])[:, :, None]
    found = place[..., :2] / place[..., 2:]
    torch.testing.assert_close(rays[:, :, 17:], found[:, :, 17:], atol=1e-4, rtol=0)
    # A foot has its length, whatever the body was stretched by.
    toe, heel = (BODY23.index(f"left_{part}") for part in ("big_toe", "heel"))
    length = torch.linalg.vector_norm(metres[:, :, toe] - metres[:, :, heel], dim=-1)
    assert (length > 0.18).all()
    assert (length < 0.32).all()


@pytest.mark.parametrize(
    ("hidden", "partial", "seen"),
    [(1.0, 0.0, 0), (0.0, 1.0, 4), (0.0, 0.0, 6)],
)
def test_how_much_of_a_foot_is_seen(
    walkers: Path, hidden: float, partial: float, seen: int
) -> None:
    film = films(walkers, hidden, partial).batch(4, seed=5)
    confidence = film.inputs[:, :, len(H36M17) :, 2]
    assert ((confidence > 0).sum(dim=-1) == seen).all()
    assert (film.inputs[:, :, len(H36M17) :][confidence == 0] == 0).all()
    small = [n for n, joint in enumerate(FEET) if joint.endswith("small_toe")]
    assert bool((confidence[..., small] > 0).any()) == (seen == 6)
    assert (film.inputs[:, :, : len(H36M17), 2] > 0).all()


def test_feet_are_lost_with_their_ankle(walkers: Path) -> None:
    film = films(walkers, 0.0, 0.0, joint_mask=0.5).batch(8, seed=2)
    for joint in FEET:
        ankle = film.inputs[:, :, H36M17.index(f"{joint.partition('_')[0]}_ankle"), 2]
        foot = film.inputs[:, :, BODY23.index(joint), 2]
        assert (foot[ankle == 0] == 0).all()
        assert (foot[ankle > 0] == 0).any()
        assert (foot[ankle > 0] > 0).any()


def test_bodies_keep_their_feet() -> None:
    body = np.repeat(standing()[None, None], 4, axis=0)
    whole = torch.from_numpy(np.concatenate([body, [feet(b) for b in body]], axis=2)).float()
    config = ClipConfig(frames=1, mirror=1.0, bone_sd=0.2)
    varied = vary(whole, config, Draw.seeded(1))
    alone = vary(torch.from_numpy(body).float(), config, Draw.seeded(1))
    assert varied.shape == (4, 1, 27, 3)
    assert alone.shape == (4, 1, 21, 3)
    for side, out in (("left", 1), ("right", -1)):
        ankle = varied[:, :, BODY27.index(f"{side}_ankle")]
        toe, small = (varied[:, :, BODY27.index(f"{side}_{n}")] for n in ("big_toe", "small_toe"))
        assert ((toe - ankle)[..., 2] > 0.05).all()
        assert (out * (small - toe)[..., 0] > 0.02).all()


def test_legs_from_another_come_with_their_feet() -> None:
    body = np.stack([swinging(3, 0.0), swinging(3, 2.0)])
    whole = torch.from_numpy(np.concatenate([body, [feet(b) for b in body]], axis=2)).float()
    mixed = recombined(whole, 0.5, Draw.seeded(4))  # all clips get arms or legs
    changed = (mixed - whole).abs().amax(dim=(1, 3)) > 1e-4  # (B, J)
    ankle = BODY27.index("left_ankle")
    assert changed[:, ankle].any()
    for joint in FEET[:3]:
        assert torch.equal(changed[:, BODY27.index(joint)], changed[:, ankle])
    for clip in range(2):
        away = mixed[clip, :, BODY27.index("left_heel")] - mixed[clip, :, ankle]
        assert torch.linalg.vector_norm(away, dim=-1).allclose(
            torch.tensor(0.06**2 + 0.05**2).sqrt(), atol=1e-4
        )


def test_a_run_adds_feet_to_a_lifter(make: Callable[..., Path], tiny_lifter: Path) -> None:
    steps = 12
    sections = {"run": {"steps": steps, "log_every": 4, "validate_every": steps, "save_every": 6}}
    settings = load_config(make(**sections), [], FeetConfig)
    seen: list[Progress] = []

    def observe(progress: Progress) -> None:
        seen.append(progress)

    weights = train(Feet(settings), resume=False, observe=observe)
    assert weights is not None
    body, info = load_lifter(weights)
    given, was = load_lifter(tiny_lifter)
    for name, tensor in given.state_dict().items():
        torch.testing.assert_close(body.state_dict()[name], tensor.half().float())
    assert info.metadata == was.metadata
    _, about = load_feet(weights, body, info)
    assert about.metadata["feet"]["config"]["feet"]["hidden"] == 0.4
    figures = about.metadata["feet"]["validation"]
    assert {*figures} == {
        f"{how}/{name}"
        for how in ("seen", "guessed")
        for name in ("mm", "degrees", "ankles", "feet")
    }
    assert figures["seen/mm"] < figures["guessed/mm"]
    assert seen[-1].parts["mpjpe"] < seen[0].parts["mpjpe"]


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"feet": {"hidden": 0.8, "partial": 0.3}}, "hidden and partial must be at most 1 in all"),
        ({"run": {"init": "mbcli-lifter"}}, "run.init has no feet: feet.lifter names the lifter"),
        (
            {"data": {"store": None, "poses": ["x"], "holdout": []}},
            "feet are learnt from data.store alone",
        ),
        ({"data": {"holdout": ["eve", "ann", "bob"]}}, "no recording has toes"),
        ({"data": {"holdout": ["zoe"]}}, "data.holdout must name people of .*, got zoe"),
    ],
)
def test_configurations_that_are_refused(
    make: Callable[..., Path], sections: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Feet(load_config(make(**sections), [], FeetConfig))


def test_a_store_of_a_body_alone_has_no_feet_to_learn(
    make: Callable[..., Path], store: Path
) -> None:
    with pytest.raises(ConfigError, match="no recording has toes"):
        Feet(load_config(make(data={"store": str(store)}), [], FeetConfig))


def test_the_example_is_valid() -> None:
    example = Path(__file__).parents[2] / "examples" / "configs" / "lifter_feet.yaml"
    settings = load_config(example, [], FeetConfig)
    assert settings.feet.lifter == Path("mbcli-lifter")
