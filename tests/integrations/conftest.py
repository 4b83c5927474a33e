"""LangChain's suite skips, while it runs, what a class declares its model cannot do. Such tests are left out before, by
the very same declarations, so that a skip in this project is always a mistake."""

from __future__ import annotations

import pytest

DECLARED_BY = {
    "test_image_inputs": "supports_image_inputs",
    "test_image_tool_message": "supports_image_tool_message",
    "test_pdf_inputs": "supports_pdf_inputs",
    "test_pdf_tool_message": "supports_pdf_tool_message",
    "test_audio_inputs": "supports_audio_inputs",
    "test_json_mode": "supports_json_mode",
    "test_stream_time": "enable_vcr_tests",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if _declared(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _declared(item: pytest.Item) -> bool:
    declaration = DECLARED_BY.get(getattr(item, "originalname", item.name))
    return declaration is not None and getattr(getattr(item, "cls", None), declaration, None) is False
