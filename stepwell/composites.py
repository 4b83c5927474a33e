"""What takes several calls of a model: objects and tools, as methods of both clients.

Each is a recipe (recipe.py), written once; a client adds who carries it out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .operations import Answer
from .recipe import Recipe
from .schemas.reply import Reply
from .schemas.tool import Tool

if TYPE_CHECKING:
    from .core import Core
    from .tools.call import Approve


Objects = TypeVar("Objects")
Loops = TypeVar("Loops")
Jobs = TypeVar("Jobs")


class Composites(Generic[Answer, Objects, Loops, Jobs]):
    """The same methods on both clients. An AsyncClient's Reply is to be awaited, its streams are for `async for`."""

    _core: Core

    def _carry(self, recipe: Recipe) -> Answer:
        raise NotImplementedError

    def _objects(self, recipe: Recipe) -> Objects:
        raise NotImplementedError

    def _loops(self, recipe: Recipe) -> Loops:
        raise NotImplementedError

    def _jobs(self, recipe: Recipe) -> Jobs:
        raise NotImplementedError

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
    ) -> Answer:
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
        return self._carry(generate(self._core, model, prompt, schema, options=options, **how))  # type: ignore[arg-type]

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
    ) -> Objects:
        """generate_object as it grows: iterate for partial values, each holding all of the one before; the last is
        whole and checked. Nothing is repaired: what has been shown is not taken back. The call is sent on first use.
        """
        from .objects.stream import stream  # JSON Schema's machinery, as above

        how = {"mode": mode, "name": name, "description": description}
        return self._objects(stream(self._core, model, prompt, schema, options=options, **how))

    def run_tools(
        self,
        model: str | None,
        prompt: Any,
        tools: Iterable[Tool | Callable[..., Any]],
        *,
        max_steps: int = 8,
        tool_timeout: float | None = None,
        approve: Approve | None = None,
        stop_when: Callable[[Reply], bool] | None = None,
        on_tool_error: str = "tell",
        react: bool | None = None,
        resume: bool = False,
        **options: Any,
    ) -> Answer:
        """Ask, run the tools that the model calls, tell it the results, and so on until it has answered.

        `tools` are Tools (see `stepwell.tool`) or plain functions, sync or async. Calls of one answer run at once;
        their arguments are checked before, and what goes wrong is told to the model. `max_steps` answers are the most
        that are asked for: then StepLimit is raised, with all there is on `.partial`. `tool_timeout` is the seconds a
        call may take; `approve(call)` is asked before each and says True, False or the reason why not;
        `stop_when(reply)` ends the loop after a step when it is true; `on_tool_error="raise"` raises ToolFailed instead
        of telling the model; `react=True` offers the tools in plain text, as is done for models
        that are known to have none.

        The Reply has every step's usage summed, the steps themselves on `.steps`, the runs of each in its
        `.metadata["tool_runs"]`, and the conversation on `.context`. A tool without a function ends the loop when it is
        called: the calls are on `.tool_calls`, for you to answer. Calls of an answer that was cut short or refused end
        it too, unrun: a warning says so. A prompt that ends in calls without an answer is a ConfigError, since
        whoever wrote it would have them run unasked; `resume=True` begins by running them. Where the history comes from
        a client that you do not trust, see `stepwell.untrusted`.
        """
        from .tools.loop import Loop, loop  # JSON Schema's machinery, as above

        how = Loop(
            max_steps=max_steps,
            tool_timeout=tool_timeout,
            approve=approve,
            stop_when=stop_when,
            on_tool_error=on_tool_error,
            react=react,
            resume=resume,
        )
        return self._carry(loop(self._core, model, prompt, tools, how, options, stream=False))

    def stream_tools(
        self,
        model: str | None,
        prompt: Any,
        tools: Iterable[Tool | Callable[..., Any]],
        *,
        max_steps: int = 8,
        tool_timeout: float | None = None,
        approve: Approve | None = None,
        stop_when: Callable[[Reply], bool] | None = None,
        on_tool_error: str = "tell",
        react: bool | None = None,
        resume: bool = False,
        **options: Any,
    ) -> Loops:
        """run_tools as it happens: iterate for the chunks of each answer and a ToolRun for each call."""
        from .tools.loop import Loop, loop  # JSON Schema's machinery, as above

        how = Loop(
            max_steps=max_steps,
            tool_timeout=tool_timeout,
            approve=approve,
            stop_when=stop_when,
            on_tool_error=on_tool_error,
            react=react,
            resume=resume,
        )
        return self._loops(loop(self._core, model, prompt, tools, how, options, stream=True))

    def submit_batch(self, model: str | None, prompts: Mapping[str, Any] | Iterable[Any], **options: Any) -> Jobs:
        """Hand in many prompts at once, to be answered within a day, at about half the price where a provider has
        batches (openai, anthropic, google, groq, mistral): gives a BatchJob, to be waited for and read.

        `prompts` go by ids of yours (letters, digits, - and _, at most 64), or in a list, whose ids are "0", "1" and so
        on. The options are those of generate_text and hold for all. Overrides apply; the steps that the client puts
        around calls do not, for nothing is called: `pipeline=` gives steps for these calls. Raises what any one of the
        calls would raise before it is sent, and NotSupported, before anything is.
        """
        from .batch.recipes import submit  # seldom wanted

        return self._jobs(submit(self._core, model, prompts, options))

    def batch_job(self, model: str | None, id: str, **options: Any) -> Jobs:
        """A batch that was handed in before, perhaps by another process. Its replies know nothing of their prompts."""
        from .batch.recipes import find  # seldom wanted

        return self._jobs(find(self._core, model, id, options))
