"""The navigation page: a walk step by step, another thought in place of its own, training, and the table."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from lab import maze_evaluation, walking
from lab.app import get_laboratory
from lab.errands import Progress
from lab.maze_evaluation import Exam
from lab.store import Store
from lab.walking import Settings, Walk
from rlhf_core.gridworld import GridWorld, Maze, maze_json, random_mazes
from rlhf_core.maze_language import THOUGHTS
from rlhf_core.navigation import Choice, Memory, explain
from tests.ui.conftest import Visit, markup, once, press, said
from ui import maze_board
from ui.i18n import translate

CORRIDOR = Maze(5, frozenset({(0, 1), (1, 1), (2, 1), (3, 1)}), (0, 0), (0, 2))


def say(key: str, **slots: object) -> str:
    return " ".join(translate("en", key, **slots).split())


def text(app: AppTest) -> str:
    return " ".join(said(app).split())


def look(visit: Visit, view: str = "walk", language: str = "en") -> AppTest:
    """The page at one of its views, as it opens to who was not there before."""
    app = visit("home", language)
    app.session_state["maze_page"] = view
    return app.switch_page("../pages/navigation.py").run()


def walk_of(app: AppTest) -> Walk:
    return app.session_state["lab_session"].walk.walk


def begin(app: AppTest, **settings: object) -> AppTest:
    """Put another walk before the visit, as if it had been left so."""
    own = app.session_state["lab_session"]
    store = get_laboratory().store
    Walk(store, Settings(maze=CORRIDOR, **settings), own.lab.language).keep(own.lab.id)  # type: ignore[arg-type]
    own.walk = None
    return app.run()


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("view", ["walk", "train", "exam"])
def test_every_view_opens_in_both_languages(visit: Visit, view: str, language: str) -> None:
    app = look(visit, view, language)
    assert not app.exception and 'class="lab-callout error"' not in markup(app)
    assert translate(language, "navigation.title") in said(app)


def test_the_thinking_and_the_direct_policy_stand_side_by_side(visit: Visit) -> None:
    app = look(visit)
    thinking, direct = walk_of(app).walkers
    assert (thinking.name, direct.name) == ("wave", "none")
    assert thinking.decision is not None and direct.decision is not None
    assert thinking.decision.text in text(app) and say("walk.no_thought") in text(app)
    app = press(app, "maze_step")
    assert [walker.world.steps for walker in walk_of(app).walkers] == [1, 1]
    assert say("walk.state", step=1, shortest=thinking.world.maze.shortest, bumps=0) in text(app)


def test_a_walk_is_there_after_a_reload_and_speaks_the_model_s_language(visit: Visit) -> None:
    app = look(visit)
    app = press(press(app, "maze_step"), "maze_step")
    path = walk_of(app).walkers[0].world.path
    app = look(visit)
    assert walk_of(app).walkers[0].world.path == path and len(path) == 3
    app = app.segmented_control(key="model_language").set_value("ko").run()
    assert walk_of(app).walkers[0].world.path == path
    assert "행동" in said(app)


def test_the_thought_is_edited_and_the_move_follows(visit: Visit) -> None:
    app = begin(look(visit), who=("path",))
    app = press(app, "maze_step")  # at (1,0), from where one can go up again
    walker = walk_of(app).walkers[0]
    own = walker.decision
    assert own is not None and own.action == "move_down"
    app = press(app, "maze_silence_0")
    lab = app.session_state["lab_session"].lab
    assert "thought" not in get_laboratory().store.deeds(lab.id), "nothing was thought that could be followed"
    app = press(press(app, "maze_undo_0"), "maze_suggest_0")
    assert "thought" in get_laboratory().store.deeds(lab.id)
    walker = walk_of(app).walkers[0]
    assert walker.decision is not None and walker.decision.thought[-1] == "(0,0)"
    assert walker.decision.action == "move_up"
    assert say("walk.edited", was="down") in text(app)
    app = press(app, "maze_undo_0")
    assert walk_of(app).walkers[0].decision is own
    app = press(app, "maze_silence_0")
    assert walk_of(app).walkers[0].decision.thought == ()


def test_words_that_mazes_lack_are_named_and_nothing_is_lost(visit: Visit) -> None:
    app = look(visit)
    before = walk_of(app).walkers[0].decision
    field = next(area for area in app.text_area if (area.key or "").startswith("maze_typed_0"))
    field.set_value("(1,1) <b>kimchi</b>").run()
    app = press(app, "maze_act_0")
    assert "&lt;b&gt;kimchi" in markup(app) and "<b>kimchi" not in markup(app)
    assert walk_of(app).walkers[0].decision == before
    field = next(area for area in app.text_area if (area.key or "").startswith("maze_typed_0"))
    assert field.value == "(1,1) <b>kimchi</b>"


def test_a_maze_without_a_way_is_refused_and_the_last_one_stays(visit: Visit) -> None:
    app = look(visit)
    before = walk_of(app).settings.maze
    blocked = {**maze_json(CORRIDOR), "walls": [[row, 1] for row in range(5)]}
    for typed, sentence in (
        (json.dumps([blocked]), say("maze.error_no_way")),
        ("nonsense", "This is no maze: line 1"),
        (json.dumps([maze_json(CORRIDOR)]), ""),
    ):
        next(area for area in app.text_area if (area.key or "").startswith("maze_json_")).set_value(typed).run()
        app = press(app, "maze_json_use")
        assert sentence in text(app)
        assert walk_of(app).settings.maze == (before if sentence else CORRIDOR)
    assert 'class="lab-callout error"' not in markup(app)


def test_new_mazes_sizes_and_examples(visit: Visit) -> None:
    app = press(look(visit), "maze_new")
    seed = walking.OPENING_SEED + 1
    assert walk_of(app).settings.seed == seed and walk_of(app).settings.maze == walking.opening(seed)
    app = app.slider(key="maze_size").set_value(9).run()
    assert walk_of(app).settings.maze.size == 9 and walk_of(app).settings.maze.hard
    app = app.toggle(key="maze_hard").set_value(False).run()
    assert not walk_of(app).settings.maze.hard
    app = app.selectbox(key="maze_example").set_value("wall").run()
    assert walk_of(app).settings.maze.walls == {(1, 2), (2, 2), (3, 2)}
    app = app.number_input(key="maze_seed").set_value(7).run()
    assert walk_of(app).settings.maze == walking.opening(7, 9, False)


def test_anybody_can_be_let_into_the_maze_or_nobody(visit: Visit) -> None:
    app = look(visit)
    for name in (*walking.BASELINES, "path"):
        app = app.selectbox(key="maze_who_1").set_value(name).run()
        assert walk_of(app).walkers[1].name == name and not app.exception
    app = app.selectbox(key="maze_who_1").set_value("nobody").run()
    assert len(walk_of(app).walkers) == 1 and say("walk.second") in text(app)


def test_trials_in_a_maze_with_hidden_walls_get_shorter_with_memory(visit: Visit) -> None:
    app = begin(look(visit), who=("bfs",), hidden=1.0)
    app = press(app, "maze_trials")
    steps = [steps for _, steps, _ in walk_of(app).walkers[0].outcomes]
    assert len(steps) == 4 and steps[-1] == CORRIDOR.shortest < steps[0]
    assert say("walk.advice_keep") in text(app)
    app = app.toggle(key="maze_remember").set_value(False).run()
    assert not walk_of(app).settings.remember


def test_a_run_of_cloning_can_be_started_and_walks_in_the_maze(visit: Visit) -> None:
    app = look(visit, "train")
    assert translate("en", "cloning.status_none") in said(app)
    for kind in THOUGHTS:
        app = app.segmented_control(key="cloning_thought").set_value(kind).run()
    app = app.number_input(key="cloning_iterations").set_value(1).run()
    app = app.segmented_control(key="cloning_thought").set_value("none").run()
    app = press(app, "cloning_start")
    laboratory = get_laboratory()
    run = laboratory.store.runs(app.session_state["lab_session"].lab.id, "cloning")[0]
    assert run.config["thought"] == "none" and run.config["learning_rate"] == 0.006
    laboratory.jobs.stop(run.id, 60)
    assert not app.run().exception


def test_the_table_has_every_policy_with_n_and_intervals(visit: Visit) -> None:
    app = look(visit, "exam")
    assert say("exam.none") in text(app)
    exam = Exam(who=("none", "path", "greedy", "bfs"), n=6)
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    maze_evaluation.keep(store, lab.id, exam, maze_evaluation.examine(store, exam, lambda share, name: None))
    app = app.run()
    page = markup(app)
    for name in ("MiniLM, direct", "MiniLM, thinks a path", "Greedy", "BFS planner"):
        assert f"<th>{name}</th>" in page
    assert "6 hard mazes of 6 by 6 cells" in text(app)
    bfs = re.search(r"<th>BFS planner</th>.*?</tr>", page)
    assert bfs is not None and bfs[0].count("100%</b>") == 1 and "61% to 100%" in bfs[0]
    assert say("exam.causality", n=6) in text(app)
    app = app.multiselect(key="exam_who").set_value([]).run()
    assert say("exam.nobody") in text(app)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_an_exam_goes_on_while_one_looks_elsewhere(
    visit: Visit, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on, examine = threading.Event(), maze_evaluation.examine

    def half(store: Store, exam: Exam, progress: Progress) -> list[dict[str, Any]]:
        progress(0.5, exam.who[0])
        assert on.wait(30)
        return examine(store, replace(exam, n=2), progress)

    monkeypatch.setattr(maze_evaluation, "examine", half)
    app = look(visit, "exam", language)
    app = app.multiselect(key="exam_who").set_value(["bfs"]).run()
    app = press(app, "exam_run")
    lab, errands = app.session_state["lab_session"].lab, get_laboratory().errands
    once(app, lambda: errands.of(lab.id, maze_evaluation.NAME).share == 0.5)
    assert translate(language, "errand.meanwhile") in said(app)
    [bar] = app.get("progress")
    assert bar.proto.value == 50 and bar.proto.text == translate(language, "maze.who.bfs")
    assert "exam_run" not in {button.key for button in app.button}
    app.switch_page("../pages/team.py").run()
    on.set()
    once(app, lambda: errands.of(lab.id, maze_evaluation.NAME) is None)
    app.session_state["maze_page"] = "exam"
    app = app.switch_page("../pages/navigation.py").run()
    assert maze_evaluation.kept(get_laboratory().store, lab.id)[0].who == ("bfs",)
    assert translate(language, "exam.none") not in said(app) and translate(language, "exam.results") in said(app)


def test_an_exam_can_be_stopped(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    on = threading.Event()
    monkeypatch.setattr(maze_evaluation, "examine", lambda *_: on.wait(30) and [])
    app = press(look(visit, "exam"), "exam_run")
    app = press(app, "maze_evaluation_stop")
    assert say("exam.none") in text(app) and "exam_run" in {button.key for button in app.button}
    on.set()


def test_the_picture_says_in_words_and_shapes_what_it_shows(visit: Visit) -> None:
    look(visit)  # the picture speaks the visit's language
    world = GridWorld(CORRIDOR, hidden={(0, 1)}, view=1)
    memory = Memory(bumps={(0, 1)})
    choice = Choice("move_down", ("(1,2)", "(1,0)"), "path", {"move_down": 0.9, "move_up": 0.1})
    decision = explain(memory.read(world.state), choice, 0.0)
    svg = maze_board.draw(world, decision, memory, label='a "maze" <here>')
    assert 'aria-label="a &quot;maze&quot; &lt;here>"' in svg
    assert svg.count("data-cell=") == 25 and svg.count('tabindex="0"') == 1
    assert svg.count('class="wall hidden"') == 1 and svg.count('class="bump"') == 1
    assert svg.count('class="wall unseen"') == 2 and svg.count('class="wall"') == 1
    assert svg.count('class="written"') == 2 and svg.count('class="plan invalid"') == 1
    assert svg.count('class="move chosen"') == 1 and svg.count('class="move"') == 1 and ">90%</text>" in svg
    wave = Choice("move_down", ("(1,2)", "up", "(1,0)", "down"), "wave", {})
    svg = maze_board.draw(world, explain(memory.read(world.state), wave, 0.0))
    assert svg.count('class="wave"') == 2 and "trail" not in svg
    for maze in random_mazes(3, 8, seed=1):
        assert maze_board.draw(GridWorld(maze)).count("data-cell=") == 64
