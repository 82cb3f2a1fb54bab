"""MediaPipe's BlazePose landmarks as CSV, JSON or text (Bazarevsky et al. 2020).

MediaPipe itself writes no files. These are the layouts in which people save its 33 landmarks, or
those of another network. A landmark has ``x`` and ``y`` as fractions of the picture's width and
height or in pixels, ``z`` (ignored), and a visibility or the like, which is used as the confidence.
Names and order are those of MediaPipe's ``PoseLandmark``. Other joints with our names are read too,
as are other numbers of landmarks for which `mbcli.keypoints.layouts` has a list. The names of
columns and keys for frame, time, person and confidence are in `mbcli.keypoints.words`.

CSV with one row per frame: one column per coordinate of each landmark, either numbered from 0 or 1
(``x0``, ``x_0``, ``0_x``, ``landmark_0_x``) or named (``nose_x``, ``LEFT_HIP_visibility``,
``right_heel.y``, ``x_nose``). Landmarks without columns are missing.

CSV with one row per frame and landmark: columns for the landmark's number or name, ``x`` and ``y``.

Without a frame column, rows with equal times form a frame; without times, each row is one. An
empty cell means missing. Other columns are ignored.

JSON: a list of frames; or an object with that list under ``frames`` and possibly ``fps``, ``width``
and ``height``; or an object of frames by number; or one frame per line. A frame is either an object
with the landmarks and possibly a frame number and a time, or the landmarks themselves. These are
objects or lists of ``x``, ``y``, ``z``, ``visibility``; or an object of these by name or number; or
an object with such a list under ``landmark``; or, as in MediaPipe Tasks, a list of such lists, one
per person. An empty value means that nobody was found. A list of flat objects is read like the
rows of a CSV.

Text: MediaPipe's results as Python prints them; see `mbcli.keypoints.blazepose_text`.
"""

from __future__ import annotations

from mbcli.keypoints import blazepose_csv, blazepose_json, blazepose_text
from mbcli.keypoints.landmarks import file_of
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source

FORMAT = "blazepose"


def recognise(source: Source) -> bool:
    """Whether the file has landmarks in columns or objects."""
    if source.kind == "text":
        return blazepose_text.recognise(source.text) or blazepose_csv.recognise(
            source.rows, source.joint_map
        )
    return source.kind == "json" and blazepose_json.recognise(source.document, source.joint_map)


def read(source: Source) -> KeypointFile:
    """Read the file; a person is present in a frame if any landmark is.

    Raises:
        InputError: the file does not follow one of these layouts.
    """
    path = source.path
    if source.kind == "json":
        landmarks = blazepose_json.read(source.document, path)
    elif blazepose_text.recognise(source.text):
        landmarks = blazepose_text.read(source.text, path)
    else:
        landmarks = blazepose_csv.read(source.rows, path)
    return file_of(source, FORMAT, landmarks)
