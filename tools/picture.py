"""Draw the pipeline of a call, as the client makes it: docs/pipeline.svg. Run by `python -m tools.tables`."""

from __future__ import annotations

from html import escape

from stepwell import Client

ROW, TOP, LEFT, RIGHT, INDENT = 30, 70, 16, 464, 7
WHAT = {
    "check_options": "names and values of options",
    "resolve_key": "finds the key",
    "prepare_request": "address and headers",
    "translate_options": "the provider's own options",
    "fit_history": "the conversation, as it takes it",
    "fit_schemas": "JSON Schemas, as it takes them",
    "encode_body": "the body, as bytes",
    "extract_usage": "tokens and cost",
    "decode_response": "a Reply of the body",
    "map_errors": "typed errors",
    "retry": "sends again",
    "open_stream": "chunks of a stream",
    "authenticate": "adds the key",
    "send": "over the network",
}
"""what each step does, for the picture"""


def picture() -> str:
    """Return the picture as SVG: a bar for each step, the outermost first; the request goes down, the response up."""
    with Client() as client:
        steps = client.pipeline_for("openai:gpt-4o").steps
    bottom = TOP + ROW * len(steps)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 {bottom + 70}"',
        'font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" rx="6" fill="#ffffff"/>',
        _text(240, 26, "generate_text(model, prompt, **options)", "middle", "#222222", bold=True),
        _text(LEFT + 4, 52, "request \u2193", "start", "#1a56a0"),
        _text(RIGHT - 4, 52, "\u2191 response", "end", "#8a4b08"),
    ]
    for depth, step in enumerate(steps):
        y, x, width = TOP + ROW * depth, LEFT + INDENT * depth, RIGHT - LEFT - 2 * INDENT * depth
        down = step.kind == "request"
        fill = "#dbe9f9" if down else "#e4efe0" if step.kind == "network" else "#fbe9d3"
        parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{ROW - 5}" rx="4" fill="{fill}" stroke="#8a8a8a"/>'
        )
        parts.append(_text(x + 8, y + 17, step.name, "start", "#222222", bold=True))
        parts.append(_text(x + width - 8, y + 17, WHAT.get(step.name, ""), "end", "#444444"))
    parts += [
        _text(240, bottom + 26, "the provider", "middle", "#222222", bold=True),
        _text(240, bottom + 50, "blue: on the way down; orange: around the steps below it", "middle", "#444444"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _text(x: int, y: int, text: str, anchor: str, fill: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{fill}"{weight}>{escape(text)}</text>'
