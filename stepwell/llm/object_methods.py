"""The methods of an LLM that fill a template and return an object of the type that is passed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, overload

from ..client_pair import ClientPair
from ..pipeline.effects import Flow
from ..prompts import TemplateLike

T = TypeVar("T")


class ObjectMethods:
    """The part of an LLM that has these methods; the LLM has what they call."""

    clients: ClientPair

    def _predict_workflow(self, schema: object, prompt: TemplateLike, values: Mapping[str, object]) -> Flow:
        raise NotImplementedError

    @overload
    def structured_predict(self, schema: type[T], prompt: TemplateLike, /, **values: object) -> T: ...
    @overload
    def structured_predict(self, schema: object, prompt: TemplateLike, /, **values: object) -> Any: ...
    def structured_predict(self, schema: object, prompt: TemplateLike, /, **values: object) -> Any:
        """Fill a template and return the answer as an object that fits the schema."""
        return self.clients.sync.run_workflow(self._predict_workflow(schema, prompt, values)).object

    @overload
    async def astructured_predict(self, schema: type[T], prompt: TemplateLike, /, **values: object) -> T: ...
    @overload
    async def astructured_predict(self, schema: object, prompt: TemplateLike, /, **values: object) -> Any: ...
    async def astructured_predict(self, schema: object, prompt: TemplateLike, /, **values: object) -> Any:
        """Fill a template and return an object; see `structured_predict`."""
        return (await self.clients.asynchronous.run_workflow(self._predict_workflow(schema, prompt, values))).object
