"""Reading the OpenAI-shaped objects that three of the subjects answer with."""


def text_of(reply) -> int:
    """Characters in an unstreamed reply."""
    return len(reply.choices[0].message.content)


def characters(chunk) -> int:
    """Characters of text, or of tool arguments, in one chunk of a stream."""
    if not chunk.choices:
        return 0
    delta = chunk.choices[0].delta
    return len(delta.tool_calls[0].function.arguments or "" if delta.tool_calls else delta.content or "")
