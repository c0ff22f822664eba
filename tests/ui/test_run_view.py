"""Runs of every stage, on the pages that show them and beside one another on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from lab.app import get_laboratory
from lab.labelling import LabellingDesk
from rlhf_core.ppo import PPOConfig
from tests.ui.conftest import ROOT, Visit, press, said
from ui.i18n import translate

TWO_PANELS = f"""
import sys
from dataclasses import replace

sys.path.insert(0, {str(ROOT)!r})
from ui.ppo_view import PANEL

rlaif = replace(PANEL, prefix="rlaif", choices=None)
sl = replace(rlaif, prefix="sl", main=("loss", "violations_after"), sliders={{"learning_rate": (0.1, 1)}})
for panel in (sl, rlaif):
    panel.follow(panel.status)
    panel.follow(panel.buttons)
    panel.follow(panel.charts_and_sliders)
    panel.next_run_settings()
"""

STATUS = f"""
import sys
from dataclasses import replace

sys.path.insert(0, {str(ROOT)!r})
from ui.ppo_view import PANEL

panel = replace(PANEL, made_from=lambda run: "")
panel.status(panel.latest_run())
"""


def add_run(app: AppTest, stage: str, **values: Any) -> int:
    """A run of this visit's lab that nobody trains."""
    values = {"status": "paused", "language": "en", "step": 0} | values
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    inputs = {"lab": lab.id, "language": values["language"]}
    run = store.add_run(lab.id, stage=stage, config={}, inputs=inputs, seed=0, status=values["status"], pace=None)
    if values["step"]:
        store.add_step(run, values["step"], {}, None)
    return run


def test_answers_of_every_stage_can_be_labelled(visit: Visit) -> None:
    app = visit("label")
    for stage in ("sl", "ppo", "rlaif", "maze"):
        add_run(app, stage, step=3)
    add_run(app, "sl", step=3, language="ko")
    add_run(app, "sl")
    assert app.run().radio(key="label_writer").options == [
        translate("en", "label.writer_start"),
        translate("en", "label.writer_run_rlaif", run=3, step=3),
        translate("en", "label.writer_run", run=2, step=3),
        translate("en", "label.writer_run_sl", run=1, step=3),
    ]


def test_a_run_of_any_stage_in_the_other_language_is_shown(visit: Visit) -> None:
    app = visit("home")
    run = add_run(app, "sl", status="running", language="ko")
    assert translate("en", "ppo.elsewhere", run=run, language="Korean") in said(app.run())


def test_two_stages_share_a_page(visit: Visit, tmp_path: Path) -> None:
    visit("home")
    page = tmp_path / "page.py"
    page.write_text(TWO_PANELS, encoding="utf-8")
    app = AppTest.from_file(str(page), default_timeout=60).run()
    assert not app.exception
    names = ("start", "pause", "step", "stop", "reset")
    assert [button.key for button in app.button] == [f"{p}_{name}" for p in ("sl", "rlaif") for name in names]
    sliders = [slider.key for slider in app.select_slider]
    assert sliders[0] == "sl_learning_rate" and len(sliders) == 5
    helps = {button.help for button in app.button}
    assert {translate("en", f"{prefix}.reset_help") for prefix in ("sl", "rlaif")} <= helps


def test_a_live_runs_slider_is_told_its_value_and_then_left_to_the_hand(visit: Visit) -> None:
    """A slow browser draws the second message about a slider alone. Without a value there it reported the first stop as
    somebody's choice, and the run took it."""
    app = visit("label")
    LabellingDesk(get_laboratory().store, app.session_state["lab_session"].lab).simulate(20, "default", 0.0, seed=1)
    app = app.switch_page("../pages/ppo.py").run()
    press(app, "ppo_start")
    for _ in range(3):
        slider, pace = app.run().select_slider(key="ppo_kl_coef"), app.selectbox(key="ppo_pace")
        assert slider.value == PPOConfig.kl_coef and pace.value == 0.0
        assert not slider.proto.set_value, "the browser has reported it"
    press(app, "ppo_stop")
    app.select_slider(key="ppo_kl_coef").set_value(0.3).run()
    assert app.select_slider(key="ppo_kl_coef").value == 0.3


def test_a_run_that_has_yet_to_end_its_step_says_so(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its number is not the last one yet, which who compares runs should know."""
    add_run(visit("home"), "ppo")
    page = tmp_path / "page.py"
    page.write_text(STATUS, encoding="utf-8")
    app = AppTest.from_file(str(page), default_timeout=60).run()
    assert "Run 1 · paused · iteration 0 of" in said(app)
    monkeypatch.setattr(get_laboratory().jobs, "at_work", lambda run: True)
    assert "Run 1 · paused after this step · iteration 0 of" in said(app.run())
