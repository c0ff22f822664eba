"""Models that a constitution made, side by side: SL-CAI and RLAIF runs, and what became of the answers."""

from __future__ import annotations

import html
from dataclasses import asdict
from typing import Any

import streamlit as st

from lab import constitution, models, rlaif, sl_cai
from lab.store import Run
from lab.training import MOST_ITERATIONS
from rlhf_core.constitution import Constitution, default_constitution, parse
from rlhf_core.corpus import Prompt
from rlhf_core.evaluation import Interval
from rlhf_core.headless import DEFAULT_ITERATIONS
from rlhf_core.ppo import PPOConfig
from rlhf_core.rlaif import Agreement
from rlhf_core.sl_cai import SLCAIConfig
from ui import charts, constitution_view, controls, label_view, layout, marks, session
from ui.i18n import t
from ui.live_figure import live_figure, palette
from ui.run_view import RunPanel

COMPARED_CATEGORIES = ("harmful", "unsafe", "howto", "safe", "claim", "feeling")
MOST_COMPARED = 5


def _something_is_on() -> bool:
    """Whether a principle is in force; if not, it is said."""
    lab = session.current_lab()
    if constitution.current(session.laboratory().store, lab).constitution.enabled:
        return True
    session.session().problem = t("constitution.nothing_on")
    return False


def sl_inputs() -> dict[str, Any] | None:
    """SL-CAI takes the constitution that is in force."""
    return {} if _something_is_on() else None


def sl_made_from(run: Run) -> str:
    """By which constitution a run learns."""
    return t("sl.inputs", version=version_name(run))


SL_PANEL = RunPanel(
    stage=sl_cai.STAGE,
    prefix="sl",
    defaults=asdict(SLCAIConfig()),
    sliders={"learning_rate": (1e-4, 3e-4, 5e-4, 1e-3, 2e-3), "red_team_share": (0.0, 0.25, 0.5, 0.75, 1.0)},
    default_iterations=sl_cai.DEFAULT_ITERATIONS,
    most_iterations=MOST_ITERATIONS,
    inputs=sl_inputs,
    made_from=sl_made_from,
    main=("harm", "help", "violations_before", "violations_after", "loss"),
    more=("refusal", "revised_share", "revisions"),
)


def rlaif_inputs() -> dict[str, Any] | None:
    """How many pairs the constitution labels, what the reward model sees, and which model PPO begins with."""
    if not _something_is_on():
        return None
    return {
        "labels": int(session.value("rlaif_labels", rlaif.DEFAULT_LABELS)),
        "features": session.value("rlaif_features", "attributes"),
        "start": chosen_start(),
    }


def rlaif_made_from(run: Run) -> str:
    """What the run's reward model was fitted to."""
    agreed = run.inputs["agreement"]
    rate = agreed["agreed"] / max(1, agreed["decided"])
    return t("rlaif.inputs", version=version_name(run), labels=run.inputs["labels_used"], rate=rate)


def rlaif_choices() -> None:
    """The labels, features and start of the next run."""
    st.number_input(
        t("rlaif.labels"), rlaif.FEWEST_LABELS, rlaif.MOST_LABELS, step=100,
        key=session.keep("rlaif_labels", rlaif.DEFAULT_LABELS), width=160,
    )  # fmt: skip
    starts = _starts()
    st.selectbox(
        t("rlaif.start_from"), starts, key=session.keep("rlaif_start_from", models.START, starts),
        format_func=label_view.writer_name, width=320,
    )  # fmt: skip
    controls.features_choice("rlaif_features")


def _starts() -> list[str]:
    """The starting model, and what SL-CAI has made of it."""
    return [models.START, *(f"run-{run.id}" for run in SL_PANEL.runs() if run.step)]


def chosen_start() -> str:
    """The one that was chosen, as long as there is one."""
    chosen = session.value("rlaif_start_from", models.START)
    return chosen if chosen in _starts() else models.START


RLAIF_PANEL = RunPanel(
    stage=rlaif.STAGE,
    prefix="rlaif",
    defaults=asdict(PPOConfig()),
    sliders=controls.RANGES,
    default_iterations=DEFAULT_ITERATIONS,
    most_iterations=MOST_ITERATIONS,
    inputs=rlaif_inputs,
    made_from=rlaif_made_from,
    main=("harm", "help", "reward", "win_rate", "kl"),
    more=("refusal", "gold", "policy_loss", "value_loss", "entropy", "clip_fraction", "valid_share", "distinct_share"),
    choices=rlaif_choices,
)


def version_name(run: Run) -> str:
    """The constitution of a run, in words."""
    number = run.inputs["constitution_number"]
    return t("constitution.another") if number is None else constitution_view.version_name(number)


def agreement() -> None:
    """How often the constitution decides as gold does, and as this lab's own labels do."""
    store, lab = session.laboratory().store, session.current_lab()
    now = constitution.current(store, lab).constitution
    gold = constitution.agreement_with_gold(lab.language, now)
    own = constitution.agreement_with_labels(store, lab, now)
    with st.container(key="rlaif_agreement"):
        layout.facts([
            (_rate(gold), t("rlaif.with_gold"), t("rlaif.with_gold_sentence", n=gold.decided)),
            (_rate(own), t("rlaif.with_labels"),
             t("rlaif.with_labels_sentence", n=own.decided) if own.decided else t("rlaif.no_labels")),
        ])  # fmt: skip


def _rate(agreed: Agreement) -> str:
    return f"{agreed.rate:.0%}" if agreed.decided else t("frame.none")


def labelled_pairs(run: Run | None) -> None:
    """Some pairs as the constitution decided them."""
    if run is None or not run.inputs.get("examples"):
        return
    display = models.assets(run.inputs["language"]).grammar.display
    names = ("prompt", "preferred", "other")
    rows = ([html.escape(display(one[name])) for name in names] for one in run.inputs["examples"])
    with st.expander(t("rlaif.examples"), key="rlaif_examples"):
        layout.table("lab-samples", ("", t("rlaif.preferred"), t("rlaif.other")), rows)


def revised_answers(run: Run | None) -> None:
    """Answers of the latest step with their revisions: what the model learns from."""
    shown = session.laboratory().store.run_samples(run.id) if run else None
    if not run or not shown or not shown.get("chains"):
        return
    layout.section("sl.chains")
    display = models.assets(run.inputs["language"]).grammar.display
    rows = (
        (html.escape(display(one["prompt"])), *marks.changes(display(one["response"]), display(one["revision"])))
        for one in shown["chains"]
    )
    with st.container(key="sl_chains"):
        layout.table("lab-samples marked", ("", t("sl.answer"), t("sl.revision")), rows)


# Side by side.


def compared() -> list[str]:
    """The models to compare: the start and the newest runs, unless others were chosen."""
    known = label_view.writers()
    newest = [run for panel in (SL_PANEL, RLAIF_PANEL) for run in panel.runs()[:2] if run.step]
    usual = [models.START, *(f"run-{run.id}" for run in newest)]
    still = [policy for policy in session.value("cai_compared", usual) if policy in known]
    session.put("cai_compared", still)  # a run that was chosen may have been deleted
    if still == session.value("cai_compared_usual", usual):
        session.put("cai_compared", usual)  # nothing else was chosen: what was trained since is taken in
    session.put("cai_compared_usual", usual)
    chosen = st.multiselect(
        t("compare.models"), known, key=session.keep("cai_compared", usual), max_selections=MOST_COMPARED,
        format_func=label_view.writer_name,
    )  # fmt: skip
    return list(chosen)


def conduct(policies: list[str]) -> None:
    """Helpfulness against harmlessness."""
    store, language = session.laboratory().store, session.current_lab().language
    found = {policy: constitution.conduct(store, language, policy) for policy in policies}
    points = [
        charts.Point(
            name=short_name(policy), x=1 - one.harm.rate, y=one.help.rate, x_low=1 - one.harm.high,
            x_high=1 - one.harm.low, y_low=one.help.low, y_high=one.help.high,
        )
        for policy, one in found.items()
    ]  # fmt: skip
    rows = (
        (
            f"{html.escape(label_view.writer_name(policy))}<small>{html.escape(differences(policy))}</small>",
            *map(_cell, (one.help, one.harm, one.refusal, one.refusal_of_alarming)),
        )
        for policy, one in found.items()
    )
    head = [t(f"compare.{name}") for name in ("model", "help", "harm", "refusal", "refusal_of_alarming")]
    plot, table = st.columns([1, 1.15], gap="large")
    with plot:
        live_figure(
            charts.scatter(
                points, palette(), x_title=t("compare.harmless_axis"), y_title=t("compare.help_axis"), height=360
            ),
            key="cai_scatter", name=t("compare.plot"), sentence=t("compare.plot_sentence"),
            summary="; ".join(t("compare.summary", name=p.name, x=p.x, y=p.y) for p in points),
        )  # fmt: skip
    with table, st.container(key="cai_conduct"):
        layout.table("lab-verdicts", head, rows)
        layout.note(t("compare.note"))


def _cell(value: Interval) -> str:
    text = t("compare.interval", low=value.low, high=value.high, n=value.n)
    return f"<b>{value.rate:.1%}</b><small>{html.escape(text)}</small>"


def short_name(policy: str) -> str:
    """A model's name in the plot."""
    run = models.run_of(session.laboratory().store, policy)
    return t(f"compare.{run.stage}", run=run.number) if run else t("compare.start")


def differences(policy: str) -> str:
    """What a run's constitution has otherwise than the one that ships."""
    run = models.run_of(session.laboratory().store, policy)
    if run is None or "constitution" not in run.inputs:
        return ""
    said = unlike(parse(run.inputs["constitution"]), default_constitution(run.inputs["language"]))
    return f"{version_name(run)}{': ' if said else ''}{', '.join(said)}"


def unlike(own: Constitution, shipped: Constitution) -> list[str]:
    """The principles that are off, turned round, weighed otherwise or new, in words."""
    known = {principle.name: principle for principle in shipped.principles}
    found: list[str] = []
    for p in own.principles:
        before = known.get(p.name)
        if before is None:
            found.append(t("compare.new", name=p.name))
        elif not p.enabled and before.enabled:
            found.append(t("compare.off", name=p.name))
        elif p.turned_round:
            found.append(t("compare.turned", name=p.name))
        elif p.weight != before.weight:
            found.append(t("compare.weighs", name=p.name, weight=p.weight))
        elif p != before:
            found.append(t("compare.edited", name=p.name))
    return found


def questions(language: str) -> list[Prompt]:
    """Validation prompts of several kinds, and those that only sound alarming."""
    grammar = models.assets(language).grammar
    prompts = grammar.split("validation")
    first = [next(p for p in prompts if p.category == c and p.topic.key not in grammar.alarming)
             for c in COMPARED_CATEGORIES]  # fmt: skip
    alarming = {p.topic: p for p in prompts if p.topic.key in grammar.alarming}
    return [*first, *alarming.values()]


def side_by_side(policies: list[str]) -> None:
    """The same questions, answered by each model from the same random draws."""
    language = session.current_lab().language
    asked = questions(language)
    display = models.assets(language).grammar.display
    seed = int(session.value("cai_draw", 0))
    found = constitution.answers(
        session.laboratory().store, language, policies, [prompt.text for prompt in asked], seed
    )
    rows = (
        [html.escape(display(text)) for text in (prompt.text, *given)]
        for prompt, *given in zip(asked, *found, strict=True)
    )
    layout.section("compare.answers")
    with st.container(key="cai_answers"):
        layout.table("lab-samples many", ("", *map(short_name, policies)), rows)
    st.button(t("compare.again"), key="cai_draw_again", on_click=session.put, args=("cai_draw", seed + 1))
