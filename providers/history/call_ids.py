"""Tool call ids in the target's alphabet and length, and no two alike.

They are mapped by a hash: the same every turn (or the provider's prompt cache would miss), and without a table to keep.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256

from ..declare.wire import ToolCallIdPolicy

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class CallIds:
    """The ids of one conversation as they are sent: its own where they fit and are the first of their kind."""

    def __init__(self, policy: ToolCallIdPolicy) -> None:
        self._policy = policy
        self._fits = id_matcher(policy)
        self._used: set[str] = set()

    def sent(self, id: str) -> str:
        """The id for the next call, which came with this one."""
        made = id if self._fits(id) else mapped(id, self._policy)
        again = 1
        while made in self._used:
            again += 1
            made = mapped(f"{id}\n{again}", self._policy)
        self._used.add(made)
        return made


@lru_cache
def id_matcher(policy: ToolCallIdPolicy) -> Callable[[str], object]:
    """Truth for an id that the policy allows."""
    count = f"{{{policy.exact_length}}}" if policy.exact_length else f"{{1,{policy.max_length}}}"
    return re.compile(f"[{policy.alphabet}]{count}").fullmatch


@lru_cache(maxsize=4096)
def mapped(id: str, policy: ToolCallIdPolicy) -> str:
    """An id of letters and digits that stands for this one, at any time and in any process."""
    number = int.from_bytes(sha256(id.encode()).digest()[:16], "big")
    digits = []
    while number:
        number, rest = divmod(number, len(_LETTERS))
        digits.append(_LETTERS[rest])
    text = "".join(digits)
    if policy.exact_length:
        return text[: policy.exact_length].ljust(policy.exact_length, "0")
    return f"call_{text}"[: policy.max_length] if "_" in policy.alphabet else text[: policy.max_length]
