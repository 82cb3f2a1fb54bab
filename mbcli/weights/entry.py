"""Description of a weights file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

Stage = Literal["pose2d", "lift", "pretrain", "action", "mesh"]
HashSource = Literal["measured", "publisher", "second-hand"]

Shape = tuple[int | None, ...]  # None: any length

# A file of unknown size may differ from its estimate by this factor in either direction: half
# precision halves it, an optimiser's two moments triple it.
_SLACK = 4
_BESIDE = 64 << 20  # bytes of other files in a model's archive, a generous limit
# Size in bytes of the largest published model for any of our stages, a generous limit.
_LARGEST = 2 << 30


@dataclass(frozen=True)
class TorchFile:
    """Expected contents of a file of ``torch.save``.

    Attributes:
        key: key of the mapping of tensors.
        shapes: shapes of some tensors by name, without the prefix ``module.`` of multi-GPU
            training.
    """

    key: str
    shapes: Mapping[str, Shape]


@dataclass(frozen=True)
class PictureGraph:
    """Expected contents of an ONNX file: a network that takes pictures.

    Attributes:
        size: (width, height) of its pictures, unless the graph leaves them open.
        outputs: shapes of its outputs, in any order.
    """

    size: tuple[int, int]
    outputs: tuple[Shape, ...]


@dataclass(frozen=True, kw_only=True)
class WeightsEntry:
    """One weights file.

    Attributes:
        name: its name on the command line and in result files.
        file: file name, without a directory. If other programs cache this file, the name that they
            use, so that their folder can serve as ``MBCLI_WEIGHTS``.
        stage: the stage that loads it. Person detectors belong to ``pose2d``.
        licence: SPDX expression of the publisher's licence for the file.
        origin: human-readable description of where the file comes from.
        skeleton: a key of ``mbcli.skeleton.SKELETONS``: joints of the keypoints that it produces,
            or takes if it produces something else. None for a person detector.
        bytes: size of the file, None if unknown.
        about: approximate size in bytes if ``bytes`` is unknown, shown before a download: four
            bytes per parameter, or a rounded figure published by others.
        sha256: lower-case hexadecimal digest of the file, None if unknown.
        sha256_source: origin of the digest: measured by us, the publisher, or second-hand, that is
            published by others who downloaded the file. None without a digest.
        sha256_prefix: first digits of the digest as stated by the publisher, checked if ``sha256``
            is None.
        url: address of the download; None for a file that comes with mbcli.
        member: file name inside the ZIP archive at ``url``; None if the address is the file itself.
        archive_sha256: digest of that archive, None if unknown.
        training_data: restrictions from the licences of the training data, empty if none.
        holds: expected contents of the file, checked if no full digest is known.
        metadata: what the publisher states about the training, but the file does not contain.
        confirmed: whether ``url`` is in the publisher's own list of files.
    """

    name: str
    file: str
    stage: Stage
    licence: str
    origin: str
    skeleton: str | None
    bytes: int | None = None
    about: int | None = None
    sha256: str | None = None
    sha256_source: HashSource | None = None
    sha256_prefix: str | None = None
    url: str | None = None
    member: str | None = None
    archive_sha256: str | None = None
    training_data: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    holds: TorchFile | PictureGraph | None = None
    confirmed: bool = True

    @property
    def host(self) -> str:
        """The server of the file; empty for a file that comes with mbcli."""
        return "" if self.url is None else urlsplit(self.url).netloc

    @property
    def verified(self) -> bool:
        """Whether the full digest is known; otherwise size and contents are checked."""
        return self.sha256 is not None

    @property
    def sizes(self) -> tuple[int, int]:
        """Minimum and maximum size of the file in bytes."""
        if self.bytes is not None:
            return self.bytes, self.bytes
        if self.about is None:
            return 1, _LARGEST
        return self.about // _SLACK, self.about * _SLACK

    @property
    def most_to_download(self) -> int:
        """Maximum size of the download in bytes: the file, or the archive that contains it."""
        return self.sizes[1] + (0 if self.member is None else _BESIDE)
