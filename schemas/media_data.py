"""Check the bytes of images, documents and recordings that a user passes."""

from __future__ import annotations

from .errors import ConfigError


def bytes_of(data: object, name: str) -> bytes:
    """Return what is no bytes as bytes: a bytearray or a memoryview. `name` is the class of the file.

    Raises ConfigError for anything else.
    """
    if isinstance(data, bytearray | memoryview):
        return bytes(data)
    if isinstance(data, str):
        raise ConfigError(
            f"the data of {name} is text, not bytes", hint=f"pass base64.b64decode(text), or {name}.from_file(path)"
        )
    hint = "pass its read()" if hasattr(data, "read") else f"pass the bytes of a file, or call {name}.from_file(path)"
    raise ConfigError(f"the data of {name} cannot be a {type(data).__name__}", hint=hint)
