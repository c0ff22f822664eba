"""What people typed, where Streamlit would read it as Markdown: in toasts, labels, options and tooltips.

There `![x](http://...)` is a picture that the browser fetches from wherever it says, `:material/x:` an icon and `$x$` a
formula. `st.html` takes escaped HTML, and the options of selection boxes, text fields, tables and code show text as it
is: they need none of this.
"""

from __future__ import annotations

import re

_SIGNS = re.compile(r"[\\`*_{}\[\]<>#+\-!|~$:&^]|(?<=^\d)[.)]")
"""What Markdown and Streamlit's additions to it begin with; a backslash before it makes it a sign like any other."""
_BREAKS = re.compile(r"\s+")
"""A new line might begin a list or a heading."""


def as_text(text: str) -> str:
    """Markdown that shows a text as it was typed, on one line."""
    return _SIGNS.sub(r"\\\g<0>", _BREAKS.sub(" ", text).strip())
