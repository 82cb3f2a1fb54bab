"""Figures behind constants: how people move, stand and overlap, and how a lifter starts.

    python -m research.thresholds keypoints FILE ...   keypoint files of ``mbcli keypoints``
    python -m research.thresholds recordings STORE ... clip stores of ``mbcli data import``
    python -m research.thresholds cuts VIDEO ...
    python -m research.thresholds start

Each prints a table. The constants that rest on them name this module in their comments.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from scipy.ndimage import gaussian_filter1d

from mbcli.data.stores.store import ClipStore
from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.model import Block, DSTformer
from mbcli.pose2d.overlap import box_iou, keypoint_box, oks
from mbcli.pose2d.squares import SURE
from mbcli.skeleton import BODY21
from mbcli.train import start
from mbcli.types import FloatArray
from mbcli.video import VideoReader

SPANS = (1 / 30, 0.1, 0.2, 0.5, 1.0, 2.0)  # seconds from one sighting to the next
NEAR = 0.2  # seconds; beyond, people are not followed from frame to frame
HISTORY = 0.5  # seconds over which a velocity is taken
COASTS = (0.0, 0.25, 0.5, 1.0, 2.0)  # seconds for which it is believed
WALK = (0.8, 1.8)  # metres a second of the pelvis
_AT = BODY21.index
_LEGS = [[_AT(f"{s}_{j}") for j in ("hip", "knee", "ankle")] for s in ("right", "left")]


def show(title: str, columns: list[str], rows: list[list[object]]) -> None:
    """Print one table."""
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(f"{x:.3g}" if isinstance(x, float | np.floating) else str(x) for x in row))
    Console().print(table)


def measure_keypoints(files: list[Path]) -> None:
    """How alike a person is to themselves and to others, and where they have got to."""
    like, overlap, side, area, off = (defaultdict(list) for _ in range(5))
    others: list[float] = []
    for path in files:
        with np.load(path) as file:
            data, boxes, fps = file["data"], file["boxes"], float(file["fps"])
        there = np.isfinite(boxes[..., 0])
        for frame, row in enumerate(there):
            seen = data[frame, row]
            others += [oks(a, b, SURE) for n, a in enumerate(seen) for b in seen[n + 1 :]]
        extent = boxes[..., 2:] - boxes[..., :2]
        middle = (boxes[..., 2:] + boxes[..., :2]) / 2
        back = round(HISTORY * fps)
        for span in SPANS:
            step = max(1, round(span * fps))
            for i, who in np.argwhere(there[:-step] & there[step:]):
                now, then = (i, who), (i + step, who)
                if span <= NEAR:
                    framed = keypoint_box(data[now], SURE), keypoint_box(data[then], SURE)
                    like[span].append(max(oks(data[now], data[then], SURE), box_iou(*framed)))
                    overlap[span].append(box_iou(boxes[now], boxes[then]))
                    continue
                longer = np.log(extent[then].max() / extent[now].max())
                larger = np.log(extent[then].prod() / extent[now].prod())
                side[span].append(np.exp(abs(longer)))
                area[span].append(np.exp(abs(larger)))
                if i >= back and there[i - back, who]:
                    velocity = (middle[now] - middle[i - back, who]) / back
                    length = max(extent[now].max(), extent[then].max())
                    ahead = [middle[now] + velocity * min(step, c * fps) for c in COASTS]
                    off[span].append([np.linalg.norm(middle[then] - a) / length for a in ahead])
    rows = [
        [round(s, 2), len(like[s]), *np.percentile(like[s], [0, 1, 5]), min(overlap[s])]
        for s in like
    ]
    show(
        "one person", ["seconds", "pairs", "likeness: least", "1 %", "5 %", "box IoU: least"], rows
    )
    most = [len(others), *np.percentile(others, [95, 99, 100])]
    show("two people of one frame", ["pairs", "OKS: 95 %", "99 %", "most"], [most])
    rows = [[s, len(side[s]), max(side[s]), *np.percentile(area[s], [99, 100])] for s in side]
    show("boxes after a while", ["seconds", "pairs", "side: most", "area: 99 %", "most"], rows)
    rows = [[s, len(off[s]), *np.percentile(off[s], 95, axis=0)] for s in off]
    show("body lengths off, 95 %", ["seconds", "pairs", *(f"coasting {c} s" for c in COASTS)], rows)


def _degrees(one: FloatArray, other: FloatArray) -> FloatArray:
    cosine = (one * other).sum(-1) / np.linalg.norm(one, axis=-1) / np.linalg.norm(other, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def measure_recordings(stores: list[Path]) -> None:
    """How upright people are by how bent they are, and how ankles move while people walk."""
    frames, clips, speeds, lifts = [], [], [], []
    later = []  # sums of products of leaning with itself and with that of 0.5 s later
    for store in map(ClipStore.open, stores):
        for clip in store.clips:
            every = np.asarray(store.joints(clip), dtype=np.float64)
            body = every[:: max(1, round(clip.fps / 10))]
            trunk = body[:, _AT("pelvis")] - body[:, _AT("thorax")]
            feet = body[:, [leg[2] for leg in _LEGS]].mean(axis=1)
            whole = feet - body[:, _AT("thorax")]
            knees = [
                _degrees(body[:, k] - body[:, h], body[:, a] - body[:, k]) for h, k, a in _LEGS
            ]
            hip = _degrees(feet - body[:, _AT("pelvis")], trunk)
            apart = _degrees(*(body[:, leg[2]] - body[:, leg[0]] for leg in _LEGS))
            lean = _degrees(whole, np.broadcast_to([0.0, -1.0, 0.0], whole.shape))
            frames.append(np.stack([np.minimum(*knees), hip, apart, lean], axis=-1))
            upright = np.asarray((frames[-1] < [35, 25, 75, 55]).all(axis=-1))
            if upright.sum() > 10:
                length = np.linalg.norm(whole, axis=-1, keepdims=True)
                mean = (whole / length)[upright].mean(axis=0)
                clips.append(float(_degrees(mean, np.array([0.0, -1.0, 0.0]))))
                sway = np.where(upright[:, None], whole / length - mean, np.nan)[:, [0, 2]]
                both = [(sway[k:] * sway[: len(sway) - k]).sum(axis=-1) for k in (0, 5)]
                later.append([x for k in both for x in (np.nansum(k), np.isfinite(k).sum())])
            body = every[:: max(1, round(clip.fps / 30))]
            rate = clip.fps / max(1, round(clip.fps / 30))
            if len(body) < 1.5 * rate:
                continue
            pace = np.linalg.norm(np.gradient(body[:, 0, [0, 2]], axis=0), axis=-1) * rate
            if not (WALK[0] < np.median(pace) < WALK[1] and np.percentile(pace, 5) > 0.5):
                continue
            hip_, knee, ankle = (body[0, joint] for joint in _LEGS[0])
            size = (np.linalg.norm(hip_ - knee) + np.linalg.norm(knee - ankle)) / 0.491 / 1.70
            ankles = gaussian_filter1d(body[:, [leg[2] for leg in _LEGS]], 0.05 * rate, axis=0)
            speed = np.linalg.norm(np.gradient(ankles, axis=0), axis=-1) * rate / size
            up = ankles[..., 1]
            speeds.append(speed.ravel())
            lifts.append(((up - np.percentile(up.min(axis=1), 20)) / size).ravel())
    knee, hip, apart, lean = np.concatenate(frames).T
    edges = [0, 15, 25, 35, 45, 60, 90]
    rows = []
    for low, high in pairwise(edges):
        bent = (knee >= low) & (knee < high) & (hip < 25)
        folded = (hip >= low) & (hip < high) & (knee < 35)
        rows.append([f"{low}-{high}", *(float(np.median(lean[m])) for m in (bent, folded))])
    show("median lean in degrees", ["bent by", "the straighter knee", "the hip"], rows)
    upright = (knee < 35) & (hip < 25) & (apart < 75) & (lean < 55)
    rms = float(np.sqrt(np.mean(np.square(clips))))
    bent, most = np.percentile(lean[upright], [50, 90]), np.percentile(apart[upright], 99)
    now, count, then, pairs = np.sum(later, axis=0)
    columns = [
        "of all",
        "lean: median",
        "90 %",
        "of a clip, RMS",
        "legs apart: 99 %",
        "after 0.5 s",
    ]
    row = [float(upright.mean()), *bent, rms, most, (then / pairs) / (now / count)]
    show("upright frames", columns, [row])
    speed, lift = np.concatenate(speeds), np.concatenate(lifts)
    for name, values, bins in (
        ("ankles of walking people, m/s", speed, np.arange(0, 3.1, 0.15)),
        ("ankles of walking people, metres up", lift, np.arange(-0.05, 0.22, 0.02)),
    ):
        shares = np.histogram(values, bins)[0] / len(values)
        show(name, ["from", "share"], [list(row) for row in zip(bins, shares, strict=False)])


def measure_cuts(videos: list[Path]) -> None:
    """How far thumbnails of neighbouring pictures and of different videos are apart."""
    firsts, rows = [], []
    for path in videos:
        with VideoReader(path) as reader:
            small = [
                cv2.resize(f.image, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
                for f, _ in zip(reader, range(200), strict=False)
            ]
        steps = [float(np.abs(a - b).mean()) for a, b in pairwise(small)]
        firsts.append(small[0])
        rows.append([path.name, max(steps, default=0.0)])
    show("mean difference, of 255", ["video", "neighbouring pictures: most"], rows)
    pairs = [float(np.abs(a - b).mean()) for n, a in enumerate(firsts) for b in firsts[n + 1 :]]
    show("between videos", ["pairs", "median"], [[len(pairs), float(np.median(pairs))]])


@torch.no_grad()
def measure_start() -> None:
    """How many joints the first spatial attention mixes, by how much larger it begins."""
    xy = torch.rand(1, 27, 17, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    clip = torch.cat([xy, torch.ones(1, 27, 17, 1)], dim=-1)
    rows: list[list[object]] = []
    for factor in (1.0, 2.0, 3.0, 4.0, 6.0):
        torch.manual_seed(0)
        model = DSTformer(DSTformerConfig(dim_feat=96, dim_rep=96, depth=3, num_heads=6, maxlen=27))
        with patch.object(start, "_ATTENTION", factor):
            start.spread(model)
        place = model.joints_embed(clip) - model.joints_embed.bias
        block = model.blocks_st[0]
        assert isinstance(block, Block)
        tokens = model.joints_embed(clip) + model.pos_embed + model.temp_embed[:, :27]
        qkv = block.attn_s.qkv(block.norm1_s(tokens)).view(27, 17, 3, 6, -1)
        q, k, _ = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        share = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(dim=-1)
        entropy = -(share * share.clamp_min(1e-12).log()).sum(dim=-1).mean()
        sizes = [float(part.std()) for part in (place, model.pos_embed, model.temp_embed)]
        rows.append([factor, float(entropy.exp()), *sizes])
    columns = ["queries and keys times", "joints mixed", "coordinates", "joint", "time"]
    show("at the start, width 96", columns, rows)


def main() -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("keypoints", "recordings", "cuts", "start"))
    parser.add_argument("paths", nargs="*", type=Path)
    given = parser.parse_args()
    if given.what == "start":
        measure_start()
        return
    if not given.paths:
        parser.error(f"{given.what} needs files")
    measure = {
        "keypoints": measure_keypoints,
        "recordings": measure_recordings,
        "cuts": measure_cuts,
    }
    measure[given.what](given.paths)


if __name__ == "__main__":
    main()
