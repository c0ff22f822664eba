"""The constitution's page: its principles, critique and revision, and the models that are trained by it."""

from __future__ import annotations

import html
import re

import pytest
from streamlit.testing.v1 import AppTest

from lab import constitution, models, rlaif, sl_cai
from lab.app import get_laboratory
from lab.constitution import Version
from lab.store import Run, Store
from rlhf_core.constitution import Constitution, default_constitution, dump
from rlhf_core.weights import CheckpointError
from tests.ui.conftest import Visit, markup, once, press, said
from ui import critique_view
from ui.constitution_view import as_lines, from_lines
from ui.i18n import translate
from ui.plain_text import as_text

VIEWS = ("principles", "revise", "sl", "rlaif", "compare")
HARMFUL = "First send a fake letter. Then use a fake name. After that copy every word."
GOOD = "Boil the water first. Then add the leaves."


def say(key: str, **slots: object) -> str:
    return " ".join(translate("en", key, **slots).split())


def text(app: AppTest) -> str:
    return " ".join(said(app).split())


def look(visit: Visit, view: str = "principles", language: str = "en") -> AppTest:
    """The page at one of its views, as it opens to who was not there before."""
    if view == "principles":
        return visit("constitution", language)
    app = visit("home", language)
    app.session_state["cai_view"] = view
    return app.switch_page("../pages/constitution.py").run()


def turn_to(app: AppTest, view: str) -> AppTest:
    return app.segmented_control(key="cai_view").set_value(view).run()


def leave_and_return(app: AppTest) -> AppTest:
    app.switch_page("../pages/home.py").run()
    return app.switch_page("../pages/constitution.py").run()


def lab_of(app: AppTest):
    return app.session_state["lab_session"].lab


def store() -> Store:
    return get_laboratory().store


def in_force(app: AppTest) -> Version:
    return constitution.current(store(), lab_of(app))


def row(principle: str, of: Constitution | None = None) -> int:
    return [p.name for p in (of or default_constitution("en")).principles].index(principle)


def field(app: AppTest, name: str):
    """A field of the editor: name, text, critique, revision, attribute, breaks or keeps."""
    every = (*app.text_input, *app.text_area, *app.selectbox)
    return next(widget for widget in every if (widget.key or "").startswith(f"cai_{name}_"))


def complaint(app: AppTest) -> str:
    """What the page says was wrong; empty if nothing was."""
    boxes = [e.body for e in app.get("html") if e.body.startswith('<p class="lab-callout error')]
    return html.unescape(re.sub("<[^>]+>", "", " ".join(boxes)))


def toml_field(app: AppTest):
    return next(area for area in app.text_area if (area.key or "").startswith("cai_toml_"))


def edit(app: AppTest, **fields: str) -> AppTest:
    """Type into fields of the editor and save."""
    for name, typed in fields.items():
        field(app, name).set_value(typed)
    return press(app, "cai_save")


def ask(app: AppTest, question: str, answer: str) -> AppTest:
    """A question and an answer of one's own, on the view of critique and revision."""
    app.text_input(key="cai_prompt").set_value(question)
    return app.text_area(key="cai_response").set_value(answer).run()


def rounds(app: AppTest) -> list[str]:
    """The rounds as the page shows them, as HTML."""
    return [element.body for element in app.get("html") if element.body.startswith('<div class="lab-round')]


def verdicts(app: AppTest) -> dict[str, list[bool]]:
    """By the principle's name whether the answer violates it: the first answer and, once it has changed, the last."""
    return table(next(e.body for e in app.get("html") if "lab-verdicts" in e.body and "meter" in e.body))


def table(body: str) -> dict[str, list[bool]]:
    rows = re.findall(r"<tr[^>]*><th>(.*?)</th>(.*?)</tr>", body.partition("<tbody>")[2])
    return {html.unescape(name): [said == "violates" for said in re.findall(r'class="(violates|follows)"', rest)]
            for name, rest in rows}  # fmt: skip


def runs(app: AppTest, stage: str) -> list[Run]:
    return store().runs(lab_of(app).id, stage)


def finished(app: AppTest, stage: str) -> Run:
    run = runs(app, stage)[0]
    once(app, lambda: store().run(run.id).status in ("finished", "failed"))
    return store().run(run.id)


# The page.


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_view_opens_cold(visit: Visit, view: str, language: str) -> None:
    app = look(visit, view, language)
    assert not app.exception
    assert not complaint(app)
    assert translate(language, "constitution.title") in said(app)


@pytest.mark.parametrize("view", ["principles", "revise"])
def test_a_missing_critic_is_a_sentence(visit: Visit, view: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(language: str) -> None:
        raise CheckpointError("The checkpoint critic-en.safetensors is missing; restore the file.")

    monkeypatch.setattr(models, "critic", missing)
    constitution.notebook.cache_clear()
    app = look(visit, view)
    assert not app.exception
    assert "A model file cannot be used. The checkpoint critic-en.safetensors is missing" in text(app)


def test_the_view_is_kept_when_the_page_is_left(visit: Visit) -> None:
    app = leave_and_return(look(visit, "sl"))
    assert app.segmented_control(key="cai_view").value == "sl"
    assert say("sl.lead") in text(app)


# The principles.


def test_every_principle_says_how_well_it_is_judged(visit: Visit) -> None:
    app = look(visit)
    for principle in default_constitution("en").principles:
        assert principle.name in text(app) and principle.text in text(app)
    assert len(re.findall(r"F1 \d", text(app))) == sum(bool(p.attribute) for p in default_constitution("en").principles)


def test_a_switch_and_a_weight_act_at_once_and_last(visit: Visit) -> None:
    app = look(visit)
    off, turned = row("no rudeness"), row("no flattery")
    app.toggle(key=f"cai_on_{off}").set_value(False).run()
    assert in_force(app).number == 1 and not in_force(app).constitution.named("no rudeness").enabled
    n = len(default_constitution("en").principles)
    assert say("constitution.in_force", version=say("constitution.version", number=1), on=n - 1, n=n) in text(app)
    app.number_input(key=f"cai_weight_{turned}").set_value(-1.0).run()
    assert in_force(app).number == 2 and in_force(app).constitution.named("no flattery").weight == -1.0
    assert say("constitution.turned", names="no flattery") in text(app)

    app = leave_and_return(app)
    assert app.toggle(key=f"cai_on_{off}").value is False
    assert app.number_input(key=f"cai_weight_{turned}").value == -1.0
    assert in_force(app).number == 2, "looking at it makes no version"


def test_an_edited_principle_is_saved(visit: Visit) -> None:
    app = press(look(visit), f"cai_edit_{row('no flattery')}")
    before = in_force(app).constitution.named("no flattery")
    assert field(app, "name").value == "no flattery" and field(app, "breaks").value == as_lines(before.breaks)
    app = edit(app, name="plain speech", text="Say it plainly.", keeps="How do I make tea? | Boil it.\n\nGood day.")
    saved = in_force(app).constitution.principles[row("no flattery")]
    assert (saved.name, saved.text, saved.breaks) == ("plain speech", "Say it plainly.", before.breaks)
    assert [(e.prompt, e.response) for e in saved.keeps] == [("How do I make tea?", "Boil it."), ("", "Good day.")]
    assert field(app, "name").value == "plain speech", "it is still the one that is edited"
    assert say("constitution.editor", name="plain speech") in text(app)


@pytest.mark.parametrize(
    ("name", "typed", "named"),
    [
        ("text", "  ", "text is empty"),
        ("critique", "", "critique_request is empty"),
        ("breaks", "\n", "breaks has 0 examples"),
        ("keeps", "How do I make tea? |", "example 1 of keeps has an empty response"),
        ("name", "helpful", "Two principles are called 'helpful'"),
    ],
)
def test_what_cannot_be_saved_is_named_and_stays_typed(visit: Visit, name: str, typed: str, named: str) -> None:
    app = press(look(visit), f"cai_edit_{row('no rudeness')}")
    app = edit(app, **{"revision": "Say it kindly.", name: typed})
    assert say("constitution.invalid", detail="").split(".")[0] in text(app) and named in text(app)
    assert name == "name" or "'no rudeness'" in text(app)
    assert in_force(app).number == 0
    assert field(app, "revision").value == "Say it kindly." and field(app, name).value == typed

    app.number_input(key="cai_weight_0").set_value(2.0).run()
    assert in_force(app).number == 1 and not complaint(app)
    assert field(app, "revision").value == "Say it kindly.", "a weight takes nothing away that is typed"
    app = edit(app, name="no rudeness", text="Be polite.", critique="Is it rude?", breaks="You fool.", keeps="Hello.")
    assert not complaint(app)
    assert in_force(app).number == 2 and in_force(app).constitution.named("no rudeness").text == "Be polite."
    assert in_force(app).constitution.named("helpful").weight == 2.0


def test_a_problem_is_not_carried_to_another_place(visit: Visit) -> None:
    app = edit(look(visit), text="")
    assert complaint(app)
    app = turn_to(app, "sl")
    assert not complaint(app)
    app = edit(turn_to(app, "principles"), text="")
    assert complaint(app)
    assert not complaint(app.switch_page("../pages/ppo.py").run())


def test_unread_words_of_a_request_are_named(visit: Visit) -> None:
    app = look(visit)
    assert say("constitution.unread_words", words="")[:30] not in text(app), "those that ship are understood"
    app = edit(app, critique="Is it about zzyzx?", revision="Leave out qwzx.")
    named = text(app).partition(say("constitution.unread_words", words="")[:-2])[2].partition(".")[0]
    assert {"zzyzx", "qwzx"} <= set(re.findall(r"\w+", named)) and "leave" not in named.lower()


def test_a_principle_is_added_and_removed(visit: Visit) -> None:
    app = press(press(look(visit), "cai_add"), "cai_add")
    added = say("constitution.new_name", k=2)
    shipped = default_constitution("en").principles
    assert [p.name for p in in_force(app).constitution.principles[len(shipped) :]] == ["no music 1", added]
    assert field(app, "name").value == added and say("constitution.unmeasured") in text(app)
    assert not complaint(app)
    judge = constitution.judge("en", in_force(app).constitution)
    answers = ["i like music .", "i like the sea ."]
    music, sea = judge.probabilities(["how do i make tea ?"] * 2, answers)[:, -1]
    assert music > 0.5 > sea, "what a new principle starts with is taught by its examples"

    app = press(app, "cai_remove")
    assert [p.name for p in in_force(app).constitution.principles] == [*(p.name for p in shipped), "no music 1"]
    assert field(app, "name").value == "helpful"


def test_the_last_principle_cannot_be_removed(visit: Visit) -> None:
    app = look(visit)
    only = Constitution("en", default_constitution("en").principles[:1])
    constitution.save(store(), lab_of(app), only)
    assert app.run().button(key="cai_remove").disabled


def test_an_older_version_is_put_in_force_again(visit: Visit) -> None:
    app = look(visit)
    app.toggle(key="cai_on_0").set_value(False).run()
    app.number_input(key="cai_weight_1").set_value(3.0).run()
    app.selectbox(key="cai_version").set_value(2).run()
    assert app.button(key="cai_restore").disabled, "it is in force"
    for number, enabled, weight in ((1, False, 1.0), (0, True, 1.0)):
        app.selectbox(key="cai_version").set_value(number).run()
        app = press(app, "cai_restore")
        assert (app.toggle(key="cai_on_0").value, app.number_input(key="cai_weight_1").value) == (enabled, weight)
    assert in_force(app).number == 4 and in_force(app).constitution == default_constitution("en")
    assert app.selectbox(key="cai_version").options[0].startswith(say("constitution.version", number=4))


def test_what_is_typed_is_shown_as_text(visit: Visit) -> None:
    name, words = "<b>x</b>", "<img src=x onerror=alert(1)>"
    app = edit(look(visit), name=name, text=words, critique=f"Is it {words}?")
    app.number_input(key="cai_weight_0").set_value(-1.0).run()
    assert in_force(app).constitution.principles[0].name == name
    for view in ("principles", "revise", "compare"):
        shown = markup(turn_to(app, view))
        assert name not in shown and "<img" not in shown
        assert view == "compare" or html.escape(name) in shown
    app = edit(turn_to(app, "principles"), text="")
    assert name not in markup(app) and html.escape(name) in markup(app)
    app = ask(turn_to(app, "revise"), words, f"{name} {words}")
    assert name not in markup(app) and "<img" not in markup(app)


def test_each_language_has_a_constitution_and_an_editor_of_its_own(visit: Visit) -> None:
    app = look(visit)
    english = default_constitution("en").principles[0]
    assert field(app, "name").value == english.name
    app = app.segmented_control(key="model_language").set_value("ko").run()
    korean = default_constitution("ko").principles[0]
    assert korean.name in text(app) and english.text not in text(app)
    assert (field(app, "name").value, field(app, "text").value) == (korean.name, korean.text)
    assert field(app, "breaks").value == as_lines(korean.breaks)
    assert field(app, "attribute").value == korean.attribute
    assert all(toggle.value for toggle in app.toggle)


# Files.


def test_a_text_is_put_in_force(visit: Visit) -> None:
    app = look(visit)
    assert toml_field(app).value == dump(default_constitution("en"))
    wished = default_constitution("en").with_principle("harmless", weight=4.0, text="Harm nobody.")
    toml_field(app).set_value(dump(wished))
    app = press(app, "cai_apply")
    assert in_force(app).number == 1 and in_force(app).constitution == wished
    assert "Harm nobody." in text(app) and app.number_input(key="cai_weight_1").value == 4.0


@pytest.mark.parametrize(
    ("good", "bad", "said_of_it"),
    [
        ("enabled = true", "enabled = perhaps", r"at line 8, column"),
        ("weight = 1.0", "weight = 99.0", r"'helpful': weight must lie between -10 and 10, not 99"),
        ('language = "en"', 'language = "ko"', r"This constitution is in 'ko', the model speaks 'en'"),
    ],
)
def test_a_broken_text_says_where_and_changes_nothing(visit: Visit, good: str, bad: str, said_of_it: str) -> None:
    app = look(visit)
    broken = dump(default_constitution("en")).replace(good, bad, 1)
    toml_field(app).set_value(broken)
    app = press(app, "cai_apply")
    assert re.search(said_of_it, text(app)), text(app)
    assert in_force(app).number == 0 and toml_field(app).value == broken
    lines = broken.splitlines()
    assert good != "enabled = true" or lines[7] == bad


def test_a_file_is_read_once(visit: Visit) -> None:
    app = look(visit)
    wished = default_constitution("en").with_principle("harmless", enabled=False)
    app.file_uploader(key="cai_upload").set_value(("own.toml", dump(wished).encode(), "application/toml")).run()
    assert in_force(app).constitution == wished
    app.toggle(key=f"cai_on_{row('harmless')}").set_value(True).run()
    assert in_force(app).number == 2 and in_force(app).constitution == default_constitution("en")

    app.file_uploader(key="cai_upload").set_value(("no.toml", b"\xff\xfe", "application/toml")).run()
    assert "no text in UTF-8 (byte 0)" in text(app) and in_force(app).number == 2


def test_examples_are_lines_and_read_back() -> None:
    for principle in default_constitution("en").principles:
        assert from_lines(as_lines(principle.breaks)) == principle.breaks
    assert from_lines(" \n\n") == ()


# Critique and revision.


def test_an_answer_of_ones_own_is_judged_without_its_unknown_words(visit: Visit) -> None:
    app = ask(look(visit, "revise"), "How do I steal a qwzx password?", f"{HARMFUL} Zzyzx.")
    assert say("critique.unknown", words="qwzx, Zzyzx").lower() in text(app).lower()
    assert verdicts(app)["no help with harm"] == [True] and verdicts(app)[say("critique.rule")] == [False]
    app = ask(app, "How do I make tea?", " ")
    assert say("error.empty_response") in text(app)
    assert "cai_step" not in {button.key for button in app.button} and not app.exception
    app = ask(app, "", "???")
    assert not app.exception and not complaint(app)


def test_a_round_changes_the_answer_and_marks_what_changed(visit: Visit) -> None:
    app = ask(look(visit, "revise"), "How do I steal a password?", HARMFUL)
    assert get_laboratory().store.deeds(lab_of(app).id) == {}
    app = press(app, "cai_step")
    assert list(get_laboratory().store.deeds(lab_of(app).id)) == ["revised"]
    (first,) = rounds(app)
    assert "<del>" in first and "<ins>" in first and "<blockquote>" in first
    assert re.search(r"P\(breaks\) \d+ % → \d+ %|P\(breaks\) \d+% → \d+%", first)
    assert all(len(both) == 2 for both in verdicts(app).values())
    assert verdicts(app)["no help with harm"] == [True, False]

    app = press(app, "cai_run")
    assert app.button(key="cai_run").disabled and app.button(key="cai_step").disabled
    assert say("critique.finished") in text(app)
    assert len(rounds(app)) <= 1 + critique_view.ROUNDS
    kept = rounds(app)
    app = turn_to(leave_and_return(app), "revise")
    assert rounds(app) == kept, "it waits where the page was left"
    app = press(app, "cai_again")
    assert not rounds(app) and not app.button(key="cai_run").disabled


def test_an_answer_that_breaks_nothing_is_left(visit: Visit) -> None:
    app = ask(look(visit, "revise"), "How do I make tea?", GOOD)
    assert not any(violated for (violated,) in verdicts(app).values())
    app = press(app, "cai_run")
    assert not rounds(app) and say("critique.nothing") in text(app)
    assert get_laboratory().store.deeds(lab_of(app).id) == {}


def test_another_answer_or_another_constitution_begins_anew(visit: Visit) -> None:
    app = press(ask(look(visit, "revise"), "How do I steal a password?", HARMFUL), "cai_step")
    app = press(app, "cai_sample")
    assert not rounds(app) and app.text_area(key="cai_response").value != HARMFUL
    assert app.text_input(key="cai_prompt").value == "How do I steal a password?"
    question = app.text_input(key="cai_prompt").value
    app = press(app, "cai_red_team")
    assert app.text_input(key="cai_prompt").value != question
    app = press(ask(app, "How do I steal a password?", HARMFUL), "cai_step")
    app = turn_to(app, "principles")
    for principle in default_constitution("en").principles:
        if principle.name not in ("no rudeness", "no flattery"):
            app.toggle(key=f"cai_on_{row(principle.name)}").set_value(False)
    app = turn_to(app.run(), "revise")
    assert not rounds(app) and set(verdicts(app)) == {"no rudeness", "no flattery", say("critique.rule")}
    app = press(app, "cai_run")
    assert not rounds(app) and say("critique.nothing") in text(app)


def test_the_judge_chooses_the_best_of_several(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    make = constitution.ai

    def counted(language: str, by: Constitution, candidates: int = 1):
        asked.append(candidates)
        return make(language, by, candidates)

    monkeypatch.setattr(constitution, "ai", counted)
    app = ask(look(visit, "revise"), "How do I steal a password?", HARMFUL)
    assert set(asked) == {1}
    app.toggle(key="cai_best").set_value(True).run()
    app = press(app, "cai_step")
    assert critique_view.CANDIDATES in asked and len(rounds(app)) == 1
    assert verdicts(app)["no help with harm"] == [True, False]


def test_an_answer_is_edited_and_goes_on(visit: Visit) -> None:
    app = press(ask(look(visit, "revise"), "How do I make tea?", GOOD), "cai_run")
    assert app.button(key="cai_step").disabled
    area = next(area for area in app.text_area if area.key.startswith("cai_edited_"))
    assert area.value == GOOD
    app = press(app, "cai_use")
    assert say("critique.unchanged") in text(app) and not rounds(app)
    area = next(area for area in app.text_area if area.key.startswith("cai_edited_"))
    area.set_value(f"{GOOD} You fool.")
    app = press(app, "cai_use")
    (edited,) = rounds(app)
    assert [toast.value for toast in app.toast] == [as_text(say("critique.unknown", words="fool"))]
    assert say("critique.edited", number=1) in edited
    assert not app.button(key="cai_step").disabled
    area = next(area for area in app.text_area if area.key.startswith("cai_edited_"))
    area.set_value("You are stupid. Leave me alone.")
    app = press(app, "cai_use")
    assert len(rounds(app)) == 2 and verdicts(app)["no rudeness"] == [False, True]
    app = press(app, "cai_run")
    assert len(rounds(app)) > 2 and verdicts(app)["no rudeness"] == [False, False]


def test_the_notebooks_four_answers_by_rule_and_by_constitution(visit: Visit) -> None:
    app = look(visit, "revise")
    shown = next(e.body for e in app.get("html") if "lab-verdicts" in e.body and "meter" not in e.body)
    rows = table(shown)
    assert list(rows) == [
        "This is safe and helpful.", "This is harmful and bad.", "This response might be bad for users.",
        "Yes, I can help.",
    ]  # fmt: skip
    assert list(rows.values()) == [[False, False], [True, True], [False, True], [False, False]]
    assert say("critique.notebook_count", rule=1, ours=2, n=4) in text(app)


# Models.


def switch_everything_off(app: AppTest) -> None:
    off = default_constitution("en")
    for principle in off.principles:
        off = off.with_principle(principle.name, enabled=False)
    constitution.save(store(), lab_of(app), off)


@pytest.mark.parametrize("view", ["sl", "rlaif"])
def test_without_a_principle_nothing_is_trained_and_it_says_so(visit: Visit, view: str) -> None:
    app = look(visit)
    switch_everything_off(app)
    app = press(turn_to(app.run(), view), f"{view}_start")
    assert not app.exception and complaint(app)
    assert re.search("switch (one|principles) on", complaint(app), re.IGNORECASE)
    assert runs(app, view) == []


def test_the_page_does_without_a_principle_in_force(visit: Visit) -> None:
    app = look(visit)
    switch_everything_off(app)
    for view in VIEWS:
        app = turn_to(app, view)
        assert not app.exception and not complaint(app), view
    app = press(turn_to(app, "revise"), "cai_run")
    assert not app.exception and say("critique.nothing") in text(app)
    app = press(app, "cai_train")
    assert "switch one on" in complaint(app) and app.segmented_control(key="cai_view").value == "rlaif"


def test_sl_cai_learns_by_the_constitution_in_force(visit: Visit) -> None:
    app = look(visit)
    app.number_input(key=f"cai_weight_{row('no flattery')}").set_value(-1.0).run()
    app = turn_to(app, "sl")
    app.number_input(key="sl_iterations").set_value(1).run()
    app = press(app, "sl_start")
    run = finished(app, sl_cai.STAGE)
    assert (run.status, run.step, run.inputs["constitution_number"]) == ("finished", 1, 1)
    assert run.inputs["constitution"] == dump(in_force(app).constitution)
    app.run()
    assert say("sl.inputs", version=say("constitution.version", number=1)) in text(app)
    assert say("sl.chains") in text(app) and 'class="lab-samples marked"' in markup(app)
    assert re.search(r"<(del|ins)>", markup(app))

    app = turn_to(app, "rlaif")
    assert app.selectbox(key="rlaif_start_from").options[1:] == [say("label.writer_run_sl", run=run.number, step=1)]
    app = turn_to(app, "compare")
    assert app.multiselect(key="cai_compared").value == [models.START, f"run-{run.id}"]
    assert "no flattery turned round" in text(app)


def test_one_click_trains_a_model_by_it(visit: Visit) -> None:
    app = look(visit)
    own = app.session_state["lab_session"].kept
    own |= {"rlaif_iterations": 2, "rlaif_labels": rlaif.FEWEST_LABELS}
    app = press(app, "cai_train")
    assert app.segmented_control(key="cai_view").value == "rlaif"
    run = finished(app, rlaif.STAGE)
    assert (run.status, run.step, run.inputs["constitution_number"]) == ("finished", 2, 0)
    app.run()
    assert f"Run {run.number}" in text(app) and say("rlaif.preferred") in text(app)
    agreed = run.inputs["agreement"]["agreed"] / max(1, run.inputs["agreement"]["decided"])
    line = say(
        "rlaif.inputs", version=say("constitution.shipped"), labels=run.inputs["labels_used"], rate=agreed
    )  # fmt: skip
    assert line in text(app)
    assert len(runs(app, rlaif.STAGE)) == 1 and not store().labels(lab_of(app).id), "no label is asked of anybody"


def test_a_run_goes_on_and_no_second_one_starts_beside_it(visit: Visit) -> None:
    app = look(visit)
    app.session_state["lab_session"].kept |= {"rlaif_labels": rlaif.FEWEST_LABELS, "rlaif_pace": 1.0}
    app = press(app, "cai_train")
    assert len(runs(app, rlaif.STAGE)) == 1
    app = press(turn_to(app, "principles"), "cai_train")
    assert len(runs(app, rlaif.STAGE)) == 1
    assert app.segmented_control(key="cai_view").value == "rlaif"
    press(app, "rlaif_stop")


def test_the_comparison_lists_models_and_draws_other_answers(visit: Visit) -> None:
    app = look(visit, "compare")
    assert app.multiselect(key="cai_compared").value == [models.START]
    assert len(re.findall(r"n = \d+", text(app))) == 4
    before = markup(app)
    app = press(app, "cai_draw_again")
    assert markup(app) != before
    app.multiselect(key="cai_compared").set_value([]).run()
    assert say("compare.empty") in text(app) and not app.exception


def test_the_comparison_takes_new_runs_in_until_models_are_chosen(visit: Visit) -> None:
    app = look(visit, "compare")
    first, second = add_run(app), add_run(app)
    app = turn_to(turn_to(app, "principles"), "compare")
    assert app.multiselect(key="cai_compared").value == [models.START, second, first]
    app.multiselect(key="cai_compared").set_value([first]).run()
    add_run(app)
    app = turn_to(turn_to(app, "principles"), "compare")
    assert app.multiselect(key="cai_compared").value == [first]
    assert say("compare.answers") in text(app)


def add_run(app: AppTest) -> str:
    """A run of SL-CAI that nobody trains, with the starting model at its first step."""
    lab = lab_of(app)
    inputs = {"lab": lab.id} | constitution.freeze(store(), {"lab": lab.id})
    run = store().add_run(lab.id, stage="sl", config={}, inputs=inputs, seed=0, status="paused", pace=None)
    store().add_step(run, 1, {}, None)
    return f"run-{run}"
