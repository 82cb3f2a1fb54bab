from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from mbcli.data.stores.sequences import SequenceStore, SequenceWriter
from mbcli.errors import ConfigError, DataError
from mbcli.lift.body.body_model import BodyModel, upright
from mbcli.lift.body.checkpoint import load_mesh
from mbcli.lift.body.recovery import MeshOptions, MeshRecoverer
from mbcli.lift.body.rotations import matrices_from_vectors, vectors_from_matrices
from mbcli.skeleton import H36M17
from mbcli.train.engine import train
from mbcli.train.losses import mpjpe, velocity
from mbcli.train.reading import load_config
from mbcli.train.share import Share
from mbcli.train.state import CHECKPOINT
from mbcli.train.tasks import mesh
from mbcli.train.tasks.mesh import Mesh, MeshConfig
from mbcli.types import Keypoints2D

SIZE = (800, 600)
FRAMES = 8
FOCAL = 700.0
EXAMPLE = Path(__file__).parents[2] / "examples" / "configs" / "finetune_mesh.yaml"


def dance(frames: int, phase: float) -> torch.Tensor:
    """(F, 24, 3, 3) somebody who waves arms and legs and turns a little."""
    vectors = torch.zeros(frames, 24, 3)
    time = torch.arange(frames) / 8 + phase
    for joint, axis, size in ((16, 2, 0.8), (17, 2, 0.6), (1, 0, 0.5), (5, 0, 0.6), (9, 1, 0.3)):
        vectors[:, joint, axis] = size * torch.sin(time + joint)
    pose = matrices_from_vectors(vectors)
    turn = matrices_from_vectors(torch.tensor([0.0, 0.3, 0.0]) * torch.sin(time)[:, None])
    pose[:, 0] = upright()[0] @ turn
    return pose


def filmed(body: BodyModel, pose: torch.Tensor, shape: torch.Tensor) -> np.ndarray:
    """(F, 1, 17, 3) what a camera four metres away sees of it, in pixels."""
    joints = body.joints(pose, shape.expand(len(pose), -1)).numpy()
    points = joints - joints[:, :1] + np.array([0.1, 0.05, 4.0])
    xy = FOCAL * points[..., :2] / points[..., 2:] + np.array(SIZE) / 2
    return np.concatenate([xy, np.full((*xy.shape[:2], 1), 0.9)], axis=-1)[:, None]


def make_store(path: Path, body: BodyModel) -> Path:
    with SequenceWriter(path, arrays=("pose", "shape")) as writer:
        for number, split in enumerate(("train", "train", "train", "test", "")):
            pose = dance(40, 2.1 * number if split != "test" else 0.4)
            shape = torch.zeros(1, 10)
            shape[0, 0] = number / 2 - 0.5
            seen = filmed(body, pose, shape[:, : body.shapes])
            seen[5, 0, 3] = np.nan, np.nan, 0
            known = split != ""
            writer.add(
                seen,
                name=f"dance {number}",
                subject=f"S{number}",
                source="made up",
                fps=25.0,
                size=SIZE,
                split=split,
                pose=vectors_from_matrices(pose).reshape(40, 72).numpy() if known else None,
                shape=shape.expand(40, -1).numpy() if known else None,
            )
    return path


MakeMesh = Callable[..., MeshConfig]


@pytest.fixture
def make_mesh(tmp_path: Path, stick_body: BodyModel, monkeypatch: pytest.MonkeyPatch) -> MakeMesh:
    """Writes and reads a small configuration; keyword arguments update its sections."""
    monkeypatch.setattr(mesh, "load_body_model", lambda *given: stick_body)
    store = make_store(tmp_path / "store", stick_body)
    return maker(tmp_path, store)


def maker(tmp_path: Path, store: Path) -> MakeMesh:
    def make(name: str = "run", *overrides: str, **sections: dict[str, Any]) -> MeshConfig:
        tree: dict[str, Any] = {
            "task": "mesh",
            "data": {"stores": [str(store)], "stride": 4},
            "run": {
                "out": name,
                "steps": 4,
                "batch": 8,
                "accelerator": "cpu",
                "log_every": 2,
                "validate_every": 2,
                "save_every": 2,
            },
            "model": {
                "dim_feat": 16,
                "dim_rep": 16,
                "depth": 1,
                "num_heads": 2,
                "mlp_ratio": 2,
                "maxlen": FRAMES,
                "start": "spread",
            },
            "head": {"hidden": 32},
            "clips": {"frames": FRAMES},
            "optimiser": {"learning_rate": 2e-3, "schedule": "cosine", "warmup_steps": 1},
        }
        for section, values in sections.items():
            tree.setdefault(section, {}).update(values)
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(tree))
        return load_config(path, overrides, MeshConfig)

    return make


def ready(settings: MeshConfig) -> Mesh:
    task = Mesh(settings)
    task.place(torch.device("cpu"))
    return task


def learns(settings: MeshConfig) -> tuple[dict[str, float], dict[str, float], Path]:
    """Figures before and after a run, and its weights."""
    before = ready(settings)
    first = before.validate(before.model.eval())
    seen: list[dict[str, float]] = []
    weights = train(Mesh(settings), resume=False, observe=lambda p: seen.append(dict(p.validation)))
    assert weights is not None
    return first, min(seen, key=lambda figures: figures["mpve"]), weights


def test_a_mesh_model_is_recovered_as_it_was_trained(make_mesh, stick_body, tmp_path) -> None:
    settings = make_mesh(
        run={"steps": 200, "validate_every": 100, "log_every": 100, "save_every": 200},
        loss={"norm": 0.1},
        head={"dropout": 0.0},
    )
    first, best, weights = learns(settings)
    assert set(first) == {"mpve", "mpjpe", "pa_mpjpe"}
    assert first["mpve"] > 120
    assert best["mpve"] < 0.5 * first["mpve"]
    assert best["pa_mpjpe"] < 0.6 * first["pa_mpjpe"]

    model, info = load_mesh(weights)
    assert info.body == "smpl"
    assert info.metadata["task"] == "mesh"
    assert (info.metadata["frames"], info.metadata["window"]) == (FRAMES, "image")
    assert info.metadata["fps"] == [25.0, 25.0]
    store = SequenceStore.open(tmp_path / "store")
    sequence = next(s for s in store.sequences if s.split == "test")
    data = store.array("keypoints", sequence)
    keypoints = Keypoints2D(
        data=data,
        skeleton=H36M17,
        fps=25.0,
        timestamps=np.arange(40) / 25,
        size=SIZE,
        track_ids=np.array([0]),
        boxes=np.full((40, 1, 4), np.nan),
        frame_index=np.arange(40),
    )
    recoverer = MeshRecoverer(model, stick_body, MeshOptions(device="cpu"), info.metadata)
    motion = recoverer.recover(keypoints)
    pose = torch.from_numpy(np.array(store.array("pose", sequence))).view(40, 24, 3)
    shape = torch.from_numpy(np.array(store.array("shape", sequence)))
    truth = stick_body.joints(matrices_from_vectors(pose), shape).numpy()
    errors = np.linalg.norm(motion.joints[:, 0] - (truth - truth[:, :1]), axis=-1)
    assert 1000 * errors.mean() < 1.2 * best["mpjpe"]


def test_smpl_itself_learns(tmp_path: Path, smpl_file: tuple[Path, Path]) -> None:
    pytest.importorskip("smplx", reason="needs smplx, whose licence forbids commercial use")
    from mbcli.lift.body.choice import load_body_model

    store = make_store(tmp_path / "store", load_body_model("smpl", *smpl_file))
    settings = maker(tmp_path, store)(
        run={"steps": 120, "validate_every": 120, "log_every": 120, "save_every": 120},
        head={"dropout": 0.0},
        body={"model": "smpl", "path": str(smpl_file[0]), "joint_regressor": str(smpl_file[1])},
        loss={"norm": 0.1},
    )
    first, best, _ = learns(settings)
    assert best["mpve"] < 0.7 * first["mpve"]


def test_the_loss_is_the_published_sum(make_mesh, stick_body) -> None:
    task = ready(make_mesh(clips={"frames": FRAMES, "mirror": 0.0}))
    batch = task.batch(0, Share(8))
    model = task.model.eval()
    total, parts = task.loss(model, batch)
    assert set(parts) == {"mpjpe", "velocity", "pose", "shape", "norm"}

    rotations, shape = model(batch.inputs)
    flat = rotations.flatten(0, 1)
    joints = stick_body.joints(flat, shape.repeat_interleave(FRAMES, 0)) * 1000
    joints = (joints - joints[:, :1]).view(8, FRAMES, 17, 3)
    vectors = vectors_from_matrices(rotations).flatten(-2)
    theta = torch.cat([vectors, shape[:, None].expand(-1, FRAMES, -1)], dim=-1)
    wanted = {
        "mpjpe": mpjpe(joints, batch.joints),
        "velocity": velocity(joints, batch.joints),
        "pose": torch.nn.functional.l1_loss(rotations, batch.rotations),
        "shape": (shape[:, None] - batch.shape).abs().mean(),
        "norm": theta.norm(dim=-1).mean(),
    }
    for name, value in wanted.items():
        torch.testing.assert_close(parts[name], value, msg=name)
    weights = {"mpjpe": 0.5, "velocity": 10.0, "pose": 1000.0, "shape": 1.0, "norm": 20.0}
    torch.testing.assert_close(total, sum(weights[name] * wanted[name] for name in weights))


def test_a_loss_of_weight_0_is_not_computed(make_mesh, monkeypatch) -> None:
    settings = make_mesh(loss={"mpjpe": 0, "velocity": 0, "norm": 0})
    task = ready(settings)
    batch = task.batch(0, Share(8))
    monkeypatch.setattr(task, "_joints", None)
    assert set(task.loss(task.model, batch)[1]) == {"pose", "shape"}


def test_targets_are_the_joints_of_the_body_that_was_filmed(make_mesh) -> None:
    for mirror in (0.0, 1.0):
        task = ready(make_mesh(clips={"frames": FRAMES, "mirror": mirror}))
        batch = task.batch(0, Share(8))
        seen = batch.inputs[..., 2] > 0
        # From four metres away, a point's place in the picture determines most of its x and y.
        picture = batch.inputs[..., :2] * SIZE[0] / 2 / FOCAL * 4
        picture = picture - picture[:, :, :1]
        off = (picture - batch.joints[..., :2] / 1000).norm(dim=-1)[seen]
        assert off.mean() < 0.05
        assert (~seen).any()


def test_the_backbone_and_the_head_learn_at_rates_of_their_own(make_mesh) -> None:
    task = Mesh(make_mesh(optimiser={"head": 10.0, "layer_decay": 0.5}))
    scales = {id(p): g["scale"] for g in task.groups() for p in g["params"]}
    named = dict(task.model.named_parameters())
    assert scales[id(named["head.fc1.weight"])] == 10.0
    assert scales[id(named["backbone.norm.weight"])] == 1.0
    assert scales[id(named["backbone.joints_embed.weight"])] == 0.5
    assert id(named["backbone.head.weight"]) not in scales
    assert not named["backbone.head.weight"].requires_grad
    frozen = Mesh(make_mesh("frozen", optimiser={"freeze": ["backbone."]}))
    (head,) = frozen.groups()
    assert len(head["params"]) == 12
    assert sum(p.requires_grad for p in frozen.model.parameters()) == 12


def test_stopped_and_resumed_is_the_same_to_the_bit(make_mesh) -> None:
    whole = make_mesh("whole", run={"steps": 6, "ema": 0.9})
    train(Mesh(whole), resume=False, observe=lambda progress: None)

    class CutError(Exception):
        pass

    def cut(progress: Any) -> None:
        if progress.step == 6:
            raise CutError

    broken = make_mesh("broken", run={"steps": 6, "ema": 0.9})
    with pytest.raises(CutError):
        train(Mesh(broken), resume=False, observe=cut)
    assert torch.load(broken.run.out / CHECKPOINT, weights_only=True)["step"] == 4
    train(Mesh(broken), resume=True, observe=lambda progress: None)
    a = torch.load(whole.run.out / CHECKPOINT, weights_only=True)
    b = torch.load(broken.run.out / CHECKPOINT, weights_only=True)
    for part in ("model", "averaged"):
        assert all(torch.equal(a[part][name], b[part][name]) for name in a[part])
    # The average has the statistics that its batch norms need.
    assert torch.equal(a["averaged"]["head.bn1.running_var"], a["model"]["head.bn1.running_var"])


def test_a_store_without_poses_is_refused(make_mesh, tmp_path: Path) -> None:
    with SequenceWriter(tmp_path / "flat", arrays=()) as writer:
        seen = np.full((20, 1, 17, 3), 0.5)
        writer.add(seen, name="a", subject="a", source="a", fps=25.0, size=SIZE, split="train")
    with pytest.raises(DataError, match=r"pose\.npy"):
        Mesh(make_mesh(data={"stores": [str(tmp_path / "flat")]}))


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"clips": {"frames": 500}}, r"clips\.frames must not exceed model\.maxlen"),
        ({"run": {"batch": 1}}, r"run\.batch must be at least 2 per process"),
        ({"body": {"model": "ghum"}}, r"body\.model"),
        ({"body": {"file": "x"}}, r"unknown key body\.file"),
        (
            {"loss": dict.fromkeys(("mpjpe", "velocity", "pose", "shape", "norm"), 0)},
            "a weight above 0",
        ),
    ],
)
def test_configurations_that_cannot_work(make_mesh, sections, message) -> None:
    with pytest.raises(ConfigError, match=message):
        make_mesh(**sections)


def test_a_missing_package_is_reported_with_its_command(tmp_path: Path, stick_body) -> None:
    if find_spec("anny") is not None:
        pytest.skip("anny is installed")
    store = make_store(tmp_path / "store", stick_body)
    with pytest.raises(ConfigError, match="pip install anny"):
        Mesh(maker(tmp_path, store)(body={"model": "anny"}))


def test_the_example_has_the_published_settings() -> None:
    config = load_config(EXAMPLE, (), MeshConfig)
    assert config.clips.frames == 16
    assert config.data.stride == 8
    assert config.optimiser.learning_rate == 5e-5
    assert config.optimiser.learning_rate * config.optimiser.head == pytest.approx(5e-4)
    assert (config.optimiser.decay, config.optimiser.weight_decay) == (0.98, 0.01)
    assert (config.run.batch, config.run.epochs) == (128, 60)
    assert (config.head.hidden, config.head.dropout) == (1024, 0.1)
    used = {name: weight for name, weight in config.loss.model_dump().items() if weight}
    assert used == {"mpjpe": 0.5, "velocity": 10, "pose": 1000, "shape": 1, "norm": 20}
    assert config.body.path == EXAMPLE.parent / "../../models/SMPL_NEUTRAL.pkl"
