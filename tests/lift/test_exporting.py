"""Lifters in other runtimes: read back and run by those runtimes, without mbcli's own reader."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from mbcli.cli.app import app
from mbcli.cli.weights_export import ExportFormat
from mbcli.errors import ConfigError, OutputError, WeightsError
from mbcli.lift.checkpoint import load_lifter
from mbcli.lift.exporting import FORMATS, LIMIT, export_lifter
from mbcli.lift.lifter import Lifter, LiftOptions
from mbcli.lift.model import DSTformer
from mbcli.lift.opening import open_lifter
from mbcli.motion import load_motion
from mbcli.storage.onnx_file import open_onnx
from mbcli.weights import TABLE, bundled_directory, resolve

REAL = "mbcli-lifter-small"  # exporting takes time with every layer

# Millimetres by which results of onnxruntime may differ from torch's, on a person of 1.70 m.
SAME = 0.1

# The operators of a small DSTformer that coremltools 9.0 read.
CORE_ML = {
    "add", "cat", "flatten", "gelu", "int", "layer_norm", "linear", "mul", "permute", "reshape",
    "scaled_dot_product_attention", "size", "slice", "softmax", "tanh", "to", "transpose",
    "unbind", "unflatten",
}  # fmt: skip


@pytest.fixture(scope="module")
def tiny_onnx(tiny_lifter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnxscript", reason="the exporter is in the extra onnx")
    return export_lifter(str(tiny_lifter), "onnx", tmp_path_factory.mktemp("onnx") / "a.onnx").path


@pytest.fixture(scope="module")
def real_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnxscript", reason="the exporter is in the extra onnx")
    path = tmp_path_factory.mktemp("onnx") / "lifter.onnx"
    return export_lifter(REAL, "onnx", path).path


def clips(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(1).uniform(-1, 1, (*shape, 17, 3)).astype(np.float32)


def in_torch(weights: Path, batch: Any) -> Any:
    with torch.inference_mode():
        return load_lifter(weights)[0](torch.from_numpy(batch)).numpy()


def torchscript(path: Path, texts: dict[str, str] | None = None) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is old
        return torch.jit.load(str(path), _extra_files=texts)


def test_onnx_takes_any_number_of_clips_of_any_length(tiny_lifter: Path, tiny_onnx: Path) -> None:
    session = open_onnx(tiny_onnx)
    assert [isinstance(n, str) for n in session.get_inputs()[0].shape] == [True, True, False, False]
    for shape in ((1, 1), (1, 27), (5, 4), (2, 13)):
        batch = clips(*shape)
        (poses,) = session.run(["poses"], {"keypoints": batch})
        assert poses.shape == batch.shape
        assert np.abs(poses - in_torch(tiny_lifter, batch)).max() < LIMIT


def test_onnx_says_what_the_lifter_says_of_itself(real_onnx: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(str(real_onnx))
    onnx.checker.check_model(model)
    texts = {entry.key: entry.value for entry in model.metadata_props}
    source, info = load_lifter(resolve(REAL))
    assert texts["format"] == "mbcli.lifter/1"
    assert json.loads(texts["dimensions"]) == asdict(source.config)
    facts = json.loads(texts["facts"])
    for key in ("fps", "skeleton", "expected_error", "root", "axes"):
        assert facts[key] == info.metadata[key]
    assert facts["licence"] == "Apache-2.0"
    assert facts["exported_from"]["sha256"] == TABLE[REAL].sha256
    assert facts["exported_from"]["name"] == REAL


def test_what_the_table_knows_of_published_weights_goes_along(
    monkeypatch: pytest.MonkeyPatch, tiny_lifter: Path, tmp_path: Path
) -> None:
    row = replace(
        TABLE["motionbert-full"], name="other", file="other.safetensors", bytes=None, sha256=None
    )
    monkeypatch.setitem(TABLE, "other", replace(row, holds=None))
    monkeypatch.setenv("MBCLI_WEIGHTS", str(tmp_path))
    (tmp_path / "other.safetensors").write_bytes(tiny_lifter.read_bytes())
    made = export_lifter("other", "coreml-ready", tmp_path / "a.pt").path
    texts = {"facts": ""}
    torchscript(made, texts)
    facts = json.loads(texts["facts"])
    assert facts["root_relative"] is True
    assert "Human3.6M" in facts["exported_from"]["training_data"]
    # What the file says of itself goes before what the table says.
    assert facts["licence"] == "CC0-1.0"


def test_infer_without_torch_gives_the_same_motion(
    walk: Path, real_onnx: Path, tmp_path: Path
) -> None:
    code = """
import sys
from mbcli.__main__ import main
sys.argv = ["mbcli", *sys.argv[1:]]
try:
    main()
except SystemExit as exit:
    assert not exit.code, exit.code
print("torch" in sys.modules)
"""
    loaded = {}
    for name, weights in (("torch", REAL), ("onnx", str(real_onnx))):
        words = ["infer", str(walk), "--end", "0.5", "--weights", weights, "--quiet"]
        words += ["--out", str(tmp_path / f"{name}.npz")]
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
        )
        loaded[name] = done.stdout.split()[-1]
    assert loaded == {"torch": "True", "onnx": "False"}
    want, got = (load_motion(tmp_path / f"{name}.npz") for name in ("torch", "onnx"))
    assert np.array_equal(want.keypoints.data, got.keypoints.data, equal_nan=True)
    for field in ("positions", "root", "expected_error"):
        apart = getattr(want, field) - getattr(got, field)
        assert np.nanmax(np.abs(apart)) * 1000 < SAME
    assert np.array_equal(np.isnan(want.positions), np.isnan(got.positions))
    (entry,) = (row for row in got.meta["weights"] if row["stage"] == "lift")
    assert (entry["file"], entry["licence"]) == ("lifter.onnx", "Apache-2.0")


def test_an_export_that_differs_is_refused_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, tiny_lifter: Path, tmp_path: Path
) -> None:
    row = FORMATS["coreml-ready"]

    def wrong(model: DSTformer, texts: Any, path: Path) -> None:
        row.write(DSTformer(model.config), texts, path)

    monkeypatch.setitem(FORMATS, "coreml-ready", replace(row, write=wrong))
    with pytest.raises(WeightsError, match=r"must not differ from torch by more than 0.0001.*got"):
        export_lifter(str(tiny_lifter), "coreml-ready", tmp_path / "new" / "a.pt")
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_is_no_number_is_refused(
    monkeypatch: pytest.MonkeyPatch, tiny_lifter: Path, tmp_path: Path
) -> None:
    nothing = replace(
        FORMATS["coreml-ready"], read=lambda model, path: lambda batch: batch * np.nan
    )
    monkeypatch.setitem(FORMATS, "coreml-ready", nothing)
    with pytest.raises(WeightsError, match="got nan"):
        export_lifter(str(tiny_lifter), "coreml-ready", tmp_path / "a.pt")


def test_openvino_runs_it_and_reads_its_header(tiny_lifter: Path, tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino", reason="it is in the extra openvino")
    pytest.importorskip("onnxscript", reason="the exporter is in the extra onnx")
    made = export_lifter(str(tiny_lifter), "openvino", tmp_path / "a.xml").path
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.bin", "a.xml"]
    core = openvino.Core()
    model = core.read_model(made)
    facts = json.loads(model.get_rt_info(["mbcli", "facts"]).astype(str))
    assert facts["licence"] == "CC0-1.0"
    network = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for shape in ((1, 27), (4, 6)):
        batch = clips(*shape)
        assert np.abs(network(batch)[0] - in_torch(tiny_lifter, batch)).max() < LIMIT


def test_torchscript_has_operators_of_core_mls_converter_and_one_shape(
    tiny_lifter: Path, tmp_path: Path
) -> None:
    made = export_lifter(str(tiny_lifter), "coreml-ready", tmp_path / "a.pt").path
    network = torchscript(made)
    batch = clips(1, 27)
    found = network(torch.from_numpy(batch)).detach().numpy()
    assert np.abs(found - in_torch(tiny_lifter, batch)).max() < LIMIT
    kinds = {node.kind() for node in network.inlined_graph.nodes()}
    used = {kind.split("::")[1].lower() for kind in kinds if kind.startswith("aten::")}
    assert used <= CORE_ML
    assert {kind.split("::")[0] for kind in kinds} == {"aten", "prim"}
    assert "prim::PythonOp" not in kinds


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"precision": "bfloat16"}, "--precision must be float32 with weights in ONNX"),
        ({"device": "mps"}, "--device must be auto, cpu, cuda or cuda:N here, got 'mps'"),
    ],
)
def test_options_that_onnx_lacks(tiny_onnx: Path, options: dict[str, Any], said: str) -> None:
    model, info = open_lifter(tiny_onnx)
    with pytest.raises(ConfigError, match=said):
        Lifter(model, LiftOptions(**options), info.metadata)


def test_what_was_exported_is_not_exported_again(tiny_onnx: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="a lifter that torch runs, got one that was exported"):
        export_lifter(str(tiny_onnx), "onnx", tmp_path / "b.onnx")
    assert not list(tmp_path.iterdir())


def test_other_onnx_files_are_no_lifters(tiny_onnx: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is not a lifter of mbcli"):
        open_lifter(bundled_directory() / TABLE["movenet-thunder"].file)
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(tiny_onnx.read_bytes()[:2000])
    with pytest.raises(WeightsError, match="cannot be loaded as an ONNX file"):
        open_lifter(cut)
    with pytest.raises(WeightsError, match=r"none.onnx"):
        open_lifter(tmp_path / "none.onnx")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"origin": "elsewhere"}, "origin must be mbcli, motionbert, mmpose, got 'elsewhere'"),
        ("elsewhere", "describes no lifter"),
    ],
)
def test_headers_of_others_are_checked(
    tiny_onnx: Path, tmp_path: Path, change: Any, said: str
) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(str(tiny_onnx))
    for entry in model.metadata_props:
        if entry.key == "facts":
            entry.value = json.dumps({**json.loads(entry.value), "exported_from": change})
    onnx.save(model, str(tmp_path / "b.onnx"))
    with pytest.raises(WeightsError, match=said):
        open_lifter(tmp_path / "b.onnx")


def test_what_can_be_chosen_is_what_there_is() -> None:
    assert tuple(FORMATS) == get_args(ExportFormat)


def test_the_command_says_where_the_file_is(
    monkeypatch: pytest.MonkeyPatch, tiny_lifter: Path, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> Any:
        return CliRunner().invoke(app, ["weights", "export", *map(str, words)])

    done = run(tiny_lifter, "--format", "coreml-ready")
    assert (done.exit_code, done.stdout) == (0, "tiny.pt\n"), done.output
    assert "compared with torch" in done.stderr
    again = run(tiny_lifter, "--format", "coreml-ready")
    assert again.exit_code == 1
    assert "exists" in again.stderr
    assert run(tiny_lifter, "--format", "coreml-ready", "--overwrite", "-q").stderr == ""
    wrong = run(tiny_lifter, "--out", "a.pt")
    assert wrong.exit_code == 1
    assert "--out must end in .onnx for onnx, got a.pt" in wrong.stderr
    other = run("movenet-thunder")
    assert other.exit_code == 1
    assert len(other.stderr.splitlines()) == 1
    assert "movenet_thunder.onnx is not a lifter of mbcli" in other.stderr


def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, tiny_lifter: Path, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(
        ConfigError, match=r"needs the package onnxscript: pip install 'mbcli\[onnx"
    ):
        export_lifter(str(tiny_lifter), "onnx", tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []
    file = tmp_path / "b.onnx"
    file.touch()
    with pytest.raises(OutputError, match="is the input"):
        export_lifter(str(file), "onnx", file, overwrite=True)
