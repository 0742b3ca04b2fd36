"""A machine without a browser: the tests are skipped with a reason, unless a browser is required."""

import sys

import pytest

from . import driving


@pytest.mark.parametrize(
    ("lacking", "reason"), [("selenium", "pip install"), ("chromium", "apt-get install")]
)
def test_what_is_missing_is_said(monkeypatch, tmp_path, lacking, reason):
    if lacking == "selenium":
        monkeypatch.setitem(sys.modules, "selenium", None)
    else:
        pytest.importorskip("selenium")
        monkeypatch.setattr(driving, "CHROMIUM", None)
    monkeypatch.delenv("MEMOGRAD_BROWSER", raising=False)
    with pytest.raises(pytest.skip.Exception, match=reason):
        driving.started(tmp_path)
    monkeypatch.setenv("MEMOGRAD_BROWSER", "required")
    with pytest.raises(pytest.fail.Exception, match=reason):
        driving.started(tmp_path)
