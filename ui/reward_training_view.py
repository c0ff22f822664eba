"""Neural reward models: one that trains live on this lab's labels, and all kinds side by side on the same labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import streamlit as st

from lab import reward_training
from lab.store import Run
from lab.training import MOST_ITERATIONS
from rlhf_core.neural_reward import LEARNING_RATES, NETWORKS, RewardConfig
from rlhf_core.reward_comparison import CONTENDERS
from ui import charts, controls, errand_view, layout, session
from ui.i18n import t
from ui.live_figure import live_figure, palette
from ui.run_view import RunPanel

FIRST = "transformer"


def choices() -> None:
    """Which network the next run trains, and whether it sees the prompt."""
    st.segmented_control(
        t("neural.network"), NETWORKS, key=session.keep("neural_network", FIRST, NETWORKS), required=True,
        format_func=lambda name: t(f"neural.network_{name}"), help=t("neural.network_help"), on_change=_suit,
    )  # fmt: skip
    st.toggle(
        t("neural.sees_prompt"), key=session.keep("neural_sees_prompt", True), help=t("neural.sees_prompt_help")
    )


def _suit() -> None:
    """The learning rate that suits the chosen network, for the next run."""
    kept, key = session.session().kept, "neural_config"
    kept[key] = {**kept.get(key, {}), "learning_rate": LEARNING_RATES[st.session_state["neural_network"]]}


def inputs() -> dict[str, Any]:
    """The labels, network and sight of the next run."""
    return {
        "source": session.value("reward_source", "both"),
        "network": session.value("neural_network", FIRST),
        "sees_prompt": bool(session.value("neural_sees_prompt", True)),
    }


def made_from(run: Run) -> str:
    """Which network the run trains, and on whose labels."""
    made = run.inputs
    return t(
        "neural.inputs", network=t(f"neural.network_{made['network']}"),
        prompt=t("neural.prompt_seen" if made["sees_prompt"] else "neural.prompt_hidden"),
        human=made["labels_used"] - made["simulated_used"], simulated=made["simulated_used"],
    )  # fmt: skip


PANEL = RunPanel(
    stage=reward_training.STAGE,
    prefix="neural",
    defaults=asdict(RewardConfig()),
    sliders={
        "learning_rate": (1e-4, 3e-4, 1e-3, 2e-3, 3e-3, 5e-3, 1e-2),
        "batch_size": (4, 8, 16, 32, 64),
        "weight_decay": (0.0, 0.01, 0.05, 0.2, 1.0),
    },
    default_iterations=reward_training.DEFAULT_ITERATIONS,
    most_iterations=MOST_ITERATIONS,
    inputs=inputs,
    made_from=made_from,
    main=("reference_accuracy", "preference_loss"),
)


def training(run: Run | None) -> None:
    """Everything that changes while the run goes on."""
    PANEL.status(run)
    PANEL.buttons(run)
    PANEL.charts_and_sliders(run)


def comparison(source: str) -> None:
    """All kinds of reward model on the labels of a source: the button that teaches them, and what came of it."""
    store, lab = session.laboratory().store, session.current_lab()

    def button() -> None:
        with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
            st.button(
                t("neural.compare"), key="neural_compare", type="primary", on_click=reward_training.send,
                args=(session.laboratory().errands, store, lab, source),
            )  # fmt: skip
            layout.note(t("neural.compare_lead"))

    def at_work(place: str) -> str:
        return t("neural.comparing", name=_name(asdict(CONTENDERS[int(place)])))

    errand_view.errand(reward_training.comparison_name(lab), button, at_work)
    if (found := reward_training.compared(store, lab)) is None:
        layout.callout(t("neural.compare_none"))
        return
    rows = found["rows"]
    best, worst = (pick(rows, key=lambda row: row["rate"]) for pick in (max, min))
    live_figure(
        charts.share_bars(
            [_name(row) for row in rows], [(row["rate"], row["low"], row["high"]) for row in rows],
            [row["name"] in NETWORKS for row in rows], palette(),
        ),
        key="neural_comparison", name=t("neural.compare_name"), value="",
        sentence=t(
            "neural.compare_sentence", n=rows[0]["n"], human=found["labels"] - found["simulated"],
            simulated=found["simulated"], steps=found["steps"],
        ),
        summary=t(
            "neural.compare_summary", best=_name(best), high=best["rate"], worst=_name(worst), low=worst["rate"]
        ),
    )  # fmt: skip
    layout.note(t("neural.compare_why"))
    controls.reference_values()


def _name(contender: Mapping[str, Any]) -> str:
    kind = contender["name"]
    name = t(f"neural.network_{kind}" if kind in NETWORKS else f"neural.head_{kind}")
    return name if contender["sees_prompt"] else t("neural.hidden_prompt", name=name)
