"""Requests to generateContent: turns, results, tools, options; checked against Google's own types."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from gemini import answer, body_of, decoded
from google.genai import types

from stepwell import File, Image, Message, Tool
from stepwell.messages import Audio, Opaque, Reasoning, Text, ToolCall, Video
from stepwell.providers.wires.google_generate import google_generate
from stepwell.providers.wires.google_generate.encode import NAME
from stepwell.schemas import errors
from stepwell.schemas.message import assistant, system, tool_result, user

from recordings import Recording, by_id, recordings, replay

WHOLE = [each for each in recordings("google_generate", streaming=False) if each.status == 200]


@pytest.mark.parametrize(
    ("message", "encoded"),
    [
        (user("hi"), {"role": "user", "parts": [{"text": "hi"}]}),
        (assistant("yes"), {"role": "model", "parts": [{"text": "yes"}]}),
        (
            user(["see", Image(data=b"\x89PNG")]),
            {"role": "user", "parts": [{"text": "see"}, {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}}]},
        ),
        (
            user(Image(url="data:image/gif;base64,R0lG")),
            {"role": "user", "parts": [{"inlineData": {"mimeType": "image/gif", "data": "R0lG"}}]},
        ),
        (
            user(Video(url="gs://b/v.mp4", extra={NAME: {"videoMetadata": {"fps": 1}}})),
            {
                "role": "user",
                "parts": [
                    {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/v.mp4"}, "videoMetadata": {"fps": 1}}
                ],
            },
        ),
        (
            user(File(file_id="https://generativelanguage.googleapis.com/v1beta/files/a")),
            {
                "role": "user",
                "parts": [{"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a"}}],
            },
        ),
        (
            user(Audio(data=b"ID3")),
            {"role": "user", "parts": [{"inlineData": {"mimeType": "audio/mpeg", "data": "SUQz"}}]},
        ),
        (
            assistant([Reasoning("hm", "sig", wire="anthropic_messages"), Opaque("openai_responses", {}), Text("yes")]),
            {"role": "model", "parts": [{"text": "yes"}]},
        ),
    ],
)
def test_each_kind_of_turn_is_encoded(message: Message, encoded: dict[str, Any]) -> None:
    opening = [{"role": "user", "parts": [{"text": " "}]}] if message.role == "assistant" else []
    assert body_of(message)["contents"] == [*opening, encoded]


def test_turns_of_one_role_are_merged_and_empty_ones_removed() -> None:
    body = body_of(
        system("be kind"), user("a"), user(["", "b"]), assistant(""), system("be brief"), assistant("c"), assistant("d")
    )
    assert body["systemInstruction"] == {"parts": [{"text": "be kind"}, {"text": "be brief"}]}
    assert [(turn["role"], [part["text"] for part in turn["parts"]]) for turn in body["contents"]] == [
        ("user", ["a", "b"]),
        ("model", ["c", "d"]),
    ]


def test_results_follow_their_calls_in_order_by_name_and_before_all_else() -> None:
    calls = [ToolCall("x", "f", '{"n":1}'), ToolCall("y", "g", ""), ToolCall("z", "f", '{"n":2}')]
    results = [tool_result("z", "three"), user("and?"), tool_result("y", "no", is_error=True), tool_result("x", "one")]
    _, model, answers = body_of(user("go"), assistant(calls), *results)["contents"]
    assert [part["functionCall"] for part in model["parts"]] == [
        {"name": "f", "args": {"n": 1}},
        {"name": "g", "args": {}},
        {"name": "f", "args": {"n": 2}},
    ]
    assert answers == {
        "role": "user",
        "parts": [
            {"functionResponse": {"name": "f", "response": {"output": "one"}}},
            {"functionResponse": {"name": "g", "response": {"error": "no"}}},
            {"functionResponse": {"name": "f", "response": {"output": "three"}}},
            {"text": "and?"},
        ],
    }


def test_a_result_has_the_calls_id_if_the_wire_gave_one() -> None:
    call = decoded(answer({"functionCall": {"name": "f", "args": {}, "id": "w-1"}})).tool_calls[0]
    _, model, answers = body_of(user("go"), assistant([call]), tool_result(call, "ok"))["contents"]
    assert model["parts"][0]["functionCall"]["id"] == answers["parts"][0]["functionResponse"]["id"] == "w-1"


def test_ids_used_again_in_a_later_turn_mean_the_later_call() -> None:
    turns = [assistant([ToolCall("0", name, "")]) for name in ("f", "g")]
    contents = body_of(user("go"), turns[0], tool_result("0", "a"), turns[1], tool_result("0", "b"))["contents"]
    assert [each["parts"][0]["functionResponse"]["name"] for each in contents[2::2]] == ["f", "g"]


def test_images_of_a_result_are_inside_it_or_follow_it() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}}
    turns = [
        user("go"),
        assistant([ToolCall("1", "f", ""), ToolCall("2", "f", "")]),
        tool_result("1", ["see", Image(data=b"\x89PNG"), Video(url="gs://b/v.mp4")]),
        tool_result("2", "ok"),
    ]
    inside = body_of(*turns, media_in_results=True)["contents"][2]["parts"]
    assert inside[0]["functionResponse"]["parts"] == [picture]
    assert [next(iter(part)) for part in inside] == ["functionResponse", "functionResponse", "fileData"]
    beside = body_of(*turns)["contents"][2]["parts"]
    assert [next(iter(part)) for part in beside] == ["functionResponse", "functionResponse", "inlineData", "fileData"]


def test_a_history_that_begins_with_a_call_gets_a_turn_before_it() -> None:
    contents = body_of(assistant([ToolCall("1", "f", "")]), tool_result("1", "ok"))["contents"]
    assert [turn["role"] for turn in contents] == ["user", "model", "user"]


@pytest.mark.parametrize(
    ("given_json", "sent"),
    [
        ("", {}),
        ("  ", {}),
        ("null", {}),
        ('{"a":', {"invalid_arguments": '{"a":'}),
        ("[1]", {"invalid_arguments": "[1]"}),
        ('{"n": 123456789012345678901234567890}', {"n": 1.2345678901234568e29}),
    ],
)
def test_arguments_are_always_an_object(given_json: str, sent: Any) -> None:
    contents = body_of(user("go"), assistant([ToolCall("1", "f", given_json)]))["contents"]
    assert contents[1]["parts"][0]["functionCall"]["args"] == sent


def test_a_prefix_of_a_history_is_a_prefix_of_its_body() -> None:
    turns = [
        user("go"),
        assistant([ToolCall("1", "f", "")]),
        tool_result("1", "ok"),
        assistant("fine"),
        user("more"),
        assistant("yes"),
    ]
    whole = body_of(*turns)["contents"]
    for at in (1, 2, 3, 4, 5):
        assert body_of(*turns[:at])["contents"] == whole[:at]


TOOL = Tool("look_up", "Look a city up.", {"type": "object", "properties": {"city": {"type": "string"}}})
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "properties": {"a": {}}}}}


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ({"name": "look_up"}, {"mode": "ANY", "allowedFunctionNames": ["look_up"]}),
        ({"type": "function", "function": {"name": "f"}}, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (["look_up", TOOL], {"mode": "ANY", "allowedFunctionNames": ["look_up", "look_up"]}),
    ],
)
def test_the_choice_of_tools(choice: Any, config: dict[str, Any]) -> None:
    assert body_of(user("hi"), tools=[TOOL], tool_choice=choice)["toolConfig"] == {"functionCallingConfig": config}
    assert "toolConfig" not in body_of(user("hi"), tool_choice=choice), "which the vendor refuses without tools"


@pytest.mark.parametrize("first", ["tool_choice", "tool_config"])
def test_the_vendors_own_tool_config_is_added_to_the_choice(first: str) -> None:
    own = {"functionCallingConfig": {"mode": "NONE", "streamFunctionCallArguments": True}, "retrievalConfig": {}}
    options = {"tool_choice": "auto", "tool_config": own}
    in_order = {first: options.pop(first), **options}
    assert body_of(user("hi"), tools=[TOOL], **in_order)["toolConfig"] == {
        "functionCallingConfig": {"mode": "AUTO", "streamFunctionCallArguments": True},
        "retrievalConfig": {},
    }


def test_a_tool_choice_of_an_unknown_form_is_an_error() -> None:
    with pytest.raises(errors.InvalidOption, match="tool_choice"):
        body_of(user("hi"), tools=[TOOL], tool_choice="sometimes")


def test_tools_are_declared_together_and_built_in_ones_unchanged() -> None:
    search = Tool("search", server={"googleSearch": {}})
    body = body_of(user("hi"), tools=[search, TOOL, Tool("now", "The time.")])
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {
                    "name": "look_up",
                    "description": "Look a city up.",
                    "parametersJsonSchema": {"type": "object", "properties": {"city": {"type": "string"}}},
                },
                {"name": "now", "description": "The time."},
            ]
        },
        {"googleSearch": {}},
    ]


@pytest.mark.parametrize(
    ("options", "config"),
    [
        ({"temperature": 0, "top_p": 0.5, "top_k": 0}, {"temperature": 0, "topP": 0.5, "topK": 0}),
        ({"max_tokens": 5, "seed": 0, "n": 2}, {"maxOutputTokens": 5, "seed": 0, "candidateCount": 2}),
        ({"stop": "x"}, {"stopSequences": ["x"]}),
        ({"stop": ["x", "y"]}, {"stopSequences": ["x", "y"]}),
        ({"presence_penalty": 1, "frequency_penalty": -1}, {"presencePenalty": 1, "frequencyPenalty": -1}),
        ({"logprobs": True, "top_logprobs": 3}, {"responseLogprobs": True, "logprobs": 3}),
        ({"top_logprobs": 3}, {"responseLogprobs": True, "logprobs": 3}),
        ({"modalities": ["text", "image"]}, {"responseModalities": ["TEXT", "IMAGE"]}),
        (
            {"audio": {"voice": "Kore"}},
            {"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}},
        ),
        ({"response_format": "text"}, None),
        ({"response_format": "json"}, {"responseMimeType": "application/json"}),
        ({"thinking_config": {"thinkingBudget": 0}}, {"thinkingConfig": {"thinkingBudget": 0}}),
        ({"generation_config": {"mediaResolution": "M"}, "seed": 1}, {"mediaResolution": "M", "seed": 1}),
    ],
)
def test_options_are_in_the_generation_config(options: dict[str, Any], config: Any) -> None:
    assert body_of(user("hi"), **options).get("generationConfig") == config


def test_options_of_the_body_itself() -> None:
    options = {"safety_settings": [{"category": "C"}], "cached_content": "cachedContents/1", "labels": {"a": "b"}}
    body = body_of(user("hi"), service_tier="flex", tool_config={"retrievalConfig": {}}, **options)
    assert (body["safetySettings"], body["cachedContent"]) == ([{"category": "C"}], "cachedContents/1")
    assert (body["labels"], body["serviceTier"]) == ({"a": "b"}, "flex")
    assert body["toolConfig"] == {"retrievalConfig": {}}


def test_a_schema_is_put_where_the_model_reads_it() -> None:
    new = body_of(user("hi"), tools=[TOOL], response_format=SCHEMA)
    assert new["generationConfig"].keys() == {"responseMimeType", "responseJsonSchema"}
    old = body_of(user("hi"), tools=[TOOL], response_format=SCHEMA, json_schema=False)
    assert old["generationConfig"].keys() == {"responseMimeType", "responseSchema"}
    assert "parameters" in old["tools"][0]["functionDeclarations"][0]


EVERYTHING: dict[str, Any] = {
    "temperature": 0,
    "top_k": 3,
    "n": 1,
    "stop": ["x"],
    "seed": 1,
    "max_tokens": 9,
    "logprobs": True,
    "top_logprobs": 2,
    "modalities": ["text"],
    "audio": {"voice": "Kore"},
    "response_format": SCHEMA,
    "tool_choice": {"name": "look_up"},
    "thinking_config": {"thinkingLevel": "low", "includeThoughts": True},
    "safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
}


def test_googles_own_types_accept_all_that_we_send() -> None:
    call = ToolCall("w", "look_up", '{"city":"Pune"}', {NAME: {"id": "w", "thoughtSignature": "c2ln"}})
    turns = [
        system("be kind"),
        user(["hi", Image(data=b"\x89PNG"), File(url="gs://b/a.pdf"), Video(url="gs://b/v.mp4")]),
        assistant([Reasoning("hm", "c2ln", wire=NAME), Text("", {NAME: {"thoughtSignature": "c2ln"}}), call]),
        tool_result(call, ["ok", Image(data=b"\x89PNG")]),
        assistant([Opaque(NAME, {"executableCode": {"language": "PYTHON", "code": "1"}}), Text("done")]),
        user("more"),
    ]
    body = body_of(*turns, tools=[TOOL], media_in_results=True, **EVERYTHING)
    for turn in body["contents"]:
        types.Content.model_validate(turn)
        for part in turn["parts"]:
            assert types.Part.model_validate(part).model_dump(by_alias=True, exclude_none=True).keys() == part.keys()
    types.Content.model_validate(body["systemInstruction"])
    types.GenerationConfig.model_validate(body["generationConfig"])
    types.ToolConfig.model_validate(body["toolConfig"])
    for tool in body["tools"]:
        types.Tool.model_validate(tool)
    for setting in body["safetySettings"]:
        types.SafetySetting.model_validate(setting)


@pytest.mark.parametrize("recording", WHOLE, ids=by_id)
def test_answers_are_sent_back_in_googles_form(recording: Recording) -> None:
    """The parts as Google's SDK parses them, before and after they went through a Reply."""
    reply = replay(recording, google_generate)
    original = orjson.loads(recording.body).get("candidates", [{}])[0].get("content", {}).get("parts", [])
    sent = body_of(user("hi"), reply.message)["contents"][1:]
    again = sent[0]["parts"] if sent else []
    assert [types.Part.model_validate(part) for part in again] == [types.Part.model_validate(part) for part in original]
