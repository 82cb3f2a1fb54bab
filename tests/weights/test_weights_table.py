from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from mbcli import weights
from mbcli.skeleton import SKELETONS
from mbcli.weights import TABLE, WeightsEntry, entry_for, verify

BUNDLED = [name for name, entry in TABLE.items() if entry.url is None]
HEX = re.compile(r"[0-9a-f]{64}")


@pytest.mark.parametrize("name", BUNDLED)
def test_every_bundled_file_is_whole(name: str) -> None:
    path = verify(name)
    assert path.parent == weights.bundled_directory()
    assert path.name == TABLE[name].file
    assert entry_for(path) == TABLE[name]


def test_every_bundled_file_has_its_provenance_written_beside_it() -> None:
    folder = weights.bundled_directory()
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert len(BUNDLED) == 7
    for name in BUNDLED:
        assert TABLE[name].file in readme
        assert str(TABLE[name].sha256) in readme
    assert "Apache License" in (folder / "LICENSE-google").read_text(encoding="utf-8")


def test_nothing_is_twice_in_the_table() -> None:
    entries = list(TABLE.values())
    assert [entry.name for entry in entries] == list(TABLE)
    for values in (
        [entry.file.lower() for entry in entries],
        [entry.url for entry in entries if entry.url],
        [entry.sha256 for entry in entries if entry.sha256],
    ):
        assert len(values) == len(set(values))


@pytest.mark.parametrize("entry", TABLE.values(), ids=list(TABLE))
def test_every_row_is_consistent(entry: WeightsEntry) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.name)
    assert re.fullmatch(r"[\w.-]+\.(onnx|pth|bin|safetensors)", entry.file)
    assert entry.skeleton is None or entry.skeleton in SKELETONS
    assert entry.licence
    assert entry.origin
    assert (entry.sha256 is None) == (entry.sha256_source is None)
    for digest in (entry.sha256, entry.archive_sha256):
        assert digest is None or HEX.fullmatch(digest)
    assert entry.bytes is None or entry.bytes > 1_000_000
    assert entry.about is None or entry.bytes is None
    if entry.sha256_prefix is not None:
        # The publisher puts the digits into the name of the very file that they belong to.
        assert re.fullmatch(r"[0-9a-f]{8}", entry.sha256_prefix)
        assert f"-{entry.sha256_prefix}" in entry.file
        assert entry.member is None
        assert entry.sha256 is None or entry.sha256.startswith(entry.sha256_prefix)
    if entry.url is None:
        assert (entry.sha256_source, entry.bytes is None) == ("measured", False)
        assert entry.confirmed
        return
    address = urlsplit(entry.url)
    assert address.scheme == "https"
    assert entry.host in ("download.openmmlab.com", "huggingface.co")
    assert address.path.endswith(".zip") == (entry.member is not None)
    assert entry.training_data


def test_the_names_that_others_build_upon_are_there() -> None:
    for size in ("s", "m", "x"):
        assert TABLE[f"rtmpose-{size}-onnx"].skeleton == "coco17"
        assert TABLE[f"rtmpose-{size}-halpe26-onnx"].skeleton == "halpe26"
    detectors = "rtmdet-nano-onnx rtmdet-m-onnx yolox-tiny-onnx yolox-m-onnx yolox-x-onnx"
    for name in (*detectors.split(), "rtmdet-nano-pth", "rtmdet-m-pth"):
        assert TABLE[name].skeleton is None
    for name in ("rtmo-s-onnx", "rtmo-m-onnx", "rtmo-l-onnx", "rtmpose-m-pth"):
        assert TABLE[name].skeleton == "coco17"
    assert TABLE["rtmpose-m-halpe26-pth"].skeleton == "halpe26"
    for name in ("motionbert-lite-global", "motionbert-full", "mmpose-motionbert"):
        assert TABLE[name].stage == "lift"
        assert "Human3.6M" in TABLE[name].training_data
    assert TABLE["mmpose-motionbert-ft"].stage == "lift"
    stages = {"pretrain": "pretrain", "pretrain-lite": "pretrain", "mesh": "mesh"}
    stages |= {f"action-{kind}": "action" for kind in ("xsub", "xview", "oneshot")}
    for name, stage in stages.items():
        assert TABLE[f"motionbert-{name}"].stage == stage


def test_published_lifters_say_how_they_were_trained() -> None:
    relative = {name: entry.metadata.get("root_relative") for name, entry in TABLE.items()}
    assert relative["motionbert-full"] is relative["motionbert-full-scratch"] is True
    assert relative["motionbert-lite-global"] is False
