"""A street on which people come and go, and the memory that commands need for it.

    python -m tests.street [--minutes 120] [--fps 30] [--seen 8] [--only export]

prints the peak memory and the time of each command on a street of 14 new people a minute. What
they write goes to a temporary folder, a few gigabytes for two hours.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))  # for motions.py

from motions import walking

from mbcli.camera import camera_from
from mbcli.keypoints import write_keypoints
from mbcli.motion import Motion3D
from mbcli.skeleton import H36M17
from mbcli.spans import PerPerson, Spans
from mbcli.types import Keypoints2D
from mbcli.values import build

NEW = 14  # people a minute
STEPS = ("--outliers", "--filter", "butterworth", "--cutoff", "2", "--bones", "--feet", "--world")
_STILL = ("--layout", "3d", "--frame", "1800", "--width", "320")
_FILM = ("--layout", "3d", "--max-fps", "0.5", "--width", "128")
_EXPORTS = (
    *("csv", "angles.csv", "json", "coco.json", "npy", "bvh", "glb", "usd", "trc", "c3d"),
    *("sto", "mot", "parquet"),
)
# A process starts with the peak of the one that started it: pytest's is much higher.
_LAUNCHER = """
import os, sys
process = os.posix_spawn(sys.executable, sys.argv[1:], os.environ)
_, status, usage = os.wait4(process, 0)
unit = 1 if sys.platform == "darwin" else 1024
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss * unit)
"""


def write_street(path: Path, *, minutes: float, fps: int, seen: int) -> None:
    """Write a keypoint file of a street; everybody is seen for ``seen`` seconds."""
    write_keypoints(path, street(minutes=minutes, fps=fps, seen=seen).keypoints)


def street(*, minutes: float, fps: int, seen: int) -> Motion3D:
    """The motion of the people on a street, who all walk in the same way but for some noise."""
    frames, people, each = round(minutes * 60 * fps), round(minutes * NEW), seen * fps
    first = np.arange(people) * (frames - each) // (people - 1)
    spans = Spans(frames, first, first + each)
    walk = walking(each, fps=fps)
    rng = np.random.default_rng(0)

    def everybody(array: np.ndarray, fill: object = np.nan, noise: float = 0.0) -> PerPerson:
        """An array of the one who walks, (t, 1, ...), for all."""
        rows = np.tile(array[:, 0], (people, *(1,) * (array.ndim - 2))).astype(np.float32)
        rows[..., :2] += noise * rng.normal(size=rows[..., :2].shape).astype(np.float32)
        return PerPerson(spans, rows, fill)

    keypoints = build(
        Keypoints2D,
        data=everybody(walk.keypoints.data, (np.nan, np.nan, 0.0), 0.5),
        skeleton=H36M17,
        fps=float(fps),
        timestamps=np.arange(frames) / fps,
        size=walk.keypoints.size,
        track_ids=np.arange(people) + 1,
        boxes=everybody(walk.keypoints.boxes),
        frame_index=np.arange(frames),
    )
    return build(
        Motion3D,
        positions=everybody(walk.positions, noise=0.01),
        root=everybody(walk.root),
        positions_normalized=everybody(walk.positions_normalized),
        confidence=everybody(walk.confidence, 0.0),
        expected_error=everybody(np.full_like(walk.confidence, 0.03)),
        keypoints=keypoints,
        camera=camera_from(walk.keypoints.size, frames=frames),
        meta={"source": "street.npz"},
    )


def peak(*arguments: object) -> int:
    """Peak memory in bytes of a run of mbcli, which must succeed."""
    run = [sys.executable, "-m", "mbcli", *map(str, arguments), "--quiet"]
    done = subprocess.run(
        [sys.executable, "-S", "-c", _LAUNCHER, *run],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    code, size = map(int, done.stdout.split()[-2:])
    assert code == 0, done.stderr
    return size


def main() -> None:
    """Print what each command needs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--fps", type=int, default=30)
    parser.add_argument("--seen", type=int, default=8, help="seconds that everybody is there")
    parser.add_argument("--only", default="", help="commands with this in them")
    parser.add_argument("--weights", default="mbcli-lifter-small")
    parser.add_argument("--folder", type=Path, help="keep the files there, and take those that are")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = made if asked.folder is None else asked.folder
        folder = Path(folder)
        keypoints, pose, refined = (folder / f"{n}.npz" for n in ("street", "pose", "refined"))
        if not pose.exists():
            motion = street(minutes=asked.minutes, fps=asked.fps, seen=asked.seen)
            write_keypoints(keypoints, motion.keypoints)
            motion.save(pose)
            del motion
        runs: list[tuple[str, Path, tuple[object, ...]]] = [
            (
                "infer",
                folder / "inferred.npz",
                ("infer", keypoints, "--weights", asked.weights, "--no-flip"),
            ),
            ("refine", refined, ("refine", pose, *STEPS)),
            ("page", folder / "a.html", ("render", refined)),
            ("picture", folder / "a.png", ("render", refined, *_STILL)),
            ("film", folder / "a.mp4", ("render", refined, *_FILM)),
            ("plot", folder / "b.png", ("plot", refined)),
            ("view", folder / "a.rrd", ("view", refined, "--save")),
            ("keypoints", folder / "k.npz", ("keypoints", pose)),
            *(
                (f"export {suffix}", folder / suffix / f"a.{suffix}", ("export", refined))
                for suffix in _EXPORTS
            ),
        ]
        for name, path, arguments in runs:
            needed = path == refined and not path.exists()
            if asked.only not in name and not needed:
                continue
            path.parent.mkdir(exist_ok=True)
            began = time.monotonic()
            out = (path,) if arguments[-1] == "--save" else ("--out", path)
            try:
                size = f"{peak(*arguments, *out, '--overwrite') / 1e9:.2f} GB"
            except AssertionError as error:
                size = str(error).strip()[-300:]
            print(f"{name:20}{size:>10}{time.monotonic() - began:8.0f} s", flush=True)


if __name__ == "__main__":
    main()
