"""The guided demo on the pages: the button that begins it, and the strip that says what is going on and moves on."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from lab import demo as demos
from lab import models, problem
from lab.app import Laboratory
from lab.demo import STAGES, Demo
from lab.store import Lab, Run
from rlhf_core.ppo import PPOConfig
from ui import controls, diagnosis_view, errors, labs_view, layout, marks, problem_view, session
from ui.i18n import t

REFRESH_SECONDS = 1.0
PEOPLE = 3
WHERE: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "start": ("language_model", {"lm_view": "use"}),
    "labels": ("label", {"label_view": "label"}),
    "reward": ("reward_model", {"reward_view": "head", "reward_source": "both", "reward_features": "attributes"}),
    "ppo": ("ppo", {"ppo_view": "train"}),
    "compare": ("ppo", {"ppo_view": "book"}),
    "hacking": ("ppo", {"ppo_view": "train", "ppo_features": "bag_of_words", "ppo_labels": "hundred"}),
    "end": ("home", {}),
}
"""The page of each stage, and what it is set to by the keys of its widgets."""


def invitation() -> None:
    """The button that begins the demo, on Home."""
    store, lab = session.laboratory().store, session.current_lab()
    if demos.read(store, lab) is not None:
        return
    with st.container(key="demo_invitation", horizontal=True, vertical_alignment="center", gap="medium"):
        st.button(t("demo.begin"), key="demo_begin", on_click=_begin)
        layout.note(t("demo.begin_note"))


def _begin() -> None:
    """In this lab if nothing of anybody's is in it, else in a new one."""
    store, lab = session.laboratory().store, session.current_lab()
    if not demos.suits(store, lab):
        labs_view.open_new(t("demo.name"))
        if session.current_lab().id == lab.id:
            return  # it could not be opened; the page says why
    elif not lab.name:
        store.rename_lab(lab.id, t("demo.name"))
    demos.begin(store, session.current_lab(), tuple(t("panel.names").split(", ")[:PEOPLE]))
    session.session().demo_moves = True


# The strip.


def strip() -> None:
    """Where the demo stands, at the top of a page; it goes on, from page to page, while it is in sight on its own."""
    own, lab = session.session(), session.current_lab()
    demo = demos.read(session.laboratory().store, lab)
    if demo is None:
        return
    page, set_up = WHERE[demo.name]
    moves, own.demo_moves = own.demo_moves, False
    if own.page != _path(page):
        if moves:
            st.switch_page(f"../pages/{page}.py")
        _elsewhere(demo)
        return
    if own.demo_set_up != (lab.id, demo.name):
        own.demo_set_up = (lab.id, demo.name)
        for key, value in set_up.items():
            session.put(key, value)
        _set_up(demo, lab)

    @errors.guard()
    def going() -> None:
        now = demos.look(*_at(), session.current_lab()) if session.read_lab() == lab else None
        if now is None or (now.name, now.paused, now.runs) != (demo.name, demo.paused, demo.runs):
            own.demo_moves = now is not None
            st.rerun()
        if page == "label" and now.labelled != demo.labelled:
            st.rerun()  # the counters of the page
        _draw(now)

    st.fragment(going, run_every=None if demo.paused or demo.stage == STAGES[-1] else REFRESH_SECONDS)()


def _path(page: str) -> str:
    return "" if page == "home" else page


def _at() -> tuple[Any, Any]:
    laboratory: Laboratory = session.laboratory()
    return laboratory.store, laboratory.jobs


def _set_up(demo: Demo, lab: Lab) -> None:
    if demo.name == "start":
        question = problem.of_start(lab.language)[0].question
        session.put("lm_prompt", models.assets(lab.language).grammar.display(question))
    if demo.name == "end" and (run := demos.run_of(session.laboratory().store, demo, "ppo")):
        problem_view.show(run.id)


def _elsewhere(demo: Demo) -> None:
    """On a page that is not the demo's: the way back to it."""
    with st.container(key="demo_elsewhere", horizontal=True, vertical_alignment="center", gap="medium"):
        layout.note(t("demo.elsewhere", title=t(f"demo.{demo.name}_title")))
        st.button(t("demo.back"), key="demo_back", on_click=_come_back)
        _take_over_button()


def _come_back() -> None:
    session.session().demo_moves = True


def _draw(demo: Demo) -> None:
    store, lab = session.laboratory().store, session.current_lab()
    title, text = html.escape(t(f"demo.{demo.name}_title")), html.escape(_text(demo))
    place = html.escape(t("demo.place", at=demo.place + 1, n=len(STAGES)))
    by = html.escape(t(f"demo.by_{demo.stage.by}"))
    simulated = " simulated" if demo.stage.by == "simulated" else ""
    share = demos.progress(store, demo)
    with st.container(key="demo_strip", gap="small"):
        st.html(
            f'<section class="lab-demo" aria-label="{place}"><header><small>{place}</small>'
            f'<small class="by{simulated}">{by}</small></header><h2>{title}</h2><p>{text}</p>'
            f'<div class="lab-status"><i style="--share:{share:.3f}"></i></div>{BODIES[demo.name](demo, lab)}</section>'
        )
        with st.container(key="demo_buttons", horizontal=True, gap="small", vertical_alignment="center"):
            _buttons(demo)


def _text(demo: Demo) -> str:
    return t(
        f"demo.{demo.name}_text", people=len(demo.people), batch=demo.plan.batch, iterations=demo.plan.iterations,
        answers=PPOConfig().batch_size,
    )  # fmt: skip


def _buttons(demo: Demo) -> None:
    if demo.stage == STAGES[-1]:
        _own_lab_button()
    else:
        if demo.paused:
            st.button(t("demo.resume"), key="demo_resume", type="primary", on_click=_ask, args=(demos.resume,))
        else:
            st.button(t("demo.pause"), key="demo_pause", on_click=_ask, args=(demos.pause,))
        st.button(t("demo.next"), key="demo_next", on_click=_go_on)
    _take_over_button()
    if demo.paused:
        layout.note(t("demo.rests"))
    elif (run := demos.run_of(session.laboratory().store, demo)) and run.status == "paused":
        layout.note(t("demo.run_rests"))


def _go_on() -> None:
    _ask(demos.go_on)
    session.session().demo_moves = True


def _ask(do: Callable[..., object]) -> None:
    errors.attempt(do, *_at(), session.current_lab())


def _take_over_button() -> None:
    store, lab = session.laboratory().store, session.current_lab()
    st.button(
        t("demo.take_over"), key="demo_take_over", help=t("demo.take_over_help"),
        on_click=errors.attempt, args=(demos.take_over, store, lab),
    )  # fmt: skip


def _own_lab_button() -> None:
    """Back to the lab that was open before, or to a new one: the demo's own has simulated labels."""
    others = session.laboratory().store.labs(session.browser())[1:]
    if others:
        name = labs_view.name_of(others[0])
        st.button(
            t("demo.to_lab", name=name), key="demo_own", type="primary",
            on_click=labs_view.open_known, args=(others[0].id,),
        )  # fmt: skip
    else:
        st.button(t("demo.own_lab"), key="demo_own", type="primary", on_click=labs_view.open_new)


# What came of each stage so far, as HTML.


def _said(key: str, **slots: object) -> str:
    return f"<p>{html.escape(t(f'demo.{key}', **slots))}</p>"


def _start(_: Demo, lab: Lab) -> str:
    case, display = problem.of_start(lab.language)[0], models.assets(lab.language).grammar.display
    share = {"rate": case.share.rate, "low": case.share.low, "high": case.share.high, "n": case.share.n}
    return _spoken(display(case.question), (display(case.answer), "")) + _said("start_share", **share)


def _labels(demo: Demo, lab: Lab) -> str:
    store, display = session.laboratory().store, models.assets(lab.language).grammar.display
    label, count = demos.last_label(store, lab), _said("labels_count", n=demo.labelled, all=demo.plan.pairs)
    if label is None:
        return count
    sides = [(display(label.response_a), "a"), (display(label.response_b), "b")]
    answers = [(text, "chosen" if side == label.choice else "") for text, side in sides]
    key = "labels_tie" if label.choice == "tie" else "labels_chosen"
    return _spoken(display(label.prompt), *answers) + _said(key, name=label.labeler) + count


def _spoken(question: str, *answers: tuple[str, str]) -> str:
    """A question and its answers, each with a class. Texts are escaped here."""
    quotes = "".join(f'<blockquote class="{kind}">{html.escape(text)}</blockquote>' for text, kind in answers)
    return f'<div class="spoken"><b>{html.escape(question)}</b><div>{quotes}</div></div>'


def _reward(demo: Demo, lab: Lab) -> str:
    found = demos.learning(session.laboratory().store, lab, demo)
    if not found:
        return ""
    bars = "".join(
        f'<span style="--share:{share.rate:.3f};--low:{share.low:.3f};--high:{share.high:.3f}">'
        f"<i></i><b>{share.rate:.0%}</b><small>{n}</small></span>"
        for n, share in found
    )
    n, last = found[-1]
    said = _said("reward_after", labels=n, rate=last.rate, low=last.low, high=last.high, n=last.n)
    return f'{said}<div class="bars">{bars}</div><small>{html.escape(t("demo.reward_bars"))}</small>'


def _ppo(demo: Demo, _: Lab) -> str:
    store = session.laboratory().store
    now = demos.latest(store, demos.run_of(store, demo, "ppo"))
    if not now:
        return _said("ppo_waits")
    reward = controls.signed(now["reward"])
    said = _said("ppo_now", step=now["step"], iterations=demo.plan.iterations, reward=reward, kl=_nats(now))
    return said + _win_rate(now)


def _nats(row: Mapping[str, Any]) -> float:
    """KL as it is written, without the sign of a nothing: an estimate of it may fall below."""
    return round(row["kl"], 1) + 0.0


def _win_rate(now: Mapping[str, Any]) -> str:
    if now.get("win_rate") is None:
        return ""
    rate, low, high, n = (now[f"win_rate{part}"] for part in ("", "_low", "_high", "_n"))
    return _said("ppo_win", rate=rate, low=low, high=high, n=n)


def _compare(demo: Demo, lab: Lab) -> str:
    store, run = session.laboratory().store, demos.run_of(session.laboratory().store, demo, "ppo")
    shown = store.run_samples(run.id) if run else None
    if not run or not shown:
        return _said("compare_none")
    display = models.assets(lab.language).grammar.display
    both = list(zip(shown["prompts"], shown["before"], shown["now"], strict=True))
    question, *answers = next((one for one in both if one[1] != one[2]), both[0])
    old, new = marks.changes(*map(display, answers))
    names = t("run.before"), t("run.now", step=run.step)
    quotes = "".join(
        f"<blockquote><small>{html.escape(name)}</small> {text}</blockquote>"
        for name, text in zip(names, (old, new), strict=True)
    )
    spoken = f'<div class="spoken"><b>{html.escape(display(question))}</b><div>{quotes}</div></div>'
    return spoken + _win_rate(demos.latest(store, run))


ANSWERS = 3
"""So many answers stand side by side where they may have grown alike."""


def _hacking(demo: Demo, lab: Lab) -> str:
    store = session.laboratory().store
    run, sound = (demos.run_of(store, demo, name) for name in ("hacking", "ppo"))
    now = demos.latest(store, run)
    if run is None or not now:
        return _said("ppo_waits")
    step, last = now["step"], demo.plan.iterations
    said = _said("hacking_now", step=step, iterations=last, kl=_nats(now), distinct=now["distinct_share"])
    return said + _beside(sound, step) + _win_rate(now) + _answers(run, lab) + _diagnosis(run)


def _answers(run: Run, lab: Lab) -> str:
    """What the run's policy says by now."""
    shown, display = session.laboratory().store.run_samples(run.id), models.assets(lab.language).grammar.display
    answers = [(display(text), "") for text in (shown["now"][:ANSWERS] if shown else ())]
    return _spoken(t("demo.hacking_answers"), *answers) if answers else ""


def _beside(sound: Run | None, step: int) -> str:
    """The sound run at the same step, as far as it came."""
    rows = session.laboratory().store.metrics(sound.id) if sound else []
    same = next((row for row in rows if row["step"] == step), None)
    if same is None:
        return ""
    return _said("hacking_beside", kl=_nats(same), distinct=same["distinct_share"])


def _diagnosis(run: Run) -> str:
    said, _ = diagnosis_view.in_words(run)
    return f"<p><b>{html.escape(t('diagnosis.title'))}</b> {html.escape(said)}</p>"


BODIES: Mapping[str, Callable[[Demo, Lab], str]] = {
    "start": _start, "labels": _labels, "reward": _reward, "ppo": _ppo, "compare": _compare, "hacking": _hacking,
    "end": lambda demo, lab: "",
}  # fmt: skip
