"""Download of a file in the table; it appears under its name only when complete and checked."""

from __future__ import annotations

import contextlib
from pathlib import Path
from urllib.parse import urlsplit

from mbcli.errors import ConfigError, WeightsError
from mbcli.report import Observer, unobserved
from mbcli.storage.output import check_folder
from mbcli.weights import find
from mbcli.weights.archive import extract
from mbcli.weights.entry import WeightsEntry
from mbcli.weights.structure import check_structure
from mbcli.weights.transfer import discard, download, on_disk_errors


def fetch(
    name: str,
    *,
    mirror: str | None = None,
    directory: Path | None = None,
    force: bool = False,
    insecure: bool = False,
    observer: Observer = unobserved,
) -> Path:
    """Download a file in the table, unless a valid copy is already on disk.

    The download goes to a temporary file first, which a later call resumes after an interruption.
    The final name appears when size and digest have been checked. If the table has no full digest,
    the file must open and have the expected contents (`mbcli.weights.structure`), and its digest is
    recorded beside it: later downloads and checks must match it.

    Args:
        name: a name in the table.
        mirror: another server, ``https://HOST`` or ``https://HOST/SOME/PATH``: it replaces scheme
            and host of the address in the table; the path is appended.
        directory: destination; the user's cache if None.
        force: download even if the file exists, and accept a digest that differs from the one
            recorded at the first download.
        insecure: allow a mirror or a redirect without encryption (http).
        observer: receives progress of ``download`` and ``unpack`` in bytes.

    Returns:
        Path of the complete file.

    Raises:
        WeightsError: an unknown name, no network, an unexpected response, a full disk, or a file
            other than the expected one, which is removed.
        OutputError: ``directory`` cannot be written to.
        ConfigError: ``mirror`` is not an address, or is without encryption.
    """
    entry = find.named(name)
    if entry.url is None:
        if directory is not None:
            raise ConfigError(
                f"weights {name!r} come with mbcli and cannot be downloaded; "
                f"they are in {find.resolve(name)}"
            )
        return find.verify(name)
    url = _address(entry.url, mirror, insecure=insecure)
    folder = find.cache_directory() if directory is None else directory
    target = folder / entry.file
    if not force:
        present = find.on_disk(name) if directory is None else target
        # Only in the cache is a damaged file certainly ours.
        foreign = directory is not None or present != target
        if present is not None and _whole(entry, present, foreign=foreign):
            return present
    check_folder(folder)
    with on_disk_errors(target):
        folder.mkdir(parents=True, exist_ok=True)
    # Imported on use, like requests: every command imports the table, but few download.
    from filelock import FileLock, Timeout

    lock = FileLock(folder / f".{entry.file}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise WeightsError(f"weights {name!r} are being downloaded by another process") from None
    try:
        _bring(entry, url, target, force=force, insecure=insecure, observer=observer)
    finally:
        lock.release()
        # On Windows another process that has it open prevents removal, which is harmless.
        with contextlib.suppress(OSError):
            Path(lock.lock_file).unlink(missing_ok=True)
    return target


def _address(url: str, mirror: str | None, *, insecure: bool) -> str:
    if mirror is not None:
        base = urlsplit(mirror)
        if base.scheme not in ("http", "https") or not base.netloc or base.query or base.fragment:
            raise ConfigError(f"--mirror must be https://HOST or https://HOST/PATH, got {mirror!r}")
        url = f"{mirror.rstrip('/')}{urlsplit(url).path}"
    if urlsplit(url).scheme != "https" and not insecure:
        raise ConfigError(
            f"weights must come over https, got {url}; --insecure-mirror allows http, where "
            "anybody on the network path can replace them"
        )
    return url


def _whole(entry: WeightsEntry, path: Path, *, foreign: bool) -> bool:
    """Whether the file exists and is valid.

    Raises:
        WeightsError: an invalid file is where no download may replace it.
    """
    if not path.is_file():
        return False
    try:
        find.check(entry, path)
    except WeightsError as error:
        if foreign:
            raise WeightsError(
                f"{path} is damaged or another file: remove it first ({error})"
            ) from error
        return False
    return True


def _bring(
    entry: WeightsEntry,
    url: str,
    target: Path,
    *,
    force: bool,
    insecure: bool,
    observer: Observer,
) -> None:
    """Download, unpack, check, rename."""
    packed = entry.member is not None
    part = target.with_name(f".{target.name}.{'zip.' if packed else ''}part")
    try:
        announced = download(
            url,
            part,
            most=entry.most_to_download,
            size=None if packed else entry.bytes,
            insecure=insecure,
            observer=observer,
        )
    except WeightsError as error:
        raise WeightsError(f"{entry.name}: {error}{_advice(entry, target)}") from error
    try:
        if packed:
            fresh = target.with_name(f".{target.name}.part")
            _unpack(entry, url, part, fresh, observer)
        else:
            fresh = part
        _settle(entry, url, fresh, target, announced=None if packed else announced, force=force)
    finally:
        # The partial file is useless: its bytes would fail again.
        discard(part)


def _unpack(entry: WeightsEntry, url: str, part: Path, fresh: Path, observer: Observer) -> None:
    """Check the archive and extract the file."""
    if entry.archive_sha256 is not None:
        known = find.Expected(entry.archive_sha256, entry.sha256_source or "second-hand")
        _compare(entry, url, known, find.sha256_of(part))
    try:
        with on_disk_errors(fresh):
            extract(part, entry.member or "", fresh, most=entry.sizes[1], observer=observer)
    except WeightsError as error:
        fresh.unlink(missing_ok=True)
        raise WeightsError(
            f"{entry.name}: {error}, downloaded from {url}; it was removed"
        ) from error


def _settle(
    entry: WeightsEntry,
    url: str,
    fresh: Path,
    target: Path,
    *,
    announced: str | None,
    force: bool,
) -> None:
    """Rename a downloaded file to its final name if it is valid, else remove it."""
    note = find.digest_note(target)
    try:
        size = fresh.stat().st_size
        if entry.bytes is not None and size != entry.bytes:
            raise WeightsError(
                f"{entry.name}: the file must be {entry.bytes} bytes, got {size} from {url}; "
                f"it was removed"
            )
        digest = find.sha256_of(fresh)
        known = find.expected(entry, target)
        if force and known is not None and known.source == "first download":
            known = None
        for claim in (known, None if announced is None else find.Expected(announced, "server")):
            if claim is not None:
                _compare(entry, url, claim, digest)
        if not entry.verified:
            try:
                check_structure(entry, fresh)
            except WeightsError as error:
                raise WeightsError(
                    f"{entry.name}: {url} is another file: {error}; it was removed"
                ) from error
        with on_disk_errors(target):
            fresh.replace(target)
            if known is None:
                note.write_text(f"{digest}  {target.name}\n", encoding="ascii")
    finally:
        fresh.unlink(missing_ok=True)


def _compare(entry: WeightsEntry, url: str, known: find.Expected, digest: str) -> None:
    if known.fits(digest):
        return
    remedy = ""
    if known.source == "first download":
        remedy = "; --force accepts the new file"
    elif known.source == "second-hand":
        remedy = "; if you trust that file, download it yourself and give its path"
    raise WeightsError(
        f"{entry.name}: the SHA-256 of the file from {url} must {known}, got {digest}; "
        f"it was removed{remedy}"
    )


def _advice(entry: WeightsEntry, target: Path) -> str:
    """Other ways to get the file."""
    if not entry.confirmed:
        return "; this address follows the publisher's naming but is not in its list of files"
    what = "it" if entry.member is None else f"its {entry.member}"
    return f"; use another server with --mirror, or save {what} as {target} yourself"
