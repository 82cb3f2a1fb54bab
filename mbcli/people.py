"""How people are asked for: everybody, or some by their track ids."""

from __future__ import annotations

from mbcli.errors import ConfigError


def ids_asked_for(person: str) -> tuple[int, ...] | None:
    """The track ids that ``--person`` names, each once, in its order; None is everybody.

    Args:
        person: ``all``, or ids with commas between them, such as ``1`` or ``1,3``.

    Raises:
        ConfigError: neither of these.
    """
    if person.strip().lower() == "all":
        return None
    try:
        numbers = [int(part) for part in person.split(",")]
    except ValueError as error:
        raise ConfigError(
            f"--person must be all or ids such as 1 or 1,3, got {person!r}"
        ) from error
    return tuple(dict.fromkeys(numbers))
