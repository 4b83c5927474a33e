"""PyInstaller hooks, found by an entry point, so that `pyinstaller app.py` needs no options for stepwell."""

from __future__ import annotations

import os


def hook_dirs() -> list[str]:
    """Return the folder of `hook-stepwell.py`."""
    return [os.path.dirname(__file__)]
