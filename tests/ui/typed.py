"""What somebody might type to have more than text on a page, and where a page would make more than text of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from streamlit.testing.v1 import AppTest

SHORT = "<img src=x>![x](//y)[a](z):material/x:"
"""Short enough for a name."""
LONG = f"{SHORT} <script>alert(1)</script> `y` $x$ <a href='javascript:alert(1)'>z</a>"
TAGS = ("<img src=x", "<script>alert", "<a href='java")
MARKDOWN = ("![x](", "[a](z)", ":material/x:")
PLAIN = {
    ("selectbox", "options"), ("selectbox", "raw_value"), ("multiselect", "options"), ("text_input", "default"),
    ("text_input", "value"),
    ("text_area", "default"), ("text_area", "value"), ("text_input", "placeholder"), ("code", "code_text"),
}  # fmt: skip
"""Where Streamlit shows text as it is."""
IN_HTML = ("html",)
"""Elements whose text is HTML, in which the signs of Markdown mean nothing."""


def leaks(app: AppTest) -> list[str]:
    """Where what was typed would not be shown as text: the kind of element, the field, and what stands there."""
    return [
        f"{kind}.{name}: {text[:160]!r}"
        for kind, proto in _protos(app)
        for name, text in _texts(proto)
        if (kind, name.partition(".")[0]) not in PLAIN and _leaks(kind, name, text)
    ]


def _leaks(kind: str, name: str, text: str) -> bool:
    if name == "id":  # which nobody sees
        return False
    if kind in IN_HTML:
        return any(sign in text for sign in TAGS)
    if kind == "bidi_component":
        return name == "json" and any(sign in text for sign in TAGS)
    unguarded = re.sub(r"\\.", "", text)  # a sign with a backslash before it is only a sign
    return any(sign in unguarded for sign in (*TAGS, *MARKDOWN))


def _protos(app: AppTest) -> Iterator[tuple[str, Any]]:
    for node in app._tree:
        if (proto := getattr(node, "proto", None)) is not None:
            yield node.type, proto


def _texts(proto: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a message, with the names that lead to it."""
    for field, value in proto.ListFields():
        name = f"{path}{field.name}"
        for one in value if hasattr(value, "extend") else [value]:
            if isinstance(one, str):
                yield name, one
            elif hasattr(one, "ListFields"):
                yield from _texts(one, f"{name}.")
