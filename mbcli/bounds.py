"""How much one value from outside may ask for; each is checked before anything is allocated.

A frame number, a shape, a rate or a size in a file or an option costs memory and time that its few
digits do not show. These are the limits beyond which such a value is refused, with the value.
"""

from __future__ import annotations

# All arrays of one archive together. A refined motion of two people has so much after four hours at
# 60 frames per second.
MAX_ARRAY_BYTES = 2**31
# Bytes of the header of an array; NumPy's own limit.
MAX_HEADER = 10_000
# Keypoints of a file whose arrays need not be whole (HDF5): a person of 17 joints for ten hours at
# 30 frames per second, in double precision.
MAX_KEYPOINT_BYTES = 2**29
# Frame numbers: more than three days at 30 per second. Larger numbers are identifiers of pictures.
MAX_FRAMES = 10_000_000
# Frames without anybody: half an hour, and a hundred for each pose in the file. If there are more,
# some of the numbers in the file are not frame numbers.
SPARSE_FRAMES = 60_000, 100
# Pixels of a side of a picture; the largest sensors have a tenth of it.
MAX_SIDE = 100_000
# Frames per second of a clip, or of an export; high-speed cameras have a tenth of it.
MAX_RATE = 10_000
# Frames per second that a file of poses may have: a frame a day, and a hundred times what exports
# may ask for; beyond, clocks of videos and differences over time overflow.
FILED_RATE = 1e-5, 1e6
# Frames of a resampled motion: an hour at 30 per second, and a hundred for each frame there was.
RESAMPLED_FRAMES = 108_000, 100
# Input of a network: a batch of pictures in single precision.
MAX_NETWORK_INPUT = 2**28
# Frames of the clips, and people in them, that a network for actions takes: MotionBERT's have 243
# and 2.
MAX_CLIP_FRAMES, MAX_CLIP_PEOPLE = 10_000, 16

# Numbers in the weights of a backbone; MotionBERT's has 42 million.
MAX_PARAMETERS = 2**28
# Steps, clips and the like of a training.
MAX_COUNT = 10**9
# Clips of a step of training; MotionBERT's has 64.
MAX_BATCH = 2**16
# Hz: slower changes than in a quarter of an hour are no movement, and filters lose their digits.
LEAST_CUTOFF = 0.001
# Pictures on a contact sheet.
MAX_PICTURES = 1000
# Address space of the process: what NumPy, PyTorch and onnxruntime reserve on loading.
LEAST_ADDRESS_SPACE = 2 * 10**9


def memory_size(count: int) -> str:
    """A number of bytes as people write it: ``12 bytes``, ``3.4 MB``, ``1.2e+09 GB``."""
    if count < 1000:
        return f"{count} bytes"
    for unit, size in (("kB", 10**3), ("MB", 10**6)):
        if count < 1000 * size:
            return f"{count / size:.3g} {unit}"
    try:
        return f"{count / 10**9:.3g} GB"
    except OverflowError:
        return "more than all memory"
