"""A change that can be taken back."""

from __future__ import annotations

from collections.abc import Callable


class Undo:
    """Something that holds until `undo()` is called, or until the end of a `with` block:

    with stepwell.override("openai:gpt-5*", build_body=mine):
        ...
    """

    def __init__(self, undo: Callable[[], None]) -> None:
        self._undo: Callable[[], None] | None = undo

    def undo(self) -> None:
        """Take it back. A second time does nothing."""
        undo, self._undo = self._undo, None
        if undo is not None:
            undo()

    def __enter__(self) -> Undo:
        return self

    def __exit__(self, *_: object) -> None:
        self.undo()
