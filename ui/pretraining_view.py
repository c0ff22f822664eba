"""Pretraining a language model from nothing, live: which one, how far it is, and how its answers grow."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import streamlit as st
import torch

from lab import models, pretraining
from lab.store import Run
from lab.training import MOST_ITERATIONS
from rlhf_core.architectures import ARCHITECTURES, SIZES, Architecture, parameter_parts
from rlhf_core.pretraining import LEARNING_RATES, PretrainConfig
from ui import layout, run_view, session
from ui.i18n import t
from ui.run_view import RunPanel

FIRST = "gpt"


@lru_cache
def parts(architecture: str, size: str, words: int) -> dict[str, int]:
    """How many parameters a model of this shape has, by its parts."""
    return parameter_parts(Architecture(architecture, size).untrained(words, torch.Generator().manual_seed(0)))


def choices() -> None:
    """Which model the next run trains, with its parameters counted before it is made."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        names = tuple(ARCHITECTURES)
        st.segmented_control(
            t("pretrain.architecture"), names, key=session.keep("pretrain_architecture", FIRST, names), required=True,
            format_func=lambda name: t(f"pretrain.{name}"), help=t("pretrain.architecture_help"), on_change=_suit,
        )  # fmt: skip
        st.segmented_control(
            t("pretrain.size"), SIZES, key=session.keep("pretrain_size", ARCHITECTURES[FIRST], SIZES), required=True,
            format_func=lambda size: t(f"pretrain.size_{size}"), help=t("pretrain.size_help"),
        )  # fmt: skip
        words = len(models.assets(session.current_lab().language).tokenizer)
        counted = parts(**_architecture(), words=words)
        said = ", ".join(f"{t(f'pretrain.part_{part}')} {n:,}" for part, n in counted.items())
        with st.container(key="pretrain_parameters"):
            layout.note(t("pretrain.parameters", n=sum(counted.values()), parts=said, words=words))


def _suit() -> None:
    """The learning rate and the size that suit the chosen architecture, for the next run."""
    kept, key, name = session.session().kept, "pretrain_config", st.session_state["pretrain_architecture"]
    kept[key] = {**kept.get(key, {}), "learning_rate": LEARNING_RATES[name]}
    session.put("pretrain_size", ARCHITECTURES[name])


def _architecture() -> dict[str, str]:
    return {
        "architecture": session.value("pretrain_architecture", FIRST),
        "size": session.value("pretrain_size", ARCHITECTURES[FIRST]),
    }


def made_from(run: Run) -> str:
    """Which model the run trains."""
    made = run.inputs
    words = len(models.assets(made["language"]).tokenizer)
    return t(
        "pretrain.inputs", architecture=t(f"pretrain.{made['architecture']}"), size=t(f"pretrain.size_{made['size']}"),
        parameters=sum(parts(made["architecture"], made["size"], words).values()),
    )  # fmt: skip


def levels() -> Mapping[str, float]:
    """What the model that ships reaches, as the dashed lines of the charts."""
    return pretraining.shipped(session.current_lab().language)


PANEL = RunPanel(
    stage=pretraining.STAGE,
    prefix="pretrain",
    defaults=asdict(PretrainConfig()),
    sliders={
        "learning_rate": (0.002, 0.005, 0.01, 0.015, 0.025, 0.035, 0.05, 0.08, 0.12, 0.2),
        "batch_size": (8, 16, 32, 64, 128),
        "prompt_weight": (0.0, 0.1, 0.2, 0.5, 1.0),
    },
    default_iterations=pretraining.DEFAULT_ITERATIONS,
    most_iterations=MOST_ITERATIONS,
    inputs=_architecture,
    made_from=made_from,
    main=("pretrain_loss", "valid_share"),
    more=("distinct_share", "learning_rate", "dialogues"),
    levels=levels,
)


def training(run: Run | None) -> None:
    """Everything that changes while the run goes on."""
    PANEL.status(run)
    PANEL.buttons(run)
    PANEL.charts_and_sliders(run)
    known = levels()
    layout.note(t("pretrain.lead"))
    layout.note(t(
        "pretrain.baseline", valid=known["valid_share"], n=pretraining.MEASURED_PROMPTS, loss=known["pretrain_loss"]
    ))  # fmt: skip
    _samples(run)
    PANEL.more_charts(run)


def _samples(run: Run | None) -> None:
    """Six questions before training and now, and how the first one's answer grew."""
    layout.section("pretrain.samples")
    shown = session.laboratory().store.run_samples(run.id) if run else None
    with st.container(key="pretrain_samples", gap="small"):
        if run is None or not shown:
            layout.note(t("run.samples_none"))
            return
        run_view.samples_table(shown, run.step)
        _grown(shown)


def _grown(shown: Mapping[str, Any]) -> None:
    if not shown.get("history"):
        return
    display = models.assets(session.current_lab().language).grammar.display
    layout.note(t("pretrain.grown", question=display(shown["prompts"][0])))
    grown = shown["history"]
    rows = ([html.escape(t("pretrain.after", step=step)), html.escape(display(text))] for step, text in grown)
    layout.table("lab-samples many", ("", t("pretrain.answer")), rows)
