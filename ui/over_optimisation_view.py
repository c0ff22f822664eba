"""Over-optimisation on the PPO page: proxy and gold over the square root of KL, and the laws of Gao et al. (2022)."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import streamlit as st

from lab import best_of_n, over_optimisation, ppo
from lab.jobs import JobSpec
from lab.over_optimisation import FEWEST_STEPS, Optimised
from lab.presets import PRESETS
from lab.store import Run
from rlhf_core.over_optimisation import Fit
from ui import charts, following, layout, ppo_view, run_view, session
from ui.i18n import t
from ui.live_figure import live_figure, palette

PROXY, GOLD = 0, 1
"""Their colours."""
FREE, FREE_ITERATIONS = PRESETS["no_kl"], 120
"""A PPO run that over-optimises, and how long."""
FAR = 4
"""A law that turns only beyond so many times the distance that was seen says nothing of where."""
LINE = 40
"""Points that a law is drawn through."""


def view() -> None:
    """All of it."""
    layout.note(t("overopt.lead"))
    following.follow_runs(_followed, lambda runs: any(map(run_view.is_live, runs)), _everything)
    ppo_view.judges()


def _followed() -> list[Run]:
    """The runs that may go on: the newest of PPO, and best of n on the shown one's reward model."""
    newest = ppo_view.PANEL.runs()[:1]
    sampled = _sampled(_chosen(_known()))
    return newest if sampled is None else [*newest, sampled]


def _known() -> list[Run]:
    return over_optimisation.runs(session.laboratory().store, session.current_lab())


def _chosen(known: Sequence[Run]) -> Run | None:
    """The run that is shown: the newest unless another was chosen."""
    chosen = session.session().kept.get("overopt_chosen")
    return next((run for run in known if run.id == chosen), known[0] if known else None)


def _sampled(run: Run | None) -> Run | None:
    store, lab = session.laboratory().store, session.current_lab()
    return None if run is None else best_of_n.run_on(store, lab, run.inputs["reward_model"])


def _everything(_: list[Run]) -> None:
    own, known = session.session(), _known()
    if own.problem:
        layout.problem(own.problem)
    newest = next(iter(ppo_view.PANEL.runs()), None)
    if newest is not None and newest.status in run_view.LIVE:
        layout.note(t("overopt.going", step=newest.step, last=newest.config["iterations"]))
    if not known:
        layout.callout(t("overopt.empty", steps=FEWEST_STEPS))
        with st.container(horizontal=True, gap="small"):
            _free_button("overopt.go", newest, "primary")
            st.button(t("overopt.go_train"), key="overopt_train", on_click=session.put, args=("ppo_view", "train"))
        return
    run = _chosen(known)
    assert run is not None
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom", key="overopt_choice"):
        _run_choice(known, run)
        _free_button("overopt.another", newest, "secondary")
    sampled = _sampled(run)
    _best_of_n_controls(run, sampled)
    store = session.laboratory().store
    trained = over_optimisation.of_run(store, run)
    chosen = None if sampled is None else over_optimisation.of_best_of_n(store.metrics(sampled.id))
    left, right = st.columns(2, gap="large")
    with left:
        _figure("ppo", trained, t("overopt.ppo"), t("overopt.sentence_ppo"))
    if chosen is not None and sampled is not None:
        prompts = sampled.step * best_of_n.PROMPTS_A_STEP
        with right:
            title = t("overopt.best_of_n", n=best_of_n.DRAWN)
            _figure("best", chosen, title, t("overopt.sentence_best", prompts=prompts))
    _fits({t("overopt.ppo"): trained, **({t("overopt.best_of_n", n=best_of_n.DRAWN): chosen} if chosen else {})})


def _run_choice(known: Sequence[Run], run: Run) -> None:
    ids, names, key = [one.id for one in known], {one.id: _name(one) for one in known}, "overopt_run"

    def choose() -> None:
        if st.session_state[key] in names and session.heard(key):
            session.session().kept["overopt_chosen"] = st.session_state[key]

    st.selectbox(
        t("overopt.run"), ids, key=session.follow(key, run.id), width=520, on_change=choose,
        format_func=lambda run_id: names.get(run_id, ""),
    )  # fmt: skip


def _name(run: Run) -> str:
    return t(
        "overopt.run_name", run=run.number, step=run.step, kl=run.config["kl_coef"],
        features=t(f"reward_model.features_{run.inputs['features']}"),
    )  # fmt: skip


# What to do about it.


def _free_button(key: str, newest: Run | None, kind: Any) -> None:
    going = newest is not None and newest.status in run_view.LIVE
    st.button(t(key), key="overopt_go", type=kind, disabled=going, on_click=run_view.ask, args=(_train_free,))


def _train_free() -> None:
    """PPO on a proxy that sees only words, with KL for free."""
    lab = session.current_lab()
    if session.read_lab() != lab or (chosen := ppo_view.inputs()) is None:
        return
    spec = JobSpec(
        stage=ppo.STAGE, config={**FREE.config, "iterations": FREE_ITERATIONS},
        inputs={"lab": lab.id, **chosen, "features": FREE.features}, seed=int(session.value("ppo_seed", 0)),
    )  # fmt: skip
    session.laboratory().jobs.start(lab.id, spec)
    session.session().kept.pop("overopt_chosen", None)


def _best_of_n_controls(run: Run, sampled: Run | None) -> None:
    jobs, lab = session.laboratory().jobs, session.current_lab()
    if sampled is not None and sampled.status in run_view.LIVE:
        layout.note(t("overopt.sampling", step=sampled.step, last=best_of_n.STEPS))
        return
    if sampled is None or sampled.status in ("paused", "stopped", "failed"):
        again = sampled is not None and sampled.status != "failed"

        def draw() -> None:
            if again:
                jobs.resume(sampled.id)
            else:
                jobs.start(lab.id, best_of_n.spec(run.inputs, run.seed))

        with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
            word = "overopt.sample_again" if again else "overopt.sample"
            st.button(t(word), key="overopt_sample", type="primary", on_click=run_view.ask, args=(draw,))
            layout.note(t("overopt.sample_none"))


# What it measures.


def _figure(key: str, found: Optimised, name: str, sentence: str) -> None:
    """Both scores over sqrt(KL), as points and as the law through them."""
    ways: list[charts.Trail] = []
    end = max(found.distances)
    line = [end * i / (LINE - 1) for i in range(LINE)]
    both = ((PROXY, "proxy", found.proxy, found.proxy_fit), (GOLD, "gold", found.gold, found.gold_fit))
    for look, word, scores, law in both:
        ways.append(charts.Trail(
            name=t(f"overopt.{word}"), x=found.distances, y=scores, look=look, mode="markers"
        ))  # fmt: skip
        if law is not None:
            ways.append(charts.Trail(
                name=t(f"overopt.{word}_fit"), x=line, y=[law(d) for d in line], look=look, mode="lines"
            ))  # fmt: skip
    best = max(range(len(found.gold)), key=found.gold.__getitem__)
    live_figure(
        charts.trails(ways, palette(), x_title=t("overopt.x"), y_title=t("overopt.y"), baseline=0.0),
        key=f"overopt_{key}", name=name, sentence=sentence,
        summary=t(
            "overopt.summary", d=found.distances[-1], proxy=found.proxy[-1], gold=found.gold[-1],
            best=found.gold[best], at=found.distances[best],
        ),
    )  # fmt: skip


def _fits(found: dict[str, Optimised]) -> None:
    """The coefficients of every law."""
    layout.section("overopt.fits")
    head = [t("overopt.law"), *(t(f"overopt.{name}") for name in ("alpha", "beta", "residual", "turns"))]
    rows: list[list[str]] = []
    for name, one in found.items():
        for word, law in (("proxy", one.proxy_fit), ("gold", one.gold_fit)):
            said = [t("overopt.too_few")] * 4 if law is None else _coefficients(law, max(one.distances))
            rows.append([html.escape(f"{name} · {t(f'overopt.{word}')}"), *map(html.escape, said)])
    layout.table("lab-samples many", head, rows)
    layout.note(t("overopt.fits_note"))


def _coefficients(law: Fit, seen: float) -> list[str]:
    turns = t("overopt.turns_never")
    if law.peak is not None:
        where = "at" if law.peak <= seen else "beyond" if law.peak <= FAR * seen else "far"
        turns = t(f"overopt.turns_{where}", **({} if where == "far" else {"kl": law.peak**2}))
    return [f"{value:+.2f}".replace("-", "\N{MINUS SIGN}") for value in (law.alpha, law.beta)] + [
        f"{law.residual:.2f}", turns
    ]  # fmt: skip
