"""The precision of the dense part of a model, with its inputs left in full precision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from lightning_fabric.plugins import MixedPrecision

from mbcli.errors import ConfigError
from mbcli.lift.runtime import resolve_device
from mbcli.train.sections import Precision


class ExactInputs(MixedPrecision):
    """Lightning Fabric's mixed precision without rounding of the model's inputs.

    Fabric also casts the inputs. A keypoint in bfloat16 is off by up to 0.4 % of the window, more
    than the frame-to-frame error of a 2D stage; models cast where it does no harm.
    """

    def convert_input(self, data: Any) -> Any:
        """Return the input unchanged."""
        return data


def device_of(accelerator: str) -> torch.device:
    """The device that ``run.accelerator`` names.

    Raises:
        ConfigError: this machine lacks it.
    """
    try:
        return resolve_device(accelerator)
    except ConfigError as error:
        raise ConfigError(str(error).replace("--device", "run.accelerator")) from None


def computes_bfloat16(device: torch.device) -> bool:
    """Whether a device has arithmetic for bfloat16.

    A processor without it takes some eight times as long as with float32. It is also taken to
    lack it where PyTorch does not say, as 2.6 does not.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    known: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(known.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def arithmetic(precision: Precision, accelerator: str) -> dict[str, Any]:
    """Fabric's arguments for the precision of a run.

    Args:
        precision: Fabric's name of the precision, or ``auto``: ``bf16-mixed`` where the device
            computes in bfloat16, ``32-true`` elsewhere.
        accelerator: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        ConfigError: this machine lacks the device.
    """
    device = device_of(accelerator)
    if precision == "auto":
        precision = "bf16-mixed" if computes_bfloat16(device) else "32-true"
    if precision == "32-true":
        return {"precision": precision}
    return {"plugins": ExactInputs(precision, device.type)}
