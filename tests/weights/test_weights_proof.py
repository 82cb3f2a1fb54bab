"""What the server sends is not kept unless it is shown to be the weights."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mbcli.errors import ConfigError, WeightsError
from mbcli.lift.action.heads import ActionHead, ActionNet, EmbeddingHead
from mbcli.lift.body.network import MeshHeadConfig, MeshNet
from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.foreign import _from_mmpose
from mbcli.lift.model import DSTformer
from mbcli.weights import TABLE, WeightsEntry, cache_directory, entry, fetch
from mbcli.weights.entry import PictureGraph, TorchFile
from mbcli.weights.structure import check_structure

PATH = "/new.bin"
HOLDS = TorchFile("model_pos", {"head.weight": (3, 8), "temp_embed": (1, None, 1, 8)})


def row(url: str, **known: Any) -> WeightsEntry:
    given: dict[str, Any] = {"about": 4_000, "holds": HOLDS} | known
    return WeightsEntry(
        name="new",
        file="new.bin",
        stage="lift",
        licence="MIT",
        origin="a test",
        skeleton="h36m17",
        url=url,
        **given,
    )


@pytest.fixture
def enter(site: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    def put(**known: Any) -> None:
        monkeypatch.setitem(TABLE, "new", row(f"{site.url}{PATH}", **known))

    put()
    return put


def saved(**tensors: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    state = {f"module.{name.replace('_0', '.0')}": torch.zeros(n) for name, n in tensors.items()}
    state = {name.replace("head_", "head."): tensor for name, tensor in state.items()}
    torch.save({"epoch": 3, "model_pos": state}, stream)
    return stream.getvalue()


RIGHT = saved(head_weight=(3, 8), temp_embed=(1, 27, 1, 8))


def left() -> list[str]:
    folder = cache_directory()
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def refusal() -> str:
    with pytest.raises(WeightsError) as caught:
        fetch("new", insecure=True)
    message = str(caught.value)
    assert message.startswith("new: ")
    assert "\n" not in message
    assert left() == []
    return message


def test_what_holds_what_it_should_is_kept(site: Any, enter: Any) -> None:
    site.files[PATH] = RIGHT
    assert fetch("new", insecure=True).read_bytes() == RIGHT
    assert left() == ["new.bin", "new.bin.sha256"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "must have 1000 to 16000 bytes, got 0"),
        (b"<html>login page of the hotel</html>", "must have 1000 to 16000 bytes, got 36"),
        (b"<html>" + b" " * 2000, "not a weights file, nothing in it was run"),
        (bytes(2000), r"not a weights file: [^;]* legacy \.tar format; it was removed"),
        (RIGHT[:-200], "damaged or not a weights file"),
        (saved(head_weight=(3, 9), temp_embed=(1, 27, 1, 8)), r"head.weight must be \[3, 8\]"),
        (saved(temp_embed=(1, 27, 1, 8)), r"head.weight must be \[3, 8\], got none"),
        (saved(head_weight=(3, 8), temp_embed=(27, 1, 8)), r"temp_embed must be \[1, \?, 1, 8\]"),
        (bytes(16_001), "must be 16000 bytes at most, but the server has 16001"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_is_something_else_is_not(site: Any, enter: Any, content: bytes, said: str) -> None:
    site.files[PATH] = content
    assert re.search(said, refusal())


def test_other_keys_are_something_else(site: Any, enter: Any) -> None:
    stream = io.BytesIO()
    torch.save({"model": {"head.weight": torch.zeros(3, 8)}, "x": torch.zeros(500)}, stream)
    site.files[PATH] = stream.getvalue()
    assert "tensors under 'model_pos'" in refusal()


def test_a_web_page_is_reported_as_such(site: Any, enter: Any) -> None:
    site.files[PATH] = b"<html>login page of the hotel</html>"
    site.headers["Content-Type"] = "text/html; charset=utf-8"
    assert "is a web page, not the file" in refusal()
    enter(sha256="0" * 64, sha256_source="measured", holds=None)
    assert "is a web page, not the file" in refusal()


def test_an_endless_body_ends_at_the_largest_size(
    site: Any, enter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.endless = True
    assert "must be 16000 bytes at most, got more" in refusal()
    # What was under way, and no more.
    assert site.sent < 10_000_000
    enter(bytes=5_000)
    assert "must be 5000 bytes at most" in refusal()
    monkeypatch.setattr(entry, "_BESIDE", 100)
    enter(member="end2end.onnx")
    assert "must be 16100 bytes at most" in refusal()


def test_weights_come_over_https_only(site: Any, enter: Any) -> None:
    site.files[PATH] = RIGHT
    with pytest.raises(ConfigError, match=r"over https, got http://.*--insecure-mirror"):
        fetch("new")
    with pytest.raises(ConfigError, match=r"over https, got http://.*--insecure-mirror"):
        fetch("new", mirror=site.url)
    assert site.asked == []
    assert fetch("new", mirror=site.url, insecure=True).read_bytes() == RIGHT


def test_no_redirect_leads_away_from_https(
    safe_site: Any, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TABLE, "new", row(f"{safe_site.url}{PATH}"))
    site.files[PATH] = RIGHT
    safe_site.redirects[PATH] = f"{site.url}{PATH}"
    with pytest.raises(WeightsError, match=r"leads to http://127.*new\.bin, which is not https"):
        fetch("new")
    assert site.asked == []
    safe_site.redirects[PATH] = "file:///etc/passwd"
    with pytest.raises(WeightsError, match="leads to file:///etc/passwd, which is not https"):
        fetch("new", insecure=True)
    assert left() == []

    safe_site.redirects = {PATH: f"{safe_site.url}/other.bin"}
    safe_site.files["/other.bin"] = RIGHT
    assert fetch("new").read_bytes() == RIGHT


def graph(path: Path, size: tuple[Any, Any], outputs: list[list[Any]]) -> Path:
    onnx = pytest.importorskip("onnx", reason="building graphs needs the onnx package")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    zeros = [np.zeros([n if isinstance(n, int) else 1 for n in shape], "f4") for shape in outputs]
    made = helper.make_graph(
        [
            helper.make_node("Sub", ["input", "input"], ["nothing"]),
            helper.make_node("ReduceSum", ["nothing"], ["zero"], keepdims=0),
            *(
                helper.make_node("Add", [f"c{number}", "zero"], [f"o{number}"])
                for number in range(len(outputs))
            ),
        ],
        "network",
        [helper.make_tensor_value_info("input", kind, ["batch", 3, size[1], size[0]])],
        [helper.make_tensor_value_info(f"o{n}", kind, shape) for n, shape in enumerate(outputs)],
        [onnx.numpy_helper.from_array(array, f"c{n}") for n, array in enumerate(zeros)],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("size", "outputs", "said"),
    [
        ((192, 256), [["n", 26, 384], ["n", 26, 512]], None),
        (("w", "h"), [[1, 26, 512], [1, 26, 384]], None),
        ((256, 256), [["n", 26, 384], ["n", 26, 512]], r"pictures \[\?, 3, 256, 192\]"),
        (
            (192, 256),
            [["n", 17, 384], ["n", 17, 512]],
            r"give \[\?, 26, 384\], got \[1, 17, 384\]",
        ),
        ((192, 256), [["n", 26, 384]], r"give \[\?, 26, 512\]"),
        ((192, 256), [[1, 26, 3, 384], [1, 26, 3, 512]], r"give \[\?, 26, 384\]"),
    ],
)
def test_a_graph_is_known_by_its_inputs_and_outputs(
    tmp_path: Path, size: tuple[Any, Any], outputs: list[list[Any]], said: str | None
) -> None:
    holds = TABLE["rtmpose-s-halpe26-onnx"].holds
    assert isinstance(holds, PictureGraph)
    made = row("", about=150_000, holds=holds)
    path = graph(tmp_path / "new.onnx", size, outputs)
    if said is None:
        check_structure(made, path)
        return
    with pytest.raises(WeightsError, match=said):
        check_structure(made, path)


def test_a_published_detector_holds_what_the_table_says() -> None:
    path = Path(__file__).parents[3] / "shared" / "weights" / "rtmdet_nano_person_320.onnx"
    if not path.is_file():
        pytest.skip("the published detector is not there")
    check_structure(row("", about=4_000_000, holds=TABLE["rtmdet-m-onnx"].holds), path)


@pytest.mark.parametrize("known", TABLE.values(), ids=list(TABLE))
def test_every_name_is_shown_to_be_what_it_is(known: WeightsEntry) -> None:
    if not known.verified:
        assert known.holds is not None
        assert known.about is not None or known.bytes is not None
    least, most = known.sizes
    assert 0 < least <= most <= known.most_to_download <= 3 << 30


def test_what_the_table_says_of_tensors_is_so() -> None:
    config = DSTformerConfig(dim_feat=512, dim_rep=512, depth=5, num_heads=8, mlp_ratio=2)
    features = config.num_joints * config.dim_rep
    with torch.device("meta"):
        lifter = DSTformer(config)
        models = {
            "motionbert-full": lifter,
            "motionbert-full-scratch": lifter,
            "mmpose-motionbert": lifter,
            "motionbert-action-xsub": ActionNet(lifter, ActionHead(features, 60)),
            "motionbert-action-xview": ActionNet(lifter, ActionHead(features, 60)),
            "motionbert-action-oneshot": ActionNet(lifter, EmbeddingHead(features)),
            "motionbert-mesh": MeshNet(lifter, MeshHeadConfig()),
            "motionbert-mesh-h36m": MeshNet(lifter, MeshHeadConfig()),
        }
    unverified = {name: row for name, row in TABLE.items() if isinstance(row.holds, TorchFile)}
    assert set(models) == set(unverified)
    for name, known in unverified.items():
        assert isinstance(known.holds, TorchFile)
        state = {key: tuple(tensor.shape) for key, tensor in models[name].state_dict().items()}
        for tensor, shape in known.holds.shapes.items():
            there = state[_from_mmpose(tensor) if name.startswith("mmpose") else tensor]
            assert len(there) == len(shape)
            assert all(must in (None, length) for length, must in zip(there, shape, strict=True))
        count = sum(parameter.numel() for parameter in models[name].parameters())
        # In half precision, or with the two moments of an optimiser.
        assert known.sizes[0] < 2 * count < 12 * count < known.sizes[1]
