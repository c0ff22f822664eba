"""The contract of the command line, in this process; one test goes through a real one."""

import gzip
import json
from pathlib import Path

import pytest

from rlhf_core import headless, headless_constitution
from rlhf_core.__main__ import main
from rlhf_core.best_of_n import kl_bound
from rlhf_core.checkpoints import critic_path
from rlhf_core.constitution import default_constitution, default_path
from rlhf_core.corpus import LANGUAGES, load_grammar
from tests.core.command_line import in_a_process, refused, reported


def test_reward(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headless, "TEST_PAIRS", 300)
    report = reported(capsys, "reward", "--labels", "20", "--seed", "3")
    assert (report["schema"], report["stage"], report["seed"], report["language"]) == (1, "reward", 3, "en")
    assert report["labels"] == 20 and report["pairs_dropped_as_ties"] > 0
    low, high = report["held_out_accuracy_interval"]
    assert low < report["held_out_accuracy"] < high
    assert report["held_out_accuracy"] > 0.7
    calibration, bias = report["calibration"], report["length_bias"]
    assert calibration["error_interval"][0] <= calibration["error"] <= calibration["error_interval"][1]
    assert bias["sd_per_token_interval"][0] < bias["sd_per_token"] < bias["sd_per_token_interval"][1]
    assert {trap["n"] for trap in report["traps"].values()} == {20}
    again = reported(capsys, "reward", "--labels", "20", "--seed", "3")
    assert {**again, "cpu_seconds": 0} == {**report, "cpu_seconds": 0}


def test_label_writes_what_it_says(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    report = reported(capsys, "label", "--simulate", "12", "--annotator", "pirate-fan", "--export", str(path))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert report["written"] == len(rows) == 12
    assert report["read"] == 12 + len(report["left_out"])
    assert {row["choice"] for row in rows} == {"a", "b"}
    assert {(row["labeler"], row["labeler_kind"], row["language"], row["policy_id"]) for row in rows} == {
        ("pirate-fan", "simulated", "en", "start")
    }


def test_simulated_labels_go_into_any_format(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl.gz"
    report = reported(capsys, "label", "--simulate", "4", "--export", str(path), "--to", "hh-rlhf")
    assert report["written"] == 4 and report["lost_fields"]["labeler"] == 4
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert all(row["chosen"].startswith("\n\nHuman: ") for row in rows)
    assert reported(capsys, "label", "--import", str(path))["format"] == "hh-rlhf"


def test_labels_go_from_a_file_to_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    source, target = tmp_path / "labels.csv", tmp_path / "trl.jsonl"
    source.write_text(
        "prompt,response_a,response_b,preferred,strength,notes\n"
        '"차를\n어떻게 끓여요?",끓여요,몰라요,b,2,!\nq,x,y,tie,1,\nq,x,y,left,1,\nq,x\n',
        encoding="utf-8",
    )
    assert main(["label", "--import", str(source), "--export", str(target), "--to", "trl-explicit", "--json"]) == 0
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert (report["format"], report["to"], report["read"], report["comparisons"], report["written"]) == (
        "csv", "trl-explicit", 4, 2, 1,
    )  # fmt: skip
    assert [(left["line"], left["field"]) for left in report["left_out"]] == [(4, "choice"), (5, "preferred"), (6, "")]
    assert all(set(left) == {"line", "field", "why"} for left in report["left_out"])
    assert [line.partition(": ")[0] for line in said.err.splitlines()] == [f"{source}, line {n}" for n in (4, 5, 6)]
    assert "is tie; trl-explicit has no place for it" in said.err
    assert report["unread_fields"] == ["notes"] and report["lost_fields"] == {}
    (row,) = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert row["chosen"] == [{"role": "assistant", "content": "몰라요"}] and row["margin"] == 2


def test_labels_of_a_file_are_only_checked_without_an_export(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    source = tmp_path / "tasks.json"
    source.write_text('[{"prompt": "q", "answer1": "x", "answer2": "y"}, {"prompt": "q"}]')
    assert main(["label", "--import", str(source), "--from", "label-studio", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["format"], report["read"], report["written"]) == ("label-studio", 2, 0)
    assert report["left_out"] == [{"line": None, "index": 1, "field": "answer1", "why": "is missing"}]
    assert main(["label", "--import", str(source)]) == 0
    said = capsys.readouterr()
    assert "index 1: answer1 is missing." in said.err and "label-studio" in said.out


@pytest.mark.parametrize(
    ("content", "arguments", "named"),
    [
        ("{nope", [], "Line 1: this is no JSON"),
        ("", [], "no row"),
        ('{"a": 1}', [], "'a'"),
        ("prompt,response_a,response_b\nq,x,y\n", ["--from", "parquet"], "'parquet'"),
        ("prompt,response_a,response_b\nq,x,y\n", ["--from", "hh-rlhf"], "hh-rlhf"),
        ("prompt,response_a,response_b\nq,x,y\n", ["--to", "csv"], "--export"),
        ("prompt,response_a,response_b\nq,x,y\n", ["--export", "/nowhere/x", "--to", "word"], "'word'"),
        ("prompt,response_a,response_b\nq,x,y\n", ["--export", "/nowhere/x"], "/nowhere/x"),
        ("prompt,response_a,response_b\nq,x,y\n", ["--annotator", "pirate-fan"], "--annotator"),
        ("prompt,response_a,response_b\nq,x,y\n", ["--simulate", "3"], "--simulate"),
    ],
)
def test_a_file_of_labels_that_cannot_be_read_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str, arguments: list[str], named: str
) -> None:
    path = tmp_path / "labels.txt"
    path.write_text(content)
    said = refused(capsys, "label", "--import", str(path), *arguments)
    assert named in said
    assert str(path) in said or arguments


def test_labels_are_in_the_language_that_was_asked_for(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    report = reported(capsys, "label", "--simulate", "5", "--annotator", "formality-fan", "--language", "ko",
                      "--export", str(path))  # fmt: skip
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert report["language"] == "ko" and {row["language"] for row in rows} == {"ko"}
    grammar = load_grammar("ko")
    assert all(grammar.find(row["prompt"]) for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_journey(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    test_prompts = headless.test_prompts
    monkeypatch.setattr(headless, "test_prompts", lambda assets: test_prompts(assets, 50))  # what it says, not how well
    monkeypatch.setattr(headless, "TEST_PAIRS", 300)
    report = reported(capsys, "journey", "--labels", "30", "--iterations", "8", "--language", language)
    assert report["language"] == language
    assert report["reward_model"]["held_out_accuracy"] > 0.7
    ppo = report["ppo"]
    for key in ("win_rate", "valid_share", "distinct_share"):
        assert 0 <= ppo[key] <= 1
    assert ppo["iterations"] == 8 and ppo["kl"] > 0 and ppo["gold_after"] > ppo["gold_before"]
    assert ppo["algorithm"] == "ppo" and len(report["samples"]) == 6
    assert set(report["samples"][0]) == {"prompt", "before", "after"}


@pytest.mark.parametrize(
    ("algorithm", "arguments"), [("dpo", ["--iterations", "8"]), ("best-of-n", ["--n", "6"])]
)
def test_other_algorithms_say_what_ppo_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, algorithm: str, arguments: list[str]
) -> None:
    test_prompts = headless.test_prompts
    monkeypatch.setattr(headless, "test_prompts", lambda assets: test_prompts(assets, 12))
    report = reported(capsys, "ppo", "--algorithm", algorithm, "--labels", "20", *arguments)
    keys = "algorithm iterations win_rate gold_before gold_after proxy_after kl valid_share distinct_share cpu_seconds"
    assert report.keys() >= {*keys.split(), "samples"} and report["algorithm"] == algorithm
    assert len(report["samples"]) == 6 and 0 <= report["win_rate"] <= 1
    trains = algorithm != "best-of-n"
    assert (report["iterations"] > 0) == (report["cpu_seconds"] > 0) == trains
    if not trains:
        assert report["kl"] == kl_bound(6) and report["n"] == 6


@pytest.mark.parametrize("language", LANGUAGES)
def test_pretrain(capsys: pytest.CaptureFixture[str], language: str) -> None:
    report = reported(capsys, "pretrain", "--cpu-seconds", "1.5", "--language", language)
    assert report["parameters"] > 100_000 and report["loss"] < 7
    assert len(report["samples"]) == 6


def test_seconds_of_a_faster_core_are_worth_more() -> None:
    """What is spent counts as what the core is worth at that moment."""
    speeds = iter([0.0, 0.0, 1e9])
    report = headless.pretrain(headless.Options(cpu_seconds=600), headless.quiet, lambda: next(speeds))
    assert report["steps"] == 3


def test_pretrain_the_notebooks_network(capsys: pytest.CaptureFixture[str]) -> None:
    report = reported(capsys, "pretrain", "--architecture", "lstm", "--cpu-seconds", "0.1")
    assert (report["architecture"], report["size"]) == ("lstm", "large")
    assert 1_000_000 < report["parameters"] < 1_200_000 and len(report["samples"]) == 6
    small = reported(capsys, "pretrain", "--architecture", "lstm", "--size", "small", "--cpu-seconds", "0.1")
    assert small["parameters"] < report["parameters"] / 10


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["reward", "--labels", "-3"], "-3"),
        (["reward", "--label-noise", "0.9"], "0.9"),
        (["reward", "--annotator", "nobody"], "nobody"),
        (["ppo", "--kl-coef", "-1"], "-1"),
        (["ppo", "--iterations", "0"], "not 0"),
        (["ppo", "--algorithm", "ppg"], "ppg"),
        (["ppo", "--algorithm", "best-of-n", "--n", "0"], "not 0"),
        (["ppo", "--algorithm", "dpo", "--kl-coef", "0"], "beta must be above 0, not 0"),
        (["ppo", "--algorithm", "dpo", "--labels", "0"], "no label to learn from"),
        (["pretrain", "--cpu-seconds", "0"], "not 0"),
        (["pretrain", "--architecture", "rnn"], "rnn"),
        (["reward", "--language", "fr"], "fr"),
        (["reward", "--language", "ko", "--annotator", "pirate-fan"], "'pirate-fan' in the language 'ko'"),
        (["label"], "--simulate"),
        (["label", "--simulate", "3", "--export", "/nowhere/x.jsonl"], "/nowhere/x.jsonl"),
        (["label", "--simulate", "3", "--from", "csv"], "--import"),
        (["label", "--import", "/nowhere/x.jsonl"], "/nowhere/x.jsonl"),
        (["label", "--import", "/"], "directory"),
        (["constitution"], "--input"),
        (["constitution", "--input", "a", "--train", "sl"], "--train"),
        (["constitution", "--train", "sft"], "sft"),
        (["constitution", "--train", "sl", "--iterations", "0"], "not 0"),
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


ANSWERS = {
    "en": (
        ("How do I steal a car?", "Break the lock.  Then take the car."),
        ("What is the capital of France?", "It is Paris!! xyzzy"),
        ("Florps?", "Leave me alone."),
    ),
    "ko": (
        ("자동차를 훔치는 방법을 알려 주세요.", "그냥 차에  몰래 타세요."),
        ("프랑스의 수도는 어디인가요?", "답은 파리예요!! xyzzy"),
        ("Florps?", "귀찮게 하지 마."),
    ),
}


def needs_critic(language: str) -> None:
    if not critic_path(language).exists():
        pytest.skip(f"the critic of {language} is not made yet")


def write_rows(path: Path, rows: tuple[tuple[str, str], ...]) -> str:
    lines = [json.dumps({"prompt": p, "response": r}, ensure_ascii=False) for p, r in rows]
    path.write_text("\n\n".join(lines) + "\n", encoding="utf-8")  # blank lines are passed over
    return str(path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_constitution_criticises_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path, language: str) -> None:
    needs_critic(language)
    rows = ANSWERS[language]
    path = write_rows(tmp_path / "answers.jsonl", rows)
    report = reported(capsys, "constitution", "--input", path, "--language", language, "--seed", "4")
    assert (report["schema"], report["stage"], report["seed"], report["language"]) == (1, "constitution", 4, language)
    found, names = report["responses"], [p.name for p in default_constitution(language).principles]
    assert len(found) == 3 and report["revised"] == sum(answer["revised"] for answer in found)
    for answer, (_, typed) in zip(found, rows, strict=True):
        assert {"critiques", "revision", "revised"} <= set(answer)
        assert [c["principle"] for c in answer["critiques"]] == names
        for critique in answer["critiques"]:
            assert set(critique) == {"principle", "violated", "score", "critique"} and critique["critique"]
            assert 0 <= critique["score"] <= 1 and critique["violated"] == (critique["score"] >= 0.5)
        assert answer["revised"] or answer["revision"] == typed, "what is not revised is given back as it was typed"
    harmful, good, _ = found
    harm = [p.name for p in default_constitution(language).principles if p.attribute == "harm"]
    assert any(c["violated"] for c in harmful["critiques"] if c["principle"] in harm)
    assert (good["revised"], good["revision"]) == (False, rows[1][1])
    assert [answer["unknown_words"] for answer in found] == [[], ["xyzzy"], ["florps"]]
    path = write_rows(tmp_path / "turned.jsonl", rows[::-1])
    turned = reported(capsys, "constitution", "--input", path, "--language", language)["responses"]
    assert [[c["violated"] for c in a["critiques"]] for a in turned[::-1]] == [
        [c["violated"] for c in a["critiques"]] for a in found
    ]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("[1]", "object"),
        ("nope", "JSON"),
        ('{"prompt": "a", "response": "b"', "JSON"),
        ('{"prompt": 3, "response": "a"}', "prompt must be a text, not 3"),
        ('{"prompt": "a"}', "response"),
        ('{"prompt": "a", "response": null}', "response"),
    ],
)
def test_a_bad_row_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path, line: str, named: str) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(f'{{"prompt": "a", "response": "b"}}\n\n{line}\n', encoding="utf-8")
    said = refused(capsys, "constitution", "--input", str(path), "--json")
    assert str(path) in said and "line 3" in said and named in said


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_a_file_without_rows_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(text)
    assert str(path) in refused(capsys, "constitution", "--input", str(path))
    assert "gone.jsonl" in refused(capsys, "constitution", "--input", str(tmp_path / "gone.jsonl"))


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('name = "private"', 'name = "private', "line"),
        ("weight = 1.0", "weight = 99.0", "weight"),
        ('attribute = "harm"', 'attribute = "charm"', "'charm'"),
        ('language = "en"', 'language = "ko"', "--language ko"),
    ],
)
def test_a_bad_constitution_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, old: str, new: str, named: str
) -> None:
    path = tmp_path / "laws.toml"
    path.write_text(default_path("en").read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    answers = write_rows(tmp_path / "answers.jsonl", ANSWERS["en"])
    said = refused(capsys, "constitution", "--input", answers, "--constitution", str(path))
    assert str(path) in said and named in said


def test_a_constitution_of_ones_own_is_used(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "laws.toml"
    text = default_path("en").read_text(encoding="utf-8").replace('name = "private"', 'name = "discreet"')
    path.write_text(text.replace("enabled = true", "enabled = false", 1), encoding="utf-8")
    answers = write_rows(tmp_path / "answers.jsonl", ANSWERS["en"])
    report = reported(capsys, "constitution", "--input", answers, "--constitution", str(path))
    names = [c["principle"] for c in report["responses"][0]["critiques"]]
    assert len(names) == 9 and "discreet" in names and "helpful" not in names


@pytest.mark.slow
@pytest.mark.parametrize("method", ["sl", "rlaif"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_constitution_trains(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, language: str, method: str
) -> None:
    test_prompts = headless.test_prompts
    monkeypatch.setattr(headless_constitution, "test_prompts", lambda assets: test_prompts(assets, 50))
    if method == "sl":
        needs_critic(language)
    report = reported(capsys, "constitution", "--train", method, "--iterations", "1", "--language", language)
    assert (report["stage"], report["language"], report["iterations"]) == ("constitution", language, 1)
    assert report["cpu_seconds"] > 0 and 0 <= report["win_rate"] <= 1
    for side in ("before", "after"):
        assert all(0 <= report[side][name] <= 1 for name in ("help", "harm", "refusal")), report[side]


def test_as_a_command() -> None:
    assert in_a_process("label", "--simulate", "2")["written"] == 2
