"""Facts that a GGUF file states about its model, read without loading it. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md"""

from __future__ import annotations

import mmap
import re
from functools import lru_cache
from pathlib import Path

from attrs import frozen

_HEAD = 64 * 2**20
"""How many bytes to search: metadata and tensor names come first; the largest vocabularies take some 20 MB of them."""
_POOLING = re.compile(rb"\.pooling_type\x04\0\0\0(.)\0\0\0", re.S)
_NAMES = tuple(len(name).to_bytes(8, "little") + name for name in (b"cls.weight", b"cls.output.weight"))
_RANK = 4
"""llama.cpp's LLAMA_POOLING_TYPE_RANK."""


@frozen
class Facts:
    """The abilities of a model in addition to chatting."""

    pooling: bool
    """The file names a pooling type: how a text's many vectors become one."""
    ranks: bool
    """The model has a head that scores texts."""


@lru_cache(maxsize=64)
def facts(path: str) -> Facts:
    """Read the facts about the model in this file."""
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = _POOLING.search(data, 0, _HEAD)
        headed = any(data.find(name, 0, _HEAD) >= 0 for name in _NAMES)
        return Facts(found is not None, headed or (found is not None and found[1][0] == _RANK))
