"""Errors on held-out people, in millimetres, with clean and noisy 2D input."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mbcli.data.stores.store import ClipStore
from mbcli.evaluate.metrics import mpjpe, mpjve, p_mpjpe, root_relative
from mbcli.train.config import PretrainConfig
from mbcli.train.sampling import ClipSampler
from mbcli.train.synthesis import Synthesiser
from mbcli.types import FloatArray

_SEED = 20_231_002  # of the held-out clips, equal in all runs
_CHUNK = 64  # clips per forward pass


class Validator:
    """A fixed set of held-out clips.

    Predictions are converted to metres by the true scale of each frame, so that the figures
    measure the pose alone. Noisy input has the published detector noise without masks; trained
    input is corrupted as in training.

    Args:
        store: the recordings.
        config: the held-out people, and how clips are made.
        device: the model's device.
    """

    def __init__(self, store: ClipStore, config: PretrainConfig, device: torch.device) -> None:
        sampler = ClipSampler(store, config.data.holdout, config.clips)
        batch = Synthesiser(sampler, config, device).batch(config.run.validation_clips, _SEED)
        ones = torch.ones_like(batch.clean[..., :1])  # (B, T, 17, 1)
        self._inputs = {
            "clean": torch.cat([batch.clean, ones], dim=-1),
            "noisy": batch.noisy,
            "trained": batch.inputs,
        }
        self._scale = _numpy(batch.scale)[..., None, None]
        self._target = self._millimetres(batch.target)

    def __call__(self, model: nn.Module) -> dict[str, float]:
        """Root-relative MPJPE, P-MPJPE (mm) and velocity error (mm per frame) by input."""
        result: dict[str, float] = {}
        for name, inputs in self._inputs.items():
            chunks = [inputs[i : i + _CHUNK] for i in range(0, len(inputs), _CHUNK)]
            with torch.inference_mode():
                parts = [model(chunk) for chunk in chunks]
            pose = self._millimetres(torch.cat(parts))
            result[f"{name}/mpjpe"] = mpjpe(pose, self._target)
            result[f"{name}/p_mpjpe"] = p_mpjpe(pose, self._target)
            result[f"{name}/mpjve"] = mpjve(pose, self._target)
        return result

    def _millimetres(self, pose: Tensor) -> FloatArray:
        metres: FloatArray = root_relative(_numpy(pose)) / self._scale
        return metres * 1000


def _numpy(tensor: Tensor) -> FloatArray:
    return tensor.double().cpu().numpy()
