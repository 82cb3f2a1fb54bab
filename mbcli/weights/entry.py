"""What is known of a weights file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

Stage = Literal["pose2d", "lift", "pretrain", "action", "mesh"]
HashSource = Literal["measured", "publisher", "second-hand"]

Shape = tuple[int | None, ...]  # None: any length

# A file of unknown size is at least a part of what it should roughly be, and at most some times
# that: one in half precision is half as large, one with its optimiser's two moments thrice.
_SLACK = 4
_BESIDE = 64 << 20  # bytes of what lies beside a model in its archive, generously
# Bytes of the largest model that anybody publishes for a stage of ours, generously.
_LARGEST = 2 << 30


@dataclass(frozen=True)
class TorchFile:
    """What a file of ``torch.save`` holds.

    Attributes:
        key: of the mapping of tensors in it.
        shapes: some of them by name, without the ``module.`` of a training on several GPUs.
    """

    key: str
    shapes: Mapping[str, Shape]


@dataclass(frozen=True)
class PictureGraph:
    """What an ONNX file holds: a network that takes pictures.

    Attributes:
        size: (width, height) of its pictures, where the graph does not leave them open.
        outputs: shapes of its outputs, in whatever order.
    """

    size: tuple[int, int]
    outputs: tuple[Shape, ...]


@dataclass(frozen=True, kw_only=True)
class WeightsEntry:
    """One weights file.

    Attributes:
        name: what users and result files call it.
        file: file name, without a directory. Where others cache the same file, the name that they
            give it, so that their folder serves as ``MBCLI_WEIGHTS``.
        stage: the stage that loads it. Person detectors belong to ``pose2d``.
        licence: SPDX expression of the publisher's licence for the file.
        origin: where the file comes from, for people.
        skeleton: a key of ``mbcli.skeleton.SKELETONS``: joints of the keypoints that it produces,
            or takes if it produces something else. None for a person detector.
        bytes: size of the file, None if not known.
        about: roughly the bytes of a file whose size is not known, to tell people before they
            download it: four for each parameter, or what others wrote down rounded.
        sha256: lower-case hexadecimal digest of the file, None if not known.
        sha256_source: who says so: measured by us, the publisher, or second-hand, that is written
            down by others who downloaded the file. None without a digest.
        sha256_prefix: first digits of the digest as the publisher states them, checked where
            ``sha256`` is None.
        url: address of the download; None for a file that comes with mbcli.
        member: file name inside the ZIP archive at ``url``; None if the address gives the file.
        archive_sha256: digest of that archive, None if not known.
        training_data: what the licences of the training data restrict, empty if nothing.
        holds: what must be in the file, looked at where no whole digest is known.
        facts: what the publisher says of how the network was trained, and the file does not.
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
    facts: Mapping[str, Any] = field(default_factory=dict)
    holds: TorchFile | PictureGraph | None = None
    confirmed: bool = True

    @property
    def host(self) -> str:
        """Who serves the file; empty for one that comes with mbcli."""
        return "" if self.url is None else urlsplit(self.url).netloc

    @property
    def verified(self) -> bool:
        """Whether a digest says what the file is; else its size and what it holds are looked at."""
        return self.sha256 is not None

    @property
    def sizes(self) -> tuple[int, int]:
        """The fewest and the most bytes that the file may have."""
        if self.bytes is not None:
            return self.bytes, self.bytes
        if self.about is None:
            return 1, _LARGEST
        return self.about // _SLACK, self.about * _SLACK

    @property
    def most_to_download(self) -> int:
        """The most bytes of what lies at the address: the file, or the archive that it is in."""
        return self.sizes[1] + (0 if self.member is None else _BESIDE)
