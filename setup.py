"""Gives the package its README, whose links are relative in the repository and absolute on PyPI. All else stands in
pyproject.toml."""

import re
import tomllib
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
SOURCE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Source"]


def absolute(text: str) -> str:
    """Make each link to a file of the repository an address."""
    return re.sub(r"\]\((?!https?:|mailto:|#)([^)\s]+)\)", rf"]({SOURCE}/blob/main/\1)", text)


setup(
    long_description=absolute((ROOT / "README.md").read_text(encoding="utf-8")),
    long_description_content_type="text/markdown",
)
