"""Weights whose tensors, dimensions or descriptions are odd."""

from __future__ import annotations

import io
import json
import struct
from functools import cache
from pathlib import Path
from typing import Any

from .cases import Command, Subject
from .people import KEYPOINTS, SIZE, TINY, write_people


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
    """The smallest lifter."""
    return _saved("lifter")


@cache
def _action() -> bytes:
    return _saved("action")


def _saved(what: str) -> bytes:
    import tempfile

    import torch

    from mbcli.lift.checkpoint import save_lifter
    from mbcli.lift.dimensions import DSTformerConfig
    from mbcli.lift.model import DSTformer

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


def write_torch(path: Path, tree: Any) -> None:
    """Write values as PyTorch does."""
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


def subjects() -> list[Subject]:
    """All of them."""

    def build(target: str, content: Any) -> Any:
        def write(folder: Path) -> None:
            write_people(folder)
            (folder / target).write_bytes(content())

        return write

    def published(folder: Path) -> None:
        write_people(folder)
        write_torch(folder / "w.bin", _published())

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
            write_torch,
            weight=2,
        ),
        Subject(
            "weights",
            "odd tensors",
            _infer("--weights", "w.bin"),
            "w.bin",
            published,
            _odd_tensors,
            write_torch,
        ),
    ]
