"""What is PPO's own on its page: the labels that a run is made from, its metrics and its judges."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import streamlit as st

from lab import reward
from lab.ppo import STAGE
from lab.store import SOURCES, Run
from lab.training import MOST_ITERATIONS
from rlhf_core.headless import DEFAULT_ITERATIONS
from rlhf_core.ppo import PPOConfig
from rlhf_core.reward_model import FEATURE_SETS
from ui import controls, layout, session
from ui.i18n import t
from ui.run_view import RunPanel


def inputs() -> dict[str, Any] | None:
    """The labels and features of the next run's reward model."""
    lab, own, store = session.current_lab(), session.session(), session.laboratory().store
    source, features = own.kept.get("ppo_source", "both"), own.kept.get("ppo_features", "attributes")
    kinds = [kind for kind, n in reward.counts(store, lab).items() if n and kind != "both"]
    if source == "both" and len(kinds) == 1:
        source = kinds[0]  # A run made from simulated labels alone says so.
    fit = reward.fit(store, lab, source, features)
    if fit.labels_used == fit.ties:
        own.problem = t("ppo.nothing_to_learn")
        return None
    return {"source": source, "features": features}


def made_from(run: Run) -> str:
    """How many labels of whom the run's reward model was fitted to."""
    return t(
        "ppo.inputs", human=run.inputs["labels_used"] - run.inputs["simulated_used"],
        simulated=run.inputs["simulated_used"], features=t(f"reward_model.features_{run.inputs['features']}"),
    )  # fmt: skip


def choices() -> None:
    """The labels and features of the next new run."""
    controls.source_choice("ppo_source", reward.counts(session.laboratory().store, session.current_lab()))
    controls.features_choice("ppo_features")


PANEL = RunPanel(
    stage=STAGE,
    prefix="ppo",
    defaults=asdict(PPOConfig()),
    sliders=controls.RANGES,
    default_iterations=DEFAULT_ITERATIONS,
    most_iterations=MOST_ITERATIONS,
    inputs=inputs,
    made_from=made_from,
    main=("reward", "gold", "win_rate", "kl", "policy_loss"),
    more=("value_loss", "entropy", "clip_fraction", "response_length", "valid_share", "distinct_share"),
    choices=choices,
)


LINKED = {
    "labels": ("ppo_source", SOURCES, "both"),
    "features": ("ppo_features", FEATURE_SETS, "attributes"),
}
"""What an address can choose beside the sliders, see `run_address`."""


def judges() -> None:
    """Which judge stands behind which number."""
    with st.expander(t("ppo.judges"), key="ppo_judges"):
        layout.note(t("ppo.judges_text", weights=controls.weights_in_words()))
