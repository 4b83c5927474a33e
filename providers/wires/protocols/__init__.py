"""Stream protocols: bytes in, framed events out, no I/O.

Each protocol is one `parse(data, buffer) -> (events, buffer)`. `buffer` starts as b"" and is opaque to the caller:
pass, once, the buffer that the last call returned. Empty `data` is the end of input. However the bytes are split, the
events are the same and the work is linear. Complete events are returned before the error that follows them, which the
next call raises. A stream cut inside a binary frame or a JSON array raises StreamTruncated at its end; the line
protocols cannot detect the cut, and return the rest as their last event.
"""
