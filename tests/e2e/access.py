"""What a page is to somebody who sees or steers otherwise: axe-core's verdict, what a narrow window cuts off, and
whether the keys' place is seen."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.e2e.person import SCROLLED, Person
from tests.e2e.server import wait_until
from ui.charts import DARK, LIGHT

AXE = Axe().axe_script
STILL = """
*, *::before, *::after { transition: none !important; animation: none !important; }
[data-stale="true"] { opacity: 1 !important; }
"""
"""A colour that is still on its way to another would be measured halfway, and so would what a new run fades."""
CONTRAST = ["color-contrast"]
"""The rules that a theme can break."""
PALETTES = {"light": LIGHT, "dark": DARK}


# Figures are pictures with a name; what is written in them is measured by the unit tests of colours.
_AXE = """async (only) => {
  const { violations } = await axe.run({ include: document, exclude: ['.plot > *'] }, {
    resultTypes: ['violations'], preload: false,
    ...(only && { runOnly: { type: 'rule', values: only } }),
  });
  return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)).flatMap(({ id, nodes }) => nodes
    .map(({ html, any, all, none }) => [id, html.slice(0, 300), ...[...any, ...all, ...none].map((one) => one.message)]
      .join(' | ')));
}"""
_CUT_OFF = """() => {
  const found = [document.scrollingElement, ...document.querySelectorAll('[data-testid=stMain]')]
    .filter((one) => one.scrollWidth > one.clientWidth + 1)
    .map((one) => `${one.tagName} scrolls: ${one.scrollWidth} of ${one.clientWidth}`);
  const rolls = (one) => one && one.dataset.testid !== 'stMain'
    && (one.clientWidth === 1 || /auto|scroll/.test(getComputedStyle(one).overflowX) || rolls(one.parentElement));
  for (const one of document.querySelectorAll('.stMainBlockContainer *:not(svg *)')) {
    const box = one.getBoundingClientRect();
    const out = box.width > 1 && box.height > 1 && (box.right > innerWidth + 1 || box.left < -1);
    if (out && one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !rolls(one.parentElement))
      found.push(`${Math.round(box.left)} to ${Math.round(box.right)}: ${one.outerHTML.slice(0, 160)}`);
  }
  return found.slice(0, 8);
}"""
_INKS = "plots => plots.map((plot) => plot.layout.font.color)"
_FOCUS = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  const style = getComputedStyle(at), box = at.getBoundingClientRect();
  return {
    html: at.outerHTML.slice(0, 160),
    types: at.matches('input:not([type=range]), textarea, canvas, body, main, section'),
    seen: (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== 'none',
    inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""


def see_it_whole(person: Person) -> None:
    """Waits until nothing on the page is a placeholder or faded as out of date, and every figure is drawn."""
    person.settle()
    unfinished = '[data-testid*="keleton"], [data-stale="true"], .lab-figure .plot:empty'
    expect(person.page.locator(unfinished)).to_have_count(0)


def violations(person: Person, only: list[str] | None = None) -> list[str]:
    """Serious and critical violations on the page, by all rules or only some; Streamlit's own as well."""
    page = person.page
    see_it_whole(person)
    page.add_style_tag(content=STILL)
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE)
    return page.evaluate(_AXE, only)


def turn(person: Person, theme: str) -> None:
    """Has the computer ask for light or dark pages, and waits for the page to follow."""
    person.page.emulate_media(color_scheme=theme)
    red, green, blue = (int(PALETTES[theme].paper[i : i + 2], 16) for i in (1, 3, 5))
    app = person.page.get_by_test_id("stApp")
    shown = f"rgb({red}, {green}, {blue})"
    wait_until(lambda: app.evaluate("e => getComputedStyle(e).backgroundColor") == shown, f"the page is {theme}")
    expect(person.page.locator("html")).to_have_attribute("data-drawn-for", theme)  # by the server
    drawn, ink = person.page.locator(".lab-figure .js-plotly-plot"), PALETTES[theme].muted
    wait_until(lambda: set(drawn.evaluate_all(_INKS)) <= {ink}, f"the figures are {theme}")
    see_it_whole(person)


def cut_off(person: Person, width: int, height: int) -> list[str]:
    """What a window of this size cuts off, or makes the page scroll sideways for."""
    person.page.set_viewport_size({"width": width, "height": height})
    see_it_whole(person)
    person.page.evaluate(SCROLLED)
    return person.page.evaluate(_CUT_OFF)


def unseen_focus(person: Person, presses: int) -> list[str]:
    """Where Tab comes to in so many presses without its place being seen. On a page that is still being drawn, what has
    the focus may be pushed out of sight."""
    see_it_whole(person)
    found: list[str] = []
    for _ in range(presses):
        person.page.keyboard.press("Tab")
        at = person.page.evaluate(_FOCUS)
        if not at["types"] and not (at["seen"] and at["inside"]):
            found.append(at["html"])
    return found
