"""Weights whose tensors, dimensions or descriptions are odd; configurations and checkpoints."""

from __future__ import annotations

import io
import json
import struct
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from .cases import Case, Command, Subject
from .keypoint_files import SIZE, TINY, coco_tracks
from .odd import TEXTS
from .stores import STORE, write_store

KEYPOINTS = "kp.json"


def _keypoints(folder: Path) -> None:
    from mbcli.keypoints import write_keypoints

    write_keypoints(folder / KEYPOINTS, coco_tracks())


def _infer(*options: str) -> tuple[Command, ...]:
    return (("infer", KEYPOINTS, *SIZE, *options, "--out", "out.npz"),)


def _safetensors(content: bytes) -> Any:
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    about = header.pop("__metadata__")
    values = {key: _parsed(value) for key, value in about.items()}
    return {"metadata": values, "tensors": header, "data": content[8 + length :]}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _write_safetensors(path: Path, tree: Any) -> None:
    about = {k: v if isinstance(v, str) else json.dumps(v) for k, v in tree["metadata"].items()}
    header = json.dumps({"__metadata__": about, **tree["tensors"]}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + tree["data"])


@cache
def lifter() -> bytes:
    return _saved("lifter")


@cache
def _action() -> bytes:
    return _saved("action")


def _saved(what: str) -> bytes:
    import tempfile

    import torch

    from mbcli.lift.checkpoint import save_lifter
    from mbcli.lift.model import DSTformer, DSTformerConfig

    torch.manual_seed(0)
    config = DSTformerConfig(dim_feat=16, dim_rep=16, depth=1, num_heads=2, mlp_ratio=2, maxlen=27)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.safetensors"
        if what == "lifter":
            save_lifter(path, DSTformer(config), {"licence": "CC0-1.0", "note": [1, 2]}, half=False)
        elif what == "action":
            _save_action(path)
        return path.read_bytes()


def _save_action(path: Path) -> None:
    from lift.action.test_action_checkpoint import FORM, NAMES, a_model

    from mbcli.lift.action.checkpoint import save_action

    save_action(path, a_model(), NAMES, FORM, {"step": 3}, half=False)


def _published() -> Any:
    from safetensors.torch import load

    return {"model_pos": {f"module.{k}": v for k, v in load(lifter()).items()}, "epoch": 3}


def _write_torch(path: Path, tree: Any) -> None:
    import torch

    out = io.BytesIO()
    torch.save(tree, out)
    path.write_bytes(out.getvalue())


def _odd_tensors() -> Any:
    """Tensors that take more than they hold."""
    import torch

    tree = _published()
    tensors = tree["model_pos"]
    name = sorted(tensors)[0]
    tensors[name] = torch.zeros(1).expand(10**6, 10**6)
    tensors[sorted(tensors)[1]] = torch.zeros(3, device="meta")
    tensors["module.temp_embed"] = torch.zeros(1).expand(1, 10**9, 1, 16)
    tensors["module.sparse"] = torch.eye(3).to_sparse()
    return tree


def _config_tree() -> Any:
    return {
        "data": {"store": STORE, "holdout": ["eve"]},
        "run": {
            "out": "run",
            "steps": 1,
            "batch": 2,
            "accelerator": "cpu",
            "log_every": 1,
            "validate_every": 1,
            "save_every": 1,
            "validation_clips": 2,
        },
        "model": {
            "dim_feat": 16,
            "dim_rep": 16,
            "depth": 1,
            "num_heads": 2,
            "mlp_ratio": 2,
            "maxlen": 9,
        },
        "clips": {"frames": 9},
        "optimiser": {"learning_rate": 1e-3, "schedule": "cosine", "warmup_steps": 1},
        "loss": {"mpjpe": 1.0},
    }


def _write_yaml(path: Path, tree: Any) -> None:
    path.write_text(yaml.dump(tree))


def _configured(folder: Path) -> None:
    write_store(folder)
    _write_yaml(folder / "c.yaml", _config_tree())


def _checkpointed(folder: Path) -> None:
    _configured(folder)
    (folder / "run").mkdir()
    for name, content in _trained().items():
        (folder / "run" / name).write_bytes(content)


@cache
def _trained() -> dict[str, bytes]:
    """The files of a training that ended after a step."""
    import tempfile

    from .process import call

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _configured(folder)
        call(folder, ("pretrain", "c.yaml"))
        files = [path for path in (folder / "run").iterdir() if path.is_file()]
        return {path.name: path.read_bytes() for path in files}


def _checkpoint_tree() -> Any:
    import torch

    content = io.BytesIO(_trained()["last.ckpt"])
    return torch.load(content, weights_only=False)


def _sets() -> list[Case]:
    """Every section and key of a configuration, and values that are odd."""
    values: tuple[str, ...] = ("[", "'", "@", "%x", "2020-13-45", "!!python/x 1", "nan", "-1", "{}")
    values += ("1e400", "null", "[]", "9" * 400, "9" * 5000, "[" * 2000, "2001-01-01", "&a *a")
    values += ("0x", "1_0", "true", *TEXTS)
    keys = [f"{section}.{key}" for section, some in _config_tree().items() for key in some]
    cases = []
    for number, value in enumerate(values * 3):
        key = keys[number * 7 % len(keys)]
        if "\0" in value:
            continue
        command = ("pretrain", "c.yaml", "--set", f"{key}={value}")
        cases.append(
            Case("YAML and --set", f"set {number} {key}={value[:20]!r}", command, _configured)
        )
    return cases


def subjects() -> list[Subject]:
    """All of them."""

    def build(target: str, content: Any) -> Any:
        def write(folder: Path) -> None:
            _keypoints(folder)
            (folder / target).write_bytes(content())

        return write

    def published(folder: Path) -> None:
        _keypoints(folder)
        _write_torch(folder / "w.bin", _published())

    as_lifter = _infer("--weights", "w.safetensors")
    as_action = _infer("--weights", TINY, "--action", "a.safetensors")
    return [
        Subject(
            "weights",
            "lifter",
            as_lifter,
            "w.safetensors",
            build("w.safetensors", lifter),
            lambda: _safetensors(lifter()),
            _write_safetensors,
            weight=3,
        ),
        Subject(
            "weights",
            "action",
            as_action,
            "a.safetensors",
            build("a.safetensors", _action),
            lambda: _safetensors(_action()),
            _write_safetensors,
            weight=2,
        ),
        Subject(
            "weights",
            "published",
            _infer("--weights", "w.bin", "--compat", "motionbert"),
            "w.bin",
            published,
            _published,
            _write_torch,
            weight=2,
        ),
        Subject(
            "weights",
            "odd tensors",
            _infer("--weights", "w.bin"),
            "w.bin",
            published,
            _odd_tensors,
            _write_torch,
        ),
        Subject(
            "YAML and --set",
            "yaml",
            (("pretrain", "c.yaml"),),
            "c.yaml",
            _configured,
            _config_tree,
            _write_yaml,
            weight=3,
        ),
        Subject(
            "checkpoints",
            "resume",
            (("pretrain", "c.yaml", "--resume"),),
            "run/last.ckpt",
            _checkpointed,
            _checkpoint_tree,
            _write_torch,
        ),
    ]


def cases() -> list[Case]:
    """Cases beside those of the subjects."""
    return _sets()


__all__ = ["cases", "np", "subjects"]
