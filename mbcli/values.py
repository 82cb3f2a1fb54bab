"""Fields of dataclasses that hold values of people, whole on demand.

Our own code takes the values as they are kept, with `kept`, or a person alone; the arrays (T, P,
...) are for users, and for short clips.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from mbcli.errors import InputError
from mbcli.spans import PerPerson, Spans, aligned

T = TypeVar("T")

# The largest array (T, P, ...) that is made of people's values, and the size of all arrays of a
# file in which they are still written in this way: what a machine with 8 GB can load and work on.
MAX_DENSE = 1_000_000_000  # bytes


class Dense:
    """A field (T, P, ...) of a frozen dataclass, kept by person and made whole on demand.

    It can be given as an array or, through `build` and `changed`, as `PerPerson`, and reads as a
    read-only array; `kept` gives it as it is kept.

    Args:
        axes: number of axes of the array.
        fill: the value where a person is absent.
        dtype: of the array.
    """

    def __init__(self, axes: int, fill: Any, dtype: npt.DTypeLike = np.float32) -> None:
        self._axes, self._fill = axes, np.asarray(fill, dtype)

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if instance is None:
            return self
        value, made = vars(instance)[self._name], f"dense {self._name}"
        if not isinstance(value, PerPerson):
            return value
        if made not in vars(instance):
            check_dense(f"{type(instance).__name__}.{self._name}", value)
            vars(instance)[made] = value.dense()
        return vars(instance)[made]

    def __set__(self, instance: object, value: npt.ArrayLike | PerPerson | None) -> None:
        vars(instance)[self._name] = value if value is None else self._by_person(value)

    def _by_person(self, value: npt.ArrayLike | PerPerson) -> PerPerson | npt.NDArray[Any]:
        if isinstance(value, PerPerson):
            rows = np.asarray(value.rows, self._fill.dtype)
            return PerPerson(value.spans, rows, self._fill)
        array = np.asarray(value, self._fill.dtype)
        whole = array.ndim == self._axes and array.shape[-1:] in (
            self._fill.shape or array.shape[-1:],
        )
        # The owner refuses other shapes.
        return PerPerson.of(array, self._fill) if whole else array


def by_person(**fields: Dense) -> Callable[[type[T]], type[T]]:
    """Keep fields of a frozen dataclass by person; stands above ``@dataclass``."""

    def declared(owner: type[T]) -> type[T]:
        for name, field in fields.items():
            field.__set_name__(owner, name)
            setattr(owner, name, field)
        owner.__repr__ = _shapes  # type: ignore[method-assign]
        return owner

    return declared


def _shapes(owner: object) -> str:
    """A representation that makes no arrays."""
    values = ((f.name, vars(owner)[f.name]) for f in fields(cast("Any", owner)))
    shown = (
        f"{name}={value.shape} {value.rows.dtype}"
        if isinstance(value, PerPerson)
        else f"{name}={value!r}"
        for name, value in values
    )
    return f"{type(owner).__name__}({', '.join(shown)})"


def check_dense(name: str, value: PerPerson) -> None:
    """Refuse to make an array that is too large of values of people.

    Raises:
        InputError: it would take more than `MAX_DENSE` bytes.
    """
    if value.nbytes > MAX_DENSE:
        shape = ", ".join(map(str, value.shape))
        raise InputError(
            f"{name} must take at most {MAX_DENSE / 1e9:g} GB as an array ({shape}), which would "
            f"take {value.nbytes / 1e9:.1f}: take one person after the other, with person(id)"
        )


def fits(values: Iterable[PerPerson]) -> bool:
    """Whether arrays (T, P, ...) of some values take at most `MAX_DENSE` bytes together."""
    return sum(value.nbytes for value in values) <= MAX_DENSE


def kept(owner: object, name: str) -> PerPerson:
    """The values of people in a field of a dataclass, without making an array of them."""
    value = vars(owner)[name]
    assert isinstance(value, PerPerson), name
    return value


def kept_if_any(owner: object, name: str) -> PerPerson | None:
    """Like `kept`, of a field that may be None."""
    return None if vars(owner)[name] is None else kept(owner, name)


def align(owner: Any, spans: Spans | None = None) -> None:
    """Give all values of people in a new frozen dataclass the same spans, also ``spans``."""
    names = [name for name, value in vars(owner).items() if isinstance(value, PerPerson)]
    values = [kept(owner, name) for name in names]
    if spans is not None:
        values = [value.within(value.spans.union(spans)) for value in values]
    for name, value in zip(names, aligned(values), strict=True):
        vars(owner)[name] = value


def within(owner: T, spans: Spans) -> T:
    """A dataclass like ``owner``, with the values of people kept for wider spans."""
    values = {} if owner is None else vars(owner)
    wider = {
        name: value.within(spans)
        for name, value in values.items()
        if isinstance(value, PerPerson) and not value.spans.same(spans)
    }
    return changed(owner, **wider) if wider else owner


def build(owner: type[T], **values: Any) -> T:
    """A dataclass whose fields may be given as `PerPerson`."""
    return owner(**values)


def changed(instance: T, **changes: Any) -> T:
    """Like ``dataclasses.replace``, without making arrays of people's values."""
    stored = {f.name: vars(instance)[f.name] for f in fields(cast("Any", instance))}
    return type(instance)(**{**stored, **changes})


def column_of(track_ids: npt.NDArray[np.integer[Any]], identity: int) -> int:
    """The column of a person.

    Raises:
        KeyError: there is no such person.
    """
    found = np.flatnonzero(track_ids == identity)
    if not len(found):
        raise KeyError(f"track_ids are {track_ids.tolist()}, got {identity}")
    return int(found[0])


def groups(spans: Spans, most: int) -> Iterator[range]:
    """Consecutive people, with about ``most`` rows in each group."""
    start = 0
    for stop in range(1, len(spans) + 1):
        if spans.offsets[stop] - spans.offsets[start] >= most or stop == len(spans):
            yield range(start, stop)
            start = stop
