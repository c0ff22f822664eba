"""A run's settings and seed in the address of its page: `/ppo?lr=0.0007&kl=0.15&seed=3` chooses them for the next run.

An address may name any of them; the others stay as they are. It acts once, when it is opened: afterwards the sliders
are the visitor's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from lab.store import Run
from ui import layout, session, share
from ui.i18n import t
from ui.run_view import RunPanel, unfinished

SHORT = {"learning_rate": "lr", "kl_coef": "kl", "clip_range": "clip"}
"""What a setting is called in an address; any other by its own name."""
OTHERS = ("lang", session.JOIN)
"""Parameters that are read elsewhere."""
LARGEST_SEED = 2**31 - 1
Choices = Mapping[str, tuple[str, Sequence[str], str]]
"""What else can be chosen on a page, by its name in the address: the key of its widget, what it may be, and what it
usually is."""


@dataclass(frozen=True)
class _Parameter:
    """One parameter of an address."""

    allowed: str
    read: Callable[[str], Any]
    """ValueError for what is not allowed."""
    choose: Callable[[Any], object]


def _parameters(panel: RunPanel, choices: Choices) -> dict[str, _Parameter]:
    known = {
        SHORT.get(name, name): _Parameter(
            ", ".join(f"{stop:g}" for stop in stops), partial(_stop, stops), partial(_set, panel, name)
        )
        for name, stops in panel.sliders.items()
    }
    for name, first, last in (("seed", 0, LARGEST_SEED), ("iterations", 1, panel.most_iterations)):
        choose = partial(session.put, f"{panel.prefix}_{name}")
        known[name] = _Parameter(f"{first}\N{EN DASH}{last}", partial(_whole, first, last), choose)
    for name, (key, options, _) in choices.items():
        known[name] = _Parameter(", ".join(options), partial(_option, options), partial(session.put, key))
    return known


def _stop(stops: Sequence[float], text: str) -> float:
    """The stop of a slider that a text names."""
    return stops[list(stops).index(float(text))]


def _whole(first: int, last: int, text: str) -> int:
    if not first <= (number := int(text)) <= last:
        raise ValueError(text)
    return number


def _option(options: Sequence[str], text: str) -> str:
    return options[list(options).index(text)]


def _set(panel: RunPanel, name: str, value: Any) -> None:
    kept, key = session.session().kept, f"{panel.prefix}_config"
    kept[key] = {**kept.get(key, {}), name: value}


def take(panel: RunPanel, choices: Choices, views: Choices) -> None:
    """Choose what the address says, once; what it says that can't be chosen is named in one sentence and ignored.
    Before any widget of the page is drawn. views: what it can choose that is no setting of a run."""
    given = {name: text for name, text in st.query_params.items() if name not in OTHERS}
    kept, key = session.session().kept, f"{panel.prefix}_address"
    if not given or kept.get(key, {}).get("given") == given:
        return
    known, chosen, wrong = _parameters(panel, {**choices, **views}), [], []
    for name, text in given.items():
        try:
            known[name].choose(known[name].read(text))
            if name not in views:
                chosen.append(f"{name}={text}")
        except (KeyError, ValueError):
            allowed = f" ({known[name].allowed})" if name in known else ""
            wrong.append(f"{name}={text:.40}{allowed}")
    kept[key] = {"given": given, "chosen": chosen, "before": _id(panel.latest_run())}
    if wrong:
        session.session().problem = t("address.ignored", wrong="; ".join(wrong), known=", ".join(known))


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
