"""The contract of the command line, in this process; one test goes through a real one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rlhf_core.__main__ import main
from rlhf_core.corpus import LANGUAGES, load_grammar


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main([*arguments, "--json"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1, "one JSON object and nothing else"
    return json.loads(out)


def test_reward(capsys: pytest.CaptureFixture[str]) -> None:
    report = run(capsys, "reward", "--labels", "20", "--seed", "3")
    assert (report["schema"], report["stage"], report["seed"], report["language"]) == (1, "reward", 3, "en")
    assert report["labels"] == 20 and report["pairs_dropped_as_ties"] > 0
    low, high = report["held_out_accuracy_interval"]
    assert low < report["held_out_accuracy"] < high
    assert report["held_out_accuracy"] > 0.7
    again = run(capsys, "reward", "--labels", "20", "--seed", "3")
    assert {**again, "cpu_seconds": 0} == {**report, "cpu_seconds": 0}


def test_label_writes_what_it_says(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    report = run(capsys, "label", "--simulate", "12", "--annotator", "pirate-fan", "--export", str(path))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert report["written"] == len(rows) == 12
    assert report["read"] == 12 + len(report["left_out"])
    assert set(rows[0]) == {"prompt", "response_a", "response_b", "preferred", "labeler", "language"}
    assert all((row["labeler"], row["language"]) == ("pirate-fan", "en") for row in rows)


def test_labels_are_in_the_language_that_was_asked_for(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    report = run(capsys, "label", "--simulate", "5", "--annotator", "formality-fan", "--language", "ko",
                 "--export", str(path))  # fmt: skip
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert report["language"] == "ko" and {row["language"] for row in rows} == {"ko"}
    grammar = load_grammar("ko")
    assert all(grammar.find(row["prompt"]) for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_journey(capsys: pytest.CaptureFixture[str], language: str) -> None:
    report = run(capsys, "journey", "--labels", "30", "--iterations", "8", "--language", language)
    assert report["language"] == language
    assert report["reward_model"]["held_out_accuracy"] > 0.7
    ppo = report["ppo"]
    for key in ("win_rate", "valid_share", "distinct_share"):
        assert 0 <= ppo[key] <= 1
    assert ppo["iterations"] == 8 and ppo["kl"] > 0 and ppo["gold_after"] > ppo["gold_before"]
    assert ppo["algorithm"] == "ppo" and len(report["samples"]) == 6
    assert set(report["samples"][0]) == {"prompt", "before", "after"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_pretrain(capsys: pytest.CaptureFixture[str], language: str) -> None:
    report = run(capsys, "pretrain", "--cpu-seconds", "0.5", "--language", language)
    assert report["parameters"] > 100_000 and report["loss"] < 7
    assert len(report["samples"]) == 6


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["reward", "--labels", "-3"], "-3"),
        (["reward", "--label-noise", "0.9"], "0.9"),
        (["reward", "--annotator", "nobody"], "nobody"),
        (["ppo", "--kl-coef", "-1"], "-1"),
        (["ppo", "--iterations", "0"], "not 0"),
        (["pretrain", "--cpu-seconds", "0"], "not 0"),
        (["reward", "--language", "fr"], "fr"),
        (["reward", "--language", "ko", "--annotator", "pirate-fan"], "'pirate-fan' in the language 'ko'"),
        (["label", "--simulate", "3", "--export", "/nowhere/x.jsonl"], "/nowhere/x.jsonl"),
        (["dance"], "dance"),
    ],
)
def test_bad_arguments_leave_with_2_and_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], named: str
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    said = capsys.readouterr()
    assert left.value.code == 2 and said.out == ""
    assert named in said.err and said.err.count("\n") == 1


def test_as_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rlhf_core", "label", "--simulate", "2", "--json"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert json.loads(done.stdout)["written"] == 2
    assert done.stderr == ""
