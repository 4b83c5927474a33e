"""Make tool call ids unique, and of the alphabet and length that the target accepts.

They are mapped by a hash, so that they are the same in every turn (else the provider's prompt cache would miss) and no
table has to be stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from ...schemas.memo import memo
from ..declare.tool_policies import ToolCallIdPolicy

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class CallIds:
    """The ids of one conversation as they are sent: its own if they are accepted and not used yet."""

    def __init__(self, policy: ToolCallIdPolicy) -> None:
        self._policy = policy
        self._fits = id_matcher(policy)
        self._used: set[str] = set()
        self._attempts: dict[str, int] = {}

    def sent(self, id: str) -> str:
        """Return the id to send for the next call, whose own id is `id`."""
        new = id if self._fits(id) else mapped[id, self._policy]
        attempt = self._attempts.get(id, 1)
        while new in self._used:
            attempt += 1
            new = mapped[f"{id}\n{attempt}", self._policy]
        self._attempts[id] = attempt
        self._used.add(new)
        return new


@lru_cache
def id_matcher(policy: ToolCallIdPolicy) -> Callable[[str], object]:
    """Return a function that checks whether the policy allows an id."""
    count = f"{{{policy.exact_length}}}" if policy.exact_length else f"{{1,{policy.max_length}}}"
    return re.compile(f"[{policy.alphabet}]{count}").fullmatch


@memo(4096)
def mapped(key: tuple[str, ToolCallIdPolicy]) -> str:
    """Map an id to one that the policy accepts, the same at any time and in any process: `mapped[id, policy]`."""
    from hashlib import sha256  # heavy: few ids need another form

    id, policy = key
    number = int.from_bytes(sha256(id.encode("utf-8", "surrogatepass")).digest()[:16], "big")
    digits = []
    while number:
        number, rest = divmod(number, len(_LETTERS))
        digits.append(_LETTERS[rest])
    text = "".join(digits)
    if policy.exact_length:
        return text[: policy.exact_length].ljust(policy.exact_length, "0")
    return f"call_{text}"[: policy.max_length] if "_" in policy.alphabet else text[: policy.max_length]
