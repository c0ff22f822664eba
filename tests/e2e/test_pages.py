"""Pages opened cold by their address, in both languages."""

import re
from contextlib import closing

import pytest
from playwright.sync_api import expect

from lab.store import Store
from tests.e2e import steps
from tests.e2e.conftest import NewPerson
from tests.e2e.locales import mixed
from tests.e2e.person import Person
from tests.e2e.server import Server, wait_until

HANGUL = re.compile("[가-힣]+")
INK = """([family, texts]) => {
  const canvas = document.createElement('canvas').getContext('2d');
  canvas.font = `40px '${family}', monospace`;
  return texts.map(text => {
    canvas.clearRect(0, 0, 80, 80);
    canvas.fillText(text, 5, 50);
    return canvas.getImageData(0, 0, 80, 80).data.reduce((sum, value) => sum + value, 0);
  });
}"""  # how dark each text is, drawn in the family: an empty box is as dark as the next


def speaks_korean(person: Person) -> bool:
    return bool(HANGUL.search(person.page.locator("header.lab-heading").inner_text()))


@pytest.mark.parametrize(("path", "first"), [("/", "ko"), ("/language_model", "en"), ("/ppo", "ko"), ("/team", "en")])
def test_a_cold_link_shows_its_language_and_the_switch_the_other(person: Person, path: str, first: str) -> None:
    """The other pages are walked through in both languages by `test_access`."""
    languages = (first, "ko" if first == "en" else "en")
    person.go(path, lang=languages[0])
    for language, other in (languages, languages[::-1]):
        if language != languages[0]:
            person.at("language").get_by_text({"en": "English", "ko": "한국어"}[language]).click()
            wait_until(lambda korean=language == "ko": speaks_korean(person) == korean, "the page speaks the other")
            person.settle()
        text = person.text()
        assert "Traceback" not in text
        assert mixed(text, language, other) == []
        if language == "en" == languages[0]:
            assert set(HANGUL.findall(text)) <= {"한국어"}, f"Korean on the English {path}"


def test_hangul_comes_with_its_own_font(person: Person) -> None:
    """The app's own font is loaded and used: without Korean fonts on the machine there are no empty boxes."""
    person.go("/", lang="ko")
    heading = person.page.locator("h1").first
    family = heading.evaluate("e => getComputedStyle(e).fontFamily.split(',')[0].replaceAll('\"', '').trim()")
    loaded = person.page.evaluate(
        "async () => { await document.fonts.ready; return [...document.fonts]"
        ".filter(f => f.status === 'loaded').map(f => f.family.replaceAll('\"', '')); }"
    )
    assert family in loaded
    assert person.page.evaluate("f => document.fonts.check(`16px '${f}'`, '한글로 가르칩니다')", family)
    ink = person.page.evaluate(INK, [family, ["가", "말", "을"]])
    assert len(set(ink)) == 3, "three syllables look the same: they are empty boxes"


def test_the_switch_changes_the_language_and_the_choice_lasts(person: Person) -> None:
    person.go("/", lang="en")
    assert not speaks_korean(person)
    person.at("language").get_by_text("한국어").click()
    wait_until(lambda: speaks_korean(person), "the page speaks Korean")
    assert person.page.locator("html").get_attribute("lang") == "ko"
    person.follow("/label")
    assert speaks_korean(person)
    person.go("/")  # the bare address, without the choice in it
    assert speaks_korean(person)


def test_a_change_of_language_leaves_a_choice_as_it_was(person: Person) -> None:
    """The names of the options change with the language; what was chosen does not."""
    person.go("/label", lang="en")
    steps.simulate_labels(person, 20)
    person.follow("/ppo")
    person.press("ppo_start")
    run = steps.run_id(person)
    with closing(Store(person.server.database)) as store:
        person.choose("ppo_pace", "1 a second")
        wait_until(lambda: store.run(run).pace == 1.0, "the pace is kept")
        person.at("language").get_by_text("한국어").click()
        wait_until(lambda: speaks_korean(person), "the page speaks Korean")
        expect(person.at("ppo_pace").get_by_role("combobox")).to_have_value(re.compile("초당 1회"))
        person.at("language").get_by_text("English").click()
        wait_until(lambda: not speaks_korean(person), "the page speaks English")
        assert store.run(run).pace == 1.0
        person.press("ppo_stop")


@pytest.mark.parametrize(("locale", "korean"), [("ko-KR", True), ("fr-FR", False)])
def test_without_a_choice_the_browser_decides(
    person_at: NewPerson, server: Server, locale: str, korean: bool
) -> None:
    person = person_at(server, locale=locale)
    person.go("/")
    assert speaks_korean(person) == korean
