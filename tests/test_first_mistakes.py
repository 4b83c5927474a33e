"""What people who are new to the library do wrong first is an error that shows how to write it, never nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import stepwell
from stepwell import AsyncClient, Client, Context, around, errors, on_request, user
from stepwell.cli import main
from stepwell.declare import declare_provider, default, no_key, openai_chat
from stepwell.llm import ChatTemplate
from stepwell.model_metadata.provider_ids import FOREIGN_IDS
from stepwell.providers.declare.registry import REGISTRY, Registry
from stepwell.steps import Request, round_robin
from stepwell.testing import Cassette, FakeModel, NotRecorded


def request_step(request: Any) -> Any:
    return request


def response_step(response: Any) -> Any:
    return response


def chunk_step(chunk: Any) -> Any:
    return chunk


def error_step(request: Any, error: Any) -> Any:
    return None


def whole_step(request: Any, call: Any) -> Any:
    return call(request)


def fake_client(*turns: Any, **settings: Any) -> Client:
    return Client(registry=FakeModel(*turns, repeat=True).registry, **settings)


def test_a_function_of_a_step_is_not_taken_for_a_function_of_a_pipeline() -> None:
    makers = {
        "on_request": request_step,
        "on_response": response_step,
        "on_chunk": chunk_step,
        "on_error": error_step,
        "around": whole_step,
    }
    for maker, function in makers.items():
        for pipeline in (function, [function]):
            with pytest.raises(errors.ConfigError, match=rf"no step yet; pass {maker}\({function.__name__}\)"):
                Client(pipeline=pipeline)


def test_around_takes_a_function_alone_as_the_short_forms_do() -> None:
    @around
    def note(request: Request, call: Any) -> Any:
        response = yield from call(request)
        return response

    client = fake_client("Hello!", pipeline=note)
    assert client.pipeline_for("fake:any").names()[0] == "note"
    assert client.generate_text("fake:any", "hi").text == "Hello!"


def test_a_request_refuses_a_name_for_its_model_and_a_list_for_its_context() -> None:
    for changes, hint in (({"model": "fake:b"}, "other_pipeline"), ({"context": [user("hi")]}, "Context")):
        client = fake_client("Hello!", pipeline=on_request("mine", lambda request, new=changes: request.replace(**new)))
        with pytest.raises(errors.StepError, match=hint):
            client.generate_text("fake:a", "hi")


def test_a_pattern_that_names_no_provider_is_refused_with_wildcards_too() -> None:
    client = Client()
    with pytest.raises(errors.UnknownProvider, match=r"'openai:gpt-4\*'"):
        client.override("gpt-4*", translate_options=[default("seed", 1)])
    for pattern in ("*", "open*", "*:gpt-4*"):
        client.override(pattern, translate_options=[default("seed", 1)])


def test_an_object_in_the_place_of_a_schema_is_named_by_its_class_alone() -> None:
    for given, said in ((Context([user("secret")]), "the class: Context"), ("secret?", "class str")):
        with pytest.raises(errors.SchemaError, match=said) as caught:
            fake_client("{}").generate_object("fake:a", "hi", given)
        assert "secret" not in str(caught.value)


def test_a_prompt_and_a_schema_in_each_others_place_are_an_error_that_says_so() -> None:
    async def awaited(schema: Any, prompt: Any) -> None:
        await AsyncClient(registry=FakeModel("1").registry).generate_object("fake:a", schema, prompt)

    for schema in (int, list[int], {"type": "integer"}, dict[str, int]):
        for prompt in ("secret?", [user("secret?")], Context("secret?")):
            client = fake_client("1")
            calls = (
                lambda s=schema, p=prompt, c=client: c.generate_object("fake:a", s, p),
                lambda s=schema, p=prompt, c=client: c.stream_object("fake:a", s, p).reply(),
                lambda s=schema, p=prompt: asyncio.run(awaited(s, p)),
            )
            for call in calls:
                says = r"in each other's place; .*generate_object\(model, prompt, schema\)"
                with pytest.raises(errors.SchemaError, match=says) as caught:
                    call()
                assert "secret" not in str(caught.value)


def test_a_model_that_is_not_listed_says_which_may_be_meant() -> None:
    hint = str(stepwell.models.get("openai:gpt-4o-mni").facts["unlisted"])
    assert hint.endswith("prices are unknown; did you mean 'gpt-4o-mini'?")
    reply = Client(registry=FakeModel("x", stands_for="openai:*").registry).generate_text("openai:gpt-4o-mni", "hi")
    assert [each.why for each in reply.warnings] == [hint]
    assert hint in repr(stepwell.models.get("openai:gpt-4o-mni"))
    assert "unlisted" not in stepwell.models.get("openai:gpt-4o").facts
    assert not stepwell.models.get("nobody:m").facts


def test_models_of_round_robin_in_a_list_are_refused_with_the_way_to_write_them() -> None:
    with pytest.raises(errors.InvalidOption, match=r"round_robin\('model', 'model'\)"):
        round_robin(("fake:a", "fake:b"))  # type: ignore[arg-type]


def test_an_answer_without_usage_is_not_said_to_have_broken_off() -> None:
    fake = FakeModel("Hello!", stands_for="openai:*")
    cost = Client(registry=fake.registry).generate_text("openai:gpt-4o", "hi").cost
    assert (cost.total, cost.reason) == (None, "no usage was reported")


def test_a_declared_provider_without_a_variable_for_its_key_says_how_to_declare_one() -> None:
    fields: dict[str, Any] = {"wire": openai_chat, "base_url": "https://acme.test"}
    registry = Registry()
    for id, login in (("acme-eu", {}), ("acme", {"env_key": "ACME_TOKEN"}), ("open", {"auth": no_key})):
        registry.register(declare_provider(id, **fields, **login))
    client = Client(registry=registry)
    with pytest.raises(errors.MissingKey, match=r'declare env_key="ACME_EU_API_KEY", or auth=no_key .* pass api_key='):
        client.preview("acme-eu:m", "hi")
    with pytest.raises(errors.MissingKey, match="set ACME_TOKEN, or pass api_key="):
        client.preview("acme:m", "hi")
    assert client.preview("open:m", "hi").url == "https://acme.test/chat/completions"


def test_a_provider_that_was_not_registered_is_an_error_that_says_so() -> None:
    with pytest.raises(errors.UnknownProvider, match="stepwell.register"):
        stepwell.generate_text("acme_of_mine:m", "hi")


def test_a_recording_of_a_local_server_holds_for_any_port(tmp_path: Path) -> None:
    answer = httpx.MockTransport(lambda request: httpx.Response(200, json={"choices": [{"message": {"content": "A"}}]}))

    def ask(url: str) -> str:
        with Client(transport=Cassette(tmp_path / "c.json", transport=answer), base_urls={"vllm": url}, retries=0) as c:
            return c.generate_text("vllm:m", "hi").text

    assert ask("http://127.0.0.1:4001/v1") == ask("http://127.0.0.1:4002/v1") == "A"
    with pytest.raises(NotRecorded, match="only POST http://127.0.0.1:4001/v1/chat/completions"):
        ask("https://vllm.example/v1")


def test_the_parts_of_a_job_are_listed_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, settings = tmp_path / "work.sqlite", {"model": "fake:a", "key": "id"}
    client = fake_client("Hello!")
    client.map([{"id": "i0"}, {"id": "i1"}], prompt="{id}", journal=path, **settings).run()
    main(["jobs", str(path)])
    job = capsys.readouterr().out.splitlines()[1].partition("  ")[0]
    main(["jobs", str(path), "show", job])
    rows = capsys.readouterr().out.splitlines()[1:]
    assert sorted(row[:2] for row in rows) == ["i0", "i1"]
    part = rows[0].partition("  ")[0]
    assert main(["jobs", str(path), "show", job, "--part", part]) == 0
    assert main(["jobs", str(path), "forget", job, "--part", part]) == 0
    capsys.readouterr()
    main(["jobs", str(path), "show", job])
    assert [row[:2] for row in capsys.readouterr().out.splitlines()[1:]] == [rows[1][:2]]


def test_a_provider_is_found_by_its_name_in_other_libraries() -> None:
    for id, own in FOREIGN_IDS.items():
        assert REGISTRY.knows(own) and not REGISTRY.knows(id), id
        with pytest.raises(errors.UnknownProvider, match=f"did you mean '{own}'"):
            Client().preview(f"{id}:m", "hi")
        with pytest.raises(errors.UnknownModel, match=f"write {own}:some-model"):
            Client().preview(f"{id}/some-model", "hi")


def test_messages_of_other_libraries_are_refused_by_their_class() -> None:
    class Theirs:
        role, content = "assistant", "Hello!"

        def __iter__(self) -> Iterator[tuple[str, str]]:  # as pydantic's objects have it
            return iter([("role", self.role), ("content", self.content)])

        def model_dump(self) -> dict[str, str]:
            return dict(self)

    client = fake_client("Hello!")
    for prompt in (Theirs(), ["hi", Theirs()], [user("hi"), Theirs()]):
        with pytest.raises(errors.ConfigError, match="cannot (be|hold) a Theirs"):
            client.generate_text("fake:a", prompt)
    with pytest.raises(errors.ConfigError, match=r"Theirs; pass its model_dump\(\)"):
        client.generate_text("fake:a", [user("hi"), Theirs()])
    assert client.generate_text("fake:a", [user("hi"), Theirs().model_dump(), "Go on."]).text == "Hello!"


def test_a_template_takes_no_pairs_of_a_role_and_a_text() -> None:
    with pytest.raises(errors.ConfigError, match="cannot be a tuple"):
        ChatTemplate([("system", "You speak {language}."), "{question}"])  # type: ignore[list-item]


def test_settings_that_belong_to_something_else_are_named() -> None:
    with pytest.raises(errors.ConfigError, match="registry cannot be a FakeModel; pass its .registry"):
        Client(registry=FakeModel("Hello!"))  # type: ignore[arg-type]
    with pytest.raises(errors.ConfigError, match="job= needs a journal"):
        fake_client("Hello!").map(["a"], model="fake:a", prompt="{item}", job="j").run()
    with pytest.raises(errors.InvalidOption, match="Client"):
        fake_client("Hello!").generate_text("fake:a", "hi", journal="work.sqlite")  # type: ignore[call-arg]
    with pytest.raises(errors.InvalidOption, match="out='results.jsonl'"):
        fake_client("Hello!").map(["a"], model="fake:a", prompt="{item}", output="o.jsonl").run()  # type: ignore[call-arg]
    with pytest.raises(AttributeError, match="call client.map"):
        stepwell.map  # type: ignore[attr-defined]  # noqa: B018


def test_a_fake_without_a_turn_for_a_correction_says_what_the_call_was_for() -> None:
    client = Client(registry=FakeModel("no number").registry)
    with pytest.raises(AssertionError, match="no turn left") as caught:
        client.generate_object("fake:a", "hi", int)
    assert "does not fit the schema" in caught.value.__notes__[0]
