"""From a video to 3D motion, step by step in Python.

    python examples/quickstart.py                      # examples/walk.mp4, results in ./quickstart
    python examples/quickstart.py dance.mp4 results    # a video of yours, another folder

Each step is one function of mbcli and does what the command of the same name does.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import mbcli
from mbcli.kinematics.angles import motion_angles

HERE = Path(__file__).parent


def main() -> None:
    """Run every step on one video."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("video", type=Path, nargs="?", default=HERE / "walk.mp4")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("quickstart"))
    parser.add_argument("--end", type=float, help="seconds at which to stop")
    arguments = parser.parse_args()
    out: Path = arguments.folder
    out.mkdir(parents=True, exist_ok=True)

    # 1. Find everybody, follow them, lift their poses to 3D. The result is a Motion3D.
    raw = mbcli.infer(arguments.video, mbcli.InferOptions(end=arguments.end))
    frames, people = raw.positions.shape[:2]
    print(f"{frames} frames at {raw.fps:g} per second, {people} people: {raw.track_ids.tolist()}")

    # positions: (frames, people, 17 joints, 3) in metres from the pelvis; x right, y down, z away
    # from the camera; NaN where a person is absent. root: where the pelvis is before the camera.
    knee = raw.skeleton.index("left_knee")
    print(f"left knee of person {raw.track_ids[0]} at first: {raw.in_camera[0, 0, knee]} m")

    # 2. Keep it. A pose.npz is a plain NumPy archive; mbcli.load reads it back.
    raw.save(out / "pose.npz", overwrite=True)
    assert np.array_equal(mbcli.load(out / "pose.npz").positions, raw.positions, equal_nan=True)

    # 3. Refine it: fill short gaps, smooth, steady the bones, plant the feet on the floor.
    #    Only what is asked for is done, and the raw numbers stay in refined.refinement.
    options = mbcli.RefineOptions(
        outliers=True, filter="butterworth", cutoff=6.0, bones=True, feet=True, world=True
    )
    refined = mbcli.refine(raw, options)
    refined.save(out / "refined.npz", overwrite=True)

    # 4. Look at it: a video beside a 3D view, and a page that opens in any browser.
    mbcli.render(refined, out / "side.mp4", overwrite=True)
    mbcli.render(refined, out / "page.html", overwrite=True)

    # 5. Take it elsewhere, by the suffix. A BVH holds one person, so each person gets a file.
    for path in mbcli.export(refined, out / "walk.bvh", overwrite=True):
        print(f"for Blender: {path}")
    mbcli.export(refined, out / "walk.csv", overwrite=True)

    # 6. Joint angles in degrees, (frames, people, angles), and as a figure.
    angles = motion_angles(refined)
    bent = angles.of("knee_angle_l")[:, 0]
    print(f"left knee of person {refined.track_ids[0]}: up to {np.nanmax(bent):.0f} degrees")
    mbcli.plot(refined, out / "angles.png", overwrite=True)

    print(f"all of it is in {out}")


if __name__ == "__main__":
    main()
