"""The pictures of the pages, made anew from the example clip: python docs/tools/pictures.py.

All but `reliability.png`, which `research.calibrate` makes. Look at them before you commit them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import av
from PIL import Image

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
CLIP = ROOT / "examples" / "walk.mp4"
FPS = 15  # of the moving picture


def mbcli(*words: str | Path) -> None:
    """Run one command."""
    command = [sys.executable, "-m", "mbcli", *map(str, words), "--overwrite", "--quiet"]
    subprocess.run(command, check=True, cwd=ROOT)


def moving(video: Path, out: Path) -> None:
    """A video as an animated WebP: a third of a GIF's size, and shown by every browser."""
    with av.open(str(video)) as container:
        first, *others = [frame.to_image() for frame in container.decode(video=0)]
    duration = round(1000 / FPS)
    first.save(
        out, save_all=True, append_images=others, duration=duration, loop=0, quality=55, method=6
    )
    print(f"{out.name}: {len(others) + 1} frames, {out.stat().st_size} bytes")


def smaller(picture: Path, colours: int = 64) -> None:
    """A figure with few colours in a third of the bytes."""
    with Image.open(picture) as image:
        image.convert("RGB").quantize(colours).save(picture, optimize=True)


def main() -> None:
    """Make all of them."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        pose, refined, keypoints = work / "pose.npz", work / "refined.npz", work / "walk.npz"
        mbcli("infer", CLIP, "--out", pose)
        steps = ("--outliers", "--filter", "butterworth", "--bones", "--feet", "--world")
        mbcli("refine", pose, "--out", refined, *steps)
        view = ("--camera", "follow", "--elevation", "8", "--azimuth", "40")
        size = ("--width", "880", "--max-fps", str(FPS))
        mbcli("render", pose, "--out", work / "walk.mp4", *size, *view)
        moving(work / "walk.mp4", PICTURES / "walk.webp")
        still = ("--frame", "80")
        mbcli("render", pose, "--out", PICTURES / "grid.jpg", "--layout", "grid", *still)
        mbcli("render", pose, "--out", PICTURES / "overlay.jpg", "--layout", "overlay", *still)
        for figure, motion, words in (
            ("angles", pose, ("--joint", "knee", "--joint", "hip_flexion")),
            ("paths", pose, ("--what", "trajectories")),
            ("ankles_raw", pose, ("--what", "speeds", "--joint", "ankle")),
            ("ankles_refined", refined, ("--what", "speeds", "--joint", "ankle")),
        ):
            mbcli("plot", motion, "--out", PICTURES / f"{figure}.png", *words)
            smaller(PICTURES / f"{figure}.png")
        mbcli("keypoints", CLIP, "--out", keypoints)
        mbcli("data", "import", "keypoints", keypoints, "--out", work / "store")
        mbcli("data", "preview", work / "store", "--out", PICTURES / "preview.png")
        smaller(PICTURES / "preview.png")


if __name__ == "__main__":
    main()
