"""What takes several calls of a model: objects and tools, as methods of both clients.

Each is a recipe (recipe.py), written once; the methods say only who carries it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .recipe import acarry_out, carry_out
from .schemas.reply import Reply

if TYPE_CHECKING:
    from .core import Core
    from .objects.stream import AsyncObjectStream, ObjectStream


class Composites:
    """The synchronous methods."""

    _core: Core

    def generate_object(
        self,
        model: str | None,
        prompt: Any,
        schema: Any,
        *,
        mode: str | None = None,
        max_repairs: int = 1,
        name: str | None = None,
        description: str | None = None,
        **options: Any,
    ) -> Reply:
        """Ask for a value that fits a schema: `reply.object`.

        `schema` is a JSON Schema (a dict), an attrs class, a dataclass, a TypedDict, a pydantic model, or any type made
        of these: `list[City]`, `Literal["red", "green"]`, `int`. The object is of that type, plain data for a dict.
        `mode` is how the model is asked: json_schema, strict_tool, tool, json or prompt (None: the best that this model
        is known to have; the result is the same). An answer that does not fit is shown to the model with what is wrong,
        `max_repairs` times; then ObjectInvalid is raised, with `.text`, `.violations` and all the usage. Raises
        SchemaError for a schema that cannot be used, before anything is sent.
        """
        from .objects.generate import generate  # JSON Schema's machinery: only for those who want an object

        how = {"mode": mode, "max_repairs": max_repairs, "name": name, "description": description}
        reply: Reply = carry_out(self, generate(self._core, model, prompt, schema, options=options, **how))  # type: ignore[arg-type]
        return reply

    def stream_object(
        self,
        model: str | None,
        prompt: Any,
        schema: Any,
        *,
        mode: str | None = None,
        name: str | None = None,
        description: str | None = None,
        **options: Any,
    ) -> ObjectStream:
        """generate_object as it grows: iterate for partial values, each holding all of the one before; the last is
        whole and checked. Nothing is repaired: what has been shown is not taken back. The call is sent on first use.
        """
        from .objects.stream import ObjectStream, stream  # JSON Schema's machinery, as above

        how = {"mode": mode, "name": name, "description": description}
        return ObjectStream(self, stream(self._core, model, prompt, schema, options=options, **how))


class AsyncComposites:
    """The same, awaited."""

    _core: Core

    async def generate_object(
        self,
        model: str | None,
        prompt: Any,
        schema: Any,
        *,
        mode: str | None = None,
        max_repairs: int = 1,
        name: str | None = None,
        description: str | None = None,
        **options: Any,
    ) -> Reply:
        """Client.generate_object, awaited."""
        from .objects.generate import generate  # JSON Schema's machinery: only for those who want an object

        how = {"mode": mode, "max_repairs": max_repairs, "name": name, "description": description}
        recipe = generate(self._core, model, prompt, schema, options=options, **how)  # type: ignore[arg-type]
        reply: Reply = await acarry_out(self, recipe)
        return reply

    def stream_object(
        self,
        model: str | None,
        prompt: Any,
        schema: Any,
        *,
        mode: str | None = None,
        name: str | None = None,
        description: str | None = None,
        **options: Any,
    ) -> AsyncObjectStream:
        """Client.stream_object, for `async for`."""
        from .objects.stream import AsyncObjectStream, stream  # JSON Schema's machinery, as above

        how = {"mode": mode, "name": name, "description": description}
        return AsyncObjectStream(self, stream(self._core, model, prompt, schema, options=options, **how))
