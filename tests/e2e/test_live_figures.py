"""Curves of a run in progress: drawn on, never drawn anew, with the reader's zoom kept."""

from playwright.sync_api import Locator

from tests.e2e import steps
from tests.e2e.person import Person
from tests.e2e.server import wait_until

PLOT = '[class*="st-key-ppo_chart_"] .js-plotly-plot'
MARK = "plots => plots.forEach(plot => { plot.markedByTest = true; })"
MARKED = "plots => plots.filter(plot => plot.markedByTest).length"
POINTS = "plot => Math.max(...plot.data.map(trace => (trace.x || []).length))"
RANGE = "plot => plot.layout.xaxis.range.map(Number)"


def zoom_by_mouse(person: Person, plot: Locator) -> None:
    """Drags over the middle of a figure, as somebody does who wants to see that part of the curve."""
    area = plot.locator(".nsewdrag").first
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box
    height = box["y"] + box["height"] / 2
    person.page.mouse.move(box["x"] + box["width"] * 0.2, height)
    person.page.mouse.down()
    person.page.mouse.move(box["x"] + box["width"] * 0.6, height, steps=4)
    steps.wait_for_iteration(person, steps.iteration(person) + 2)  # an update does not take the box away
    person.page.mouse.up()


def test_zoom_and_element_survive_the_updates(person: Person) -> None:
    person.go("/label", lang="en")
    steps.simulate_labels(person, 20)
    person.follow("/ppo")
    person.press("ppo_start")
    steps.wait_for_iteration(person, 3)

    plots = person.page.locator(PLOT)
    plots.first.wait_for()
    count = plots.count()
    assert count >= 4
    plots.evaluate_all(MARK)
    plot = plots.first
    whole = plot.evaluate(RANGE)
    zoom_by_mouse(person, plot)
    wait_until(lambda: plot.evaluate(RANGE)[1] < whole[1], "the mouse zooms")
    zoomed, points = plot.evaluate(RANGE), plot.evaluate(POINTS)

    steps.wait_for_iteration(person, steps.iteration(person) + 5)
    wait_until(lambda: plot.evaluate(POINTS) > points, "the curve grows")
    assert plot.evaluate(RANGE) == zoomed
    assert plots.count() == count
    assert plots.evaluate_all(MARKED) == count, "a figure was mounted anew"
    person.press("ppo_stop")


def test_a_run_survives_a_page_change_and_a_reload(person: Person) -> None:
    person.go("/label", lang="en")
    steps.simulate_labels(person, 20)
    person.follow("/ppo")
    person.press("ppo_start")
    steps.wait_for_iteration(person, 1)
    run = steps.run_id(person)

    for leave in (lambda: person.follow("/label"), person.reload):
        before = steps.iteration(person)
        leave()
        person.follow("/ppo")
        steps.wait_for_iteration(person, before + 1)
        assert steps.run_id(person) == run
    person.press("ppo_stop")
