"""Every link of the plans for a lesson opens what it says: its page, view, preset, seed, step and what it hides."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import parse_qsl, urlsplit

import pytest

from lab.lessons import LESSONS
from tests.test_architecture import ROOT
from ui import page_address, ppo_view, run_address, session
from ui.layout import PAGES
from ui.page_address import HIDEABLE, Known
from ui.session import Session

GUIDE = (ROOT / "docs" / "teaching.md").read_text("utf-8")
DASH = "\N{EN DASH}"
HOST = "http://localhost:8501"
ROW = re.compile(r"^\| (?:`(\w+)`|(first page)) \| (.*) \| (.*) \|$", re.M)


def links() -> list[str]:
    return re.findall(rf"\({re.escape(HOST)}(/[^)\s]*)\)", GUIDE)


def views(page: str) -> tuple[str, ...]:
    """What a page can show, as its script says."""
    tree = ast.parse((ROOT / "pages" / f"{page}.py").read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "VIEWS":
            return ast.literal_eval(node.value)
    return ()


@pytest.fixture(autouse=True)
def visit(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Session()
    monkeypatch.setattr(session, "session", lambda: own)


def known(page: str) -> Known:
    """What an address can ask of a page, as its script has it; nothing is done."""
    choices = {"view": ("", views(page), "")} if views(page) else {}
    found = {**page_address.lessons(page), **{name: page_address.choice(*one) for name, one in choices.items()}}
    if page == "ppo":
        return {**found, **run_address.parameters(ppo_view.PANEL, ppo_view.LINKED)}
    return {**found, **OWN.get(page, {}), **page_address.own(page)}


OWN = {
    "reward_model": {
        "source": page_address.choice("", ("human", "simulated", "both"), ""),
        "features": page_address.choice("", ("attributes", "words"), ""),
    },
    "navigation": {"kind": page_address.choice("", ("cloning", "mazeppo"), "")},
}
"""What the scripts of these pages offer beside their views."""


def asked() -> Iterator[tuple[str, str, str]]:
    for link in links():
        parts = urlsplit(link)
        for name, text in parse_qsl(parts.query, keep_blank_values=True):
            yield parts.path.strip("/") or "home", name, text


def test_there_are_links_to_every_page() -> None:
    assert len(links()) > 20
    assert {urlsplit(link).path.strip("/") or "home" for link in links()} == set(PAGES)


@pytest.mark.parametrize(("page", "name", "text"), sorted(set(asked())))
def test_a_link_asks_only_for_what_its_page_can_do(page: str, name: str, text: str) -> None:
    assert page in PAGES
    known(page)[name].read(text)  # ValueError for what is not allowed, KeyError for what is not known


def test_both_plans_go_from_the_first_minute_to_the_last() -> None:
    for title, last in (("Forty minutes", 40), ("Ninety minutes", 90)):
        plan = GUIDE.partition(f"## {title}")[2].partition("\n## ")[0]
        spans = [tuple(map(int, found)) for found in re.findall(rf"^\| (\d+){DASH}(\d+) \|", plan, re.M)]
        assert spans[0][0] == 0 and spans[-1][1] == last
        assert all(end == begin for (_, end), (begin, _) in pairwise(spans))
        rows = re.findall(rf"^\| \d+{DASH}.*$", plan, re.M)
        assert all(HOST in row and row.count(" | ") == 5 for row in rows)


def test_the_table_of_links_names_what_each_page_knows() -> None:
    rows = {page or "home": (says, hides) for page, _, says, hides in ROW.findall(GUIDE)}
    assert rows.keys() == set(PAGES)
    for page, (says, hides) in rows.items():
        names = known(page).keys() - {"hide", "lesson"}
        assert set(re.findall(r"`(\w+)`", says)) == names, page
        assert set(re.findall(r"`(\w+)`", hides)) == HIDEABLE[page].keys(), page


def test_what_show_me_does_is_something_that_the_page_can_do() -> None:
    for page, lesson in LESSONS.items():
        for step in lesson.steps:
            for name, text in step.drive.items():
                known(page)[name].read(text)


def test_every_file_of_figures_that_is_named_exists() -> None:
    named = set(re.findall(r"`(benchmarks/\w+\.md)`", GUIDE))
    assert named and all((ROOT / name).is_file() for name in named)
