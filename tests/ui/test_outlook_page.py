"""The outlook: one's own forecast, collections of many under an address, and what is fact and what opinion."""

from __future__ import annotations

from datetime import date

import pytest
from streamlit.testing.v1 import AppTest

from lab import forecasts
from lab.app import get_laboratory
from lab.forecasts import Collection
from lab.participants import LONGEST_NAME, participant
from lab.store import Lab, Store
from rlhf_core.outlook import CAPABILITIES, OPINION, WRITTEN, Forecast, Logistic
from tests.ui.conftest import Visit, key_of, markup, press, said
from ui import outlook_forecast_view, outlook_reading_view, session
from ui.browser import COOKIE
from ui.i18n import translate

VIEWS = ("forecast", "class", "directions", "timeline", "topics")


def say(key: str, **slots: object) -> str:
    return " ".join(translate("en", f"outlook.{key}", **slots).split())


def text(app: AppTest) -> str:
    return " ".join(said(app).split())


def look(visit: Visit, view: str = "forecast", language: str = "en") -> AppTest:
    app = visit("home", language)
    app.session_state["outlook_view"] = view
    return app.switch_page("../pages/outlook.py").run()


def join(visit: Visit, key: str, language: str = "en") -> AppTest:
    app = visit("home", language)
    app.query_params["join"] = key
    return app.switch_page("../pages/outlook.py").run()


def own_lab(app: AppTest) -> tuple[Store, Lab]:
    return get_laboratory().store, app.session_state["lab_session"].lab


@pytest.fixture
def collection(visit: Visit) -> tuple[Store, Lab, str]:
    """The collection of somebody else's lab, and its key."""
    visit()
    store = get_laboratory().store
    lab = store.open_lab("the browser of a teacher", "en")
    forecasts.start(store, lab)
    return store, lab, collection_of(store, lab).key


def collection_of(store: Store, lab: Lab) -> Collection:
    found = forecasts.collection(store, lab)
    assert found is not None
    return found


def slider(app: AppTest, quantity: str, capability: str) -> object:
    beginning = f"outlook_{quantity}_{capability}_"
    return next(one for one in app.slider if (one.key or "").startswith(beginning))


def move(app: AppTest, capability: str, midpoint: float, steepness: float) -> AppTest:
    app = slider(app, "midpoint", capability).set_value(midpoint).run()
    return slider(app, "steepness", capability).set_value(steepness).run()


def expect(midpoint: float, steepness: float = 0.5) -> Forecast:
    return dict.fromkeys(CAPABILITIES, Logistic(midpoint, steepness))


# What everybody sees.


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_opens_and_marks_opinion_with_its_year(visit: Visit, view: str, language: str) -> None:
    app = look(visit, view, language)
    assert not app.exception and "lab-callout error" not in markup(app)
    assert translate(language, "outlook.reconstructed") in said(app)
    if view in ("directions", "timeline", "topics"):
        assert translate(language, "outlook.opinion", year=WRITTEN) in said(app)
    if view == "timeline":
        assert translate(language, "outlook.fact") in said(app)


def test_facts_have_a_source_and_come_before_today_and_opinions_after() -> None:
    past, future = outlook_reading_view.PAST, outlook_reading_view.FUTURE
    assert all(one.source and one.year <= WRITTEN for one in past)
    assert all(not one.source and one.year > WRITTEN for one in future)
    for events in (past, future):
        assert [one.year for one in events] == sorted(one.year for one in events)
    assert all(one.source for one in outlook_reading_view.DIRECTIONS)


@pytest.mark.parametrize("kind", ["direction", "topic"])
def test_what_can_be_tried_leads_to_its_page(visit: Visit, kind: str) -> None:
    leads = {"direction": outlook_reading_view.DIRECTIONS, "topic": outlook_reading_view.TOPICS}[kind]
    app = look(visit, f"{kind}s")
    buttons = {button.key for button in app.button if (button.key or "").startswith("outlook_open_")}
    assert buttons == {f"outlook_open_{kind}_{one.name}" for one in leads if one.page}
    one = next(one for one in leads if one.page == "team")
    app = press(app, f"outlook_open_{kind}_{one.name}")
    assert translate("en", "team.title") in said(app)


def test_the_year_of_a_date_has_its_fraction() -> None:
    assert outlook_forecast_view.decimal_year(date(2026, 1, 1)) == 2026
    assert outlook_forecast_view.decimal_year(date(2024, 7, 2)) == pytest.approx(2024.5)


# One's own.


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_sliders_start_at_the_opinion(visit: Visit, language: str) -> None:
    app = look(visit, language=language)
    for name, curve in OPINION.items():
        found = slider(app, "midpoint", name).value, slider(app, "steepness", name).value
        assert found == (curve.midpoint, curve.steepness)
    assert translate(language, "outlook.unsaved") in said(app) and app.button(key="outlook_reset").disabled


def test_ones_own_forecast_is_saved_changed_and_there_after_a_reload(visit: Visit) -> None:
    app = move(look(visit), "autonomy", 2047.0, 0.25)
    assert forecasts.own(*own_lab(app)) is None, "a slider saves nothing"
    app = press(app, "outlook_save")
    found = forecasts.own(*own_lab(app))
    assert found is not None and found.forecast == {**OPINION, "autonomy": Logistic(2047.0, 0.25)}
    assert say("saved", date=f"{found.at:%Y-%m-%d}") in text(app)

    app = look(visit)
    assert slider(app, "midpoint", "autonomy").value == 2047.0
    app = press(app, "outlook_reset")
    assert slider(app, "midpoint", "autonomy").value == OPINION["autonomy"].midpoint
    assert say("changed", date=f"{found.at:%Y-%m-%d}") in text(app)
    assert forecasts.own(*own_lab(app)) == found, "what was saved holds until one saves again"
    app = press(app, "outlook_save")
    found = forecasts.own(*own_lab(app))
    assert found is not None and found.forecast == OPINION


def test_milestones_stand_beside_the_opinions(visit: Visit) -> None:
    app = move(look(visit), "language", 2040.0, 1.0)
    assert "<td>2040<small>opinion: 2022</small></td>" in markup(app)
    assert "<td>2042<small>opinion: 2024</small></td>" in markup(app)


# Under the address of a collection.


def test_a_visitor_gives_a_forecast_and_sees_nobodys(visit: Visit, collection: tuple[Store, Lab, str]) -> None:
    store, lab, key = collection
    forecasts.give(store, key, "another:0", "Zorro", expect(2071.37, 0.3517))
    app = join(visit, key)
    assert say("join_open", n=1) in text(app)
    assert not app.segmented_control(key="language").disabled and "outlook_view" not in app.session_state
    app = move(app, "reasoning", 2035.0, 0.45)
    app.text_input[0].set_value("<b>Ann</b>").run()
    app = press(app, "outlook_give")
    assert say("given", name="<b>Ann</b>") in text(app) and "<b>Ann</b>" not in markup(app)
    assert forecasts.names(store, lab) == ["Zorro", "<b>Ann</b>"]
    given = forecasts.given(store, key, participant(session.cookie(COOKIE) or "", 0))
    assert given is not None and given.forecast["reasoning"] == Logistic(2035.0, 0.45)
    assert "2035.0" in everything(app)
    assert not any(secret in everything(app) for secret in ("2071.3", "0.351", "Zorro"))
    assert forecasts.own(*own_lab(app)) is None, "what is given is not the own one"


def everything(app: AppTest) -> str:
    """All that the page was told, and what the visit keeps."""
    return f"{[element.proto for element in app.main]} {app.session_state['lab_session']}"


def test_a_name_is_proposed_and_may_be_left_out(visit: Visit, collection: tuple[Store, Lab, str]) -> None:
    store, lab, key = collection
    app = join(visit, key, "ko")
    assert app.text_input[0].value.split()[1] in translate("ko", "outlook.names_second").split()
    assert app.text_input[0].proto.max_chars == LONGEST_NAME
    app.text_input[0].set_value("").run()
    app = press(app, "outlook_give")
    assert not app.exception and translate("ko", "outlook.given_nameless") in said(app)
    assert forecasts.names(store, lab) == [""]


def test_the_next_person_starts_afresh(visit: Visit, collection: tuple[Store, Lab, str]) -> None:
    store, _, key = collection
    app = press(move(join(visit, key), "language", 2066.0, 0.5), "outlook_give")
    app = press(app, "outlook_next")
    assert slider(app, "midpoint", "language").value == OPINION["language"].midpoint
    assert say("not_given") in text(app)
    app = join(visit, key)
    assert say("not_given") in text(app), "a reload does not bring the person before back"
    press(app, "outlook_give")
    assert forecasts.joined(store, key).n == 2


def test_the_collection_is_kept_over_a_change_of_page_and_can_be_left(
    visit: Visit, collection: tuple[Store, Lab, str]
) -> None:
    app = join(visit, collection[2])
    app = app.switch_page("../pages/home.py").run()
    del app.query_params["join"]
    app = app.switch_page("../pages/outlook.py").run()
    assert app.query_params["join"] in (collection[2], [collection[2]]) and say("join_open", n=0) in text(app)
    app = press(app, "outlook_leave")
    assert "join" not in app.query_params and key_of(app, "outlook_save")
    assert app.session_state["lab_session"].joined == ""


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("key", ["nothing", "<img src=x onerror=alert(1)>", "x" * 5000])
def test_an_address_that_opens_nothing_says_so(visit: Visit, key: str, language: str) -> None:
    app = join(visit, key, language)
    assert not app.exception and "<img" not in markup(app) and "x" * 20 not in markup(app)
    beginning = key if len(key) <= 12 else f"{key[:12]}\N{HORIZONTAL ELLIPSIS}"
    assert translate(language, "outlook.error_unknown", key=beginning) in said(app)
    app = press(app, "outlook_leave")
    assert "lab-callout error" not in markup(app)


def test_what_changes_meanwhile_is_said(visit: Visit, collection: tuple[Store, Lab, str]) -> None:
    store, lab, key = collection
    app = join(visit, key)
    forecasts.set_open(store, lab, False)
    app = app.button(key="outlook_give").click().run()
    assert say("error_closed") in text(app)
    assert say("join_closed", n=0) in text(app) and app.button(key="outlook_give").disabled
    forecasts.change_address(store, lab)
    assert "opens no collection" in text(app.run())


# The owner.


def test_the_owner_sees_who_and_how_many_but_no_values_until_the_reveal(visit: Visit) -> None:
    app = press(look(visit, "class"), "outlook_start")
    store, lab = own_lab(app)
    key = collection_of(store, lab).key
    assert f"/outlook?join={key}" in app.code[0].value and say("names_none") in text(app)
    forecasts.give(store, key, "a:0", "Ann <i>", expect(2071.37, 0.3517))
    forecasts.give(store, key, "b:0", "", expect(2075.37, 0.3517))
    app = app.run()
    assert "Ann <i>" in said(app) and "<i>" not in markup(app) and say("nameless") in text(app)
    assert not any(secret in everything(app) for secret in ("2071.3", "2073.3", "2075.3", "0.351"))

    app = press(app, "outlook_close")
    assert say("count_closed") in text(app) and not collection_of(store, lab).open
    app = press(app, "outlook_reopen")
    assert collection_of(store, lab).open
    app = press(app, "outlook_change")
    assert collection_of(store, lab).key != key and collection_of(store, lab).n == 2
    app = press(app, "outlook_reveal")
    assert collection_of(store, lab).revealed
    assert say("results_sentence", n=2, year=WRITTEN) in text(app)
    assert "<td>2073<small>" in markup(app) and say("quartiles", low="2072", high="2074") in text(app)


def test_a_new_collection_says_how_many_forecasts_it_deletes(visit: Visit) -> None:
    app = press(look(visit, "class"), "outlook_start")
    store, lab = own_lab(app)
    key = collection_of(store, lab).key
    for n in range(3):
        forecasts.give(store, key, f"{n}:0", "", expect(2040 + n))
    app = app.run()
    assert say("anew_text", n=3) in text(app) and app.button(key="outlook_anew").label == say("anew_go", n=3)
    app = press(app, "outlook_anew")
    assert collection_of(store, lab).n == 0 and collection_of(store, lab).key != key


@pytest.mark.parametrize("language", ["en", "ko"])
def test_after_the_reveal_a_visitor_sees_median_and_spread(
    visit: Visit, collection: tuple[Store, Lab, str], language: str
) -> None:
    store, lab, key = collection
    app = press(move(join(visit, key, language), "autonomy", 2050.0, 0.5), "outlook_give")
    for n, midpoint in enumerate((2041.0, 2083.0)):
        forecasts.give(store, key, f"{n}:0", "", expect(midpoint))
    forecasts.reveal(store, lab)
    app = app.run()
    assert not app.exception and translate(language, "outlook.join_revealed", n=3) in said(app)
    assert translate(language, "outlook.opinions", year=date.today().year) in said(app)
    assert translate(language, "outlook.of_yours", value="2050") in said(app) and "<td>2050<small>" in markup(app)
    assert not [one for one in app.slider if (one.key or "").startswith("outlook_")]
