"""How often people who meet keep their identity.

    python -m research.crossings WALK.mp4 --out FOLDER --count 200

Cuts the walker out of the walk clip in its full length and composites encounters of her with
herself, in equal or changed clothes. Each is written at one of several qualities, and tracked.
Prints by kind of encounter, clothes and quality how many are right, exchanged or lost (the 2D stage
has not seen both people well enough), and writes them to FOLDER/crossings.json.
What was seen in a clip is kept in FOLDER: a second run only tracks and scores again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from rich.console import Console
from rich.table import Table

from mbcli.options import InferOptions
from mbcli.pose2d import BACKENDS
from mbcli.pose2d.choose import choose
from mbcli.skeleton import COCO17
from mbcli.tracks import joining
from mbcli.tracks.gather import Sightings
from mbcli.tracks.looks import looks_of
from mbcli.tracks.seen import Seen, packed, unpacked
from mbcli.tracks.tracker import Tracker
from mbcli.types import Keypoints2D
from mbcli.video import VideoReader
from mbcli.video.writer import write_video
from research.crossings.cutouts import Cutout, Image, background, cut_out, footage
from research.crossings.scenes import FPS, SIZE, drawn
from research.crossings.score import score

CRFS = (18, 28, 38)
# Of the walk clip, of which `examples/walk.mp4` is a part: she is alone, in the lower half.
_ALONE = 56, 158
_WITHIN = 0.15, 0.5, 0.9, 1.0
_OUTCOMES = "right", "exchanged"
_CORNER = 160, 180  # of the part of the picture that is the background


def prepared(video: Path) -> tuple[Cutout, Image]:
    """The walker, and the (360, 640, 3) background without her."""
    frames = footage(video, 0, 230)
    still = background(frames[::4])
    x, y = _CORNER
    walker = cut_out(frames[slice(*_ALONE)], still, _WITHIN)
    return walker, still[y : y + SIZE[1], x : x + SIZE[0]]


def look(video: Path) -> list[Seen]:
    """What every frame of a clip shows to the front end that `mbcli infer` takes by itself."""
    choice = choose("auto", InferOptions())
    backend = BACKENDS[choice.backend](choice.options)
    seen = []
    with VideoReader(video) as reader:
        for frame in reader:
            poses = backend(frame)
            seen.append(Seen(poses, looks_of(frame.image, poses, backend.skeleton), False))
    backend.close()
    return seen


def track(seen: Sequence[Seen]) -> Keypoints2D:
    """Tracks of what was seen."""
    tracker = Tracker(FPS)
    poses, looks = zip(*((one.poses, one.looks) for one in seen), strict=True)
    people = Sightings.of(poses, [tracker.update(one) for one in poses], looks)
    return joining.build_keypoints(people, skeleton=COCO17, fps=FPS, size=SIZE)


def main() -> None:
    """Make, track and score encounters."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    walker, still = prepared(given.video)
    rows = []
    for number in range(given.count):
        scene = drawn(walker, given.frames, np.random.default_rng((given.seed, number)))
        crf = CRFS[number % len(CRFS)]
        clip, kept = (given.out / f"{number:03}{end}" for end in (".mp4", ".npz"))
        pictures, boxes = scene.compose(still)
        if not kept.exists():
            write_video(clip, pictures, fps=FPS, crf=crf)
            arrays: dict[str, Any] = dict(packed(look(clip), {}, {}))
            np.savez(kept, **arrays)
        with np.load(kept) as file:
            seen, _, _ = unpacked(dict(file))
        poses = [one.poses for one in seen]
        with patch.object(joining, "exchange_time", lambda *_: None):
            ignored = score(track(seen), poses, boxes, scene.meeting)
        rows.append(
            {
                "number": number,
                "kind": scene.kind,
                "clothes": scene.clothes,
                "crf": crf,
                "ignored": ignored.verdict,
                **asdict(score(track(seen), poses, boxes, scene.meeting)),
            }
        )
        (given.out / "crossings.json").write_text(json.dumps(rows, indent=1))
    show(rows)


def show(rows: list[dict[str, Any]]) -> None:
    """Print how many clips are right, and means; figures of clips in which both are seen."""
    table = Table(
        "", "clips", "lost", *_OUTCOMES, "right without encounters", "HOTA", "AssA", "IDF1"
    )
    for key in ("kind", "clothes", "crf", None):
        for value in sorted({row[key] for row in rows}, key=str) if key else ["all"]:
            these = [row for row in rows if key is None or row[key] == value]
            seen = [row for row in these if row["verdict"] != "lost"]
            counts = [len(these), len(these) - len(seen)]
            counts += [sum(row["verdict"] == verdict for row in seen) for verdict in _OUTCOMES]
            counts += [sum(row["ignored"] == "right" for row in seen)]
            means = [np.mean([row[name] for row in seen]) for name in ("hota", "assa", "idf1")]
            name = value if key is None else f"{key} {value}"
            table.add_row(str(name), *map(str, counts), *(f"{mean:.3f}" for mean in means))
    Console().print(table)


if __name__ == "__main__":
    main()
