"""Write docs/coverage.md, which provider is proven to do what: `python -m tools.coverage`.

A cell links to its proof, a recording of the provider's traffic or a test that runs for the provider, and is empty
without one. A test compares the page with what this script writes, and each proof with what it is to prove.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson
from attrs import frozen

from stepwell.providers.declare.provider import Provider
from stepwell.providers.declare.registry import REGISTRY
from stepwell.providers.declare.wire import Wire
from stepwell.providers.wires.operations.sample_answers import SAMPLES as OPERATION_SAMPLES
from stepwell.testing.conformance import samples_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "coverage.md"
RECORDINGS = ROOT / "tests" / "recordings"
CONFORMANCE = "tests/test_conformance.py"
LOCAL = "test_the_provider_of_the_embedded_model_conforms"

# How a recording names a provider that has another id here.
OTHER_NAMES = {"bedrock_mantle": "amazon_bedrock_mantle", "moonshotai": "moonshot"}

# The kinds of a recording that show an ability: tests/recordings/README.md.
KINDS = {
    "tools": ("tool_call", "parallel_tool_calls"),
    "results of tools": ("tool_result_in",),
    "tool calls in text": ("text_calls",),
    "objects": ("structured",),
    "reasoning": ("reasoning", "reasoning_signature"),
    "images": ("image_in",),
    "files": ("file_in",),
    "citations": ("citations",),
    "server tools": ("server_tools",),
    "logprobs": ("logprobs",),
    "vectors": ("embeddings",),
}
# The scenes of the conformance suite, and the operations, that show one.
SCENES = {"reasoning": "reasoning", "an object": "objects"}
OPERATIONS = {
    "embed": "vectors",
    "rerank": "ranking",
    "image": "making images",
    "speak": "speech",
    "transcribe": "transcription",
    "moderate": "moderation",
    "ocr": "ocr",
    "count_tokens": "counting",
    "list_models": "listing",
}
CHAT = ("text", "streams", *(name for name in KINDS if name != "vectors"))
OTHERS = (*OPERATIONS.values(), "batches")


@frozen
class Proof:
    """A proof that a provider has an ability: a file, and the text in it that names the provider."""

    path: str
    names: str
    shows: str
    """what the cell is called: "recorded", "documented" (written from the vendor's page), "conforms", "tested\""""

    @property
    def cell(self) -> str:
        return "[conforms]" if self.path == CONFORMANCE else f"[{self.shows}](../{self.path})"


Proofs = dict[tuple[str, str], Proof]
STRENGTH = ("recorded", "documented", "tested", "conforms")


def own_providers() -> list[Provider]:
    """Return the providers that are declared in this package, by id, without those from the catalog alone."""
    return sorted((each for each in REGISTRY if each.source != "models.dev"), key=lambda each: each.id)


def proofs() -> Proofs:
    """Find the best proof of each ability of each provider."""
    found: Proofs = {}
    for key, proof in [*_recorded(), *_tested(), *_conforming()]:
        known = found.get(key)
        if known is None or STRENGTH.index(proof.shows) < STRENGTH.index(known.shows):
            found[key] = proof
    return found


def _recorded() -> Iterator[tuple[tuple[str, str], Proof]]:
    """Yield the abilities that recordings of successful exchanges show."""
    for path in sorted(RECORDINGS.glob("*.json")):
        data = orjson.loads(path.read_bytes())
        if data["response"]["status"] != 200 or "error" in data["expected"]:
            continue
        named = data["provider"]
        shows = "documented" if data["fidelity"] == "documentation" else "recorded"
        proof = Proof(str(path.relative_to(ROOT)), named, shows)
        abilities = {name for name, kinds in KINDS.items() if set(kinds) & set(data["kinds"])}
        if "embeddings" not in data["kinds"]:
            abilities |= {"text"} if data["expected"].get("text") else set()
            abilities |= {"streams"} if data["streaming"] else set()
        provider = OTHER_NAMES.get(named, named)
        for ability in sorted(abilities):
            yield (provider, ability), proof
        yield (provider, f"wire {data['api']}"), proof


def _tested() -> Iterator[tuple[tuple[str, str], Proof]]:
    """Yield the tests that list their providers by id: a row for each file and ability."""
    rows = [
        ("tests/support/batch_services.py", "batches", ("openai", "groq", "mistral", "anthropic", "google")),
        ("tests/options/test_server_tools.py", "server tools", _with_server_tools()),
    ]
    for path, ability, providers in rows:
        for provider in providers:
            yield (provider, ability), Proof(path, f'"{provider}"', "tested")


def _with_server_tools() -> list[str]:
    """Return the providers with server tools that the test of server tools names."""
    text = (ROOT / "tests/options/test_server_tools.py").read_text(encoding="utf-8")
    return [each.id for each in own_providers() if f'"{each.id}":' in text and any(w.server_tools for w in each.wires)]


def _conforming() -> Iterator[tuple[tuple[str, str], Proof]]:
    """Yield the abilities that the conformance suite checks."""
    for provider in own_providers():
        proof = Proof(CONFORMANCE, LOCAL if provider.id == "local" else "for provider in OURS", "conforms")
        chat = next((wire for wire in provider.wires if wire.operation == "chat"), None)
        abilities = _of_chat(chat) if chat else set()
        abilities |= {OPERATIONS[wire.operation] for wire in provider.wires if wire.name in OPERATION_SAMPLES}
        if provider.id == "local":
            abilities.discard("ranking")  # the model that ranks is one of the user's own
        for ability in sorted(abilities):
            yield (provider.id, ability), proof


def _of_chat(wire: Wire) -> set[str]:
    """Return the abilities that the conformance suite checks on a chat wire."""
    return {"text", "streams", "tools", "results of tools"} | {
        SCENES[name] for name in samples_of(wire).more if name in SCENES
    }


def written() -> str:
    """Write the page."""
    found, providers = proofs(), own_providers()
    chatting = [each for each in providers if any(wire.operation == "chat" for wire in each.wires)]
    text = "".join(
        [
            HEAD,
            "\n## Chats\n\n",
            _table(chatting, CHAT, found),
            "\n## Other operations\n\n",
            _table(providers, OTHERS, found),
            "\n## Formats that a server speaks beside its own\n\n",
            'A call names them: `wire="openai_responses"`. Addresses, keys and what is left out: '
            "[tests](../tests/providers/test_wires_of_compatible_servers.py).\n\n",
            _by_name(providers, found),
        ]
    )
    numbers: dict[str, int] = {}
    text = _LINK.sub(lambda link: f"][{numbers.setdefault(link[1], len(numbers) + 1)}]", text)
    addresses = [f"[{number}]: {path}\n" for path, number in numbers.items()]
    return f"{text}\n[conforms]: ../{CONFORMANCE}\n{''.join(addresses)}"


_LINK = re.compile(r"(?<=[a-z])\]\((\.\./tests/recordings/[^)]+)\)")
"""The address of a recording, of which several cells are shown: each is written once."""


HEAD = """# What each provider is proven to do

For each provider, the proofs that its abilities work with stepwell. Each cell links to its proof; an empty one says
only that there is none here, not that the provider cannot do it.

| proof | what it is |
|---|---|
| recorded | an exchange with the provider as it went over the wire, decoded as the vendor's own SDK decodes it |
| documented | an answer written from the vendor's documentation, which its SDK and this package read alike |
| tested | a test of this ability that names the provider |
| conforms | [the conformance suite](testing.md), which runs for each provider on its format's sample answers |

The providers of the catalog that have no declaration here speak OpenAI's chat completions at an address of their own:
they are not listed. What servers by other authors say: [judges.md](judges.md). Written by `python -m tools.coverage`.
"""


def _table(providers: Iterable[Provider], abilities: Iterable[str], found: Proofs) -> str:
    abilities = list(abilities)
    lines = [f"| provider | {' | '.join(abilities)} |", "|---" * (len(abilities) + 1) + "|"]
    rows: dict[str, list[str]] = {}  # those that have the same proofs share one
    for provider in providers:
        cells = [found.get((provider.id, ability)) for ability in abilities]
        if any(cells):
            rows.setdefault(" | ".join(each.cell if each else "" for each in cells), []).append(provider.id)
    lines += [f"| {', '.join(names)} | {row} |" for row, names in rows.items()]
    return re.sub(r" +\|", " |", "\n".join(lines)) + "\n"


def _by_name(providers: Iterable[Provider], found: Proofs) -> str:
    rows = [(each.id, wire.name) for each in providers for wire in each.wires if wire.by_name_only]
    formats = sorted({name for _, name in rows})
    lines = [f"| provider | {' | '.join(formats)} |", "|---" * (len(formats) + 1) + "|"]
    for provider in dict.fromkeys(provider for provider, _ in rows):
        proofs_of = [found.get((provider, f"wire {name}")) if (provider, name) in rows else None for name in formats]
        lines.append(f"| {provider} | {' | '.join(each.cell if each else '' for each in proofs_of)} |")
    return re.sub(r" +\|", " |", "\n".join(lines)) + "\n"


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
