from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from motions import walking
from typer.testing import CliRunner, Result

from mbcli.cli.app import app
from mbcli.data.stores.sequences import SequenceWriter
from mbcli.data.stores.store import ClipStore, StoreWriter
from mbcli.evaluate.filmed import filmed
from mbcli.lift.checkpoint import save_lifter
from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.model import DSTformer
from mbcli.skeleton import H36M17

METADATA = {"window": "image", "root": "relative", "fps": [50.0, 50.0]}


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["evaluate", *map(str, words), "--device", "cpu"])


@pytest.fixture(scope="module")
def model() -> DSTformer:
    torch.manual_seed(1)
    return DSTformer(DSTformerConfig(dim_feat=8, dim_rep=8, depth=1, num_heads=2, maxlen=9)).eval()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, model: DSTformer) -> tuple[Path, Path]:
    """Weights, and a store of two actions and a blocked video."""
    folder = tmp_path_factory.mktemp("evaluate")
    weights = folder / "tiny.safetensors"
    save_lifter(weights, model, METADATA, half=False)
    rng = np.random.default_rng(0)
    with SequenceWriter(folder / "store", arrays=("target", "truth", "factor")) as writer:
        for name, action in (
            ("s_09_act_02_subact_01_ca_01", "Directions"),
            ("s_11_act_13_subact_01_ca_02", "Waiting"),
            ("s_09_act_13_subact_01_ca_02", "Waiting"),
        ):
            target = rng.uniform(200, 800, (18, 17, 3))
            seen = np.concatenate([target[..., :2], np.ones((18, 17, 1))], axis=-1)
            truth = (target - target[:, :1]) * 4
            writer.add(
                seen, name=name, subject="S", source=name, fps=50, size=(1000, 1002),
                action=action, split="test", target=target, truth=truth, factor=np.full(18, 4.0),
            )  # fmt: skip
    return weights, folder / "store"


def test_table_json_and_picture(files, tmp_path) -> None:
    out, picture = tmp_path / "result.json", tmp_path / "result.png"
    result = run(*files, "--protocol", "h36m", "--out", out, "--picture", picture)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    heads = [line.split() for line in lines]
    assert ["action", "frames", "MPJPE", "P-MPJPE", "N-MPJPE", "MPJVE", "accel", "PCK", "AUC"] in (
        heads
    )
    rows = {line[0]: line for line in heads}
    assert rows["Directions"][1] == rows["Waiting"][1] == "18"
    assert rows["left_wrist"]
    assert "left out by the protocol: 1 sequences" in lines

    document = json.loads(out.read_text())
    assert document["ok"] is True
    assert document["weights"]["file"] == "tiny.safetensors"
    assert document["settings"] == {
        "splits": ["test"],
        "input": "detected",
        "window": "image",
        "root": "relative",
        "frames": 9,
        "flip": True,
        "clips": 4,
    }
    overall = document["overall"]["mpjpe"]
    assert f"{overall:.1f}" in " ".join(line for line in lines if "mean over actions" in line)
    by_action = [part["mpjpe"] for part in document["actions"].values()]
    assert overall == pytest.approx(np.mean(by_action))
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_plain_is_the_default_and_json_is_one_object(files) -> None:
    result = run(*files, "--json", "--quiet")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["protocol"], document["mean"]) == ("plain", "frames")
    assert document["overall"]["frames"] == 54
    assert document["left_out"] == []
    assert result.stderr == ""


def test_the_user_has_the_last_word(files) -> None:
    words = ("--window", "crop", "--no-root-relative", "--no-flip", "--input", "projected")
    result = run(*files, *words, "--json", "--quiet")
    settings = json.loads(result.stdout)["settings"]
    assert settings == {
        "splits": ["test"],
        "input": "projected",
        "window": "crop",
        "root": "predicted",
        "frames": 9,
        "flip": False,
    }


def test_published_weights_see_the_picture_in_the_published_protocol_alone(
    files, model, tmp_path
) -> None:
    weights = tmp_path / "best_epoch.bin"
    torch.save({"model_pos": {f"module.{n}": t for n, t in model.state_dict().items()}}, weights)
    for protocol, window in (("h36m", "image"), ("plain", "crop")):
        result = run(weights, files[1], "--protocol", protocol, "--json", "--quiet")
        assert result.exit_code == 0, result.output
        settings = json.loads(result.stdout)["settings"]
        assert (settings["window"], settings["root"]) == (window, "predicted")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--split", "dev"], "--split must be test, val, train or none"),
        (["--split", "val"], "there are test"),
        (["--picture", "errors.txt"], "--picture must end in .png"),
        (["--out", f"{__file__}/result.json"], "is not a folder"),
        (["--batch", "0"], "at least 1"),
    ],
)
def test_mistakes_are_one_line(files, words, said) -> None:
    result = run(*files, *words)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert said in line


def test_results_are_not_overwritten_unasked(files, tmp_path) -> None:
    out = tmp_path / "result.json"
    out.write_text("mine")
    result = run(*files, "--out", out)
    assert result.exit_code == 1
    assert out.read_text() == "mine"
    assert run(*files, "--out", out, "--overwrite", "--quiet").exit_code == 0
    assert json.loads(out.read_text())["ok"]


def test_a_clip_store_is_filmed(tmp_path: Path) -> None:
    """With the bundled lifter on a body that walks; the truth is where the keypoints are."""
    body = walking(40).in_camera[:, 0].astype(np.float64) * [1, -1, -1]  # y up
    joints = np.full((40, 21, 3), 0.0, dtype=np.float32)
    joints[:, :17] = body
    joints[:, 17:] = body[:, [H36M17.index("nose")]]
    with StoreWriter(tmp_path / "clips") as writer:
        writer.add(joints, name="a/walk", subject="a", source="walk", fps=30.0)
    result = run("mbcli-lifter", tmp_path / "clips", "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["sequences"] == 4
    assert figures["overall"]["frames"] == 160
    assert figures["overall"]["mpjpe"] < 60
    refused = run("mbcli-lifter", tmp_path / "clips", "--split", "test")
    assert refused.exit_code == 1
    assert "have none" in refused.stderr
    with StoreWriter(tmp_path / "empty"):
        pass
    refused = run("mbcli-lifter", tmp_path / "empty")
    assert refused.exit_code == 1
    (line,) = refused.stderr.splitlines()
    assert line == f"error: {tmp_path / 'empty'} must hold clips to evaluate on, got none"
    for along_ray in (False, True):
        store = filmed(ClipStore.open(tmp_path / "clips"), along_ray=along_ray)
        for sequence in store.sequences:
            target, truth = store.array("target", sequence), store.array("truth", sequence)
            factor = store.array("factor", sequence)[:, None]
            np.testing.assert_allclose(
                (target[..., 2] - target[:, :1, 2]) * factor, truth[..., 2], atol=0.5
            )
            lengths = np.linalg.norm(truth[:, 1] - truth[:, 0], axis=-1)
            np.testing.assert_allclose(lengths, 110, atol=1)
