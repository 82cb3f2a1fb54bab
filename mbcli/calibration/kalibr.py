"""Kalibr's ``camchain.yaml``: ``cam0``, ``cam1``, ... with pinhole cameras.

https://github.com/ethz-asl/kalibr/wiki/yaml-formats: ``intrinsics`` are fu, fv, pu, pv,
``radtan`` distortion is OpenCV's k1, k2, p1, p2, and ``equidistant`` its fisheye's k1, k2, k3, k4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mbcli.calibration.content import Content
from mbcli.calibration.lens import OPENCV_ORIGIN, Lens, lens
from mbcli.errors import InputError

_MODELS = {"pinhole": ("radtan", "equidistant", "none")}


def recognise(content: Content) -> bool:
    """Whether it is YAML with cameras; raises for what is no YAML."""
    return bool(_cameras(content))


def read(content: Content) -> list[Lens]:
    """Read the lenses; see `mbcli.calibration.CalibrationFormat`."""
    return [_lens(content, name, camera) for name, camera in _cameras(content).items()]


def _lens(content: Content, name: str, camera: Mapping[str, Any]) -> Lens:
    model, bent = str(camera.get("camera_model")), str(camera.get("distortion_model", "none"))
    if bent not in _MODELS.get(model, ()):
        raise InputError(
            f"{content.path} must have cameras of the model pinhole with radtan, equidistant or no "
            f"distortion, but {name} is {model} with {bent}"
        )
    fu, fv, pu, pv = map(float, camera["intrinsics"])
    coefficients = camera.get("distortion_coeffs", []) if bent != "none" else []
    centre, fisheye = (pu + OPENCV_ORIGIN, pv + OPENCV_ORIGIN), bent == "equidistant"
    size = camera.get("resolution")
    return lens(name, size, (fu, fv), centre, coefficients, fisheye=fisheye)


def _cameras(content: Content) -> dict[str, Mapping[str, Any]]:
    document = content.yaml
    if not isinstance(document, Mapping):
        return {}
    return {
        str(name): camera
        for name, camera in document.items()
        if isinstance(camera, Mapping) and {"intrinsics", "camera_model"} <= set(camera)
    }
