"""Where the rest of a stream is that broke off: the server goes on with a background response, and keeps its events.

https://developers.openai.com/api/docs/guides/background
"""

from __future__ import annotations

from ..paths import segments


class Rest:
    """What has not been read of a background response.

    id: the response's.
    """

    def __init__(self, id: str) -> None:
        self.id = id
        self.number: int | None = None
        """The sequence number of the last event that was read."""

    def url(self, url: str) -> str | None:
        """Return the URL of the events after the last one; None before the first. `url` is where it was requested."""
        if self.number is None:
            return None
        address, _, query = url.partition("?")
        parameters = f"{query}&" if query else ""
        return f"{address}/{segments(self.id)}?{parameters}stream=true&starting_after={self.number}"
