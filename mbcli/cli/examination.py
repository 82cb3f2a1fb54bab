"""What this machine offers to mbcli: libraries, processors, codecs, weights, memory, disk."""

from __future__ import annotations

import getpass
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from mbcli.cores import cores
from mbcli.errors import MbcliError, one_line
from mbcli.version import version

_GIB = 1 << 30  # bytes
_MEMORY = 4.0  # GiB; the walk clip takes 1.2, and videos of many people more
_DISK = 1.0  # GiB; the largest file of `mbcli weights` has 0.5

# Compressed videos of phones, cameras and the web.
_DECODERS = ("h264", "hevc", "vp9", "av1", "mpeg4", "mjpeg", "prores")

# Extra -> what it is for. Their packages are read from mbcli's own metadata.
_EXTRAS = {
    "formats": "C3D, Parquet and USD exports",
    "keypoints": "DeepLabCut and SLEAP files",
    "view": "mbcli view",
    "train": "mbcli pretrain, finetune, evaluate",
    "mesh": "an open body model",
    "mmpose": "--pose2d mmpose",
    "onnx": "mbcli weights export",
    "openvino": "mbcli weights export --format openvino",
    "osc": "mbcli live --osc",
    "ray": "--engine ray",
    "fbx": "FBX exports without an installed Blender",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what it is.
        found: what is there.
        problem: what does not work because of it; empty if all does.
        advice: what would be faster or better, and the command for it; empty if nothing would.
    """

    name: str
    found: str
    problem: str = ""
    advice: str = ""


def examine() -> Iterator[Finding]:
    """Look at everything that mbcli needs or can use; connects to nobody and changes nothing."""
    yield Finding("mbcli", f"{version()} in {Path(__file__).parents[1]}")
    yield Finding("Python", f"{platform.python_version()} ({sys.executable})")
    yield Finding("system", platform.platform())
    yield _processor()
    yield _memory()
    yield from _disk()
    yield _torch()
    yield _onnxruntime()
    yield _codecs()
    yield from _extras()
    yield from _weights()
    yield _pose2d()


def without_private_paths(text: str) -> str:
    """Put ``~`` for the home folder, ``.`` for the current one and ``USER`` for the user's name."""
    for place, name in ((Path.cwd(), "."), (Path.home(), "~")):
        if place != Path(place.anchor):
            text = text.replace(str(place), name)
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):
        return text
    return re.sub(rf"(?<=[/\\]){re.escape(user)}(?=[/\\])", "USER", text)


def _processor() -> Finding:
    found = f"{platform.machine()}, {cores()} usable cores of {os.cpu_count()} processors"
    flags = _line_of("/proc/cpuinfo", "flags").split()
    found += "".join(f", {name}" for name in ("avx2", "avx512_bf16", "amx_bf16") if name in flags)
    advice = ""
    if "amx_bf16" in flags or "avx512_bf16" in flags:
        advice = "--precision bfloat16 may lift faster here, with a small error"
    return Finding("processor", found, advice=advice)


def _memory() -> Finding:
    total, free = (
        int(re.sub(r"\D", "", _line_of("/proc/meminfo", key)) or 0) * 1024 / _GIB
        for key in ("MemTotal", "MemAvailable")
    )
    if not total:
        return Finding("memory", "unknown")
    little = f"below {_MEMORY:g} GiB long videos may not fit: use --start and --end"
    return Finding(
        "memory", f"{free:.1f} of {total:.1f} GiB free", advice=little if free < _MEMORY else ""
    )


def _line_of(path: str, key: str) -> str:
    """The value of the first line that begins with a word; empty if there is none."""
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2] for line in lines if line.startswith(key)), "")


def _disk() -> Iterator[Finding]:
    from mbcli.weights import cache_directory

    places = {"work folder": Path.cwd(), "temporary files": Path(tempfile.gettempdir())}
    places["cache of weights"] = cache_directory()
    for name, place in places.items():
        while not place.exists():
            place = place.parent
        free = shutil.disk_usage(place).free / _GIB
        problem = "" if os.access(place, os.W_OK) else "it cannot be written to"
        advice = f"below {_DISK:g} GiB results may not fit" if free < _DISK else ""
        yield Finding(name, f"{places[name]}, {free:.1f} GiB free", problem, advice)


def _torch() -> Finding:
    try:
        import torch
    except (ImportError, OSError) as error:
        return Finding("torch", "missing", f"nothing can be lifted: {error}")
    found = f"{torch.__version__}, {torch.get_num_threads()} threads"
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
        return Finding("torch", f"{found}, CUDA {torch.version.cuda}: {', '.join(names)}")
    if torch.backends.mps.is_available():
        return Finding("torch", f"{found}, Apple's GPU")
    advice = ""
    if shutil.which("nvidia-smi"):
        advice = (
            "there is a GPU that this torch cannot use: install the CUDA build, see "
            "https://pytorch.org/get-started/locally"
        )
    return Finding("torch", f"{found}, no GPU", advice=advice)


def _onnxruntime() -> Finding:
    try:
        import onnxruntime
    except (ImportError, OSError) as error:
        return Finding("onnxruntime", "missing", f"nobody can be found in pictures: {error}")
    available = onnxruntime.get_available_providers()
    providers = [name.removesuffix("ExecutionProvider") for name in available]
    advice = ""
    if "CUDA" not in providers and shutil.which("nvidia-smi"):
        advice = "for the 2D stage on the GPU: pip uninstall onnxruntime, then pip install "
        advice += "onnxruntime-gpu"
    return Finding("onnxruntime", f"{onnxruntime.__version__}, {', '.join(providers)}", "", advice)


def _codecs() -> Finding:
    try:
        import av
    except (ImportError, OSError) as error:
        return Finding("FFmpeg", "missing", f"no video can be read: {error}")
    known = av.codecs_available
    missing = [name for name in _DECODERS if name not in known]
    found = f"PyAV {av.__version__}, reads {', '.join(n for n in _DECODERS if n in known)}"
    problem = ""
    if "libx264" not in known:
        problem = "no drawing can be written as mp4: the encoder libx264 is missing"
    elif missing:
        problem = f"it cannot read {', '.join(missing)}"
    return Finding("FFmpeg", found, problem)


def _extras() -> Iterator[Finding]:
    required = metadata.requires("mbcli") or []
    for extra, use in _EXTRAS.items():
        names = [
            re.match(r"[\w.-]+", line)[0]  # type: ignore[index]
            for line in required
            if re.search(rf"extra\s*==\s*['\"]{extra}['\"]", line) and _applies(line, extra)
        ]
        missing = [name for name in names if not _installed(name)]
        if not names:
            yield Finding(f"extra {extra}", f"not for this Python ({use})")
        elif missing:
            yield Finding(
                f"extra {extra}",
                f"not installed: {', '.join(missing)}",
                advice=f"for {use}: pip install 'mbcli[{extra}]'",
            )
        else:
            yield Finding(f"extra {extra}", f"installed ({use})")


def _applies(requirement: str, extra: str) -> bool:
    from packaging.requirements import Requirement

    marker = Requirement(requirement).marker
    return marker is None or marker.evaluate({"extra": extra})


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _weights() -> Iterator[Finding]:
    from mbcli.weights import TABLE, check, on_disk

    for name in TABLE:
        try:
            path = on_disk(name)
            if path is None:
                continue
            known = check(TABLE[name], path)
        except MbcliError as error:
            yield Finding(f"weights {name}", "damaged", one_line(error))
            continue
        digest = "SHA-256 right" if known is not None else "no SHA-256 is known"
        yield Finding(f"weights {name}", f"{path.stat().st_size / 1e6:.1f} MB, {digest}")


def _pose2d() -> Finding:
    from mbcli.pose2d import AUTO, Pose2DOptions
    from mbcli.pose2d.choose import choose

    choice = choose(AUTO, Pose2DOptions())
    return Finding("--pose2d auto", f"{choice.backend}: {choice.reason}", advice=choice.hint)
