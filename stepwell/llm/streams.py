"""Streams of an LLM that are more than one call's chunks."""

from __future__ import annotations

from ..objects.stream import AsyncObjectStream, ObjectStream


class TextStream(ObjectStream):
    """Iterate it for the answer's text, piece by piece. `reply()` reads to the end and gives the Reply, whose `object`
    is what the output parser made of the text, if there is one; text that it cannot read is ObjectInvalid there.
    """


class AsyncTextStream(AsyncObjectStream):
    """TextStream's twin."""
