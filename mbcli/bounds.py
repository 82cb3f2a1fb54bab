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
