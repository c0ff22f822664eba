"""What is PPO's own on its page: the labels that a run is made from, its metrics and its judges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import streamlit as st

from lab import presets, reward
from lab.ppo import STAGE
from lab.store import SOURCES, Run
from lab.training import MOST_ITERATIONS
from rlhf_core.headless import DEFAULT_ITERATIONS
from rlhf_core.ppo import PPOConfig
from rlhf_core.reward_model import FEATURE_SETS
from ui import controls, layout, presets_view, session
from ui.i18n import t
from ui.run_view import RunPanel, setting_value


def inputs() -> dict[str, Any] | None:
    """The labels and features of the next run's reward model."""
    lab, own, store = session.current_lab(), session.session(), session.laboratory().store
    source, features = own.kept.get("ppo_source", "both"), own.kept.get("ppo_features", "attributes")
    limit = own.kept.get("ppo_labels", presets.ALL)
    # Said anew: with this click a browser that has not drawn a preset's choices yet has sent those from before.
    for key, wished in (("ppo_source", source), ("ppo_features", features), ("ppo_labels", limit)):
        session.put(key, wished)
    kinds = [kind for kind, n in reward.counts(store, lab).items() if n and kind != "both"]
    if source == "both" and len(kinds) == 1:
        source = kinds[0]  # A run made from simulated labels alone says so.
    fit = reward.fit(store, lab, source, features)
    if limit == presets.ALL and fit.labels_used == fit.ties:
        own.problem = t("ppo.nothing_to_learn")
        return None
    return {"source": source, "features": features, "label_limit": limit}


def made_from(run: Run) -> str:
    """How many labels of whom the run's reward model was fitted to."""
    said = t(
        "ppo.inputs", human=run.inputs["labels_used"] - run.inputs["simulated_used"],
        simulated=run.inputs["simulated_used"], features=t(f"reward_model.features_{run.inputs['features']}"),
    )  # fmt: skip
    made = run.inputs.get("made_for_run", 0)
    return f"{said} · {t('preset.made', n=made)}" if made else said


def choices() -> None:
    """The labels and features of the next new run."""
    controls.source_choice("ppo_source", reward.counts(session.laboratory().store, session.current_lab()))
    controls.features_choice("ppo_features")
    presets_view.label_choice()


def config(chosen: dict[str, Any]) -> dict[str, Any]:
    """The next run's config: a preset holds even if it was chosen while another run rested."""
    return {**chosen, **session.session().kept.get("ppo_config", {})}


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
    more=(
        "value_loss", "entropy", "clip_fraction", "response_length", "valid_share", "distinct_share", "approx_kl",
        "grad_norm", "kl_coef", "gradient_steps",
    ),
    choices=choices,
    config=config,
)  # fmt: skip
ADVANCED = {
    "gamma": (0.8, 0.9, 0.95, 0.99, 1.0),
    "gae_lambda": (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 1.0),
    "value_clip": (0.0, 0.1, 0.2, 0.5, 1.0),
    "target_kl": (0.0, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02),
    "kl_target": (1.0, 2.0, 4.0, 6.0, 10.0, 20.0),
}
"""What the sliders for experts offer; 0 is off where it says so."""
SWITCHES = ("adaptive_kl", "scaled_log_probs")


def advanced(run: Run | None) -> None:
    """The settings that one seldom needs, and where the KL stands. They act as the others do."""
    shown = st.expander(t("advanced.title"), key="ppo_advanced", on_change="rerun")
    if not shown.open:
        return
    config, change = PANEL.chosen_config(run), partial(PANEL.change, run)
    with shown:
        layout.note(t("advanced.kl_place"))
        for cell, name in zip(st.columns(len(ADVANCED), gap="medium"), ADVANCED, strict=True):
            with cell:
                _slider(name, config[name], change)
        with st.container(horizontal=True, gap="large"):
            for name in SWITCHES:
                st.toggle(
                    t(f"advanced.{name}"), key=session.follow(f"ppo_{name}", bool(config[name])), on_change=change,
                    args=(name,), help=t(f"advanced.{name}_help"),
                )  # fmt: skip


def _slider(name: str, value: float, change: Callable[[str], None]) -> None:
    nearest = min(ADVANCED[name], key=lambda stop: abs(stop - value))
    st.select_slider(
        t(f"advanced.{name}"), ADVANCED[name], key=session.follow(f"ppo_{name}", nearest),
        format_func=partial(setting_value, name), on_change=change, args=(name,), help=t(f"advanced.{name}_help"),
    )  # fmt: skip


LINKED = {
    "labels": ("ppo_source", SOURCES, "both"),
    "features": ("ppo_features", FEATURE_SETS, "attributes"),
}
"""What an address can choose beside the sliders, see `run_address`."""


def judges() -> None:
    """Which judge stands behind which number."""
    with st.expander(t("ppo.judges"), key="ppo_judges"):
        layout.note(t("ppo.judges_text", weights=controls.weights_in_words()))
