"""Coverage-guided fuzzing of our own parsers: ``python -m tests.fuzz.guided TARGET --seconds 600``.

It needs the package atheris, which is no dependency of ours. What a target lets through besides
mbcli's own errors ends the run, and the input stays in the working folder as ``crash-...``.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1]))

try:
    import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]
except ImportError:
    atheris = None

import numpy as np

# Only our own code is watched: what libraries do is theirs, and watching them takes minutes.
with nullcontext() if atheris is None else atheris.instrument_imports(include=["mbcli"]):
    from mbcli.data.recordings.amc import read_amc
    from mbcli.data.recordings.asf import read_asf
    from mbcli.data.recordings.bvh import read_bvh
    from mbcli.errors import MbcliError
    from mbcli.keypoints import read_keypoints
    from mbcli.pose2d.onnx_file import readers_of
    from mbcli.storage.arrays import read_npz
    from mbcli.storage.metadata import read_metadata
    from mbcli.storage.plainpickle import load_plain_npy, load_plain_npz, load_plain_pickle

Target = Callable[[Path, bytes], object]

_ASF: list[Path] = []


def _amc(path: Path, content: bytes) -> object:
    if not _ASF:
        from .recordings import build_acclaim

        folder = Path(tempfile.mkdtemp())
        build_acclaim(folder)
        _ASF.append(folder / "a" / "01.asf")
    return read_amc(path, read_asf(_ASF[0]))


def _archive(path: Path, _: bytes) -> object:
    try:
        return read_npz(path)
    except MbcliError:
        return load_plain_npz(path, ("positions_2d", "metadata"))


def _metadata(_: Path, content: bytes) -> object:
    try:
        return read_metadata(content.decode("latin-1"))
    except ValueError:
        return None


TARGETS: dict[str, Target] = {
    "keypoints": lambda path, _: read_keypoints(path),
    "archive": _archive,
    "array": lambda _, content: load_plain_npy(content, "x.npy"),
    "pickle": lambda _, content: load_plain_pickle(io.BytesIO(content), "x.pkl"),
    "bvh": lambda path, _: read_bvh(path),
    "asf": lambda path, _: read_asf(path),
    "amc": _amc,
    "metadata": _metadata,
    "onnx": lambda path, _: readers_of(path, "input"),
}


def seeds(target: str, folder: Path) -> None:
    """Write inputs as they should be, from which the search starts."""
    from . import archives, data_sets, hdf5, keypoint_json, keypoint_text, recordings

    files = [*archives.subjects(), *hdf5.subjects(), *keypoint_json.subjects()]
    wanted = {
        "keypoints": [*files, *keypoint_text.subjects()],
        "archive": archives.subjects(),
        "pickle": data_sets.subjects(),
        "bvh": recordings.subjects(),
        "asf": recordings.subjects(),
        "amc": recordings.subjects(),
    }.get(target, [])
    suffixes = {"archive": ".npz", "pickle": ".pkl", "bvh": ".bvh", "asf": ".asf", "amc": ".amc"}
    if target in ("metadata", "array"):
        for name, value in archives.refined_arrays().items():
            if (name == "meta") != (target == "metadata"):
                continue
            if target == "metadata":
                (folder / name).write_text(json.dumps(value))
            else:
                np.save(folder / name, value)
    for number, subject in enumerate(wanted):
        if target in suffixes and not subject.target.endswith(suffixes[target]):
            continue
        with tempfile.TemporaryDirectory() as made:
            subject.build(Path(made))
            content = (Path(made) / subject.target).read_bytes()
        (folder / str(number)).write_bytes(content)


def main() -> None:
    """Search for inputs that a parser lets through."""
    if atheris is None:
        sys.exit("this needs the package atheris")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=600)
    asked = parser.parse_args()
    corpus = Path(tempfile.mkdtemp(prefix=f"mbcli-{asked.target}-"))
    seeds(asked.target, corpus)
    path, read = corpus.with_suffix(".input"), TARGETS[asked.target]

    def once(content: bytes) -> None:
        path.write_bytes(content)
        try:
            read(path, content)
        except MbcliError:
            return

    limits = [f"-max_total_time={asked.seconds}", "-rss_limit_mb=3000", "-timeout=60"]
    atheris.Setup([sys.argv[0], str(corpus), "-verbosity=1", "-max_len=60000", *limits], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
