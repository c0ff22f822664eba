"""The contract of the command line's team stage."""

import pytest

from tests.core.command_line import refused, reported

KEYS = {"n", "success", "ticks", "moves", "messages", "words"}
FEW = ("--count", "4", "--size", "9")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    return reported(capsys, "team", *FEW, *arguments)


def test_the_team_beside_others(capsys: pytest.CaptureFixture[str]) -> None:
    report = run(capsys, "--baselines", "--seed", "3")
    assert report.keys() >= {"schema", "stage", "seed", "language", *KEYS}
    assert (report["schema"], report["stage"], report["seed"], report["n"]) == (1, "team", 3, 4)
    assert set(report["baselines"]) == {"blind", "sighted", "silent"}
    for other in report["baselines"].values():
        assert other.keys() >= KEYS and other["n"] == 4 and other["messages"] == other["words"] == 0
        assert other["ticks_ratio"] == pytest.approx(report["ticks"] / other["ticks"])
    assert report["messages"] > 0 and report == run(capsys, "--baselines", "--seed", "3")


def test_a_failure_counts_as_the_cap(capsys: pytest.CaptureFixture[str]) -> None:
    report = run(capsys, "--max-ticks", "5")
    assert (report["success"], report["ticks"]) == (0, 5)


def test_options_reach_the_team(capsys: pytest.CaptureFixture[str]) -> None:
    whole = run(capsys)
    assert run(capsys, "--communication", "off")["messages"] == 0
    assert run(capsys, "--carry-period", "4")["ticks"] > whole["ticks"]
    assert run(capsys, "--explorers", "3")["messages"] > whole["messages"]
    fixed, lost = run(capsys, "--roles", "fixed"), run(capsys, "--roles", "fixed", "--kill-at", "0")
    assert lost["ticks"] > fixed["ticks"] and (lost["roles"], lost["kill_at"]) == ("fixed", 0)


def test_messages_are_shown_in_the_language(capsys: pytest.CaptureFixture[str]) -> None:
    english, korean = run(capsys), run(capsys, "--language", "ko")
    assert any("explorer" in line for line in english["samples"])
    assert any("탐색자" in line for line in korean["samples"])
    assert korean["ticks"] == english["ticks"]


def test_the_planner_can_be_the_language_model(capsys: pytest.CaptureFixture[str]) -> None:
    report = run(capsys, "--roles", "fixed", "--mind", "planner")
    assert report["mind"] == "planner" and report["success"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--size", "10"), "not 10"),
        (("--loss", "1.5"), "loss must lie between 0 and 1, not 1.5"),
        (("--noise", "0.6"), "noise must lie between 0 and 0.45, not 0.6"),
        (("--executors", "0"), "executors must lie between 1 and 3, not 0"),
        (("--count", "0"), "not 0"),
        (("--kill-at", "-1"), "it is -1"),
        (("--kill-at", "3", "--explorers", "0"), "with 0 Explorers"),
        (("--mind", "planner", "--planners", "0"), "--planners 1"),
        (("--roles", "loose"), "loose"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert words in refused(capsys, "team", *arguments)
