"""llama.cpp's own HTTP server in this process: started on first use, on a free loopback port, stopped at exit."""

from __future__ import annotations

import atexit
import os
import threading
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from ...schemas.errors import ConfigError, MissingExtra
from .install import MEMBER, checked, model_path
from .template import TEMPLATE

SLOTS = 4
CONTEXT_PER_SLOT = 4096
START_SECONDS = 60.0

_LOCK = threading.Lock()
_RUNNING: dict[str, tuple[int, Any, str]] = {}


def base_url(model: str | Path | None = None) -> str:
    """The address of the server for a GGUF file (None: the installed model), which is started if it does not run.

    One server for each file and process: later calls share it, a forked child starts its own. Blocks until the model
    is loaded, about half a second. Raises MissingExtra without `xllamacpp`, ConfigError without the file.
    """
    path = str(checked(model) if model else model_path())
    with _LOCK:
        pid, _, url = _RUNNING.get(path, (0, None, ""))
        if pid != os.getpid():
            server, url = _start(path)
            _RUNNING[path] = (os.getpid(), server, url)
    return url


def stop() -> None:
    """Stop every server of this process. A later call starts it again."""
    with _LOCK:
        for path, (pid, _, _) in list(_RUNNING.items()):
            # The server stops when its object goes; a child must not stop its parent's.
            if pid == os.getpid():
                del _RUNNING[path]


def _start(path: str) -> tuple[Any, str]:
    try:
        import xllamacpp  # the extra, a native library
    except ImportError:
        raise MissingExtra("the local model needs xllamacpp", hint="run: pip install 'stepwell[local]'") from None
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.port = 0
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * CONTEXT_PER_SLOT
    params.use_jinja = True
    params.warmup = False
    params.ui = False
    # Chat and embeddings from one server: a pooling type makes the vectors whole-text ones.
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    params.verbosity = 3 if os.environ.get("STEPWELL_LOCAL_LOG") else -1
    if Path(path).name == Path(MEMBER).name:
        params.chat_template = TEMPLATE
    server = xllamacpp.Server(params)
    url = str(server.listening_address).replace("0.0.0.0", "127.0.0.1")
    _wait(url)
    return server, url


def _wait(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urlopen(f"{url}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.02)  # 503 while the model loads
    raise ConfigError("the local model did not load within a minute", hint="set STEPWELL_LOCAL_LOG=1 to see why")


atexit.register(stop)
