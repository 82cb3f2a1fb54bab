"""What commands that look at pictures have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mbcli.options import InferOptions

if TYPE_CHECKING:
    from mbcli.storage.journal import Arrays


class InParts:
    """Work whose videos may be looked at in parts, as `mbcli.batch.work.DividedWork`.

    Attributes:
        options: options of the inference.
        keypoints: a keypoint file, so that nobody looks at the pictures.
    """

    options: InferOptions
    keypoints: Path | None

    def parts(self, source: Path, seconds: float) -> int:
        """In how many parts to look at a video, see `mbcli.tracks.parts.parts_of`."""
        from mbcli.tracks.parts import parts_of

        return 1 if self.keypoints is not None else parts_of(source, self.options, seconds)

    def look_at(self, source: Path, number: int, count: int) -> Arrays | None:
        """What one of those parts shows."""
        from mbcli.tracks.parts import look_at_part

        return look_at_part(source, self.options, number, count)
