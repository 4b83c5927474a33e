"""`stepwell local`: fetch the embedded model, or print its path."""

from __future__ import annotations

import argparse

from ..providers.local import install
from .printing import say


def run_local(arguments: argparse.Namespace) -> None:
    """Fetch the model into the user's cache if it is not there (`install`); print its path."""
    say(install.install() if arguments.action == "install" else install.model_file())
