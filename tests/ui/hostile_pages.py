"""Pages opened by addresses that nobody should type."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from tests.hostile import Hostile, encoded
from ui.layout import PAGES

ROOT = Path(__file__).parents[2]
GOOD = {
    "lang": "ko", "join": "k" * 32, "lr": "0.0007", "kl": "0.15", "clip": "0.2", "temperature": "1", "seed": "3",
    "iterations": "20", "features": "words", "source": "both", "preset": "no_kl", "run": "1",
}  # fmt: skip
READERS = ("ppo", "ppo", "label", "outlook", *PAGES)
"""Pages that read more of their address than its language come more often."""
LONGEST = 1500


def open_badly(folder: Path) -> Callable[[Hostile], object]:
    """What opens one page by a bad address. AssertionError for a page that shows an exception, or no one sentence."""

    def attempt(hostile: Hostile) -> None:
        app = AppTest.from_file(str(ROOT / "ui" / "main.py"), default_timeout=60)
        names = hostile.rng.sample(list(GOOD), hostile.rng.randrange(1, 4))
        for name in [*names, *([hostile.sign()] if hostile.rng.random() < 0.3 else [])]:
            app.query_params[_sound(name) or "x"] = _sound(hostile.text(GOOD.get(name, "1")))
        page = hostile.rng.choice(READERS)
        if page != "home":
            app.switch_page(f"../pages/{page}.py")
        app.run()
        assert not app.exception, app.exception[0].message
        for body in (element.body for element in app.get("html")):
            for said in re.findall(r'<p class="lab-callout error"[^>]*>(.*?)</p>', body, re.DOTALL):
                assert 0 < len(html.unescape(said)) < LONGEST and "Traceback" not in said, said[:200]

    return attempt


def _sound(text: str) -> str:
    return encoded(text).decode("utf-8", "replace")
