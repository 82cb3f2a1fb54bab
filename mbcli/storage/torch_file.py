"""Safe reading of ``torch.save`` files as tensors and plain values: no code in them is run."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from pickle import UnpicklingError
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mbcli.boundary import READER_ERRORS, reason
from mbcli.errors import WeightsError
from mbcli.storage.plainpickle import numpy_values

if TYPE_CHECKING:
    import torch

_SMALL = 2**20  # bytes of an expanded tensor, such as a buffer of one number


def load_torch(
    path: Path, what: str, *, allowed: Iterable[Any] = (), device: str | torch.device = "cpu"
) -> Any:
    """Load a file of tensors, numeric numpy arrays and scalars, and plain values.

    Args:
        path: the file.
        what: its expected kind, for messages, such as ``"a checkpoint"``.
        allowed: further allowed types, as for ``torch.serialization.safe_globals``.
        device: device of the tensors.

    Raises:
        WeightsError: the file is damaged, not written by ``torch.save``, or needs another type.
    """
    # Imported on use: code that needs no weights file starts without torch.
    import torch

    values = [*numpy_values(), *allowed]
    try:
        with torch.serialization.safe_globals(values), warnings.catch_warnings():
            # torch warns about pickle protocols that it then refuses or reads anyway.
            warnings.simplefilter("ignore", UserWarning)
            content = torch.load(path, map_location=device, weights_only=True)
    except UnpicklingError as error:
        asked = re.search(r"(?:GLOBAL |but got <class ')([\w.]+)", str(error))
        if asked is None:
            raise WeightsError(
                f"{path} is not {what}, nothing in it was run: expected a file of torch.save"
            ) from error
        raise WeightsError(
            f"{path} is refused, nothing in it was run: it may hold tensors and plain values "
            f"only, this file asks for {asked.group(1)!r}"
        ) from error
    except READER_ERRORS as error:
        # The sentences after the first explain how to run the code in it anyway.
        why = reason(error).partition(". ")[0]
        raise WeightsError(f"{path} is damaged or not {what}: {why}") from error
    _check_tensors(path, content, torch)
    return content


def _check_tensors(path: Path, content: Any, torch: ModuleType) -> None:
    """Refuse tensors that take more memory than the file holds, as views and sparse ones do."""
    rest = [content]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            rest += value.values()
        elif isinstance(value, list | tuple):
            rest += value
        elif isinstance(value, torch.Tensor):
            plain = value.layout == torch.strided and value.device.type != "meta"
            if not plain or value.nbytes > max(_SMALL, value.untyped_storage().nbytes()):
                raise WeightsError(
                    f"{path} must hold whole tensors, got one of shape {tuple(value.shape)} "
                    f"({value.layout}, {value.device}) for which it has less"
                )
