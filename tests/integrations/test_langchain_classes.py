"""A pydantic class reads LangChain's structured output as it reads JSON, with its validators, and strict or not."""

from __future__ import annotations

import datetime
import enum
from typing import Annotated, Any

import pytest
from langchain_core.exceptions import OutputParserException
from pydantic import BaseModel, BeforeValidator, ConfigDict

from stepwell import Client
from stepwell.integrations.langchain import ChatStepwell
from stepwell.messages import ToolCall
from stepwell.schemas.message import Message
from stepwell.schemas.parts import Text
from stepwell.schemas.reply import Reply
from stepwell.testing.fake import FakeModel

pytestmark = pytest.mark.usefixtures("framework")


class Sky(enum.Enum):
    CLEAR = "clear"


class Report(BaseModel):
    """A report."""

    model_config = ConfigDict(strict=True)
    sky: Sky
    day: datetime.date
    notes: Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


def reporting(text: str, method: str) -> Any:
    """Return LangChain's chain that asks for a Report; each answer is the text, or a call with it as arguments."""
    part: Any = ToolCall("1", "Report", text) if method == "function_calling" else Text(text)
    fake = FakeModel(*[Reply(Message("assistant", [part]), "stop")] * 2)
    return ChatStepwell(model="fake:m", client=Client(registry=fake.registry)).with_structured_output(
        Report, method=method
    )


@pytest.mark.parametrize("method", ["json_schema", "json_mode", "function_calling"])
def test_a_strict_class_reads_as_it_reads_json(method: str) -> None:
    chain = reporting('{"sky": "clear", "day": "2026-11-30", "notes": "cold"}', method)
    report = Report(sky=Sky.CLEAR, day=datetime.date(2026, 11, 30), notes=["cold"])
    assert chain.invoke("hi") == report
    assert list(chain.stream("hi")) == [report]


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
async def test_an_object_that_its_class_refuses_is_an_error_of_a_stream_too(method: str) -> None:
    refused = OutputParserException if method == "json_schema" else ValueError
    with pytest.raises(refused, match="Report"):
        reporting('{"sky": "dark"}', method).invoke("hi")
    with pytest.raises(refused, match="Report"):
        list(reporting('{"sky": "dark"}', method).stream("hi"))
    with pytest.raises(refused, match="Report"):
        [each async for each in reporting('{"sky": "dark"}', method).astream("hi")]
