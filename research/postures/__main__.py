"""Make a clip store of postures that the recordings lack.

    python -m research.postures STORE --out POSED [--minutes 40] [--seed 0] [--picture sheet.png]

Every clip takes its person, arms, head and small turns of the chest from one recording of STORE.
Its subject is ``posed-`` and that recording's, so that whoever is held out there can be held out
here.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from mbcli.data.stores.store import Clip, ClipStore, StoreWriter
from mbcli.skeleton import BODY21
from mbcli.types import FloatArray
from research.postures.body import FPS, Sizes, Stretch
from research.postures.faults import faults
from research.postures.motion import perform
from research.postures.picture import draw_sheet
from research.postures.plans import PLANS
from research.postures.posture import Draw

_SECONDS = 8.0  # of a recording that are taken
_CALM = 1.5  # seconds: slower turns of a recorded chest are left out
_MOVING = ("left_wrist", "right_wrist", "head")
_CALM_LIMIT = 60.0  # m/s2 of those against the thorax, in 99 of 100 frames
_TRIES = 60  # of one kind, one after the other


def main() -> None:
    """Make, tell, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path, help="recordings, a clip store")
    parser.add_argument("--out", type=Path, required=True, help="the clip store to make")
    parser.add_argument("--minutes", type=float, default=40.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=tuple(PLANS), help="one kind alone")
    parser.add_argument("--picture", type=Path, help="draw some clips from two sides")
    given = parser.parse_args()
    recordings = ClipStore.open(given.store)
    rng = np.random.default_rng(given.seed)
    names = list(PLANS) if given.only is None else [given.only]
    shares = np.array([PLANS[name][1] for name in names])
    refused: dict[str, int] = {}
    shown: list[tuple[str, FloatArray]] = []
    seconds = 0.0
    sources = calm(recordings)
    with StoreWriter(given.out) as writer:
        while seconds < 60 * given.minutes:
            name = str(rng.choice(names, p=shares / shares.sum()))
            for _ in range(_TRIES):  # what is often refused is not to be made less often
                clip = sources[rng.integers(len(sources))]
                body = make(recordings, clip, name, rng)
                wrong = faults(body)
                if not wrong:
                    break
                reason = f"{name}: {wrong[0].kind}"
                refused[reason] = refused.get(reason, 0) + 1
            else:
                raise SystemExit(f"{_TRIES} of the kind {name} were refused, one after the other")
            seconds += len(body) / FPS
            # With the seed, so that stores of several seeds can be merged.
            title = f"posed-{clip.subject}/{name}-{given.seed}{len(writer.clips):04d}"
            writer.add(
                _anywhere(body, rng),
                name=title,
                subject=f"posed-{clip.subject}",
                source=f"{clip.name}, {name}",
                fps=FPS,
                licence=clip.licence,
            )
            if len(shown) < 8:
                shown.append((title, body))
    print(f"{len(writer.clips)} clips, {seconds / 60:.1f} minutes; refused:")
    for reason, count in sorted(refused.items(), key=lambda item: -item[1]):
        print(f"{count:6d}  {reason}")
    if given.picture is not None:
        draw_sheet(shown, given.picture)


def make(recordings: ClipStore, clip: Clip, name: str, rng: np.random.Generator) -> FloatArray:
    """One motion of a kind, with the person and the arms of a recording.

    Args:
        recordings: where the recording is.
        clip: the recording.
        name: key of ``PLANS``.
        rng: of all that is drawn.
    """
    rows = np.asarray(recordings.joints(clip), dtype=np.float64)
    length = min(len(rows), int(_SECONDS * clip.fps))
    first = int(rng.integers(len(rows) - length + 1))
    part = _at_rate(rows[first : first + length], clip.fps)
    stretch = Stretch.of(part, Sizes.of(rows), calm=int(_CALM * FPS))
    draw = Draw(rng)
    return perform(PLANS[name][0](stretch.sizes, draw), stretch, draw)


def calm(recordings: ClipStore) -> list[Clip]:
    """Recordings whose arms and head somebody could move in a chair."""
    found = []
    for clip in recordings.clips:
        body = np.asarray(recordings.joints(clip), dtype=np.float64)
        within = body[:, [BODY21.index(name) for name in _MOVING]]
        within = within - body[:, BODY21.index("thorax"), None]
        change = np.linalg.norm(np.diff(within, n=2, axis=0), axis=-1) * clip.fps**2
        if len(change) and np.percentile(change, 99) < _CALM_LIMIT:
            found.append(clip)
    return found


def _at_rate(rows: FloatArray, fps: float) -> FloatArray:
    """A recording at `FPS`."""
    if abs(fps - FPS) < 0.5:
        return rows
    wanted = np.arange(0, len(rows) - 1, fps / FPS)
    low = wanted.astype(int)
    share = (wanted - low)[:, None, None]
    return rows[low] * (1 - share) + rows[low + 1] * share


def _anywhere(body: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The clip, rotated about the vertical by a random angle."""
    angle = rng.uniform(0, 2 * np.pi)
    c, s = np.cos(angle), np.sin(angle)
    return body @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])


if __name__ == "__main__":
    main()
