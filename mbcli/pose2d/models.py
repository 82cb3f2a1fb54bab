"""The weights of front ends with several models, by their names in the weights table."""

from __future__ import annotations

from mbcli.errors import WeightsError
from mbcli.weights import TABLE, on_disk

# Mode -> person detector, keypoint model.
WEIGHTS_OF_MODE: dict[str, tuple[str, str]] = {
    "light": ("rtmdet-nano-onnx", "rtmpose-s-onnx"),
    "balanced": ("rtmdet-m-onnx", "rtmpose-m-onnx"),
    "accurate": ("yolox-x-onnx", "rtmpose-x-onnx"),
}

# MMPose's checkpoints -> the configuration that each was trained with; of several matches, the
# first that is on disk is used.
KEYPOINT_MODELS = {
    "rtmpose-m-pth": "rtmpose-m_8xb256-420e_body8-256x192",
    "rtmpose-m-halpe26-pth": "rtmpose-m_8xb512-700e_body8-halpe26-256x192",
}
PERSON_MODELS = {
    "rtmdet-m-pth": "rtmdet_m_640-8xb32_coco-person",
    "rtmdet-nano-pth": "rtmdet_nano_320-8xb32_coco-person",
}


def check_on_disk(backend: str, *names: str) -> None:
    """Report all missing weights at once, before any are loaded.

    Args:
        backend: the front end that needs them.
        names: names in the weights table; paths are not checked.

    Raises:
        WeightsError: some are missing; the message says how to get them.
    """
    missing = [name for name in names if name in TABLE and on_disk(name) is None]
    if missing:
        raise WeightsError(
            f"weights of --pose2d {backend} are not on disk: "
            f"mbcli weights fetch {' '.join(missing)}"
        )
