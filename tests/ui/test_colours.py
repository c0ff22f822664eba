"""Text is read on what is behind it (WCAG AA), and colours that mean something differ for everybody, in both themes."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping

import pytest

from tests.ui.colours import VISION, Colour, contrast, distance, over, read_hex, rules
from tests.ui.conftest import ROOT
from ui.charts import DARK, LIGHT, Palette, heatmap

PALETTES = {"light": LIGHT, "dark": DARK}
READ, SEEN = 4.5, 3.0
"""The least contrast of text, and of what is drawn."""
APART = 20.0
"""The least distance of two colours of the palette; 2.3 is just noticeable side by side."""
RULES = list(rules((ROOT / "ui/style.css").read_text(encoding="utf-8")))
THEME = tomllib.loads((ROOT / ".streamlit/config.toml").read_text(encoding="utf-8"))["theme"]
LOCAL = ("--role", "--sign", "--part", "--hue", "--depth")
"""Colours, and how much of one, that a rule gives to the rules below it."""
ON = {".lab-team .member text": "var(--role)", '[data-testid="stBaseButton-primary"]': "var(--lab-blue)"}
"""What is behind letters of which the rule does not say it."""
MEMORY = (".trail", ".heard", ".card.lost", ".shares i::before")
"""Faded on purpose: where somebody was, and the bar below an interval; numbers and words beside it say it too."""


def tokens(theme: str) -> dict[str, str]:
    """The style sheet's colours and Streamlit's, by their names."""
    found: dict[str, str] = {}
    for media, selector, said in RULES:
        if selector == ":root" and ("dark" not in media or theme == "dark"):
            found |= {name: value for name, value in said.items() if name.startswith("--lab-")}
    own = THEME[theme]
    return found | {
        "--st-background-color": own["backgroundColor"], "--st-text-color": own["textColor"],
        "--st-border-color": own["borderColor"],
    }  # fmt: skip


def meanings(said: Mapping[str, str], theme: str) -> Iterator[dict[str, str]]:
    """Every set of colours that the names in a rule can stand for."""
    used = [name for name in LOCAL if any(f"var({name}" in value for value in said.values())]
    can_be = ({own[name] for _, _, own in RULES if name in own} for name in used)
    for values in itertools.product(*can_be):
        yield tokens(theme) | dict(zip(used, values, strict=True))


def paint(value: str, named: Mapping[str, str], text: Colour) -> tuple[Colour, float] | None:
    """What a value of the style sheet is: a colour and how opaque, or None for none."""
    while found := re.search(r"var\((--[\w-]+)(?:, *(#?\w+))?\)", value):
        value = value.replace(found[0], named.get(found[1]) or found[2] or "")
    if found := re.fullmatch(r"color-mix\(in srgb, (#?\w+) ([\d.]+)%, (#?\w+)\)", value):
        colour, alpha = paint(found[1], named, text) or (text, 0.0)
        below = paint(found[3], named, text)
        share = float(found[2]) / 100
        return (colour, alpha * share) if below is None else (over(colour, share, below[0]), 1.0)
    if value in ("none", "transparent", ""):
        return None
    return (text, 1.0) if value.lower() in ("currentcolor", "inherit") else read_hex(value)


def drawn(selector: str, said: Mapping[str, str]) -> bool:
    """Whether a rule is about something that is drawn, not written."""
    return said.get("content") == '""' or re.search(r"(^| )i(::\w+)?$|progress$", selector) is not None


@pytest.mark.parametrize("theme", PALETTES)
def test_text_of_the_style_sheet_is_read_on_its_background(theme: str) -> None:
    text, papers = read_hex(THEME[theme]["textColor"])[0], ("backgroundColor", "secondaryBackgroundColor")
    faint: list[tuple[str, float]] = []
    for media, selector, said in RULES:
        letters = said.get("fill", "inherit") if " text" in selector else said.get("color", "inherit")
        if drawn(selector, said) or (theme == "light" and "dark" in media):
            continue
        ground = said.get("background") or ON.get(selector.split(", ")[0], "none")
        for named, paper in itertools.product(meanings(said | {"background": ground}, theme), papers):
            below = read_hex(THEME[theme][paper])[0]
            if behind := paint(ground, named, text):
                below = over(*behind, below)
            seen = contrast(over(*(paint(letters, named, text) or (text, 1.0)), below), below)
            faint += [(selector, round(seen, 2))] * (seen < READ)
    assert not faint


@pytest.mark.parametrize("theme", PALETTES)
def test_what_is_drawn_stands_out_and_text_never_fades(theme: str) -> None:
    """An opacity below one is for drawings alone: text would fade on whatever is below it."""
    text, paper = (read_hex(THEME[theme][name])[0] for name in ("textColor", "backgroundColor"))
    for _, selector, said in RULES:
        if any(part in selector for part in MEMORY) or not re.fullmatch(r"[\d.]+", said.get("opacity", "1")):
            continue
        inks = [said[name] for name in ("fill", "stroke", "background") if name in said]
        opacity = float(said.get("opacity", 1))
        if opacity < 1:
            assert inks or re.search(r"\.(shaft|tip)$|::after$", selector), f"{selector} makes text faint"
        for ink, named in itertools.product(inks, meanings(said, theme)):
            if re.match(r"var\(--(lab-(?!paper)|role|sign)", ink):
                colour, alpha = paint(ink, named, text) or (text, 1.0)
                assert contrast(over(colour, alpha * opacity, paper), paper) >= SEEN, (selector, ink)


@pytest.mark.parametrize(("theme", "palette"), PALETTES.items())
def test_figures_pages_and_theme_have_the_same_colours(theme: str, palette: Palette) -> None:
    named = tokens(theme)
    for name in ("blue", "orange", "green", "purple", "paper", "muted"):
        assert named[f"--lab-{name}"] == getattr(palette, name)
    own = THEME[theme]
    assert (own["backgroundColor"], own["textColor"]) == (palette.paper, palette.text)
    assert own["primaryColor"] == own["linkColor"] == palette.blue


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)
def test_words_in_figures_are_read(palette: Palette) -> None:
    paper = read_hex(palette.paper)[0]
    for ink in (palette.text, palette.muted, *palette.series):
        assert contrast(read_hex(ink)[0], paper) >= READ
    for bar in (palette.blue, palette.orange):  # numbers inside bars are of the paper's colour
        assert contrast(paper, read_hex(bar)[0]) >= READ
    scale = heatmap("A", "A", [[1]], [[""]], palette, x_title="", y_title="")["data"][0]["colorscale"]
    red, green, blue, alpha = map(float, re.findall(r"[\d.]+", scale[-1][1]))
    fullest = over((red / 255, green / 255, blue / 255), alpha, paper)
    assert contrast(read_hex(palette.text)[0], fullest) >= READ


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)
def test_colours_of_the_palette_differ_for_every_kind_of_colour_vision(palette: Palette, vision: str) -> None:
    for one, other in itertools.combinations(palette.series, 2):
        assert distance(read_hex(one)[0], read_hex(other)[0], vision) >= APART, (one, other)


def test_the_measures_know_what_is_known() -> None:
    """Black on white is 21; red and green that a deuteranope confuses come closer than they are."""
    black, white = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    assert contrast(black, white) == pytest.approx(21)
    assert contrast(read_hex("#767676")[0], white) == pytest.approx(4.54, abs=0.01)
    assert distance(black, white, "normal") == pytest.approx(100, abs=0.1)
    red, green = read_hex("#A05030")[0], read_hex("#607000")[0]
    assert distance(red, green, "deuteranopia") < distance(red, green, "normal") / 3
