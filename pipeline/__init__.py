"""The well: requests, responses, steps, the two drivers and the streaming engine. Knows no provider."""
