"""llama.cpp's own HTTP server in this process: started on first use, on a free loopback port, stopped at exit."""

from __future__ import annotations

import atexit
import os
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from attrs import frozen

from ...pipeline.world import REAL_WORLD
from ...schemas.errors import ConfigError, MissingExtra
from ...schemas.process_lock import ProcessLock
from . import inherited
from .gguf import facts
from .install import COMMAND, MEMBER, NAME, RERANKER, existing_gguf, model_file
from .template import TEMPLATE

START_SECONDS = 60.0


@frozen
class ServerLoad:
    """A kind of work that a server is started for.

    Vectors and scores need a whole text in one batch, which takes memory: 0.4 GB for 2048 tokens of SmolLM2, and more
    with a larger vocabulary. So chats have a server of their own.
    """

    name: str
    slots: int
    """How many answers at the same time."""
    tokens: int
    """How many tokens each of them may have, prompt included."""


CHAT, VECTORS, RANKING = ServerLoad("chat", 4, 4096), ServerLoad("vectors", 1, 2048), ServerLoad("ranking", 1, 2048)
_LOCK = ProcessLock()
_RUNNING: dict[tuple[str, ServerLoad], tuple[int, Any, str]] = {}


def base_url(model: str | Path | None = None, work: ServerLoad = CHAT) -> str:
    """Return the address of the server for a GGUF file; start the server if it is not running.

    There is one server for each file, kind of work and process: later calls share it, and so do forked children (see
    inherited.py). Blocks until the model is loaded, about half a second.

    model: path of the GGUF file; None for the installed model
    work: what the server is for

    Raises MissingExtra without `xllamacpp`; ConfigError when the file is missing, cannot do the work or cannot be
    loaded, and in a forked child that cannot reach its parent's server.
    """
    path = str(existing_gguf(model) if model else model_file())
    if work is RANKING and not facts(path).ranks:
        # llama.cpp would load it anyway, and return meaningless numbers.
        raise ConfigError(f"{Path(path).name} is not a reranker", hint=f"name a reranker's GGUF, or set {RERANKER}")
    with _LOCK:
        pid, _, url = _RUNNING.get((path, work), (0, None, ""))
        if pid == os.getpid():
            return url
        if inherited.from_a_parent():
            if not (url and _answers(url)):
                raise ConfigError(
                    "the local model was started in the parent of this forked process; it does not answer from there, "
                    "and cannot be started here",
                    hint="make the first call after the fork, or start processes with 'spawn'",
                )
            return url
        server, url = _start(path, work)
        _RUNNING[path, work] = (os.getpid(), server, url)
    return url


def stop() -> None:
    """Stop every server of this process. A later call starts it again."""
    with _LOCK:
        for key, (pid, _, _) in list(_RUNNING.items()):
            # The server stops when its object is destroyed; a child cannot stop its parent's server.
            if pid == os.getpid():
                del _RUNNING[key]


def _start(path: str, work: ServerLoad) -> tuple[Any, str]:
    try:
        import xllamacpp  # the extra, a native library
    except ImportError:
        hint = f"run: pip install 'stepwell[local]', then {COMMAND}, which fetches it"
        raise MissingExtra("the local model needs xllamacpp", hint=hint) from None
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.port = 0
    params.n_parallel = work.slots
    params.n_ctx = work.slots * work.tokens
    params.use_jinja = True
    params.warmup = False
    params.ui = False
    # Spinning threads that wait for each other are very slow on a busy machine: with two cores in use, 60 tokens took
    # 20 to 80 s with llama.cpp's own settings, and 4 s with these. On an idle machine they cost a small model little.
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.poll, cpu.n_threads = 0, max(1, (os.cpu_count() or 1) // 2)
    params.verbosity = 3 if REAL_WORLD.environ.get("STEPWELL_LOCAL_LOG") else -1
    if work is not CHAT:
        params.embedding = True
        params.n_batch = params.n_ubatch = work.tokens
        kinds = xllamacpp.llama_pooling_type
        if work is RANKING:
            params.pooling_type = kinds.LLAMA_POOLING_TYPE_RANK
        elif not facts(path).pooling:
            params.pooling_type = kinds.LLAMA_POOLING_TYPE_MEAN  # a chat model names none
    if Path(path).name == Path(MEMBER).name:
        params.model_alias = {NAME}  # else answers have the file's path as their model
        params.chat_template = TEMPLATE
        params.fit_params = False  # it fits into any memory: to find out takes a third of the start
    inherited.guard(_after_fork)
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise ConfigError(
            f"{Path(path).name} cannot be loaded: {error!s:.200}",
            hint="is the file complete? set STEPWELL_LOCAL_LOG=1 for llama.cpp's log",
        ) from None
    url = str(server.listening_address).replace("0.0.0.0", "127.0.0.1")
    _wait(url)
    return server, url


def _after_fork() -> None:
    for _, server, _ in _RUNNING.values():
        inherited.keep_for_ever(server)


def _wait(url: str) -> None:
    deadline = REAL_WORLD.now() + START_SECONDS
    while REAL_WORLD.now() < deadline:
        if _answers(url):
            return
        time.sleep(0.02)  # 503 while the model loads
    raise ConfigError("the local model did not load within a minute", hint="set STEPWELL_LOCAL_LOG=1 to see why")


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


atexit.register(stop)
