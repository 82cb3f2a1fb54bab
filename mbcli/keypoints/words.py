"""Names by which people and programs call the same thing: frame, time, person, confidence.

Case, separators and brackets are ignored: ``Frame Index``, ``frame_index`` and ``frameIndex`` are
equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

FRAME = (
    *("frame", "frameidx", "frameindex", "frameid", "framenumber", "framenum", "frameno"),
    *("framenr", "framecount", "image", "imageid", "imageindex", "imagename", "imgname"),
    *("imagepath", "imgpath", "imagefile", "filename", "filepath", "picture"),
)
PERSON = (
    *("person", "personid", "personidx", "personindex", "trackid", "track", "objectid"),
    *("individual", "individualid", "poseid", "poseindex", "playerid", "subjectid", "pid"),
)
LANDMARK = (
    *("landmark", "landmarkid", "landmarkidx", "landmarkindex", "landmarkname", "landmarknumber"),
    *("joint", "jointid", "jointname", "keypoint", "keypointid", "keypointname", "bodypart"),
    *("name", "id", "index"),
)
# The first one present is used: MediaPipe gives presence besides visibility.
CONFIDENCE = (
    *("visibility", "vis", "v", "confidence", "conf", "c", "likelihood", "score", "scores", "s"),
    *("probability", "prob", "visible", "presence", "pres"),
)
FPS = ("fps", "framerate", "framespersecond", "videofps")
WIDTH = ("width", "imagewidth", "framewidth", "videowidth", "imgwidth")
HEIGHT = ("height", "imageheight", "frameheight", "videoheight", "imgheight")
PLACES = ("x", "y")
_TIMES = ("timestamp", "time", "ts", "t")
_UNITS = {
    "": None,
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "usec", "usecs", "micros", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("ns", "nsec", "nanos", "nanosecond", "nanoseconds"), 1e-9),
}
# Name -> its unit in seconds; None if the unit is to be inferred.
TIME: dict[str, float | None] = {
    **{f"{name}{unit}": seconds for name in _TIMES for unit, seconds in _UNITS.items()},
    **{unit: seconds for unit, seconds in _UNITS.items() if len(unit) > 1},
    **dict.fromkeys(("epoch", "unixtime", "datetime"), None),
}


def plain(name: str) -> str:
    """A name in lower case, without separators and brackets."""
    return re.sub(r"[\W_]", "", name.replace("µ", "u").replace("μ", "u")).lower()


def find(names: Iterable[str], wanted: Iterable[str]) -> str | None:
    """The name that matches the earliest possible of the wanted words."""
    by_word: dict[str, str] = {}
    for name in names:
        by_word.setdefault(plain(name), name)
    return next((by_word[word] for word in wanted if word in by_word), None)


def parts(name: str) -> tuple[str, str]:
    """What a column belongs to, and which of `PLACES` or `CONFIDENCE` it holds, or an empty text.

    That word comes last or first: ``nose_x``, ``x0``, ``LEFT_HIP.likelihood``.
    """
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+", name)
    for word, rest in ((words[-1], words[:-1]), (words[0], words[1:])) if words else ():
        if rest and word.lower() in (*PLACES, *CONFIDENCE):
            return "_".join(rest), word.lower()
    return name, ""
