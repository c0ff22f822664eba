"""Settings as widgets: teaching ranges for sliders, and whose labels to use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from lab import models
from lab.store import SOURCES
from rlhf_core.gold import REFERENCE_VALUES, Values
from rlhf_core.reward_model import FEATURE_SETS
from ui import layout, session
from ui.i18n import has, t
from ui.plain_text import as_text

RANGES: Mapping[str, tuple[float, ...]] = {
    "learning_rate": (1e-4, 2e-4, 3e-4, 5e-4, 7e-4, 1e-3, 1.5e-3, 2e-3, 3e-3, 5e-3, 1e-2),
    "kl_coef": (0.0, 0.02, 0.05, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 1.0, 2.0, 5.0),
    "clip_range": (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5),
    "temperature": (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5),
}
"""What the PPO page's sliders offer. Every value lies inside `PPOConfig`'s domain; its defaults are among them."""


def stops(
    name: str, values: Sequence[float], value: float, *, label: str, note: str, key: str,
    on_change: Callable[[str], None], form: str = "g",
) -> None:  # fmt: skip
    """A slider over the teaching range of a setting; it shows the stop that is nearest to the value, each written in a
    form. on_change is given the setting's name after every move."""
    nearest = min(values, key=lambda stop: abs(stop - value))
    st.select_slider(
        label, values, key=session.follow(key, nearest), help=note,
        format_func=lambda stop: format(stop, form), on_change=on_change, args=(name,),
    )  # fmt: skip


def attribute_name(name: str) -> str:
    """An attribute in the visitor's language."""
    words = models.assets(session.current_lab().language).grammar.comfortable_length
    return t(f"attribute.{name}", words=words) if has(f"attribute.{name}") else name


def signed(value: float, form: str = "+.2f") -> str:
    """A number with its sign, a real minus."""
    return format(value, form).replace("-", "\N{MINUS SIGN}")


def weights_in_words(values: Values = REFERENCE_VALUES) -> str:
    """Values with their weights, the heavy ones first: what makes a judge's name mean something. Only what can be read
    from answers in the model's language weighs there."""
    names = models.assets(session.current_lab().language).judge.attribute_names
    weighed = sorted(((name, values[name]) for name in names if values[name]), key=lambda item: -abs(item[1]))
    return ", ".join(f"{attribute_name(name)} {signed(weight, '+g')}" for name, weight in weighed)


def reference_values() -> None:
    """Whose values the reference is: below every figure that it judges."""
    with st.expander(t("reward_model.reference"), key="reference"):
        layout.note(t("reward_model.reference_lead", weights=weights_in_words()))


def source_choice(key: str, counts: Mapping[str, int], label: str = "reward_model.source") -> str:
    """Mine, simulated or both, with the number of labels of each. label: the key of what it decides."""
    st.segmented_control(
        t(label), SOURCES, key=session.keep(key, "both", SOURCES), required=True,
        format_func=lambda source: t(f"reward_model.source_{source}", n=counts[source]),
    )  # fmt: skip
    return st.session_state[key]


def features_choice(key: str) -> str:
    """What the reward model looks at."""
    st.segmented_control(
        t("reward_model.features"), FEATURE_SETS, key=session.keep(key, "attributes", FEATURE_SETS), required=True,
        format_func=lambda kind: t(f"reward_model.features_{kind}"),
    )  # fmt: skip
    return st.session_state[key]


def notice() -> None:
    """What the last action did, once."""
    own = session.session()
    if own.notice:
        st.toast(as_text(own.notice))  # it may quote what somebody typed
        own.notice = ""
