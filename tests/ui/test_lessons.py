"""The strip with a page's lesson, a teacher's link, and the texts of both."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from lab.app import get_laboratory
from lab.labelling import LabellingDesk
from lab.lessons import LESSONS, OPTIONS, Lesson
from lab.store import Lab, Store
from tests.ui.conftest import ROOT, Visit, answer, markup, press, said
from ui import page_address
from ui.i18n import LANGUAGES, catalogue, translate
from ui.layout import PAGES


def lab_of(app: AppTest) -> tuple[Store, Lab]:
    return get_laboratory().store, app.session_state["lab_session"].lab


def opened(page: str, **query: str) -> AppTest:
    """A page at an address, as the same browser opens it anew."""
    app = AppTest.from_file(str(ROOT / "ui" / "main.py"), default_timeout=60)
    app.session_state["ppo_settings"] = True  # open
    for name, text in {"lang": "en", **query}.items():
        app.query_params[name] = text
    return (app if page == "home" else app.switch_page(f"../pages/{page}.py")).run()


def line(app: AppTest) -> str:
    return app.button(key="lesson_toggle").label


def line_of(lesson: Lesson, at: int, language: str = "en") -> str:
    step = lesson.steps[at - 1]
    name = translate(language, f"lesson.{lesson.page}.{step.name}", n=step.n)
    return translate(language, "lesson.line", at=at, n=len(lesson.steps), name=name)


def complaint(app: AppTest) -> bool:
    return bool(app.exception) or 'class="lab-callout error"' in markup(app)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_its_lesson_closed_and_opens_it(visit: Visit, page: str) -> None:
    app, lesson = visit(page, "ko"), LESSONS[page]
    assert line(app).endswith(line_of(lesson, 1, "ko")) and "lab-lesson" not in markup(app)
    app = press(app, "lesson_toggle")
    first = lesson.steps[0]
    for part in ("why", "try", "see"):
        assert translate("ko", f"lesson.{page}.{first.name}_{part}", n=first.n) in said(app)
    assert not complaint(app)


def test_a_step_ticks_itself_and_stays_in_sight_until_one_goes_on(visit: Visit) -> None:
    app = press(visit("label"), "lesson_toggle")
    for _ in range(4):
        assert translate("en", "lesson.is_open") in said(app)
        answer(app, "left")
    assert translate("en", "lesson.is_done") in said(app)
    assert translate("en", "lesson.label.first_see", n=4) in said(app)
    assert line(app).endswith(translate("en", "lesson.line_open", done=1, n=5))
    app = press(app, "lesson_next")
    assert translate("en", "lesson.label.guess_try", n=5) in said(app)


def test_only_the_reader_can_tell_that_something_was_read(visit: Visit) -> None:
    app = press(visit("home"), "lesson_toggle")
    app = press(app, "lesson_tell")
    assert "lab-lesson" in markup(app) and "lab-lesson" not in markup(press(app, "lesson_toggle"))
    app = press(app, "lesson_toggle")
    assert line(app).endswith(translate("en", "lesson.line_open", done=1, n=4))
    assert not [button for button in app.button if button.key == "lesson_tell"]


def test_a_question_explains_every_answer_and_lets_one_try_again(visit: Visit) -> None:
    app = press(visit("label"), "lesson_toggle")
    app.segmented_control(key="lesson_at_label").set_value("score").run()
    for option in OPTIONS:
        app = app.radio(key="lesson_answer_label_score").set_value(option).run()
        text, right = said(app), option == LESSONS["label"].questions[0].right
        assert translate("en", "lesson.right" if right else "lesson.wrong") in text
        assert translate("en", f"lesson.label.score_{option}_why") in text
        others = set(OPTIONS) - {option}
        assert not any(translate("en", f"lesson.label.score_{other}_why") in text for other in others)


def test_show_me_puts_the_page_where_the_step_is_done(visit: Visit) -> None:
    store, lab = lab_of(visit("home"))
    LabellingDesk(store, lab).simulate(12, "default", 0.0, seed=1)
    app = opened("ppo", view="book", lesson="3")
    assert translate("en", "lesson.ppo.free_try", n=40) in said(app)
    app = press(app, "lesson_show")
    assert app.segmented_control(key="ppo_view").value == "train"
    assert app.segmented_control(key="ppo_preset").value == "no_kl"
    assert app.select_slider(key="ppo_kl_coef").value == 0.0 and not store.runs(lab.id), "nothing is started"
    app = press(opened("team", lesson="4"), "lesson_show")
    assert app.segmented_control(key="team_page").value == "compare" and not complaint(app)


def test_what_the_visit_did_is_noticed(visit: Visit) -> None:
    app = visit("outlook")
    assert app.session_state["lab_session"].lessons["outlook"].seen == {"outlook:view=forecast"}
    app = app.segmented_control(key="outlook_view").set_value("timeline").run()
    app = app.segmented_control(key="outlook_view").set_value("topics").run()
    assert line(app).endswith(line_of(LESSONS["outlook"], 1)), "two of three are done, the first is not"
    store, lab = lab_of(app)
    store.add_forecast(lab.id, "owner", "", {})
    assert line(app.run()).endswith(translate("en", "lesson.line_done", n=3))
    assert "lesson outlook" in store.deeds(lab.id), "it is remembered when the visit is over"


def test_home_shows_which_lessons_are_done(visit: Visit) -> None:
    app = visit("home")
    store, lab = lab_of(app)
    assert translate("en", "lesson.overview", done=0, n=len(PAGES)) in said(app)
    assert translate("en", "lesson.count", done=0, n=5) in said(app)
    store.note_deed(lab.id, "lesson ppo")
    app = app.run()
    assert translate("en", "lesson.overview", done=1, n=len(PAGES)) in said(app)
    assert translate("en", "lesson.count", done=5, n=5) in said(app)


# A teacher's link.


def test_a_link_hides_what_it_names_and_says_so(visit: Visit) -> None:
    app = opened("team", hide="members,conditions", seed="7", lesson="2", communication="off")
    assert ".st-key-team_members, .st-key-team_conditions { display: none" in markup_with_styles(app)
    names = ", ".join(translate("en", f"lesson.hide.{name}") for name in ("members", "conditions"))
    assert translate("en", "lesson.hidden", names=names) in said(app)
    assert translate("en", "lesson.team.message_try") in said(app)
    settings = app.session_state["lab_session"].team.run.settings
    assert (settings.seed, settings.config.communication) == (7, False)
    app = press(app, "lesson_unhide")
    assert ".st-key-team_members, .st-key-team_conditions" not in markup_with_styles(app)


def markup_with_styles(app: AppTest) -> str:
    return "\n".join(element.body for element in app.get("html") if "lab-ballot" not in element.body)


@pytest.mark.parametrize(
    ("page", "query", "wrong"),
    [
        ("home", {"view": "x"}, "view=x"),
        ("language_model", {"temperature": "9", "seed": "x"}, "temperature=9 (0.1"),
        ("label", {"hide": "label_view"}, "hide=label_view (views, deck"),
        ("reward_model", {"features": "eyes"}, "features=eyes (attributes, words, bag_of_words)"),
        ("ppo", {"preset": "best", "lesson": "6"}, "preset=best (sound, no_kl"),
        ("constitution", {"lesson": "0"}, "lesson=0 (1"),
        ("navigation", {"hidden": "nan", "seed": "-1"}, "hidden=nan (0, 0.1"),
        ("team", {"communication": "loud"}, "communication=loud (on, off)"),
        ("outlook", {"view": "<b>past</b>"}, "view=<b>past</b> (forecast"),
    ],
)  # fmt: skip
def test_what_a_link_asks_in_vain_is_named_and_the_page_is_as_usual(
    visit: Visit, page: str, query: dict[str, str], wrong: str
) -> None:
    app = opened(page, **query)
    assert 'class="lab-callout error"' in markup(app) and wrong in said(app)
    assert "<b>past" not in markup(app) and not app.exception
    assert line(app).endswith(line_of(LESSONS[page], 1)) and "lab-lesson" not in markup(app)


def test_the_form_makes_a_link_that_opens_the_page_as_it_stood(visit: Visit) -> None:
    store, lab = lab_of(visit("home"))
    LabellingDesk(store, lab).simulate(12, "default", 0.0, seed=1)
    app = opened("ppo", preset="few_labels", seed="5", lesson="2")
    app.session_state["lesson_link"] = True
    app = app.run()
    app = app.multiselect(key="lesson_hides_ppo").set_value(["more", "sliders"]).run()
    [shown] = [code.value for code in app.code if "/ppo" in code.value]
    query = dict(parse_qsl(urlsplit(shown).query))
    wanted = {"view": "train", "preset": "few_labels", "seed": "5", "hide": "more,sliders", "lesson": "2"}
    assert query == wanted | {"iterations": query["iterations"]}, "what the preset sets is not said twice"
    other = opened("ppo", **query)
    assert not complaint(other) and other.number_input(key="ppo_seed").value == 5
    assert other.segmented_control(key="ppo_preset").value == "few_labels"
    assert ".st-key-ppo_more, .st-key-ppo_sliders" in markup_with_styles(other)


def test_a_setting_beside_a_preset_changes_the_preset_wherever_it_stands(visit: Visit) -> None:
    store, lab = lab_of(visit("home"))
    LabellingDesk(store, lab).simulate(12, "default", 0.0, seed=1)
    app = opened("ppo", kl="0.3", preset="no_kl")
    assert app.select_slider(key="ppo_kl_coef").value == 0.3
    assert app.segmented_control(key="ppo_features").value == "bag_of_words"


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_that_can_be_hidden_has_a_name(language: str) -> None:
    names = {name for hideable in page_address.HIDEABLE.values() for name in hideable}
    assert {f"lesson.hide.{name}" for name in names} == {
        key for key in catalogue(language) if key.startswith("lesson.hide.")
    }


# Texts.


def test_every_page_has_a_lesson() -> None:
    assert tuple(LESSONS) == PAGES == tuple(page_address.HIDEABLE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_step_and_every_answer_has_its_texts(language: str) -> None:
    sentences = catalogue(language)
    for page, lesson in LESSONS.items():
        wanted = {f"{step.name}{part}" for step in lesson.steps for part in ("", "_why", "_try", "_see")}
        for question in lesson.questions:
            options = {f"{question.name}_{option}" for option in OPTIONS}
            wanted |= {question.name} | options | {f"{option}_why" for option in options}
            assert len({sentences[f"lesson.{page}.{option}"] for option in options}) == len(options)
        there = {key.rpartition(".")[2] for key in sentences if key.startswith(f"lesson.{page}.")}
        assert there == wanted


def test_a_step_whose_rule_has_a_number_says_it_and_no_other_does() -> None:
    for language in LANGUAGES:
        for page, lesson in LESSONS.items():
            for step in lesson.steps:
                texts = [catalogue(language)[f"lesson.{page}.{step.name}{part}"] for part in ("", "_try")]
                assert any("{n}" in text for text in texts) == bool(step.n), (language, page, step.name)
