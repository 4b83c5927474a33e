"""The prompt about one item: from a template, from a function, or the item itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from ...prompts import PromptTemplate, Template, TemplateLike, template_of
from ...schemas.errors import ConfigError
from ...schemas.functions import checked_function

Prompt = TemplateLike | Callable[[Any], object] | None
"""A template, a function from an item to a prompt, or None where the item is the prompt."""
ITEM = "item"
"""The field of a template that stands for the whole item."""


@frozen(eq=False)
class ItemPrompts:
    """Makes the prompts. Made by `ItemPrompts.of`."""

    made_by: Template | Callable[[Any], object] | None
    names: tuple[str, ...] = ()
    """The fields of a template."""

    @classmethod
    def of(cls, prompt: Prompt) -> ItemPrompts:
        """Check a `prompt=` argument. Raises ConfigError for one that cannot make prompts, and for a template without
        a field to fill in: every item would be sent the same text, and none its data."""
        if callable(prompt):
            return cls(checked_function(prompt, "prompt=", 1, hint="pass a template, or a function of an item"))
        template = None if prompt is None else template_of(prompt)
        if template is not None and not template.variables:
            filled = f"all its fields are filled already ({', '.join(template.given)}); " if template.given else ""
            hint = f"{filled}write {{text}} for the field text of an item, or {{{ITEM}}} for the whole of it"
            raise ConfigError("the prompt uses no field of the items", hint=hint)
        return cls(template, () if template is None else template.variables)

    def prompt_for(self, item: object) -> Any:
        """Return the prompt of an item. Raises what the function raises, and ConfigError for a field that it lacks."""
        template = self.made_by
        if template is None:
            return _prompt_in(item)
        if not isinstance(template, Template):
            return template(item)
        fields = item if type(item) is dict or isinstance(item, Mapping) else {}
        values: dict[str, Any] = {}
        for name in self.names:
            if name in fields:
                values[name] = fields[name]
            elif name == ITEM:
                values[name] = item
            else:
                have = (
                    f"it has {', '.join(map(str, item))}" if isinstance(item, Mapping) else f"write {{{ITEM}}} for it"
                )
                raise ConfigError(f"the item has no field {name!r}, which the prompt needs", hint=have)
        return template.format(**values) if isinstance(template, PromptTemplate) else template.context(**values)

    @property
    def are_made_by_a_function(self) -> bool:
        """Whether the same item may have another prompt in another run."""
        return not (self.made_by is None or isinstance(self.made_by, Template))

    @property
    def content(self) -> object:
        """Data that differs between different prompts; of a function, its name alone."""
        made_by = self.made_by
        if isinstance(made_by, Template):
            return [made_by.text if isinstance(made_by, PromptTemplate) else made_by.items, made_by.given]
        return None if made_by is None else getattr(made_by, "__qualname__", type(made_by).__name__)


def _prompt_in(item: object) -> object:
    """Return the prompt that an item is, or has in its field `messages` or `prompt`."""
    if isinstance(item, Mapping) and "role" not in item:
        for name in ("messages", "prompt"):
            if name in item:
                return item[name]
        raise ConfigError(
            "the item is not a prompt, and has no field messages or prompt",
            hint="pass prompt=: a template or a function",
        )
    return item
