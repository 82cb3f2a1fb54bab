"""A lifter in torch, on a device."""

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
from mbcli.lift.feet import WithFeet
from mbcli.lift.model import DSTformer
from mbcli.lift.network import MirroredNetwork
from mbcli.skeleton import H36M17, Skeleton

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


class Network(MirroredNetwork):
    """A lifter ready to run; batches are halved where the device lacks the memory.

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
        super().__init__(mirror, skeleton)
        self.model = model.to(self.device).eval()
        self._most: int | None = None  # clips at once, if memory was short for more

    @property
    def on_cpu(self) -> bool:
        """See `MirroredNetwork`."""
        return self.device.type == "cpu"

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
