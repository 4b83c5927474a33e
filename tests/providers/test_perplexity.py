"""Perplexity's own: the order of messages, and documents."""

from __future__ import annotations

from typing import Any

import pytest
from catalog_hosts import sent

from stepwell import Context, user
from stepwell.errors import NotSupported
from stepwell.messages import File, Message, Text

MODEL = "perplexity:sonar-pro"


def messages_of(*messages: Message) -> tuple[Any, list[str]]:
    _, body, warned = sent(MODEL, Context(messages))
    return body["messages"], warned


def test_messages_of_one_role_become_one_since_it_refuses_two() -> None:
    """https://github.com/perplexityai/api-discussion/issues/265"""
    messages, warned = messages_of(user("a"), user("b"), Message("assistant", "c"), Message("assistant", ""), user("d"))
    assert messages == [
        {"role": "user", "content": "a\n\nb"},
        {"role": "assistant", "content": "c"},
        {"role": "user", "content": "d"},
    ]
    assert "history" in warned


def test_system_messages_come_first_and_a_user_opens() -> None:
    system = [Message("system", "s"), Message("system", "t")]
    messages, warned = messages_of(system[0], Message("assistant", "c"), system[1], user("d"))
    assert [message["role"] for message in messages] == ["system", "system", "user", "assistant", "user"]
    assert warned.count("history") == 2
    assert [message["role"] for message in messages_of(*system)[0]] == ["system", "system", "user"]


def test_documents_are_sent_by_address_or_as_bare_base64() -> None:
    files = File(data=b"%PDF-1", filename="a.pdf"), File(url="https://example.com/b.pdf", filename="b.pdf")
    messages, _ = messages_of(user("x"), Message("user", (Text("y"), *files)))
    assert messages[0]["content"][2:] == [
        {"type": "file_url", "file_url": {"url": "JVBERi0x"}, "file_name": "a.pdf"},
        {"type": "file_url", "file_url": {"url": "https://example.com/b.pdf"}, "file_name": "b.pdf"},
    ]
    with pytest.raises(NotSupported, match="file id"):
        messages_of(Message("user", (File(file_id="f"),)))
