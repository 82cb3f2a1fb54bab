"""Body models by name, and what each needs."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from mbcli.errors import ConfigError
from mbcli.lift.body.body_model import BODY_MODELS, BodyModel


def load_body_model(
    name: str, path: Path | None = None, joint_regressor: Path | None = None
) -> BodyModel:
    """Load a body model by its name.

    Args:
        name: ``smpl``, which needs the user's licensed file, or ``anny``, which is open.
        path: SMPL's model file, ``.pkl`` or ``.npz``.
        joint_regressor: for SMPL: ``.npy`` of (17, V), which gives H36M-17 joints as sums of
            vertices; the published figures use ``J_regressor_h36m_correct.npy``. Without it, the
            joints come from SMPL's own and two vertices of the head.

    Raises:
        ConfigError: another name, an option that the model does not take, or a package that is
            not installed.
        WeightsError: the file is missing, damaged or not a body model.
    """
    if name not in BODY_MODELS:
        raise ConfigError(f"the body model must be {', '.join(BODY_MODELS)}, got {name!r}")
    if name == "smpl":
        _need("smplx", "SMPL", "smplx")
        if path is None:
            raise ConfigError(
                "SMPL needs its licensed model file: register at smpl.is.tue.mpg.de, download "
                "SMPL for Python, and give the path of its neutral model (.pkl)"
            )
        from mbcli.lift.body.smpl import Smpl

        return Smpl.load(path, joint_regressor)
    if path is not None or joint_regressor is not None:
        raise ConfigError(f"the body model {name} takes no files, got {path or joint_regressor}")
    _need("anny", "the body model Anny", "anny")
    from mbcli.lift.body.anny_body import AnnyBody

    return AnnyBody()


def _need(module: str, what: str, package: str) -> None:
    if find_spec(module) is None:
        raise ConfigError(f"{what} needs the package {package}: pip install {package}")
