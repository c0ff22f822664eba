"""A run's settings and seed in the address of its page: `/ppo?lr=0.0007&kl=0.15&seed=3` chooses them for the next run.

An address may name any of them; the others stay as they are. It acts once, when it is opened: afterwards the sliders
are the visitor's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from lab.presets import PRESETS
from lab.store import Run
from ui import layout, page_address, presets_view, session, share
from ui.i18n import t
from ui.page_address import LARGEST_SEED, Known, Parameter
from ui.run_view import RunPanel, unfinished

SHORT = {"learning_rate": "lr", "kl_coef": "kl", "clip_range": "clip"}
"""What a setting is called in an address; any other by its own name."""
Choices = Mapping[str, page_address.Choice]
"""What else can be chosen on a page, by its name in the address."""


def parameters(panel: RunPanel, choices: Choices) -> dict[str, Parameter]:
    """A preset, and each setting: beside a preset it changes it. Of what the preset sets no more need be said."""

    def setting(name: str) -> str | None:
        return None if _preset(panel) else f"{panel.chosen_config(panel.latest_run())[name]:g}"

    def chosen(key: str, usual: str) -> str | None:
        return None if _preset(panel) else session.value(key, usual)

    read = partial(page_address.option, tuple(PRESETS))
    known = {"preset": Parameter(", ".join(PRESETS), read, presets_view.choose_preset, partial(_preset, panel))}
    known |= {
        SHORT.get(name, name): Parameter(
            ", ".join(f"{stop:g}" for stop in stops), partial(_stop, stops), partial(_set, panel, name),
            partial(setting, name),
        )
        for name, stops in panel.sliders.items()
    }  # fmt: skip
    for name, first, last, usual in (
        ("seed", 0, LARGEST_SEED, 0), ("iterations", 1, panel.most_iterations, panel.default_iterations),
    ):  # fmt: skip
        key = f"{panel.prefix}_{name}"
        now = partial(session.value, key, usual)
        known[name] = page_address.number(first, last, partial(session.put, key), now)
    for name, (key, options, usual) in choices.items():
        one = page_address.choice(key, options, usual)
        known[name] = replace(one, now=partial(chosen, key, usual))
    return known


def _preset(panel: RunPanel) -> str | None:
    return presets_view.in_force(panel, panel.latest_run())


def _stop(stops: Sequence[float], text: str) -> float:
    """The stop of a slider that a text names."""
    return stops[list(stops).index(float(text))]


def _set(panel: RunPanel, name: str, value: Any) -> None:
    kept, key = session.session().kept, f"{panel.prefix}_config"
    kept[key] = {**kept.get(key, {}), name: value}


def take(panel: RunPanel, choices: Choices, views: Choices) -> Known:
    """Choose what the address says, once, before any widget of the page is drawn; what it says that can't be chosen is
    named in one sentence and ignored. views: what it can choose that is no setting of a run. Returns all that it
    could."""
    page = session.session().page
    apart = {**page_address.lessons(page), **{name: page_address.choice(*about) for name, about in views.items()}}
    known = {**apart, **parameters(panel, choices)}
    if (done := page_address.follow(page, known)) is not None:
        chosen = [one for one in done if one.partition("=")[0] not in apart]
        session.session().kept[f"{panel.prefix}_address"] = {"chosen": chosen, "before": _id(panel.latest_run())}
    return known


def note(panel: RunPanel, run: Run | None) -> None:
    """What the address chose, until a run has been started with it."""
    taken = session.session().kept.get(f"{panel.prefix}_address")
    if taken and taken["chosen"] and taken["before"] == _id(run):
        said = t("address.chosen", chosen=", ".join(taken["chosen"]))
        layout.callout(f"{said} {t('address.waits', run=run.number)}" if run and unfinished(run) else said)


def _id(run: Run | None) -> int:
    return run.id if run else 0


def link(panel: RunPanel, run: Run | None, choices: Choices) -> None:
    """The address of what is chosen for the next run, to copy."""
    own = {name: str(session.value(key, usual)) for name, (key, _, usual) in choices.items()}
    numbers = {
        "seed": session.value(f"{panel.prefix}_seed", 0),
        "iterations": session.value(f"{panel.prefix}_iterations", panel.default_iterations),
    }
    shown = st.expander(t("address.link"), key=f"{panel.prefix}_link", on_change="rerun")
    if shown.open:
        with shown:
            layout.note(t("address.link_help"))
            show(panel, panel.chosen_config(run), {**numbers, **own})


def show(panel: RunPanel, config: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    """The address of a config and what else is chosen."""
    settings = {SHORT.get(name, name): f"{config[name]:g}" for name in panel.sliders if name in config}
    page = session.session().page
    found, _ = share.address(page, **settings, **{name: str(value) for name, value in others.items()})
    st.code(found, language=None, wrap_lines=True)
