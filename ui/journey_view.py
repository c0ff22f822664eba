"""The course in five notebooks, where this lab stands in it, and what it says of the course's insights."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

import streamlit as st

from lab import ppo
from lab.overview import Overview
from ui import controls, layout
from ui.i18n import t

NOTEBOOKS = ("mdp", "values", "deep", "gradients", "rlhf")
HERE = "rlhf"
WINDOW = 5
"""Steps at either end of a run that are averaged: one step's answers are few."""


def journey(now: Overview) -> None:
    """The five notebooks, and the four insights with what this lab has to show for each."""
    layout.section("journey.title")
    st.html(f'<ol class="lab-journey">{"".join(map(_notebook, NOTEBOOKS))}</ol>')
    with st.container(key="journey"):
        for column, (name, (page, evidence)) in zip(st.columns(4, gap="medium"), INSIGHTS.items(), strict=True):
            with column, st.container(key=f"insight_{name}", gap=None):
                _insight(name, page, evidence(now))


def _notebook(name: str) -> str:
    here = f"<b>{html.escape(t('journey.here'))}</b>" if name == HERE else ""
    now = ' aria-current="step"' if name == HERE else ""
    return f"<li{now}><span>{html.escape(t(f'journey.{name}'))}</span>{here}</li>"


def _insight(name: str, page: str, evidence: str | None) -> None:
    kind, said = ("found", evidence) if evidence else ("open", t(f"journey.{name}_open"))
    st.html(
        f'<div class="lab-insight {kind}"><h3>{html.escape(t(f"journey.{name}"))}</h3><p>{html.escape(said)}</p></div>'
    )
    if not evidence:
        layout.link(page, t(f"{page}.nav"))


# What this lab has to show.


def _specification(now: Overview) -> str | None:
    if (ends := _ends(now.ppo_steps, "reward", "gold")) is None:
        return None
    reward, gold = ((controls.signed(one) for one in pair) for pair in ends)
    (reward_first, reward_last), (gold_first, gold_last) = reward, gold
    return t(
        "journey.specification_found", run=now.runs[ppo.STAGE].number, reward_first=reward_first,
        reward_last=reward_last, gold_first=gold_first, gold_last=gold_last,
    )  # fmt: skip


def _critic(now: Overview) -> str | None:
    if (ends := _ends(now.ppo_steps, "value_loss")) is None:
        return None
    ((first, last),) = ends
    return t("journey.critic_found", run=now.runs[ppo.STAGE].number, first=first, last=last)


def _near(now: Overview) -> str | None:
    if (ends := _ends(now.ppo_steps, "kl_exact")) is None:
        return None
    run = now.runs[ppo.STAGE]
    return t("journey.near_found", run=run.number, kl=ends[0][1], coefficient=run.config["kl_coef"])


def _people(now: Overview) -> str | None:
    if (found := now.foreseen) is None:
        return None
    return t(
        "journey.people_found", rate=found.rate, low=found.low, high=found.high, n=found.n, human=now.human,
        simulated=now.simulated,
    )  # fmt: skip


INSIGHTS: Mapping[str, tuple[str, Callable[[Overview], str | None]]] = {
    "specification": ("ppo", _specification),
    "critic": ("ppo", _critic),
    "near": ("ppo", _near),
    "people": ("label", _people),
}
"""The course's four insights, each with the page that gives the evidence, and what the lab has of it."""


def _ends(steps: Sequence[Mapping[str, Any]], *metrics: str) -> list[tuple[float, float]] | None:
    """Of each metric the means of the first and the last steps of a run; None before there are both."""
    if len(steps) < 2 * WINDOW:
        return None
    rows = ([step[metric] for step in steps] for metric in metrics)
    return [(fmean(values[:WINDOW]), fmean(values[-WINDOW:])) for values in rows]
