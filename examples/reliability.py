"""Reliability: streams that go on after a cut, fallback, a circuit breaker, limits, and a cache."""

import stepwell
from stepwell.steps import circuit_breaker, concurrency, continue_stream
from stepwell.stores import MemoryStore

client = stepwell.Client(
    # No server listens at this address.
    base_urls={"groq": "http://127.0.0.1:9/v1"},
    api_keys={"groq": "unused"},
    retries=0,
    pipeline=[
        continue_stream(),
        stepwell.fallback(("local:smollm2", {"max_tokens": 20})),
        circuit_breaker(failures=2, cooldown=60),
        concurrency(4),
        stepwell.RateLimit(requests=600),
        stepwell.cache(MemoryStore()),
    ],
)

for question in ("Name a city.", "Name a fruit.", "Name a city."):
    reply = client.generate_text("groq:llama-3.3-70b-versatile", question, temperature=0)
    origin = "the cache" if "cache" in reply.metadata else reply.provider
    print(f"{question} {reply.text!r}, from {origin}")
    print(f"  because {next(warning.why for warning in reply.warnings if 'in place of' in warning.why)}")

print("\nThe pipeline:")
print(client.pipeline_for("local:smollm2").describe())
