"""Docstrings as Markdown, for mkdocstrings: ours are plain text, paragraphs and doctests."""

import ast
import re
from typing import Any

from griffe import Attribute, Class, Extension, Object


class PlainText(Extension):
    """Lets each docstring look on the site as it reads in the source."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Change the docstring of an object that was read."""
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)

    def on_class(self, *, cls: Class, **_: Any) -> None:
        """Add what `__slots__` says of the attributes, which help() shows too."""
        slots = cls.members.get("__slots__")
        if cls.docstring and isinstance(slots, Attribute) and str(slots.value).startswith("{"):
            meanings = ast.literal_eval(str(slots.value)).items()
            rows = [f"| `{name}` | {meaning} |" for name, meaning in meanings if not name.startswith("_")]
            cls.docstring.value += "\n\n" + "\n".join(["| attribute | meaning |", "| --- | --- |", *rows])


def as_markdown(docstring: str) -> str:
    """Return a docstring in Markdown: doctests and tables as blocks of code, the rest as prose."""
    return "\n\n".join(map(_paragraph, docstring.split("\n\n")))


def _paragraph(text: str) -> str:
    if text.startswith(">>> "):
        return f"```pycon\n{text}\n```"
    if text.startswith("    ") or all(re.match(r"\S.*? {2,}", line) for line in text.splitlines()):
        return f"```text\n{text}\n```"
    # Backquotes mark code already; elsewhere *, _ and [ are a product, a name, an index.
    return re.sub(r"(`[^`]*`)|([*_[])", lambda match: match[1] or f"\\{match[2]}", text)
