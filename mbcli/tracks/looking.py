"""Looking at a video: pictures are decoded, looked at and noted at the same time."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing

import numpy as np

from mbcli.calibration import calibrated
from mbcli.options import InferOptions
from mbcli.placing.background import Background
from mbcli.placing.ties import no_ties
from mbcli.pose2d import Pose2D
from mbcli.report import Stopwatch
from mbcli.storage.journal import Arrays, Journal
from mbcli.tracks.cuts import with_cuts
from mbcli.tracks.looks import looks_of
from mbcli.tracks.sampling import nobody, sampled
from mbcli.tracks.seen import Seen, packed, unpacked
from mbcli.types import FramePoses
from mbcli.video import VideoReader, ahead

# Frames that are decoded again when a run goes on. Whether a new shot begins depends on 12 before
# (`mbcli.tracks.cuts.BEFORE`), and 16 may be predicted from one that turns out to be damaged.
_AGAIN = 32
INTACT = "intact"  # of a chunk: `VideoReader.intact` after its frames


def background_of(options: InferOptions, size: tuple[int, int]) -> Background | None:
    """What follows the background of pictures of a size; None if nobody asks for the camera.

    Raises:
        InputError, ConfigError: the calibration cannot be used.
    """
    if not options.follows_camera:
        return None
    known = options.calibration
    return Background(size, None if known is None else calibrated(known, size))


def looked_at(
    reader: VideoReader,
    backend: Pose2D,
    watch: Stopwatch,
    journal: Journal | None = None,
    background: Background | None = None,
    *,
    cuts: bool = True,
    every: int = 1,
) -> Generator[Seen, None, None]:
    """What every picture shows, in order.

    Decoding and the front end run in threads of their own, a few pictures ahead of each other and
    of the caller. An error in one of them is raised here and ends the other; so does closing this
    generator.

    Args:
        reader: the pictures.
        backend: the front end.
        watch: measures the stages ``decode``, ``pose2d`` and ``camera``.
        journal: what an earlier run has left there comes first, and its pictures are not looked at
            again; what is seen now is added.
        background: follows the background; None if nobody asks for the camera.
        cuts: whether to look for scene cuts.
        every: frames from one that is looked at to the next, see `mbcli.tracks.sampling`.

    Raises:
        InputError: the pictures cannot be decoded.
        WeightsError: a network of the front end fails.
        OutputError: the journal cannot be written.
    """
    again: deque[Seen] = deque(maxlen=_AGAIN)
    intact, before = True, -math.inf
    people: FramePoses | None = None  # of the last frame that was looked at
    for chunk in [] if journal is None else journal.taken():
        intact = bool(chunk[INTACT])
        frames, state, view = unpacked(chunk)
        backend.resume(state)
        if background is not None:
            background.resume(view)
        again.extend(frames)
        for one in frames:
            if one.looked:
                before, people = one.poses.time, one.poses
        yield from frames
    last = -1
    if journal is not None and again:
        last = again[-1].poses.index
        journal.went_on = f"resumed after frame {last}, where an earlier run had ended"
        if journal.elsewhere:
            journal.went_on = f"the pictures were looked at in {journal.elsewhere} parts"
        if intact:
            reader.skip_to(again[0].poses.index, again[0].poses.time)
    fresh: list[Seen] = []
    pictures = with_cuts(reader) if cuts else iter(reader)

    def through() -> Iterator[tuple[Seen, tuple[Arrays, Arrays] | None]]:
        """What frames show, and the states where a chunk is due."""
        last_people = people
        with closing(ahead(watch.iterate("decode", pictures))) as decoded:
            new = (frame for frame in decoded if frame.index > last)
            for frame, look in sampled(new, reader.fps, every, before):
                with watch.stage("pose2d"):
                    poses = backend(frame) if look else nobody(frame, len(backend.skeleton))
                    looks = looks_of(frame.image, poses, backend.skeleton)
                last_people = poses if look or last_people is None else last_people
                with watch.stage("camera"):
                    ties = no_ties() if background is None else background(frame, last_people)
                due = journal is not None and journal.due()
                yield Seen(poses, looks, frame.cut, look, ties), states() if due else None

    def states() -> tuple[Arrays, Arrays]:
        """What the front end and the following of the background need to go on."""
        return backend.state(), {} if background is None else background.state()

    def note(work: Journal, after: tuple[Arrays, Arrays]) -> None:
        work.add({**packed(fresh, *after), INTACT: np.array(reader.intact)})
        fresh.clear()

    with closing(ahead(through())) as looked:
        for seen, due in looked:
            yield seen
            fresh.append(seen)
            if journal is not None and due is not None:
                note(journal, due)
    if journal is not None and journal.begun and fresh:
        note(journal, states())
