"""MediaPipe's BlazePose landmarks as CSV, JSON or text (Bazarevsky et al. 2020).

MediaPipe itself writes no files; these are the layouts that people write its 33 landmarks in, or
those of another network. A landmark has ``x`` and ``y`` as fractions of the picture's width and
height or in pixels, ``z`` (not used here) and a visibility or the like, taken as the confidence.
Names and order are those of MediaPipe's ``PoseLandmark``; other joints that have our names are
taken too, and so are other numbers of landmarks that make a list in `mbcli.keypoints.layouts`. The
words for frame, time, person and confidence are those of `mbcli.keypoints.words`.

CSV, one row for each frame: a column for each coordinate of each landmark, either numbered from 0
or 1 (``x0``, ``x_0``, ``0_x``, ``landmark_0_x``) or named (``nose_x``, ``LEFT_HIP_visibility``,
``right_heel.y``, ``x_nose``). Those lacking are missing.

CSV, one row for each frame and landmark: columns for the landmark's number or name, ``x``, ``y``.

Without a column for the frame, rows with one time are one frame, and without times every row is. An
empty cell is missing. Other columns do not matter.

JSON: a list of frames, or an object with the list under ``frames`` and perhaps ``fps``, ``width``
and ``height``, or one of frames by their numbers, or one frame on each line. A frame is an object
with the landmarks and perhaps a frame number and a time; or it is the landmarks. The landmarks are
objects or lists of ``x``, ``y``, ``z``, ``visibility``, or an object of these by name or number, or
an object with such a list under ``landmark``, or, as MediaPipe Tasks have it, a list of such lists,
one for each person. Nothing is nobody. A list of flat objects is read as the rows of a CSV.

Text: what Python prints of MediaPipe's results, see `mbcli.keypoints.blazepose_text`.
"""

from __future__ import annotations

from mbcli.keypoints import blazepose_csv, blazepose_json, blazepose_text
from mbcli.keypoints.landmarks import file_of
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source

FORMAT = "blazepose"


def recognise(source: Source) -> bool:
    """Whether the file has columns or objects of landmarks."""
    if source.kind == "text":
        return blazepose_text.recognise(source.text) or blazepose_csv.recognise(
            source.rows, source.joint_map
        )
    return source.kind == "json" and blazepose_json.recognise(source.document, source.joint_map)


def read(source: Source) -> KeypointFile:
    """Read the file; a person is there in a frame if any landmark is.

    Raises:
        InputError: the file breaks the rules above.
    """
    path = source.path
    if source.kind == "json":
        landmarks = blazepose_json.read(source.document, path)
    elif blazepose_text.recognise(source.text):
        landmarks = blazepose_text.read(source.text, path)
    else:
        landmarks = blazepose_csv.read(source.rows, path)
    return file_of(source, FORMAT, landmarks)
