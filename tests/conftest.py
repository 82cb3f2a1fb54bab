from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mbcli  # noqa: F401  # before any test loads onnxruntime, which it keeps from reporting
from mbcli.skeleton import COCO17
from mbcli.types import Keypoints2D

# By which OpenVINO reports its use; it does without where the package is missing.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
os.environ["SE_AVOID_STATS"] = "true"  # Selenium's manager reports its use without

# Commands that tests start inherit ignored signals, and so do jobs in the background of a shell.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def walk() -> Path:
    """The example: a few seconds of one person walking, a second one standing behind."""
    return ROOT / "examples" / "walk.mp4"


@pytest.fixture(scope="session")
def walk_keypoints() -> Keypoints2D:
    """The 2D tracks of the example as MoveNet and the tracker give them; COCO-17, 2 people."""
    with np.load(ROOT / "tests" / "fixtures" / "walk_keypoints.npz") as file:
        arrays = dict(file)
    width, height = arrays.pop("size").tolist()
    fps = float(arrays.pop("fps"))
    return Keypoints2D(skeleton=COCO17, size=(width, height), fps=fps, **arrays)


@pytest.fixture(scope="session")
def tiny_lifter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lifter weights of the smallest model, untrained: right shapes in no time."""
    import torch

    from mbcli.lift.checkpoint import save_lifter
    from mbcli.lift.dimensions import DSTformerConfig
    from mbcli.lift.model import DSTformer

    torch.manual_seed(0)
    config = DSTformerConfig(dim_feat=16, dim_rep=16, depth=1, num_heads=2, mlp_ratio=2, maxlen=27)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_lifter(path, DSTformer(config), {"licence": "CC0-1.0"}, half=False)
    return path


@pytest.fixture(scope="session")
def object_store() -> Iterator[Path]:
    """An empty bucket of an S3 server on this machine; skips where there is none."""
    pytest.importorskip("s3fs", reason="needs s3fs")
    server_module = pytest.importorskip("moto.server", reason="needs moto's S3 server")
    import fsspec

    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        fsspec.filesystem("s3", skip_instance_cache=True).mkdir("clips")
        yield Path("s3://clips")
        server.stop()


# Where a made-up person's joints are at rest: SMPL's order, metres, y up, facing +z, left at +x.
SMPL_REST = (
    (0, 0, 0),
    (0.07, -0.09, 0),
    (-0.07, -0.09, 0),
    (0, 0.11, 0),
    (0.1, -0.47, 0),
    (-0.1, -0.47, 0),
    (0, 0.25, 0),
    (0.09, -0.87, -0.03),
    (-0.09, -0.87, -0.03),
    (0, 0.3, 0),
    (0.12, -0.93, 0.1),
    (-0.12, -0.93, 0.1),
    (0, 0.51, 0),
    (0.08, 0.42, 0),
    (-0.08, 0.42, 0),
    (0, 0.6, 0.05),
    (0.18, 0.45, 0),
    (-0.18, 0.45, 0),
    (0.44, 0.44, 0),
    (-0.44, 0.44, 0),
    (0.7, 0.44, 0),
    (-0.7, 0.44, 0),
    (0.78, 0.44, 0),
    (-0.78, 0.44, 0),
)


def smpl_arrays() -> dict[str, Any]:
    """A body in the layout of SMPL's file: an octahedron about each of the 24 joints."""
    import scipy.sparse

    from mbcli.lift.body.body_model import PARENTS

    rng = np.random.default_rng(5)
    corners = 0.05 * np.concatenate([np.eye(3), -np.eye(3)])
    sides = [(0, 1, 2), (1, 3, 2), (3, 4, 2), (4, 0, 2), (1, 0, 5), (3, 1, 5), (4, 3, 5), (0, 4, 5)]
    rest = np.array(SMPL_REST, dtype=np.float64)
    template = (rest[:, None] + corners).reshape(-1, 3)
    of_joint = np.repeat(np.eye(24), 6, axis=0)  # (144, 24)
    shapes = np.zeros((144, 3, 12))
    shapes[..., 0], shapes[:, 0, 1] = 0.05 * template, 0.1 * template[:, 0]
    shapes[..., 2:] = 0.002 * rng.normal(size=(144, 3, 10))
    parents = np.array([2**32 - 1, *PARENTS[1:]], dtype=np.uint32)
    return {
        "v_template": template,
        "shapedirs": shapes,
        "posedirs": 0.001 * rng.normal(size=(144, 3, 207)),
        "J_regressor": scipy.sparse.csc_matrix(of_joint.T / 6),
        "weights": of_joint,
        "kintree_table": np.stack([parents, np.arange(24, dtype=np.uint32)]),
        "f": np.concatenate([np.array(sides) + 6 * joint for joint in range(24)]).astype(np.uint32),
        "bs_type": "lrotmin",
        "bs_style": "lbs",
    }


def smpl_regressor() -> np.ndarray:
    """(17, 144) H36M-17 as means of those octahedra's corners."""
    sources = (0, 2, 5, 8, 1, 4, 7, 6, 9, 12, 15, 16, 18, 20, 17, 19, 21)
    out = np.zeros((17, 144), dtype=np.float32)
    for row, joint in enumerate(sources):
        out[row, 6 * joint : 6 * joint + 6] = 1 / 6
    return out


@pytest.fixture(scope="session")
def smpl_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A small body model in SMPL's own layout, and a regressor of H36M's joints for it."""
    folder = tmp_path_factory.mktemp("smpl")
    with (folder / "tiny.pkl").open("wb") as stream:
        pickle.dump(smpl_arrays(), stream, protocol=2)
    np.save(folder / "joints.npy", smpl_regressor())
    return folder / "tiny.pkl", folder / "joints.npy"


@pytest.fixture
def stick_body() -> Any:
    """That body without any package: its octahedra turn with their joints."""
    import torch

    from mbcli.lift.body.body_model import PARENTS, world_rotations

    arrays = smpl_arrays()

    class StickBody:
        name = "smpl"
        shapes = 10
        faces = torch.from_numpy(arrays["f"].astype(np.int64))
        template = torch.from_numpy(arrays["v_template"]).float()

        def to(self, device: Any) -> Any:
            return self

        def mesh(self, rotations: Any, shape: Any) -> Any:
            rest = torch.tensor(SMPL_REST) * (1 + 0.05 * shape[:, :1, None])  # (N, 24, 3)
            corners = self.template.view(24, 6, 3) - torch.tensor(SMPL_REST)[:, None]
            world = world_rotations(rotations)
            places = [rest[:, 0]]
            for joint in range(1, 24):
                parent = PARENTS[joint]
                bone = (rest[:, joint] - rest[:, parent])[..., None]
                places.append(places[parent] + (world[:, parent] @ bone)[..., 0])
            own = torch.stack(places, dim=1)[:, :, None]  # (N, 24, 1, 3)
            vertices = (own + corners @ world.transpose(-1, -2)).flatten(1, 2)
            return vertices, torch.from_numpy(smpl_regressor()) @ vertices

        def joints(self, rotations: Any, shape: Any) -> Any:
            return self.mesh(rotations, shape)[1]

    return StickBody()
