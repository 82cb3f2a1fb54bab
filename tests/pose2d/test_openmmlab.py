from __future__ import annotations

import importlib
import io
import os
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mbcli.errors import ConfigError, WeightsError
from mbcli.pose2d import openmmlab
from mbcli.pose2d.openmmlab import read_checkpoint
from mbcli.pose2d.overlap import suppress

needs_mmpose = pytest.mark.skipif(
    sys.version_info[:2] not in openmmlab.PYTHONS or find_spec("mmpose") is None,
    reason="needs Python 3.10 or 3.11 and pip install 'mbcli[mmpose]'",
)


def _boxes(rng: np.random.Generator, count: int) -> tuple[Any, Any]:
    corners = rng.uniform(0, 80, (count, 2))
    boxes = np.hstack([corners, corners + rng.uniform(5, 60, (count, 2))]).astype(np.float32)
    return boxes, rng.permutation(count).astype(np.float32) / count


def _iou(first: Any, second: Any, offset: int) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0]) + offset
    height = min(first[3], second[3]) - max(first[1], second[1]) + offset
    common = max(width, 0.0) * max(height, 0.0)
    areas = [(box[2] - box[0] + offset) * (box[3] - box[1] + offset) for box in (first, second)]
    return float(common / (sum(areas) - common))


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("seed", range(5))
def test_suppression_is_what_its_definition_says(seed: int, offset: int) -> None:
    boxes, scores = _boxes(np.random.default_rng(seed), 60)
    kept = suppress(boxes, scores, 0.4, offset)
    assert list(kept) == sorted(kept, key=lambda index: -scores[index])
    assert 1 < len(kept) < 60
    for index in range(60):
        better = [k for k in kept if scores[k] > scores[index]]
        hidden = any(_iou(boxes[index], boxes[k], offset) > 0.4 for k in better)
        assert hidden == (index not in kept)


def test_suppression_of_nothing_and_of_empty_boxes() -> None:
    assert suppress(np.empty((0, 4)), np.empty(0), 0.5).shape == (0,)
    assert list(suppress(np.zeros((2, 4)), np.array([0.1, 0.2]), 0.5)) == [1, 0]


@needs_mmpose
def test_suppression_through_mmcv_keeps_classes_apart() -> None:
    openmmlab.prepare()
    from mmcv.ops import batched_nms

    boxes, scores = map(torch.from_numpy, _boxes(np.random.default_rng(0), 40))
    classes = torch.arange(40) % 2
    found, kept = batched_nms(boxes, scores, classes, {"type": "nms", "iou_threshold": 0.5})
    apart = [
        torch.nonzero(classes == number)[:, 0][
            torch.from_numpy(
                suppress(boxes[classes == number].numpy(), scores[classes == number].numpy(), 0.5)
            )
        ]
        for number in (0, 1)
    ]
    assert sorted(kept.tolist()) == sorted(torch.cat(apart).tolist())
    assert torch.equal(found[:, :4], boxes[kept])
    assert torch.equal(found[:, 4], scores[kept])
    assert torch.all(found[:-1, 4] >= found[1:, 4])


@needs_mmpose
@pytest.mark.skipif(find_spec("mmcv._ext") is not None, reason="mmcv has its operators here")
def test_other_operators_say_what_they_are() -> None:
    openmmlab.prepare()
    from mmcv.ops import deform_conv2d

    x = torch.zeros(1, 1, 4, 4)
    with pytest.raises(ConfigError, match=r"operator deform_conv_forward, which mmcv-lite lacks"):
        deform_conv2d(x, torch.zeros(1, 18, 4, 4), torch.zeros(1, 1, 3, 3), 1, 1)


@needs_mmpose
def test_it_loads_in_silence_and_only_when_asked() -> None:
    code = """
import sys
from mbcli.pose2d import mmpose, openmmlab
heavy = {"torch", "mmpose", "mmdet", "mmcv", "mmengine", "torchvision"}
assert heavy.isdisjoint(sys.modules), heavy & set(sys.modules)
openmmlab.prepare()
openmmlab.prepare()
import mmdet.apis, mmpose.apis
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_another_python_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openmmlab, "PYTHONS", ((3, 7), (3, 8)))
    here = ".".join(map(str, sys.version_info[:2]))
    with pytest.raises(ConfigError, match=rf"^[^\n]*Python 3\.7 and 3\.8, got {here}[^\n]*$"):
        openmmlab.prepare.__wrapped__()


def test_a_missing_extra_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openmmlab, "PYTHONS", (sys.version_info[:2],))
    monkeypatch.setattr(openmmlab, "find_spec", lambda name: None if name == "mmdet" else name)
    with pytest.raises(ConfigError, match=r"^--pose2d mmpose needs mmdet: pip install 'mbcli\[mm"):
        openmmlab.prepare.__wrapped__()


def test_a_wrong_version_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_new(name: str) -> None:
        raise AssertionError("MMCV==2.2.0 is used but incompatible.\nPlease install mmcv<2.2.0")

    monkeypatch.setattr(openmmlab, "PYTHONS", (sys.version_info[:2],))
    monkeypatch.setattr(openmmlab, "find_spec", lambda name: name)
    monkeypatch.setattr(importlib, "import_module", too_new)
    with pytest.raises(ConfigError, match=r"\(MMCV==2\.2\.0 is used but incompatible\.\): pip"):
        openmmlab.prepare.__wrapped__()


def test_only_what_is_known_is_silenced() -> None:
    def build() -> None:
        with openmmlab.recorded_warnings():
            warnings.simplefilter("once")  # as their code does
            warnings.warn("checkpoint is None, use COCO classes by default.", stacklevel=1)
            warnings.warn("something else", stacklevel=1)

    with pytest.warns(UserWarning, match="something else") as caught:
        build()
    assert [str(each.message) for each in caught] == ["something else"]


@needs_mmpose
def test_their_state_is_as_it_was() -> None:
    openmmlab.prepare()
    from mmengine.logging import MMLogger
    from mmengine.registry import DefaultScope

    level = MMLogger.get_current_instance().level
    before = DefaultScope.get_current_instance()
    with openmmlab.quiet("mmdet"):
        assert DefaultScope.get_current_instance().scope_name == "mmdet"
    assert MMLogger.get_current_instance().level == level
    now = DefaultScope.get_current_instance()
    assert (now and now.scope_name) == (before and before.scope_name)


def _published() -> dict[str, Any]:
    """What a training with MMEngine leaves."""
    openmmlab.prepare()
    from mmengine.logging import HistoryBuffer

    losses = HistoryBuffer([1.5, 0.5], [1, 1])
    losses.update(0.25)
    return {
        "meta": {
            "epoch": 420,
            "seed": np.int64(21),
            "dataset_meta": {
                "keypoint_colors": np.arange(6, dtype=np.uint8).reshape(2, 3),
                "sigmas": np.array([0.026, 0.025], np.float32),
            },
        },
        "state_dict": {"weight": torch.arange(4.0)},
        "message_hub": {"log_scalars": {"train/loss": losses}, "runtime_info": {"best": 0.7}},
    }


@needs_mmpose
@pytest.mark.parametrize("saved", ["zip", "old format", "old format and numpy 1"])
def test_a_published_checkpoint_is_read(saved: str, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save(_published(), path, _use_new_zipfile_serialization=saved == "zip")
    if saved.endswith("numpy 1"):
        written = path.read_bytes()
        assert b"numpy._core.multiarray" in written
        path.write_bytes(written.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    content = read_checkpoint(path)
    assert content["meta"]["seed"] == 21
    meta = content["meta"]["dataset_meta"]
    np.testing.assert_array_equal(meta["keypoint_colors"], [[0, 1, 2], [3, 4, 5]])
    assert meta["sigmas"].dtype == np.float32
    assert torch.equal(content["state_dict"]["weight"], torch.arange(4.0))
    assert content["message_hub"]["runtime_info"] == {"best": 0.7}


@needs_mmpose
def test_nothing_stays_allowed(tmp_path: Path) -> None:
    torch.save(_published(), tmp_path / "a.pth")
    before = set(map(str, torch.serialization.get_safe_globals()))
    read_checkpoint(tmp_path / "a.pth")
    assert set(map(str, torch.serialization.get_safe_globals())) == before
    with pytest.raises(Exception, match="Unsupported global"):
        torch.load(tmp_path / "a.pth", weights_only=True)


class _Evil:
    """Makes a folder when it is unpickled by Python's own means."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


class _Attribute:
    """Asks for an attribute, as a ``HistoryBuffer`` does, but of something else."""

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (np.ndarray, "tofile")


@pytest.mark.parametrize("zipped", [True, False])
def test_code_is_refused_and_not_run(zipped: bool, tmp_path: Path) -> None:
    path, trace = tmp_path / "evil.pth", tmp_path / "was run"
    torch.save({"meta": _Evil(trace)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsError, match=r"^[^\n]*evil\.pth is refused, nothing in it was run"):
        read_checkpoint(path)
    assert not trace.exists()
    torch.load(path, weights_only=False)  # the same file does run in other hands
    assert trace.exists()


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (_Attribute(), "getattr"),
        (Path("a"), "pathlib"),
        (io.StringIO, "StringIO"),
        (np.array([{}, 1], dtype=object), "ObjectDType"),
    ],
)
def test_other_types_are_refused(value: object, name: str, tmp_path: Path) -> None:
    torch.save({"meta": {"x": value}}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=rf"^[^\n]*a\.pth is [^\n]*{name}[^\n]*$"):
        read_checkpoint(tmp_path / "a.pth")


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"state_dict": {"w": torch.zeros(1000)}}, path)
    content = path.read_bytes()
    for damaged in (content[:1000], b"", b"<html>not found</html>", b"\x80\x02."):
        path.write_bytes(damaged)
        with pytest.raises(WeightsError, match=r"^[^\n]*a\.pth is [^\n]+$"):
            read_checkpoint(path)
    torch.save([1, 2], path)
    with pytest.raises(WeightsError, match="it holds a list"):
        read_checkpoint(path)
