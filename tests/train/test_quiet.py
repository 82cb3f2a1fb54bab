from __future__ import annotations

import pytest
from tracing import can_trace, trace


@pytest.mark.slow
@pytest.mark.skipif(not can_trace(), reason="strace is not installed, or may not trace here")
def test_training_reports_to_nobody(make_config, tmp_path) -> None:
    config = make_config(run={"out": str(tmp_path / "work" / "run")})
    seen = trace(tmp_path, "-m", "mbcli", "pretrain", config)
    assert list((tmp_path / "work" / "run").iterdir())
    assert not seen.talks
    assert not seen.strangers
