"""A lifter on a device: numpy in, numpy out."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from mbcli.cores import cores
from mbcli.errors import ConfigError
from mbcli.flags import DEVICE, DEVICES
from mbcli.geometry import flip
from mbcli.lift.feet import WithFeet
from mbcli.lift.model import DSTformer
from mbcli.skeleton import H36M17, Skeleton
from mbcli.types import FloatArray

PRECISIONS = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


def resolve_device(name: str) -> torch.device:
    """The device that ``--device`` names.

    Args:
        name: ``auto`` (the first available of cuda, mps and cpu), ``cpu``, ``cuda``,
            ``cuda:N`` or ``mps``.

    Raises:
        ConfigError: another name, or a device that this machine lacks.
    """
    if not re.fullmatch(DEVICE, name):
        raise ConfigError(f"--device must be {DEVICES}, got {name!r}")
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        name = "cuda" if cuda else "mps" if mps else "cpu"
    here = ["auto", "cpu"] + ["mps"] * mps
    here += [f"cuda:{n}" for n in range(torch.cuda.device_count())] if cuda else []
    if ("cuda:0" if name == "cuda" else name) not in here:
        raise ConfigError(
            f"--device {name} is not available on this machine; it has {', '.join(here)}"
        )
    return torch.device(name)


class Network:
    """A lifter ready to run.

    Args:
        model: the model; it is moved to the device and put into evaluation mode.
        device: see ``resolve_device``.
        precision: ``float32``, ``bfloat16`` or ``float16`` for the dense arithmetic. The last
            linear layer always runs in float32: rounding it would make the joints jitter by
            millimetres.
        mirror: average with the prediction for the mirror image, both in one batch.
        skeleton: skeleton of the J joints, which defines left and right.

    Raises:
        ConfigError: no such device or precision, or float16 on a CPU.
    """

    def __init__(
        self,
        model: DSTformer | WithFeet,
        device: str = "auto",
        precision: str = "float32",
        mirror: bool = True,
        skeleton: Skeleton = H36M17,
    ) -> None:
        if precision not in PRECISIONS:
            raise ConfigError(f"--precision must be {', '.join(PRECISIONS)}, got {precision!r}")
        self.device = resolve_device(device)
        if precision == "float16" and self.device.type == "cpu":
            raise ConfigError("--precision float16 needs a GPU; a CPU has float32 and bfloat16")
        if self.device.type == "cpu":
            # torch counts cores too, but knows nothing of a container's share of them.
            torch.set_num_threads(min(torch.get_num_threads(), cores()))
        self.dtype = PRECISIONS[precision]
        self.mirror = mirror
        self.skeleton = skeleton
        self.model = model.to(self.device).eval()
        self._most: int | None = None  # clips at once, if memory was short for more

    def __call__(self, clips: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Lift a batch of clips, in smaller ones where the device lacks the memory.

        Args:
            clips: (B, T, J, 3) normalised x, y and confidence, missing joints (0, 0, 0).

        Returns:
            (B, T, J, 3) x, y, z in the units of the input.
        """
        return self.with_disagreement(clips)[0]

    def with_disagreement(
        self, clips: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32] | None]:
        """Lift a batch of clips and measure the disagreement with the mirror image.

        Args:
            clips: (B, T, J, 3) as in a call.

        Returns:
            (B, T, J, 3) the mean, as in a call, and (B, T, J, 3) the prediction for the original
            picture minus that mean (the mirrored prediction, mirrored back, lies as far on the
            other side); None without ``mirror``.
        """
        if not self.mirror:
            return self._run(clips), None
        straight, mirrored = np.split(self._run(np.concatenate([clips, self._flip(clips)])), 2)
        mean = ((straight + self._flip(mirrored)) / 2).astype(np.float32)
        return mean, straight - mean

    def _flip(self, clips: npt.NDArray[np.float32]) -> FloatArray:
        return flip(clips, self.skeleton)

    def _run(self, clips: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        poses: list[npt.NDArray[np.float32]] = []
        done = 0
        while done < len(clips):
            part = clips[done : done + (self._most or len(clips))]
            lifted = self._tried(part)
            # What the failed run held is free here.
            if lifted is None:
                self._most = len(part) // 2
                if self.device.type == "cuda":
                    torch.cuda.empty_cache()
                continue
            poses.append(lifted)
            done += len(part)
        return np.concatenate(poses)

    def _tried(self, clips: npt.NDArray[Any]) -> npt.NDArray[np.float32] | None:
        """Lift clips together; None if there is memory for fewer only."""
        try:
            return self._together(clips)
        except torch.OutOfMemoryError:
            if len(clips) == 1:
                raise
            return None

    def _together(self, clips: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        narrow: AbstractContextManager[Any] = nullcontext()
        if self.dtype != torch.float32:
            narrow = torch.autocast(self.device.type, dtype=self.dtype)
        with torch.inference_mode():
            x = torch.from_numpy(np.ascontiguousarray(clips, dtype=np.float32))
            if self.device.type == "cuda":
                # Copied without the detour by a buffer of the driver's.
                x = x.pin_memory()
            x = x.to(self.device, non_blocking=True)
            with narrow:
                poses: torch.Tensor = self.model(x)  # (B, T, J, 3)
        return poses.cpu().numpy()
