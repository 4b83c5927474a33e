"""What bounds each figure of stepwell_fast now. Update a line when its figure moves.

Calls, events and the first answer are by profiles (perf, cProfile); TLS and memory by comparison with the floors.
"""

EVENT = "orjson.loads and the dicts that it makes, then the frames that decode and fold an event; recv is a twentieth"
CALL = "the interpreter, in some 80 frames a call (four fifths); send, recv and waking up are a seventh"
COLD = "waking up with cold caches: the kernel's part, and some 11 frames that are warm in a burst"
START = "attrs making 110 classes (a third), loading 240 modules (a quarter), compiling regular expressions (a tenth)"
OPEN = "asyncio's task, transport and socket, three quarters of it; then the objects of a call"

BOUNDS = {
    "import": "finding and loading one small module: all else is loaded where it is first used",
    "first_call": START,
    "ready": START,
    "first_chunk": "the server's 20 ms, then the kernel's waking up",
    "call_sync": CALL,
    "call_async": f"{CALL}; a round of the event loop",
    "call_50": CALL,
    "call_anthropic": CALL,
    "call_tls": f"{CALL}; OpenSSL's records",
    "call_tls_async": f"{CALL}; asyncio's TLS",
    "event_200_sync": f"{EVENT}; the call itself is a part",
    "event_sync": EVENT,
    "event_async": EVENT,
    "event_tls": f"OpenSSL's records of 16 kB at most, then {EVENT}",
    "event_tls_async": f"asyncio's TLS, then {EVENT}",
    "event_tools": f"{EVENT}; the call itself is a part",
    "event_anthropic_200": f"{EVENT}; the call itself is a part",
    "event_anthropic": EVENT,
    "event_anthropic_async": EVENT,
    "paced": COLD,
    "paced_async": f"{COLD}; a round of the event loop and a future",
    "decode_only": EVENT,
    "streams_100": OPEN,
    "open_100": OPEN,
    "open_1000": OPEN,
    "open_10000": OPEN,
}
"""By scenario."""
