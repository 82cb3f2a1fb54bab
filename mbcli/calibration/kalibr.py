"""Kalibr's ``camchain.yaml``: ``cam0``, ``cam1``, ... with pinhole cameras.

https://github.com/ethz-asl/kalibr/wiki/yaml-formats: ``intrinsics`` are fu, fv, pu, pv, and
``radtan`` distortion OpenCV's k1, k2, p1, p2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mbcli.calibration.content import Content
from mbcli.calibration.lens import OPENCV_ORIGIN, Lens, lens
from mbcli.errors import InputError

_MODELS = {"pinhole": ("radtan", "none")}


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
            f"{content.path} must have cameras of the model pinhole with radtan or no distortion, "
            f"but {name} is {model} with {bent}"
        )
    fu, fv, pu, pv = map(float, camera["intrinsics"])
    coefficients = camera.get("distortion_coeffs", []) if bent == "radtan" else []
    centre = pu + OPENCV_ORIGIN, pv + OPENCV_ORIGIN
    return lens(name, camera.get("resolution"), (fu, fv), centre, coefficients)


def _cameras(content: Content) -> dict[str, Mapping[str, Any]]:
    document = content.yaml
    if not isinstance(document, Mapping):
        return {}
    return {
        str(name): camera
        for name, camera in document.items()
        if isinstance(camera, Mapping) and {"intrinsics", "camera_model"} <= set(camera)
    }
