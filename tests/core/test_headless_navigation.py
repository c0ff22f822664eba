"""The contract of the command line's maze stage, in this process; one test goes through a real one."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from rlhf_core import headless_navigation
from rlhf_core.__main__ import main
from rlhf_core.cloning import maze_model
from rlhf_core.gridworld import GridWorld, Maze, manhattan, maze_json, random_mazes
from rlhf_core.language_model import MiniLM
from rlhf_core.maze_language import Thought
from rlhf_core.navigation import Memory, ModelBackend
from rlhf_core.weights import CheckpointError
from tests.core.command_line import in_a_process, refused, reported

KEYS = {"n", "success", "spl", "bumps", "tokens", "mazes", "success_interval", "spl_interval", "loops", "valid_plans",
        "faithful", "milliseconds", "policy", "thought", "samples", "seed", "language"}  # fmt: skip
RULES = ("greedy", "memory", "bfs", "rule", "random")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    return reported(capsys, "navigate", *arguments)


def write(path: Path, mazes: list[Maze]) -> str:
    path.write_text(json.dumps([maze_json(maze) for maze in mazes]))
    return str(path)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every shipped model is a small untrained one, of few words."""
    rng = torch.Generator().manual_seed(1)
    model = MiniLM(replace(maze_model(rng, width=16, layers=1).config, response_length=8), rng).eval()

    def load(thought: Thought) -> MiniLM:
        return model

    monkeypatch.setattr(headless_navigation, "load_maze_policy", load)


@pytest.mark.parametrize("policy", RULES)
def test_a_rule(capsys: pytest.CaptureFixture[str], policy: str) -> None:
    report = run(capsys, "--policy", policy, "--count", "20", "--size", "7", "--seed", "3")
    assert report.keys() >= KEYS
    assert (report["schema"], report["stage"], report["policy"], report["seed"]) == (1, "navigate", policy, 3)
    assert (report["n"], report["size"], report["hard"], report["tokens"]) == (20, 7, False, 0)
    low, high = report["success_interval"]
    assert 0 <= low <= report["success"] <= high <= 1 and report["spl"] <= report["success"]
    assert report["success"] == sum(maze["success"] for maze in report["mazes"]) / 20
    if policy != "bfs":
        assert report["valid_plans"] is None and report["faithful"] is None


def test_who_searches_finds_the_shortest_way(capsys: pytest.CaptureFixture[str]) -> None:
    report = run(capsys, "--policy", "bfs", "--hard")
    assert (report["n"], report["size"], report["hard"]) == (200, 6, True)
    assert (report["success"], report["spl"], report["bumps"], report["valid_plans"]) == (1, 1, 0, 1)
    mazes = random_mazes(200, 6, seed=0, hard=True, split="test")
    assert [len(found["path"]) - 1 for found in report["mazes"]] == [maze.shortest for maze in mazes]


@pytest.mark.parametrize("policy", ["bfs", "random"])
def test_paths_are_those_of_the_file_in_its_order(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, policy: str
) -> None:
    mazes = [maze for size in (5, 8, 6) for maze in random_mazes(4, size, seed=size, hard=True)]
    report = run(capsys, "--policy", policy, "--mazes", write(tmp_path / "mazes.json", mazes))
    assert "size" not in report and len(report["mazes"]) == report["n"] == len(mazes)
    for maze, found in zip(mazes, report["mazes"], strict=True):
        path = [tuple(cell) for cell in found["path"]]
        assert path[0] == maze.start and (path[-1] == maze.goal) == found["success"]
        assert all(manhattan(a, b) <= 1 for a, b in pairwise(path)) and not maze.walls & set(path)


@pytest.mark.parametrize("policy", ["random", "thinking"])
def test_the_seed_names_the_run(capsys: pytest.CaptureFixture[str], tiny: None, policy: str) -> None:
    arguments = ("--policy", policy, "--count", "6", "--hidden", "0.4")
    first, again, other = (run(capsys, *arguments, "--seed", seed) for seed in ("1", "1", "2"))
    assert {**first, "milliseconds": 0} == {**again, "milliseconds": 0}
    assert first["mazes"] != other["mazes"]


@pytest.mark.parametrize(("policy", "thought"), [("direct", "none"), ("thinking", "wave")])
def test_a_model(capsys: pytest.CaptureFixture[str], tiny: None, policy: str, thought: str) -> None:
    report = run(capsys, "--policy", policy, "--count", "5", "--size", "5")
    assert report.keys() >= KEYS and (report["policy"], report["thought"]) == (policy, thought)
    assert report["tokens"] == 2 if policy == "direct" else report["tokens"] > 2
    assert (report["valid_plans"] is None) == (policy == "direct") and "faithful" in report
    assert report["milliseconds"] > 0


def test_more_plans_cost_more_words(capsys: pytest.CaptureFixture[str], tiny: None) -> None:
    once, thrice = (
        run(capsys, "--policy", "thinking", "--thought", "wave", "--count", "2", "--size", "5", "--plans", plans)
        for plans in ("1", "3")
    )
    assert once["thought"] == "wave" and thrice["tokens"] > once["tokens"]


def test_what_is_hidden_is_bumped_into_once_and_again_by_who_forgets(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--policy", "bfs", "--hard", "--count", "50", "--hidden", "0.5")
    remembers, forgets = run(capsys, *arguments), run(capsys, *arguments, "--forget")
    assert remembers["success"] == 1 and 0 < remembers["bumps"] < forgets["bumps"]
    assert forgets["success"] < 1 and (remembers["memory"], forgets["memory"]) == (True, False)
    near = run(capsys, "--policy", "bfs", "--hard", "--count", "50", "--view", "1")
    assert near["success"] == 1 and near["spl"] < 1


def test_samples_are_in_the_language_that_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    english, korean = (run(capsys, "--policy", "bfs", "--count", "4", "--language", name) for name in ("en", "ko"))
    assert len(english["samples"]) == 3
    assert "goal" in english["samples"][0]["state"] and "목표" in korean["samples"][0]["state"]
    assert korean["samples"][0]["action"] in ("위", "아래", "왼쪽", "오른쪽")
    assert english["mazes"] == korean["mazes"]


@pytest.mark.parametrize("policy", ["bfs", "random"])
def test_for_people(capsys: pytest.CaptureFixture[str], policy: str) -> None:
    assert main(["navigate", "--policy", policy]) == 0
    said = capsys.readouterr().out
    assert "success" in said and "S" in said and "*" in said
    assert len(said.splitlines()) < 60, "a summary, and no line for each maze"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--size", "4"], "not 4"),
        (["--size", "11"], "not 11"),
        (["--count", "0"], "not 0"),
        (["--count", "5001"], "5000"),
        (["--count", "few"], "few"),
        (["--hidden", "2"], "not 2"),
        (["--hidden", "nan"], "not nan"),
        (["--view", "0"], "not 0"),
        (["--plans", "0"], "not 0"),
        (["--plans", "2"], "--plans"),
        (["--thought", "path"], "--thought"),
        (["--thought", "dream"], "dream"),
        (["--seed", "-1"], "-1"),
        (["--mazes", "a.json", "--size", "6"], "--size"),
        (["--mazes", "a.json", "--count", "6", "--hard"], "--count and --hard"),
        (["--mazes", "gone.json"], "gone.json"),
        (["--mazes", "/"], "directory"),
        (["--policy", "dance"], "dance"),
        (["--policy", "direct", "--plans", "2"], "--plans"),
        (["--policy", "thinking", "--thought", "none", "--plans", "2"], "--plans"),
    ],
)
def test_bad_arguments(capsys: pytest.CaptureFixture[str], arguments: list[str], named: str) -> None:
    assert named in refused(capsys, "navigate", "--policy", "bfs", *arguments)


def test_a_policy_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--policy" in refused(capsys, "navigate")


GOOD = '{"size": 5, "walls": [], "start": [0, 0], "goal": [4, 4]}'


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f"[{GOOD},\n nope]", "line 2"),
        ("", "line 1"),
        ("[]", "at least one"),
        (GOOD, "list"),
        (f"[{GOOD}, 7]", "maze 1"),
        (f'[{GOOD}, {GOOD.replace("goal", "gaol")}]', "maze 1: goal"),
        (f'[{GOOD}, {GOOD.replace("[]", "[[3, 4], [4, 3]]")}]', "maze 1: No way"),
        (f'[{GOOD.replace("5", "4")}]', "maze 0"),
        (f'[{GOOD.replace("[0, 0]", "[0, 9]")}]', "maze 0: The start (0,9)"),
        (f'[{GOOD.replace("5", "9" * 5000)}]', "mazes.json"),
        (f"[{','.join([GOOD] * 5001)}]", "5001"),
    ],
)
def test_a_bad_file_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "mazes.json"
    path.write_text(text)
    said = refused(capsys, "navigate", "--policy", "bfs", "--mazes", str(path), "--json")
    assert str(path) in said and named in said


def test_a_file_that_is_no_text_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "mazes.json"
    path.write_bytes(b"[\xff]")
    said = refused(capsys, "navigate", "--policy", "bfs", "--mazes", str(path))
    assert str(path) in said and "UTF-8" in said


def test_a_thought_without_an_end_is_cut() -> None:
    """An untrained model babbles on; no planner says more than two words a cell."""
    model = maze_model(torch.Generator().manual_seed(1), width=16, layers=1).eval()
    reading = Memory().read(GridWorld(random_mazes(1, 5, seed=0)[0]).state)
    (choice,) = ModelBackend(model, "path").choose([reading], True)
    assert len(choice.thought) == 2 * 5**2 and choice.move is not None


def test_a_missing_model_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def load(thought: Thought) -> MiniLM:
        raise CheckpointError(f"The checkpoint maze-{thought}.safetensors is missing.")

    monkeypatch.setattr(headless_navigation, "load_maze_policy", load)
    assert "maze-wave" in refused(capsys, "navigate", "--policy", "thinking", "--thought", "wave")


def test_as_a_command() -> None:
    assert in_a_process("navigate", "--policy", "bfs")["success"] == 1
