"""A missing framework, and one whose version lacks what an adapter uses, are distinct errors."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from stepwell.integrations.common import missing
from stepwell.schemas.errors import MissingExtra


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ModuleNotFoundError("No module named 'frame'", name="frame"), "needs frame; run: pip install 'stepwell"),
        (ImportError("cannot import name 'New'", name="frame.types"), "another version of frame.*pip install -U"),
        (ModuleNotFoundError("No module named 'frame.new'", name="frame.new"), "another version of frame.*install -U"),
    ],
)
def test_a_missing_framework_has_a_hint(error: ImportError, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if error.name != "frame":  # what is imported from it was looked for in it
        monkeypatch.setitem(sys.modules, "frame", ModuleType("frame"))
    said = missing(error, "frame", "frame")
    assert isinstance(said, MissingExtra)
    with pytest.raises(MissingExtra, match=says):
        raise said


def test_another_module_that_is_missing_is_its_own_error() -> None:
    error = ModuleNotFoundError("No module named 'other'", name="other")
    assert missing(error, "frame", "frame") is error
