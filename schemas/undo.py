"""The handle by which a change is undone."""

from __future__ import annotations

from collections.abc import Callable


class Undo:
    """A change in force until `undo()` is called or the `with` block ends:

    with stepwell.override("acme:model-5*", build_body=mine):
        ...
    """

    def __init__(self, undo: Callable[[], None]) -> None:
        self._undo: Callable[[], None] | None = undo

    def undo(self) -> None:
        """Undo the change; a second call does nothing."""
        undo, self._undo = self._undo, None
        if undo is not None:
            undo()

    def __enter__(self) -> Undo:
        return self

    def __exit__(self, *_: object) -> None:
        self.undo()
