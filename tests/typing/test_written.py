"""Generated files are what their scripts write from the one source."""

import inspect
from pathlib import Path
from typing import get_type_hints

import pytest
from attrs import fields

import stepwell
from stepwell import AsyncClient, Client, functions, options
from stepwell.llm.custom import CustomLLMSettings
from stepwell.llm.llm import LLM
from stepwell.providers.declare.steps import StepOverrides
from stepwell.providers.declare.wire import Wire
from stepwell.schemas.options import CALL_OPTIONS, OPERATION_OPTIONS
from stepwell.workflows.tools.loop import Loop, LoopOptions
from tools.api import NOT_A_FUNCTION, WRITTEN, methods
from tools.option_types import CLASSES, formatted


@pytest.mark.usefixtures("new_process")
@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_the_file_equals_the_output_of_its_script(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == formatted(WRITTEN[path](), path), "run: python -m tools.api"


@pytest.mark.parametrize("operation", CLASSES)
def test_every_option_of_the_table_is_a_key_and_no_other(operation: str) -> None:
    kind = getattr(options, CLASSES[operation])
    table = {**CALL_OPTIONS, **OPERATION_OPTIONS[operation]}
    assert get_type_hints(kind).keys() == table.keys() and not kind.__required_keys__


def own_keys(kind: type) -> set[str]:
    """Return the keys that a TypedDict adds to the options of a call."""
    return get_type_hints(kind).keys() - get_type_hints(options.ChatOptions).keys()


def test_options_that_are_passed_on_to_a_tool_loop_are_its_settings() -> None:
    assert own_keys(LoopOptions) == {each.name for each in fields(Loop)}


def test_an_llm_of_your_own_takes_all_the_settings_of_an_llm() -> None:
    settings = {*inspect.signature(LLM).parameters} - {"model", "client", "async_client", "messages_to_prompt"}
    assert own_keys(CustomLLMSettings) == settings - {"options"}


def test_a_step_is_typed_as_the_field_of_a_wire_that_it_replaces() -> None:
    replaced, wire = get_type_hints(StepOverrides), get_type_hints(Wire)
    both = replaced.keys() & wire.keys()
    assert len(both) > 10 and {name: replaced[name] for name in both} == {name: wire[name] for name in both}


def test_async_client_and_functions_have_every_method_of_client() -> None:
    for name in methods():
        ours, awaited = getattr(Client, name), getattr(AsyncClient, name)
        assert inspect.signature(ours).parameters == inspect.signature(awaited).parameters
        if name not in NOT_A_FUNCTION:
            assert getattr(stepwell, name) == getattr(functions, name)
            assert getattr(stepwell, f"a{name}") == getattr(functions, f"a{name}")


def test_the_top_of_the_package_is_one_short_list() -> None:
    assert len(stepwell.__all__) <= 68
    assert all(hasattr(stepwell, name) for name in (*stepwell.__all__, *stepwell.MODULES))
