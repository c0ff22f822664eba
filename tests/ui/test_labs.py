"""The labs of a browser, at the end of Home: start over, duplicate, open, switch, delete. Nothing is lost unasked."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from lab import lab_file
from lab.app import get_laboratory
from lab.labelling import LabellingDesk
from lab.store import Lab
from tests.ui.conftest import Visit, answer, markup, once, press, said
from ui.i18n import translate

BROWSER = "a-browser-of-these-tests"


def own() -> Lab:
    return get_laboratory().store.open_lab(BROWSER, "en")


def labelled(n: int = 3) -> Lab:
    lab = own()
    LabellingDesk(get_laboratory().store, lab).simulate(n, "default", 0.0, seed=1)
    return lab


def test_starting_over_opens_an_empty_lab_and_the_old_one_can_be_opened_again(visit: Visit) -> None:
    old = labelled()
    app = visit()
    app.text_input(key=f"labs_name_{old.id}").set_value("  <b>my</b>   class ").run()
    assert own().name == "<b>my</b> class"
    press(app, "labs_start_over_go")
    new = own()
    assert new.id != old.id and get_laboratory().store.labels(new.id) == [] and new.language == "en"
    assert "&lt;b&gt;my&lt;/b&gt; class" in markup(app) and "<b>my" not in markup(app)
    assert translate("en", "labs.about", date="", labels=3, runs=0).partition(",")[2] in said(app)
    press(app, f"labs_switch_{old.id}")
    assert own().id == old.id and len(get_laboratory().store.labels(old.id)) == 3
    assert app.text_input(key=f"labs_name_{old.id}").value == "<b>my</b> class"
    assert not app.exception


def test_what_a_tab_remembered_of_a_lab_is_forgotten_with_it(visit: Visit) -> None:
    app = visit("label")
    answer(app, "left")
    app.switch_page("../pages/home.py").run()
    press(app, "labs_start_over_go")
    app.switch_page("../pages/label.py").run()
    assert not app.exception and app.session_state["lab_session"].last_answer is None
    assert get_laboratory().store.labels(own().id) == []


def test_a_duplicate_goes_on_alone_and_is_deleted_for_good(visit: Visit) -> None:
    old = labelled()
    app = visit(language="ko")
    press(app, "labs_duplicate")
    copy = own()
    assert copy.id != old.id and copy.name.endswith("사본")
    assert len(get_laboratory().store.labels(copy.id)) == 3
    press(app, f"labs_delete_go_{old.id}")
    assert [lab.id for lab in get_laboratory().store.labs(BROWSER)] == [copy.id]
    assert not app.exception and f"labs_row_{old.id}" not in str(app.main)


def test_a_lab_that_another_tab_has_deleted_gives_way_to_the_next(visit: Visit) -> None:
    app, old = visit(), own()
    new = get_laboratory().store.new_lab(BROWSER, "en")
    get_laboratory().delete_lab(old.id)
    app.run()
    assert not app.exception and "lab-callout error" not in markup(app)
    assert app.session_state["lab_session"].lab == new


def test_a_downloaded_lab_is_opened_and_stays_the_one_that_is_open(visit: Visit) -> None:
    lab = labelled()
    data = lab_file.take_away(get_laboratory().store, lab.id)
    get_laboratory().store.new_lab(BROWSER, "en", "empty")
    app = visit()
    upload(app, data)
    opened = own()
    assert opened.id not in (lab.id,) and len(get_laboratory().store.labels(opened.id)) == 3
    app.run()  # the browser still holds the file that it sent
    assert own() == opened and len(get_laboratory().store.labs(BROWSER)) == 3


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_file_that_is_no_lab_is_refused_in_a_sentence(visit: Visit, language: str) -> None:
    lab = labelled()
    app = visit(language=language)
    upload(app, b"hello")
    assert translate(language, "lab_file.foreign") in said(app)
    whole = lab_file.pack(get_laboratory().store, lab.id)
    upload(app, whole[:300] + b"?" + whole[301:])
    assert translate(language, "lab_file.damaged", what="|").partition("|")[0] in said(app)
    assert own() == lab and len(get_laboratory().store.labs(BROWSER)) == 1


def upload(app: AppTest, data: bytes) -> None:
    app.file_uploader(key=f"labs_file_{own().id}").set_value(("lab.zip", data, "application/zip")).run()


def test_runs_rest_when_their_lab_is_left(visit: Visit) -> None:
    lab = labelled(20)
    app = visit("ppo")
    press(app, "ppo_start")
    store = get_laboratory().store
    [run] = store.runs(lab.id)
    once(app, lambda: store.run(run.id).step >= 1)
    app.switch_page("../pages/home.py").run()
    press(app, "labs_start_over_go")
    assert store.run(run.id).status == "paused"
    press(app, f"labs_delete_go_{lab.id}")
    assert lab.id not in [known.id for known in store.labs(BROWSER)]
    with pytest.raises(KeyError):
        store.run(run.id)
