"""The team as the page steers it: a run is remade from what was kept, and a changed message changes what is done."""

import pytest
import torch

from lab import mazes, team, team_evaluation
from lab.store import Lab, Store
from lab.team import Changed, Settings, TeamRun
from lab.team_evaluation import TeamExam
from rlhf_core.agent_team import TeamConfig
from rlhf_core.cloning import maze_model
from rlhf_core.language_model import MiniLM
from rlhf_core.maze_language import Thought
from rlhf_core.team_messages import MessageError

SMALL = Settings(size=9)


def run_of(store: Store, tick: int = 0, **changes: object) -> TeamRun:
    return TeamRun(store, team.changed_settings(SMALL, **changes), tick=tick)


def first_path(run: TeamRun) -> str:
    return next(message.name for message in run.messages if message.verb == "path")


def test_a_run_is_found_at_the_tick_where_it_was_left(store: Store, lab: Lab) -> None:
    run = run_of(store, 12, loss=0.2, noise=0.1, delay=2, executors=2)
    run = run.lose("E1").edit(first_path(run), "path (1,1) (1,2)").forge("P1", "X1", "길 (1,1)")
    for _ in range(4):
        assert run.step()
    run.keep(lab.id)
    again = team.kept_team(store, lab.id)
    assert again is not None and again.tick == 16
    assert (again.settings, again.interventions) == (run.settings, run.interventions)
    assert again.team.records == run.team.records and again.messages == run.messages
    run.finish()
    again.finish()
    assert again.team.records == run.team.records, "the interruption draws nothing"


def test_what_can_t_be_read_any_more_is_begun_anew(store: Store, lab: Lab) -> None:
    assert team.kept_team(store, lab.id) is None
    run_of(store, 3).keep(lab.id)
    value = store.kept(lab.id, team.NAME)
    lost = {"kind": "Lost", "member": "E7", "tick": 1}
    for broken in (
        {}, [], {**value, "size": 8}, {**value, "config": {"loss": 3}}, {**value, "config": {"speed": 1}},
        {**value, "executor_mind": "run-9"}, {**value, "planner_mind": "none"}, {**value, "interventions": [lost]},
        {**value, "interventions": [{"kind": "Changed", "name": "E1-1", "words": ["sing"]}]},
    ):  # fmt: skip
        store.keep(lab.id, team.NAME, broken)
        assert team.kept_team(store, lab.id) is None, broken


def test_an_edit_in_the_past_changes_decisions_and_undo_restores_them(store: Store) -> None:
    run = run_of(store, 14)
    name = first_path(run)
    edited = run.edit(name, "path (1,1)")
    assert edited.tick == 14 and edited.interventions == (Changed(name, ("path", "(1,1)")),)
    changed = edited.message(name)
    assert changed is not None and changed.original is not None and changed.words == ("path", "(1,1)")
    found = edited.compare()
    assert found is not None and found.whole and found.changes
    sent = run.message(name)
    assert sent is not None and all(change.tick > sent.tick for change in found.changes)
    assert found.after != found.before
    back = edited.undo()
    assert back.team.records == run.team.records and back.compare() is None


def test_the_words_that_a_message_can_t_have_change_nothing(store: Store) -> None:
    run = run_of(store, 5)
    with pytest.raises(MessageError, match="sing"):
        run.edit(run.messages[0].name, "sing a song")
    with pytest.raises(MessageError):
        run.forge("P1", "X1", "")
    with pytest.raises(ValueError, match="themselves"):
        run.forge("P1", "P1", "ack 1")
    with pytest.raises(ValueError, match="no message"):
        run.edit("E1-9999", "ack 1")
    assert run.interventions == () and run.tick == 5


def test_a_forged_message_arrives_and_says_what_it_led_to(store: Store) -> None:
    run = run_of(store, 6).forge("P1", "X1", "path (1,1) (1,2) (1,3) (1,4) (1,5) (1,6) (1,7)")
    assert run.message("P1-1*") is None, "it is sent with the tick that comes"
    run.step()
    forged = run.message("P1-1*")
    assert forged is not None and forged.forged and forged.name not in run.read
    run.step()
    assert forged.name in run.read
    run.finish()
    assert all(forged.name in led.decision.because for led in run.led_to(forged.name))


def test_the_lost_are_gone_from_now_on(store: Store) -> None:
    run = run_of(store, 4)
    assert run.present == ["P1", "E1", "X1"]
    run = run.lose("E1")
    assert run.tick == 4 and run.present == ["P1", "X1"]
    run.step()
    assert run.record is not None and run.record.lost == ("E1",) and "E1" not in run.record.positions
    with pytest.raises(ValueError, match="present are P1, X1"):
        run.lose("E1")
    assert run.undo_all().present == ["P1", "E1", "X1"]
    run.finish()
    assert run.over and run.present == [] and not run.step()


def test_a_language_model_leads_and_follows_and_is_compared_within_a_horizon(
    store: Store, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = maze_model(torch.Generator().manual_seed(1), width=16, layers=1).eval()

    def policy(thought: Thought) -> MiniLM:
        return model

    monkeypatch.setattr(team.models, "maze_policy", policy)
    team.shipped_backend.cache_clear()
    assert team.planner_minds(store, lab.id) == ["rules", *(n for n in mazes.SHIPPED if n in ("path", "wave"))]
    assert team.executor_minds(store, lab.id) == ["rules", *mazes.SHIPPED]
    run = run_of(store, 4, executor_mind="none", planner_mind="path", max_ticks=100)
    run = run.forge("E1", "X1", "fail (1,2)")
    found = run.compare()
    assert found is not None and found.until <= 4 + team.HORIZON
    run.keep(lab.id)
    again = team.kept_team(store, lab.id)
    assert again is not None and again.team.records == run.team.records
    team.shipped_backend.cache_clear()


def test_settings_of_the_run_and_of_the_team(store: Store) -> None:
    changed = team.changed_settings(SMALL, seed=4, explorers=3, planner_mind="wave")
    assert (changed.seed, changed.config, changed.planner_mind) == (4, TeamConfig(explorers=3), "wave")
    assert {team.labyrinth_of(size, 3).split for size in (9, 15, 21)} == {"validation"}
    path = next(m for m in run_of(store, 14).messages if m.verb == "see")
    assert team.suggestion(path, "ko").startswith("보임 ")


def test_what_was_measured_is_kept_with_what_it_was_measured_on(store: Store, lab: Lab) -> None:
    exam = TeamExam(settings=Settings(size=9, config=TeamConfig(loss=0.1)), n=3, lost_at=5)
    told: list[tuple[float, str]] = []
    found = team_evaluation.measure(store, exam, lambda share, who: told.append((share, who)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares) and shares[-1] == 1
    assert list(dict.fromkeys(who for _, who in told)) == ["team", "blind", "sighted", "silent", *"01234"]
    assert [row["who"] for row in found["rows"]] == ["team", "blind", "sighted", "silent"]
    assert [row["who"] for row in found["explorers"]] == list("01234")
    assert "ratio" not in found["rows"][0] and all(row["n"] == 3 for row in found["rows"])
    assert found["rows"][3]["messages"] == 0 < found["rows"][0]["messages"]
    assert team_evaluation.kept(store, lab.id) is None
    team_evaluation.keep(store, lab.id, exam, found)
    assert team_evaluation.kept(store, lab.id) == (exam, found)
    store.keep(lab.id, team_evaluation.NAME, {"exam": {}})
    assert team_evaluation.kept(store, lab.id) is None


def test_a_team_has_escaped_when_it_is_out_and_could_talk(store: Store, lab: Lab) -> None:
    for alone in ({"communication": False}, {"explorers": 0, "planners": 0}):
        silent = run_of(store, **alone)
        silent.finish()
        silent.keep(lab.id)
        assert silent.team.world.success, "it gets out without a word"
    talking = run_of(store, 3)
    talking.keep(lab.id)
    assert store.deeds(lab.id) == {}
    talking.finish()
    talking.keep(lab.id)
    assert list(store.deeds(lab.id)) == ["escaped"]
