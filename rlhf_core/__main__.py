"""`python -m rlhf_core STAGE`: what each page does, without a browser. `--help` lists the stages."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import torch

from rlhf_core import algorithms, headless, headless_team
from rlhf_core import headless_constitution as constitution
from rlhf_core import headless_label as label
from rlhf_core import headless_navigation as navigation
from rlhf_core.agent_team import TeamConfig
from rlhf_core.annotators import ANNOTATORS
from rlhf_core.architectures import ARCHITECTURES, SIZES
from rlhf_core.checkpoints import SHIPPED_MAZES
from rlhf_core.corpus import LANGUAGES
from rlhf_core.reward_model import FEATURE_SETS
from rlhf_core.weights import CheckpointError


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong in one line and leaves with 2."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {one_line(message)}", file=sys.stderr)
        raise SystemExit(2)


LONGEST_LINE = 500
"""Characters of what is said of an error; it may quote a value that goes on for ever."""


def one_line(message: str) -> str:
    """A message on one line, in signs that can be seen: a quoted name may hold a line break, or tell a terminal what to
    do."""
    seen = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in " ".join(message.split()))
    return seen if len(seen) <= LONGEST_LINE else f"{seen[:LONGEST_LINE]} ..."


def build_parser() -> argparse.ArgumentParser:
    """The command line, one subcommand a stage."""
    common = OneLineParser(add_help=False)
    common.add_argument("--seed", type=int, default=0, help="names the run; the same seed gives the same figures")
    common.add_argument("--language", choices=LANGUAGES, default="en", help="the language that the model speaks")
    common.add_argument("--json", action="store_true", help="one JSON object on standard output, nothing else")
    labels = OneLineParser(add_help=False)
    labels.add_argument("--annotator", choices=tuple(ANNOTATORS), default="default", help="whose values label")
    labels.add_argument("--label-noise", type=float, default=0.0, help="probability that a label is turned round")
    fitting = OneLineParser(add_help=False)
    fitting.add_argument("--labels", type=int, default=headless.DEFAULT_LABELS, help="how many labels to fit to")
    fitting.add_argument("--features", choices=FEATURE_SETS, default="attributes", help="what the reward model sees")
    tuning = OneLineParser(add_help=False)
    tuning.add_argument("--algorithm", choices=algorithms.ALGORITHMS, default="ppo", help="from labels to a policy")
    tuning.add_argument("--iterations", type=int, help="steps of training; by default what suits the algorithm")
    tuning.add_argument("--kl-coef", type=float, help="price of a nat of KL, DPO's beta; by default what suits it")
    tuning.add_argument("--n", type=int, default=headless.DEFAULT_N, help="answers that best-of-n chooses among")

    parser = OneLineParser(prog="python -m rlhf_core", description=__doc__)
    stages = parser.add_subparsers(dest="stage", required=True, metavar="STAGE")
    stage = stages.add_parser("pretrain", parents=[common], help="train a language model from nothing")
    stage.add_argument("--architecture", choices=tuple(ARCHITECTURES), default="gpt")
    stage.add_argument("--size", choices=SIZES, help="of the network; by default the usual one of its kind")
    stage.add_argument("--cpu-seconds", type=float, default=60.0)
    add_label(stages.add_parser("label", parents=[common, labels], help="read or simulate labels, and write them"))
    stages.add_parser("reward", parents=[common, labels, fitting], help="fit a reward model and measure it")
    stages.add_parser("ppo", parents=[common, labels, fitting, tuning], help="fine-tune on a reward model")
    stages.add_parser("journey", parents=[common, labels, fitting, tuning], help="label, fit, fine-tune")
    stage = stages.add_parser("constitution", parents=[common], help="criticise and revise answers, or train by it")
    does = stage.add_mutually_exclusive_group(required=True)
    does.add_argument("--input", type=Path, metavar="FILE", help="answers, a JSON object of prompt and response a line")
    does.add_argument("--train", choices=constitution.METHODS, help="on revised answers, or by reinforcement learning")
    stage.add_argument("--constitution", type=Path, metavar="FILE", help="TOML; without it the one that ships")
    stage.add_argument("--iterations", type=int, help="steps of training; by default what the method takes")
    add_navigate(stages.add_parser("navigate", parents=[common], help="let a policy walk through mazes"))
    add_team(stages.add_parser("team", parents=[common], help="let a team escape from labyrinths"))
    return parser


def add_label(stage: argparse.ArgumentParser) -> None:
    """The arguments of the stage of labels."""
    source = stage.add_mutually_exclusive_group(required=True)
    source.add_argument("--import", type=Path, metavar="FILE", dest="source", help="labels, packed with gzip or not")
    source.add_argument("--simulate", type=int, metavar="N", dest="labels", help="so many, of a simulated annotator")
    formats = ", ".join(label.FORMATS)
    stage.add_argument("--from", metavar="FORMAT", dest="format", help=f"of --import; by default found out: {formats}")
    stage.add_argument("--export", type=Path, metavar="FILE", help="write them there; packed if its name ends in .gz")
    stage.add_argument("--to", metavar="FORMAT", help=f"of --export, by default {label.OURS}")


def add_navigate(stage: argparse.ArgumentParser) -> None:
    """The arguments of the stage of the maze."""
    stage.add_argument("--policy", choices=navigation.POLICIES, required=True, help="who walks")
    stage.add_argument("--thought", choices=SHIPPED_MAZES, help="how the thinking policy thinks; by default a wave")
    stage.add_argument("--plans", type=int, default=1, metavar="K", help="write K plans, act on the best valid one")
    stage.add_argument("--mazes", type=Path, metavar="FILE", help="JSON list of size, walls, start and goal")
    stage.add_argument("--size", type=int, metavar="N", help="without --mazes: cells a side; by default 6")
    stage.add_argument("--count", type=int, metavar="N", help="without --mazes: how many; by default 200")
    stage.add_argument("--hard", action="store_true", help="without --mazes: only where the way goes round something")
    stage.add_argument("--hidden", type=float, default=0.0, metavar="SHARE", help="walls that nobody sees")
    stage.add_argument("--view", type=int, metavar="N", help="how many cells away walls are seen; by default all are")
    stage.add_argument("--forget", action="store_true", help="read every state as if it were the first")


def add_team(stage: argparse.ArgumentParser) -> None:
    """The arguments of the stage of the team."""
    c = TeamConfig()
    stage.add_argument("--explorers", type=int, default=c.explorers, metavar="N")
    stage.add_argument("--planners", type=int, default=c.planners, metavar="N")
    stage.add_argument("--executors", type=int, default=c.executors, metavar="N")
    stage.add_argument("--roles", choices=("fixed", "adaptive"), default="adaptive", help="whether roles change hands")
    stage.add_argument("--communication", choices=("on", "off"), default="on")
    stage.add_argument("--loss", type=float, default=c.loss, metavar="X", help="share of messages that never arrives")
    stage.add_argument("--delay", type=int, default=c.delay, metavar="TICKS", help="from sending to reading")
    stage.add_argument("--noise", type=float, default=c.noise, metavar="X", help="share of cells a look mistakes")
    stage.add_argument("--radius", type=int, default=c.radius, metavar="N", help="how far an Explorer sees")
    stage.add_argument("--word-budget", type=int, default=c.word_budget, metavar="N", help="words a member and tick")
    stage.add_argument("--carry-period", type=int, default=c.carry_period, metavar="K", help="ticks a step with a load")
    stage.add_argument("--max-ticks", type=int, default=c.max_ticks, metavar="N", help="then the run has failed")
    stage.add_argument("--kill-at", type=int, metavar="TICK", help="the first Explorer is lost in this tick")
    stage.add_argument("--mind", choices=headless_team.MINDS, default="rules", help="whose ways the model writes")
    stage.add_argument("--size", type=int, default=headless_team.DEFAULT_SIZE, metavar="N", help="cells a side, odd")
    stage.add_argument("--count", type=int, default=headless_team.DEFAULT_COUNT, metavar="N", help="labyrinths")
    stage.add_argument("--baselines", action="store_true", help="also single agents, and the team that can't talk")


def team_of(given: dict[str, Any]) -> headless_team.Team:
    """The team that arguments ask for. ValueError for what is out of range."""
    choices = {"adaptive": given["roles"] == "adaptive", "communication": given["communication"] == "on"}
    values = {name: choices.get(name, given.get(name, default)) for name, default in vars(TeamConfig()).items()}
    config = TeamConfig(**values)
    named = headless_team.Team.__dataclass_fields__.keys() - {"config"}
    return headless_team.Team(config=config, **{name: given[name] for name in named})


def run(arguments: argparse.Namespace) -> headless.Report:
    """Run a stage. ValueError says which argument is out of range."""
    given = vars(arguments)
    if given.get("train") and given["iterations"] is None:
        given["iterations"] = constitution.ITERATIONS[given["train"]]
    if "algorithm" in given:
        suit(given)
    known = headless.Options.__dataclass_fields__
    options = headless.Options(**{k: v for k, v in given.items() if k in known and v is not None})
    progress = headless.quiet if arguments.json or not sys.stderr.isatty() else draw_bar
    match arguments.stage:
        case "pretrain":
            report = headless.pretrain(options, progress)
        case "label":
            report = run_label(arguments, options, progress)
        case "reward":
            report, _ = headless.reward(options, progress)
        case "ppo":
            report = headless.ppo(options, progress)
        case "constitution":
            report = run_constitution(arguments, options, progress)
        case "navigate":
            asked = navigation.Navigation(**{k: given[k] for k in navigation.Navigation.__dataclass_fields__})
            report = navigation.navigate(asked, progress)
        case "team":
            report = headless_team.team(team_of(given), progress)
        case _:
            report = headless.journey(options, progress)
    return {"schema": 1, "stage": arguments.stage, "seed": options.seed, "language": options.language, **report}


def suit(given: dict[str, Any]) -> None:
    """Put in what suits the algorithm where nothing was said; best-of-n takes none of it."""
    algorithm = given["algorithm"]
    if algorithm != algorithms.BEST_OF_N:
        price = getattr(algorithms.CONFIGS[algorithm](), algorithms.price_of_kl(algorithm))
        usual = {"iterations": algorithms.ITERATIONS[algorithm], "kl_coef": price}
        given |= {name: value for name, value in usual.items() if given[name] is None}


def run_constitution(
    arguments: argparse.Namespace, options: headless.Options, progress: headless.Progress
) -> headless.Report:
    """The stage that criticises a file of answers, or trains."""
    principles = constitution.load_constitution(arguments.constitution, options.language)
    if arguments.input is not None:
        return constitution.criticise(options, principles, constitution.read_answers(arguments.input), progress)
    return constitution.train(options, arguments.train, principles, progress)


def run_label(
    arguments: argparse.Namespace, options: headless.Options, progress: headless.Progress
) -> headless.Report:
    """The stage that reads a file of labels, or simulates them. What a file lost is said on standard error."""
    given = vars(arguments)
    files = label.Files(**{name: given[name] for name in label.Files.__dataclass_fields__})
    if files.source is None:
        return label.simulate(options, files, progress)
    if arguments.annotator != headless.Options.annotator or arguments.label_noise:
        raise ValueError("--annotator and --label-noise belong to --simulate; leave them out, or --import.")
    report, sentences = label.convert(files)
    for sentence in sentences:
        print(one_line(sentence), file=sys.stderr)
    return report


def draw_bar(share: float, words: str) -> None:
    """A progress bar on standard error."""
    filled = round(30 * share)
    end = "\n" if share >= 1 else ""
    print(f"\r[{'#' * filled}{'.' * (30 - filled)}] {words:<40}", end=end, file=sys.stderr, flush=True)


def print_report(report: headless.Report, indent: str = "") -> None:
    """A report for people: one figure a line, samples last."""
    for key, value in report.items():
        if key in ("samples", "responses", "mazes"):
            continue
        if isinstance(value, dict) and value:
            print(f"{indent}{key}:")
            print_report(value, indent + "  ")
        elif key == "left_out":
            whys = {left["why"] for left in value}
            print(f"{indent}{key:<32} {len(value)}{f' ({whys.pop()})' if len(whys) == 1 else ''}")
        else:
            print(f"{indent}{key:<32} {short(value)}")
    for sample in report.get("samples", []) if not indent else []:
        print_sample(sample)


def print_sample(sample: str | headless.Report) -> None:
    """A text of the model, two to compare, or the first decision in a maze with the way that was gone."""
    if isinstance(sample, str):
        print(f"  {sample}")
    elif "drawing" in sample:
        print(f"  {sample['state']}\n    thought: {sample['thought'] or '-'}\n    action:  {sample['action'] or '-'}")
        print("\n".join(f"    {row}" for row in sample["drawing"].split("\n")))
    else:
        print(f"  {sample['prompt']}\n    before: {sample['before']}\n    after:  {sample['after']}")


def print_responses(responses: Sequence[headless.Report]) -> None:
    """Criticised answers for people: what each violates, and what became of it."""
    for number, response in enumerate(responses, 1):
        violated = [critique for critique in response["critiques"] if critique["violated"]]
        print(f"  {number}: {'violates' if violated else 'follows'}, {'revised' if response['revised'] else 'left'}")
        for critique in violated:
            print(f"    {critique['principle']} ({critique['score']:.2f}): {critique['critique']}")
        if response["unknown_words"]:
            print(f"    words that are not known: {', '.join(response['unknown_words'])}")
        print(f"    -> {response['revision']}")


def short(value: object) -> str:
    """A value with three decimals at most; a list of numbers is an interval."""
    if value is None or value in ([], {}):
        return "-"
    if isinstance(value, list):
        return (", " if isinstance(value[0], str) else " to ").join(short(v) for v in value)
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 0 when all went well, 2 for bad arguments or input."""
    torch.set_num_threads(1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # half a character; in JSON that is how it is written anyway
    parser = build_parser()
    arguments = parser.parse_args(argv)
    try:
        report = run(arguments)
    except (ValueError, CheckpointError) as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"{error.filename}: {error.strerror}; choose another file.")
    if arguments.json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        print_report(report)
        print_responses(report.get("responses", []))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
