"""Stream protocols: bytes in, framed events out, no I/O.

Each protocol is one `parse(data, buffer) -> (events, buffer)`. `buffer` starts as b"" and is the parser's own affair:
hand back, once, what the last call gave. Empty `data` is the end of input. However the bytes are split, the events are
the same and the work is linear. Whole events are given before the error that follows them, which the next call raises.
A stream cut inside a binary frame or a JSON array raises StreamTruncated at its end; the line protocols cannot tell,
and give what is left as their last event.
"""
