"""The team's page: ticks, lost members, changed and forged messages, settings, and what teamwork is worth."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from lab import team_evaluation
from lab.app import get_laboratory
from lab.team import Settings, TeamRun, changed_settings
from lab.team_evaluation import TeamExam
from rlhf_core.agent_team import MultiAgentSystem, TeamConfig
from rlhf_core.team_members import Why
from tests.ui.conftest import Visit, markup, press, said
from ui import team_board
from ui.i18n import catalogue, translate


def say(key: str, **slots: object) -> str:
    return " ".join(translate("en", key, **slots).split())


def text(app: AppTest) -> str:
    return " ".join(said(app).split())


def look(visit: Visit, view: str = "play", language: str = "en") -> AppTest:
    app = visit("home", language)
    app.session_state["team_page"] = view
    return app.switch_page("../pages/team.py").run()


def run_of(app: AppTest) -> TeamRun:
    return app.session_state["lab_session"].team.run


def begin(app: AppTest, tick: int, **changes: object) -> AppTest:
    """Put another run before the visit, as if it had been left so."""
    own = app.session_state["lab_session"]
    settings = changed_settings(Settings(size=9), **changes)
    TeamRun(get_laboratory().store, settings, tick=tick).keep(own.lab.id)
    own.team = None
    return app.run()


def first(run: TeamRun, verb: str) -> str:
    return next(message.name for message in run.messages if message.verb == verb)


def field(app: AppTest) -> str:
    return next(area.key for area in app.text_area if (area.key or "").startswith("team_edit_"))


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("view", ["play", "compare"])
def test_every_view_opens_in_both_languages(visit: Visit, view: str, language: str) -> None:
    app = look(visit, view, language)
    assert not app.exception and 'class="lab-callout error"' not in markup(app)
    assert translate(language, "team.title") in said(app)


def test_a_tick_shows_who_decides_what_and_why(visit: Visit) -> None:
    app = look(visit)
    assert say("team.begin") in text(app)
    app = press(press(app, "team_step"), "team_step")
    run = run_of(app)
    assert run.tick == 2 and run.record is not None and say("team.decisions", tick=1) in text(app)
    for decision in run.record.decisions:
        assert say(f"team.role_{decision.role}") in text(app)
    app = press(app, "team_finish")
    assert run_of(app).over and say("team.escaped") in text(app)
    assert app.button(key="team_step").disabled and app.button(key="team_lose_E1").disabled
    app = press(app, "team_reset")
    assert run_of(app).tick == 0 and not run_of(app).over


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_reason_has_a_sentence(language: str) -> None:
    keys = catalogue(language).keys()
    assert {f"team.why_{why}" for why in Why.__args__} <= keys


def test_the_run_is_there_after_a_reload(visit: Visit) -> None:
    app = begin(look(visit), 5)
    app = press(press(app, "team_lose_E1"), "team_step")
    before = run_of(app)
    assert before.lost == {"E1": 5} and say("team.lost_now", name="E1") in text(app)
    app = look(visit)
    assert run_of(app) is not before and run_of(app).team.records == before.team.records
    app = press(app, "team_undo")
    assert run_of(app).lost == {} and run_of(app).tick == 6


def test_an_edited_message_changes_a_decision_and_says_which(visit: Visit) -> None:
    app = begin(look(visit), 14)
    name = first(run_of(app), "path")
    app = app.selectbox(key="team_verb").set_value("path").run()
    app = app.selectbox(key="team_message").set_value(name).run()
    app.text_area(key=field(app)).set_value("path (1,1)").run()
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    assert store.deeds(lab.id) == {}
    app = press(app, "team_send")
    assert list(store.deeds(lab.id)) == ["message"]
    found = run_of(app).compare()
    assert run_of(app).tick == 14 and found is not None and found.changes
    one = found.changes[0]
    assert say("team.compare_changed", name=name) in text(app) and f"tick {one.tick}: {one.member}" in text(app)
    app = press(app, "team_own")
    assert run_of(app).interventions == () and say("team.compare_changed", name=name) not in text(app)


def test_words_that_say_nothing_are_named_at_the_field_and_kept(visit: Visit) -> None:
    app = begin(look(visit), 6)
    before, key = run_of(app), field(app)
    app.text_area(key=key).set_value("see <b>kimchi</b>").run()
    app = press(app, "team_send")
    assert "&lt;b&gt;kimchi" in markup(app) and "<b>kimchi" not in markup(app)
    assert run_of(app) is before and app.text_area(key=key).value == "see <b>kimchi</b>"
    app.text_input(key="team_forge_text").set_value("막힘 (99,1)").run()
    app = press(app, "team_forge_send")
    assert markup(app).count("lab-callout error") == 1 and run_of(app) is before
    app.selectbox(key="team_forge_sender").set_value("X1").run()
    app.text_input(key="team_forge_text").set_value("fail (1,1)").run()
    app = press(app, "team_forge_send")
    assert "themselves" in text(app)
    app.selectbox(key="team_forge_sender").set_value("E1").run()
    app = press(press(app, "team_forge_send"), "team_step")
    assert "lab-callout error" not in markup(app)
    assert run_of(app).message("E1-1*") is not None
    assert say("team.compare_forged", sender="E1", receiver="X1") in text(app)


def test_settings_begin_anew(visit: Visit) -> None:
    app = begin(look(visit), 6)
    app = app.slider(key="team_explorers").set_value(3).run()
    assert run_of(app).tick == 0 and run_of(app).present == ["P1", "E1", "E2", "E3", "X1"]
    app = app.select_slider(key="team_loss").set_value(0.3).run()
    app = app.select_slider(key="team_delay").set_value(4).run()
    app = app.toggle(key="team_adaptive").set_value(False).run()
    app = app.selectbox(key="team_size").set_value(11).run()
    app = app.number_input(key="team_seed").set_value(7).run()
    s = run_of(app).settings
    assert (s.size, s.seed, s.config) == (11, 7, TeamConfig(explorers=3, loss=0.3, delay=4, adaptive=False))
    assert press(app, "team_new") and run_of(app).settings.seed == 8
    app = app.toggle(key="team_communication").set_value(False).run()
    app = press(app, "team_step")
    assert run_of(app).messages == [] and say("team.log_silent") in text(app)


def test_a_language_model_follows_the_ways(visit: Visit) -> None:
    app = begin(look(visit), 0)
    app = app.selectbox(key="team_executor_mind").set_value("none").run()
    app = app.selectbox(key="team_planner_mind").set_value("path").run()
    app = press(app, "team_step")
    assert not app.exception and run_of(app).settings.executor_mind == "none" and run_of(app).tick == 1


def test_what_was_measured_has_intervals_and_what_it_was_measured_on(visit: Visit) -> None:
    app = begin(look(visit, "compare"), 0)
    assert say("team_exam.none") in text(app)
    own, store = app.session_state["lab_session"], get_laboratory().store
    exam = TeamExam(settings=Settings(size=9), n=4, lost_at=5)
    found = team_evaluation.measure(store, exam, lambda share, who: None)
    team_evaluation.keep(store, own.lab.id, exam, found)
    app = app.run()
    for who in ("team", "blind", "sighted", "silent"):
        assert f"<th>{translate('en', f'team_exam.who_{who}')}</th>" in markup(app)
    assert say("team_exam.about", n=4) in text(app) and say("team_exam.with_loss", tick=5) in text(app)


def test_the_board_shows_walls_members_ways_and_what_is_on_the_way(visit: Visit) -> None:
    look(visit)  # the picture speaks the visit's language
    settings = Settings(size=9, config=TeamConfig(loss=0.5))
    run = TeamRun(get_laboratory().store, settings, tick=6)
    svg = team_board.draw(run.team, "en", label='a "labyrinth" <here>')
    assert 'aria-label="a &quot;labyrinth&quot; &lt;here&gt;"' in svg
    for name in run.team.config.roster:
        assert svg.count(f'data-member="{name}"') == 1
    way = team_board.on_the_way(run.team)
    assert {m.name for m in way} == {m.name for m in run.messages if m.tick == 5}
    assert any(m.arrives is None for m in way) and 'class="cross"' in svg and svg.count('class="shaft"') >= 2
    run = run.lose("E1")
    assert team_board.gone(run.team) == {"E1"} and "lost" in team_board.draw(run.team, "ko")


def test_a_map_shows_what_its_member_knows(visit: Visit) -> None:
    look(visit)
    team: MultiAgentSystem = TeamRun(get_laboratory().store, Settings(size=9), tick=8).team
    shares = {name: team_board.known_share(team, name) for name in team.members}
    assert 0 < shares["X1"] < shares["E1"] <= 1
    svg = team_board.draw_map(team, "E1")
    assert "free certain" in svg and "wall certain" in svg and svg.count("heard") == 2
    assert 'class="exit"' not in team_board.draw_map(team, "X1") or team.map_of("X1").exit is not None
