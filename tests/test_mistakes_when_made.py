"""A programmer's mistake is found when it is made, as a ConfigError that says what is wrong and what to do."""

from __future__ import annotations

import asyncio
import pickle
import types
from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any

import httpx
import pytest
from in_turn import in_turn

import stepwell
from stepwell import Client, errors, fallback
from stepwell.declare import (
    Wire,
    at_most,
    clamp,
    convert,
    declare_provider,
    drop,
    move,
    ndjson,
    not_both,
    openai_chat,
    override,
    rename,
    when,
)
from stepwell.embeddings import Embedder
from stepwell.llm import LLM
from stepwell.steps import RateLimit, Run, around, circuit_breaker, on_chunk, on_error, on_request, on_response

GROQ = "groq:llama-3.3-70b-versatile"


async def awaited(*arguments: Any, **options: Any) -> Any: ...


async def agenerator(*arguments: Any) -> Any:
    yield


class AwaitedCall:
    async def __call__(self, *arguments: Any) -> Any: ...


def generator(request: Any) -> Any:
    yield


def no_parameters() -> Any: ...


def many(one: Any, two: Any, three: Any, four: Any, five: Any) -> Any: ...


NO_FUNCTIONS = {
    "an async function": (awaited, "async function"),
    "a part of an async function": (partial(awaited, 1), "async function"),
    "an async generator": (agenerator, "async function"),
    "an object whose call is async": (AwaitedCall(), "async function"),
    "a module": (types, "cannot be a module"),
    "a number": (3, "cannot be a int"),
    "too few parameters": (no_parameters, "does not fit"),
    "too many parameters": (many, "does not fit"),
}
WIRE_FUNCTIONS = (
    *("build_body", "encode_body", "decode_response", "extract_usage", "find_error", "parse_stream_protocol"),
    *("init_stream_state", "begins_stream", "decode_stream_event", "flush_stream_state", "accepts_part"),
)
PROVIDER_FUNCTIONS = ("prepare_request", "attach", "attach_stream", "normalize_model_id")
PLACES: dict[str, Callable[[Any], Any]] = {
    "around": lambda fn: around("mine", fn),
    "on_request": lambda fn: on_request("mine", fn),
    "on_response": lambda fn: on_response("mine", fn),
    "on_error": lambda fn: on_error("mine", fn),
    "on_chunk": lambda fn: on_chunk("mine", fn),
    "make= of on_chunk": lambda fn: on_chunk("mine", make=fn),
    "when of fallback": lambda fn: fallback(GROQ, when=fn),
    "translate_options": lambda fn: override(translate_options=fn),
    "a rule of translate_options": lambda fn: override(translate_options=[fn]),
    **{
        f"{name} of a Wire": lambda fn, name=name: Wire(
            **{"name": "w", "path": "/", "build_body": dict, "decode_response": max, name: fn}
        )
        for name in WIRE_FUNCTIONS
    },
    **{
        f"{name} of an override": lambda fn, name=name: override(**{name: fn})
        for name in (*WIRE_FUNCTIONS[:6], *PROVIDER_FUNCTIONS)
    },
    **{
        f"{name} of a declaration": lambda fn, name=name: declare_provider(
            "p", wire=openai_chat, base_url="https://p.test", **{name: fn}
        )
        for name in (*WIRE_FUNCTIONS[:6], *PROVIDER_FUNCTIONS)
    },
}


@in_turn("mistake", NO_FUNCTIONS)
@in_turn("place", PLACES)
def test_what_cannot_be_called_is_refused_where_it_is_given(place: str, mistake: str) -> None:
    value, said = NO_FUNCTIONS[mistake]
    with pytest.raises(errors.ConfigError) as caught:
        PLACES[place](value)
    assert said in str(caught.value) or "is not a rule" in str(caught.value)


@pytest.mark.parametrize("function", [awaited, types, 3, generator], ids=["async", "module", "number", "argument"])
def test_a_run_takes_a_plain_function_without_arguments(function: Any) -> None:
    with pytest.raises(errors.InvalidOption, match="the sync_fn of Run"):
        Run(function)


def test_a_module_of_protocols_is_refused_with_the_name_of_its_function() -> None:
    with pytest.raises(errors.InvalidOption, match="pass a function of it: ndjson.parse"):
        Wire(
            name="w", path="/", build_body=dict, decode_response=lambda data, model: None, parse_stream_protocol=ndjson
        )  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("make", [on_request, on_response])
def test_a_generator_function_belongs_to_around(make: Any) -> None:
    with pytest.raises(errors.InvalidOption, match=r"pass it to around\('generator', …\)"):
        make(generator)


def test_a_step_that_returns_a_coroutine_is_an_error_with_the_way_to_write_it() -> None:
    client = Client(pipeline=on_request("mine", lambda request: awaited(request)), api_keys={"groq": "k"})
    with pytest.raises(errors.StepError, match="returned coroutine instead of a Request.*yields Run"):
        client.generate_text(GROQ, "hi")


@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        (stepwell.Budget, r"make an object of it: Budget\(...\)"),
        ([RateLimit], r"make an object of it: RateLimit\(...\)"),
        (circuit_breaker, r"call it: pipeline=circuit_breaker\(...\)"),
        ([fallback], r"call it: pipeline=fallback\(...\)"),
        (stepwell.cache, r"call it: pipeline=cache\(...\)"),
        (stepwell.on_request, r"call it: pipeline=on_request\(...\)"),
        (awaited, "async function"),
        (generator, "is a generator function"),
    ],
)
def test_a_pipeline_of_a_client_that_is_no_step_is_refused(pipeline: Any, said: str) -> None:
    with pytest.raises(errors.ConfigError, match=said):
        Client(pipeline=pipeline, api_keys={"groq": "k"}).pipeline_for(GROQ)


class WithoutFlush:
    def feed(self, chunks: Any) -> Any:
        return chunks


def test_a_class_that_is_no_stage_is_refused_by_on_chunk() -> None:
    with pytest.raises(errors.InvalidOption, match="has no flush"):
        on_chunk(WithoutFlush)


@pytest.mark.parametrize("name", ["gpt-4o", "", "openai:", 7, None, ("gpt-4o", {}), ("a", "b", "c")])
def test_a_fallback_model_that_is_no_name_is_refused_when_the_step_is_made(name: Any) -> None:
    with pytest.raises(errors.UnknownModel):
        fallback("anthropic:claude-sonnet-4-5", name)


def test_the_options_of_a_fallback_model_are_a_mapping() -> None:
    with pytest.raises(errors.InvalidOption, match="the options of openai:gpt-4o cannot be a int"):
        fallback(("openai:gpt-4o", 3))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entry", "kind", "said"),
    [
        ("opnai:gpt-4o", errors.UnknownProvider, "did you mean 'openai'"),
        (("openai:gpt-4o", {"max_tokns": 3}), errors.InvalidOption, "did you mean 'max_tokens'"),
        (("openai:gpt-4o", {"max_tokens": "3"}), errors.InvalidOption, "does not fit"),
        (("openai:gpt-4o", {"retries": -1}), errors.InvalidOption, "does not fit"),
        (("openai:gpt-4o", {"wire": "openai_chatt"}), errors.InvalidOption, "did you mean 'openai_chat'"),
    ],
)
@pytest.mark.parametrize("of_the_call", [False, True], ids=["of the client", "of the call"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_fallback_that_could_never_work_is_found_before_anything_is_sent(
    entry: Any, kind: type[Exception], said: str, of_the_call: bool, stream: bool
) -> None:
    def unsent(request: httpx.Request) -> httpx.Response:
        raise AssertionError("sent")

    step = fallback(entry)
    client = Client(
        pipeline=None if of_the_call else step, transport=httpx.MockTransport(unsent), api_keys={"groq": "k"}
    )
    call = client.stream_text if stream else client.generate_text
    with pytest.raises(kind, match=said):
        call(GROQ, "hi", pipeline=step if of_the_call else None)


def test_a_fallback_between_two_models_that_fall_back_to_each_other_is_planned_once() -> None:
    client = Client(pipeline=fallback("openai:gpt-4o", "groq:x"), api_keys={"groq": "k", "openai": "k"})
    assert "fallback" in client.pipeline_for(GROQ)


MISSPELT = "temprature"
RULES = {
    "rename": rename(MISSPELT, "t"),
    "drop": drop("seed", MISSPELT, why="it is not there"),
    "clamp": clamp(MISSPELT, high=1),
    "at_most": at_most(MISSPELT, 4, why="that is all"),
    "move": move(MISSPELT, "a.b"),
    "convert": convert(MISSPELT, {0: 1}),
    "when": when(lambda options, model: True, clamp(MISSPELT, high=1)),
    "not_both": not_both("seed", MISSPELT, why="one is enough"),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("where", ["declared", "for some models", "changed"])
def test_a_rule_of_an_option_that_does_not_exist_is_refused(rule: str, where: str) -> None:
    acme = partial(declare_provider, "acme", wire=openai_chat, base_url="https://acme.test")
    with pytest.raises(errors.InvalidOption, match="no call has an option 'temprature'.*did you mean 'temperature'"):
        match where:
            case "declared":
                acme(translate_options=[RULES[rule]])
            case "for some models":
                acme(models={"*": override(translate_options=[RULES[rule]])})
            case _:
                acme().with_steps(translate_options=[RULES[rule]])


def test_a_rule_may_read_what_another_rule_writes_and_the_options_of_the_provider() -> None:
    declare_provider(
        "acme",
        wire=openai_chat,
        base_url="https://acme.test",
        options={"safety": {"type": "boolean"}},
        translate_options=[rename("max_tokens", "limit"), clamp("limit", high=10), drop("safety", why="it is on")],
    )


def test_the_names_of_rules_are_not_checked_beside_a_function_of_the_users() -> None:
    declare_provider(
        "acme", wire=openai_chat, base_url="https://a.test", translate_options=[lambda o, m: [], drop("own", why="no")]
    )


def test_the_error_of_an_unknown_field_of_a_declaration_has_the_nearest_name() -> None:
    for name, says in {"env_kye": "did you mean 'env_key'", "key_env": "it is env_key='ACME_API_KEY'"}.items():
        with pytest.raises(errors.InvalidOption, match=says):
            declare_provider("x", wire=openai_chat, base_url="https://x.test", **{name: "X"})


def test_each_field_is_listed_once_and_no_internal_one() -> None:
    with pytest.raises(errors.InvalidOption) as caught:
        declare_provider("x", wire=openai_chat, base_url="https://x.test", zzzz=1)
    names = str(caught.value).partition("known are ")[2].split(", ")
    assert len(names) == len(set(names))
    assert {"changes", "source", "wires"}.isdisjoint(names)
    assert {"wire", "env_key", "build_body"} < set(names)


def test_the_settings_of_a_client_are_listed_without_a_name_that_is_none() -> None:
    with pytest.raises(errors.InvalidOption) as caught:
        Client(model="x")  # type: ignore[call-arg]
    assert "unknown" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: stepwell.Budget(-1), "the limit of a budget must be zero or more, not -1"),
        (
            lambda: Client(api_keys={"openai": "k"}).generate_text("openai:gpt-4o", "x", reasoning_effort="lots"),  # type: ignore[arg-type]
            "none of its values; use one of none, minimal",
        ),
        (
            lambda: Client(api_keys={"openai": "k"}).generate_text("openai:gpt-4o", "x", response_format=Wire),  # type: ignore[arg-type]
            "pass a class to generate_object",
        ),
        (lambda: stepwell.Context([{"role": "user", "content": [{"type": "image", "source": {}}]}]), "or Image"),
        (lambda: stepwell.Image("cat.png"), r"Image\.from_file\(path\), Image\(url=…\) or Image\(data=…\)"),  # type: ignore[arg-type, call-arg]
        (lambda: stepwell.File(b"%PDF"), r"File takes no argument without a name.*File\.from_file\(path\)"),  # type: ignore[arg-type, call-arg]
        (lambda: stepwell.user(["hi"], stepwell.Image(url="https://x")), "cannot hold a list; use text or a part"),
        (lambda: pickle.dumps(Client()), "Client objects cannot be pickled or copied: .* make one in each process"),
        (lambda: pickle.dumps(LLM("openai:gpt-4o", client=Client())), "without a client of its own uses that of its"),
        (lambda: copy(stepwell.AsyncClient()), "AsyncClient objects cannot be pickled or copied"),
    ],
    ids=[
        *(
            "a budget",
            "an enum",
            "a class as a format",
            "a vendor's dict of an image",
            "a path as an image",
            "bytes as a file",
        ),
        *("a list beside a part", "a pickled client"),
        *("a pickled LLM with a client", "a copied client"),
    ],
)
def test_messages_use_the_right_words_once(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(errors.ConfigError, match=said) as caught:
        make()
    assert str(caught.value).count("minimal") <= 1


def test_an_async_client_finds_them_too() -> None:
    client = stepwell.AsyncClient(pipeline=fallback("opnai:gpt-4o"), api_keys={"groq": "k"})
    with pytest.raises(errors.UnknownProvider):
        asyncio.run(client.generate_text(GROQ, "hi"))


# What everybody expects to work.


def test_a_message_may_be_given_part_by_part() -> None:
    image = stepwell.Image(url="https://x/a.png")
    assert stepwell.user("what is it?", image) == stepwell.user(["what is it?", image])
    assert stepwell.assistant("this", image) == stepwell.assistant(["this", image])


def test_an_image_in_either_dict_form_of_openai_is_an_image() -> None:
    nested = {"type": "image_url", "image_url": {"url": "https://x/a.png", "detail": "low"}}
    flat = {"type": "input_image", "image_url": "https://x/a.png", "detail": "low"}
    image = stepwell.user(stepwell.Image(url="https://x/a.png", detail="low"))
    for part in (nested, flat):
        assert stepwell.Context([{"role": "user", "content": [part]}]).messages == (image,)


def test_the_first_number_of_a_rate_limit_is_its_requests() -> None:
    assert vars(RateLimit(500))["_limits"] == vars(RateLimit(requests=500))["_limits"]


@pytest.mark.parametrize("module", sorted(stepwell.MODULES))
def test_every_module_lists_its_public_names(module: str) -> None:
    found = getattr(stepwell, module)
    assert set(getattr(found, "__all__", ())) <= set(dir(found))


def test_an_llm_and_an_embedder_of_the_process_s_client_are_pickled() -> None:
    assert pickle.loads(pickle.dumps(LLM("openai:gpt-4o"))).model == "openai:gpt-4o"
    assert pickle.loads(pickle.dumps(Embedder("openai:text-embedding-3-small"))).model.id == "text-embedding-3-small"


@pytest.mark.parametrize("name", ["acme", None, openai_chat])
def test_what_is_registered_is_a_provider(name: Any) -> None:
    with pytest.raises(errors.ConfigError, match="is not a provider; pass what declare_provider"):
        stepwell.register(name)


def test_a_public_name_that_is_not_at_the_top_is_found_by_its_error() -> None:
    for name, place in {"concurrency": "steps", "FakeModel": "testing", "ToolCall": "messages"}.items():
        with pytest.raises(AttributeError, match=f"it is in stepwell.{place}$"):
            getattr(stepwell, name)
    for name in ("preview", "health", "__wrapped__"):  # methods of a client, and no modules of the same name
        with pytest.raises(AttributeError, match=f"no attribute '{name}'$"):
            getattr(stepwell, name)
