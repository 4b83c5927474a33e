"""`stepwell run_local`: fetch the embedded model, or say where it lies."""

from __future__ import annotations

import argparse

from ..providers.local import install


def run_local(arguments: argparse.Namespace) -> None:
    """`install` fetches the model into the user's cache, once; `path` prints where it is."""
    print(install.install() if arguments.action == "install" else install.model_file())
