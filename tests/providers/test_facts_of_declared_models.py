"""A declaration brings the facts of its models, which are found wherever the models of the catalog are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

import stepwell
from stepwell import Client, errors
from stepwell.catalog import Catalog
from stepwell.declare import Provider, declare_provider, openai_chat
from stepwell.providers.declare.registry import Registry

FACTS = {
    "m-1": {"context_window": 8192, "max_output_tokens": 10, "tools": True, "prices": {"input": "1", "output": "2"}}
}
ANSWER = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10**6, "completion_tokens": 0, "total_tokens": 10**6},
}


def declared(id: str = "acme-facts", **facts: Any) -> Provider:
    return declare_provider(
        id, wire=openai_chat, base_url="https://acme.test/v1", env_key="ACME", model_facts=FACTS, **facts
    )


@pytest.fixture
def registered() -> Iterator[Provider]:
    provider = stepwell.register(declared())
    yield provider
    stepwell.unregister(provider.id)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("name", ["acme-facts", "acme_facts", "Acme-Facts"])
def test_they_are_found_in_the_catalog_under_every_spelling(name: str) -> None:
    model = stepwell.models.get(f"{name}:m-1")
    assert (model.known, model.context_window, model.tools) == (True, 8192, True)
    assert [each.id for each in stepwell.models.find(name)] == ["m-1"]


@pytest.mark.usefixtures("registered")
def test_they_end_with_the_registration() -> None:
    stepwell.unregister("acme_facts")
    assert not stepwell.models.get("acme-facts:m-1").known
    with pytest.raises(errors.UnknownProvider):
        stepwell.models.find("acme-facts")
    stepwell.register(declared())


@pytest.mark.usefixtures("registered")
def test_a_later_declaration_of_the_same_provider_replaces_them() -> None:
    stepwell.register(declared("acme_facts", name="Acme"))
    assert stepwell.models.get("acme_facts:m-1").context_window == 8192


@pytest.mark.parametrize("catalog", [None, Catalog(None)], ids=["the packaged catalog", "a catalog of one's own"])
def test_they_hold_for_the_calls_of_a_registry_of_ones_own(catalog: Catalog | None) -> None:
    registry = Registry()
    registry.register(declared())
    client = Client(
        transport=httpx.MockTransport(lambda request: httpx.Response(200, json=ANSWER)),
        registry=registry,
        catalog=catalog,
        api_keys={"acme_facts": "k"},
    )
    reply = client.generate_text("acme_facts:m-1", "hi", max_tokens=99)
    assert reply.cost.total == Decimal(1)
    assert [warning.subject for warning in reply.warnings] == ["max_tokens"]
    assert not stepwell.models.get("acme_facts:m-1").known


@pytest.mark.parametrize(
    ("facts", "said"),
    [({"m": {"context_windw": 1}}, "context_windw"), ({"m": {"prices": {"input": -1}}}, "acme:m.*zero or more")],
)
def test_a_wrong_fact_is_refused_when_it_is_declared(facts: Any, said: str) -> None:
    with pytest.raises(errors.ConfigError, match=said):
        declare_provider("acme", wire=openai_chat, base_url="https://acme.test", model_facts=facts)


PLUGIN = """
from stepwell.declare import declare_provider, openai_chat
facts = {"m-1": {"context_window": 8192}}
acme = declare_provider("acmeplug", wire=openai_chat, base_url="https://a.test/v1", model_facts=facts)
"""


def installed(folder: Path, module: str, code: str) -> None:
    (folder / f"{module}.py").write_text(code)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[stepwell.providers]\nacmeplug = {module}:acme\n")


def run(folder: Path, code: str) -> str:
    program = f"import sys; sys.path.insert(0, {str(folder)!r})\n{code}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


@pytest.mark.usefixtures("new_process")
@pytest.mark.parametrize("look", ["get('acmeplug:m-1')", "find('acmeplug')[0]"])
def test_those_of_a_plugin_are_found_before_anything_else_is_asked_of_it(tmp_path: Path, look: str) -> None:
    installed(tmp_path, "acme_plugin", PLUGIN)
    assert run(tmp_path, f"import stepwell; print(stepwell.models.{look}.context_window)") == "8192\n"


@pytest.mark.usefixtures("new_process")
def test_a_plugin_that_cannot_be_imported_says_which_it_is_and_why(tmp_path: Path) -> None:
    installed(tmp_path, "broken_plugin", "raise RuntimeError('it wants acme-sdk>=2')")
    said = run(tmp_path, "import stepwell; stepwell.provider('acmeplug')")
    for part in ("'acmeplug'", "broken_plugin:acme", "RuntimeError: it wants acme-sdk>=2", "uninstall broken_plugin"):
        assert part in said
    listed = run(tmp_path, "from stepwell.cli.main import main; sys.argv[1:] = ['providers']; main()")
    assert "warning: the plugin for provider 'acmeplug', broken_plugin:acme, cannot be loaded" in listed


def test_a_provider_that_is_not_there_cannot_be_unregistered() -> None:
    with pytest.raises(errors.UnknownProvider, match="did you mean 'openai'"):
        stepwell.unregister("opnai")
