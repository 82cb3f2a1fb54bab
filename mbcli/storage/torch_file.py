"""Files that ``torch.save`` wrote, read as tensors and plain values: no code in them is run."""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Iterable
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from mbcli.errors import WeightsError, first_line
from mbcli.storage.plainpickle import numpy_values

if TYPE_CHECKING:
    import torch

# How a damaged archive or pickle comes to light; all of these from inside torch.load.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)


def load_torch(
    path: Path, what: str, *, allowed: Iterable[Any] = (), device: str | torch.device = "cpu"
) -> Any:
    """What a file holds: tensors, numpy arrays and scalars of numbers, plain values.

    Args:
        path: the file.
        what: what it should be, for messages, such as ``"a checkpoint"``.
        allowed: more types that it may hold, as ``torch.serialization.safe_globals`` takes them.
        device: where tensors go.

    Raises:
        WeightsError: damaged, nothing that ``torch.save`` writes, or it asks for another type.
    """
    # Imported on use: what needs no weights file starts without it.
    import torch

    values = [*numpy_values(), *allowed]
    try:
        with torch.serialization.safe_globals(values), warnings.catch_warnings():
            # torch warns of pickle protocols that it then refuses or reads all the same.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(path, map_location=device, weights_only=True)
    except UnpicklingError as error:
        asked = re.search(r"(?:GLOBAL |but got <class ')([\w.]+)", str(error))
        if asked is None:
            raise WeightsError(
                f"{path} is not {what}, nothing in it was run: expected what torch.save writes"
            ) from error
        raise WeightsError(
            f"{path} is refused, nothing in it was run: it may hold tensors and plain values "
            f"only, this file asks for {asked.group(1)!r}"
        ) from error
    except _DAMAGE as error:
        # The sentences after the first tell how to run the code in it all the same.
        reason = first_line(error).partition(". ")[0]
        raise WeightsError(f"{path} is damaged or not {what}: {reason}") from error
