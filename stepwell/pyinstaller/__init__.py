"""What PyInstaller is told of this package, by an entry point: `pyinstaller app.py` needs no options for stepwell."""

from __future__ import annotations

import os


def hook_dirs() -> list[str]:
    """Name the folder in which `hook-stepwell.py` lies."""
    return [os.path.dirname(__file__)]
