"""The reward model: what it learnt from the labels, how well, and what it makes of your own sentence; what is inside
it; and neural ones that are trained live, beside it."""

from __future__ import annotations

import streamlit as st

from lab import reward
from lab.store import SOURCES
from rlhf_core.reward_model import FEATURE_SETS
from ui import controls, layout, lessons, page_address, panel_view, run_view, session
from ui import reward_inside_view as inner
from ui import reward_training_view as neural
from ui import reward_view as view
from ui.i18n import t

VIEWS = ("head", "inside", "train", "compare")

known = page_address.take(
    "reward_model",
    view=("reward_view", VIEWS, VIEWS[0]),
    source=("reward_source", SOURCES, "both"),
    features=("reward_features", FEATURE_SETS, "attributes"),
)
layout.heading("reward_model")
lessons.strip("reward_model", known)
store, lab = session.laboratory().store, session.current_lab()
counts = reward.counts(store, lab)
if not counts["both"]:
    panel_view.empty_state(t("reward_model.empty"), t("reward_model.empty_lead"))
    st.stop()
shown = layout.views("neural", "reward_view", VIEWS)
with st.container(horizontal=True, gap="large", vertical_alignment="bottom"):
    source = controls.source_choice("reward_source", counts)
    if shown in ("head", "inside"):
        controls.features_choice("reward_features")
    elif shown == "train":
        neural.choices()
features = session.value("reward_features", "attributes")
if not counts[source]:
    panel_view.empty_state(t("reward_model.empty_source"), t("reward_model.empty_lead"))
    st.stop()
fit = reward.fit(store, lab, source, features)
if not fit.labels_used:
    panel_view.empty_state(t("reward_model.empty_useless"), t("reward_model.empty_lead"))
    st.stop()
match shown:
    case "train":
        layout.note(t("neural.lead"))
        run_view.elsewhere()
        neural.PANEL.follow(neural.training)
        neural.PANEL.next_run_settings()
    case "compare":
        neural.comparison(source)
    case "inside":
        inner.inside(fit)
    case _:
        layout.note(
            t("reward_model.used", labels=fit.labels_used, ties=fit.ties, left_out=fit.left_out),
            "simulated" if source == "simulated" else "plain",
        )
        if fit.unreadable:
            layout.note(t("reward_model.unreadable", n=fit.unreadable))
        view.curves(reward.curve(store, lab, source, features), source)
        left, right = st.columns([1, 1], gap="large")
        with left:
            view.likes(fit)
        with right:
            view.own_sentence(fit)
        view.small_print(features)
