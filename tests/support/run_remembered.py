"""Run a program whose embedded model is the server at an address: `python run_remembered.py URL PROGRAM ARGUMENTS`."""

from __future__ import annotations

import runpy
import sys

from stepwell.providers.local import server

if __name__ == "__main__":
    _, url, program, *arguments = sys.argv
    server.base_url = lambda model=None, work=server.CHAT: f"{url}/{work.name}"
    sys.argv = [program, *arguments]
    sys.path[0] = ""  # as `python -c` has it; what is beside this file is not for the program
    runpy.run_path(program, run_name="__main__")
