"""Inside a fitted reward model: which words pay, what it falls for, how sure it is, and whether length pays."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st

from lab import inspection, models
from lab.inspection import Attribution, Inspection, Spread
from lab.reward import RewardFit
from rlhf_core.evaluation import Interval, wilson_interval
from rlhf_core.reward_ensemble import MEMBERS
from rlhf_core.reward_traps import SprungTrap
from ui import charts, controls, label_view, layout, panel_view, reward_view, session
from ui.i18n import t
from ui.live_figure import live_figure, palette
from ui.questions import read_answer, read_question

FEW = 20
"""Fewer labels than this and a warning stands above everything."""
EXAMPLES = (("rude", "good"), ("flattering", "bad"), ("confident", "bad"), ("repeated", "bad"))
"""Answers of trap pairs to try, by kind and side."""


def inside(fit: RewardFit) -> None:
    """The whole view of a fit that some label taught."""
    if fit.labels_used == fit.ties:
        panel_view.empty_state(t("inside.only_ties"), t("reward_model.empty_lead"))
        return
    layout.note(t("inside.lead", labels=fit.labels_used), "simulated" if fit.source == "simulated" else "plain")
    if fit.labels_used < FEW:
        layout.callout(t("inside.few", n=fit.labels_used))
        layout.link("label", t("frame.go_label"))
    _tokens(fit)
    with st.spinner(t("inside.computing")):
        found = inspection.inspect(session.laboratory().store, session.current_lab(), fit)
    _traps(found)
    layout.section("inside.trust")
    left, right = st.columns(2, gap="large")
    with left:
        _calibration(found)
    with right:
        _categories(found)
    _length(found)
    _spread(fit)
    controls.reference_values()


def _interval(share: Interval) -> str:
    return t("reward_model.interval", rate=share.rate, n=share.n, low=share.low, high=share.high)


# Token by token.


def _tokens(fit: RewardFit) -> None:
    assets = models.assets(fit.language)
    layout.section("inside.tokens")
    with st.container(key="inside_tokens", gap="small"):
        _examples(fit.language)
        question, answer = reward_view.example(assets)
        left, right = st.columns([1, 1.5], gap="medium")
        with left:
            prompt = st.text_input(
                t("reward_model.prompt"), key=session.keep("reward_prompt", question), placeholder=question
            )
        with right:
            response = st.text_input(
                t("reward_model.response"), key=session.keep("reward_response", ""), placeholder=answer
            )
        st.button(t("inside.take_apart"), key="inside_take_apart")
        asked = read_question(assets, prompt or "", key="reward_prompt")
        if not (response or "").strip():
            layout.note(t("inside.example_shown"))
        said = read_answer(assets, (response or "").strip() or answer)
        if not asked or not said.text:
            return
        _apart(fit, asked, said.text)


def _examples(language: str) -> None:
    """Questions with answers to click, each of them half of a trap."""
    display, traps = models.assets(language).grammar.display, inspection.traps(language)
    with st.container(horizontal=True, gap="small", key="inside_nearest"):
        st.caption(t("inside.examples"), width="content")
        for kind, side in EXAMPLES:
            pair = traps[kind][0]
            texts = display(pair.prompt.text), display(pair.good if side == "good" else pair.bad)
            st.button(t(f"inside.trap_{kind}"), key=f"inside_example_{kind}", on_click=_fill, args=texts)


def _fill(question: str, answer: str) -> None:
    session.put("reward_prompt", question)
    session.put("reward_response", answer)


def _apart(fit: RewardFit, asked: str, said: str) -> None:
    store, lab = session.laboratory().store, session.current_lab()
    run = inspection.neural_run(store, lab)
    network = inspection.neural_scorer(store, run) if run else None
    found = inspection.attribution(fit, asked, said, network)
    name = t("inside.neural", run=run.number, network=t(f"neural.network_{run.inputs['network']}")) if run else ""
    items = [(controls.signed(found.reward), t("reward_model.score_name"), t("inside.whole", question=_display(asked)))]
    if found.neural is not None:
        items.append((controls.signed(found.neural), name, t("inside.whole_neural")))
    layout.facts(items)
    _chips(t("inside.by_sentence"), [(_display(text), worth, "") for text, worth in found.sentences])
    _chips(t("inside.by_token"), [(one.token, one.worth, _why_not(one)) for one in found.tokens])
    layout.note(t(f"inside.holes_{fit.features}", total=_total(found), whole=controls.signed(found.reward)))
    if found.neural is not None:
        _chips(name, [(one.token, one.neural, _why_not(one)) for one in found.tokens])
    if unknown := dict.fromkeys(one.token for one in found.tokens if not one.known):
        layout.note(t("reward_model.unknown_left", words=", ".join(unknown)))
    with st.expander(t("inside.token_list"), key="inside_token_list"):
        _token_list(found, name)


def _display(text: str) -> str:
    return models.assets(session.current_lab().language).grammar.display(text)


def _points(value: float) -> str:
    """A number of points; what rounds to nothing has no minus."""
    return controls.signed(round(value, 2) + 0.0)


def _total(found: Attribution) -> str:
    return controls.signed(sum(one.worth or 0.0 for one in found.tokens))


def _why_not(one: inspection.TokenWorth) -> str:
    """Why a token has no worth; empty if it has one."""
    if one.worth is not None:
        return ""
    return t("inside.unread") if one.known else t("label.unknown_word")


def _chips(name: str, parts: Sequence[tuple[str, float | None, str]]) -> None:
    """Parts of an answer (text, what it adds, why that is unknown): blue over a solid line for what adds, orange over
    a dashed one for what takes away, the deeper the more, and the number below."""
    most = max((abs(worth) for _, worth, _ in parts if worth is not None), default=0.0) or 1.0
    cells: list[str] = []
    for text, worth, why in parts:
        if worth is None:
            cells.append(f'<span class="worth unknown" title="{html.escape(why)}"><mark>{html.escape(text)}</mark>'
                         f"<small>{html.escape(t('frame.none'))}</small></span>")  # fmt: skip
            continue
        kind, depth = ("less" if round(worth, 2) < 0 else "more"), round(8 * abs(worth) / most)
        said = html.escape(t("inside.adds" if worth >= 0 else "inside.takes", points=abs(worth)))
        cells.append(f'<span class="worth {kind} depth{depth}" title="{said}"><b>{html.escape(text)}</b>'
                     f"<small>{_points(worth)}</small></span>")  # fmt: skip
    st.html(f'<div class="lab-worths"><b>{html.escape(name)}</b>{"".join(cells)}</div>')


def _token_list(found: Attribution, neural: str) -> None:
    """The same numbers as a table, what adds most first."""
    head = [t("inside.token"), t("inside.adds_head"), t("inside.own_head"), *([neural] if neural else [])]
    ordered = sorted(found.tokens, key=lambda one: -(one.worth if one.worth is not None else 0.0))
    rows: list[list[str]] = []
    for one in ordered:
        numbers = [one.worth, one.own, *([one.neural] if neural else [])]
        cells = [t("frame.none") if value is None else _points(value) for value in numbers]
        rows.append([html.escape(one.token), *map(html.escape, cells)])
    layout.table("lab-samples many", head, rows)


# Traps.


def _traps(found: Inspection) -> None:
    layout.section("inside.traps")
    kinds = list(found.traps)
    passed = {kind: sum(trap.passed for trap in found.traps[kind]) for kind in kinds}
    counts = {kind: len(found.traps[kind]) for kind in kinds}
    shares = [passed[kind] / max(1, counts[kind]) for kind in kinds]
    limits = [wilson_interval(passed[kind], counts[kind]) for kind in kinds]
    names = [t(f"inside.trap_{kind}") for kind in kinds]
    worst = min(kinds, key=lambda kind: passed[kind] / max(1, counts[kind]))
    left, right = st.columns(2, gap="large", vertical_alignment="center")
    with left:
        live_figure(
            charts.share_bars(
                names, [(share, *limit) for share, limit in zip(shares, limits, strict=True)], [False] * len(kinds),
                palette(), height=50 + 38 * len(kinds),
            ),
            key="inside_traps", name=t("inside.traps_name"),
            value=t("inside.passed", k=sum(passed.values()), n=sum(counts.values())),
            sentence=t("inside.traps_sentence", n=max(counts.values())),
            summary=t("inside.traps_summary", worst=t(f"inside.trap_{worst}"), k=passed[worst], n=counts[worst]),
        )  # fmt: skip
    with right:
        told = "".join(
            f"<li><b>{html.escape(name)}</b> {html.escape(t(f'inside.trap_{kind}_lead'))}</li>"
            for kind, name in zip(kinds, names, strict=True)
        )
        st.html(f'<ul class="lab-trap-kinds">{told}</ul>')
    st.segmented_control(
        t("inside.traps_of"), kinds, key=session.keep("inside_trap", worst, kinds), required=True,
        format_func=lambda kind: t("inside.trap_count", name=t(f"inside.trap_{kind}"), k=passed[kind], n=counts[kind]),
    )  # fmt: skip
    _trap_list(found.traps[st.session_state["inside_trap"]])


def _trap_list(traps: Sequence[SprungTrap]) -> None:
    good, bad = (html.escape(t(f"inside.{side}_answer")) for side in ("good", "trap"))

    def cell(name: str, text: str, reward: float) -> str:
        return f"<small>{name}</small>{html.escape(_display(text))} <b>{controls.signed(reward)}</b>"

    head = ("", t("inside.good_answer"), t("inside.trap_answer"), "")
    rows = (
        [
            html.escape(_display(trap.pair.prompt.text)),
            cell(good, trap.pair.good, trap.good),
            cell(bad, trap.pair.bad, trap.bad),
            f'<span class="{"good" if trap.passed else "miss"}">'
            f"{html.escape(t('inside.passes' if trap.passed else 'inside.fails'))}</span>",
        ]
        for trap in traps
    )
    layout.table("lab-samples lab-traps", head, rows)


# Whether to trust it.


def _calibration(found: Inspection) -> None:
    known = found.calibration
    points = [
        (one.confidence, one.right.rate, one.right.low, one.right.high, one.right.n)
        for one in known.bins if one.right.n
    ]  # fmt: skip
    if known.error.low <= known.by_chance:
        verdict = t("inside.calibration_fine")
    else:
        verdict = t("inside.calibration_over" if known.confidence > known.right else "inside.calibration_under")
    live_figure(
        charts.reliability(
            points, palette(), x_title=t("inside.sure_axis"), y_title=t("inside.right_axis"), height=360
        ),
        key="inside_calibration", name=t("inside.calibration"),
        value=t("inside.ece", error=known.error.rate, low=known.error.low, high=known.error.high),
        sentence=t(
            "inside.calibration_sentence", confidence=known.confidence, right=known.right, verdict=verdict,
            by_chance=known.by_chance, n=known.error.n,
        ),
        summary=" ".join(
            t("inside.calibration_summary", sure=sure, right=right, n=n) for sure, right, _, _, n in points
        ),
    )  # fmt: skip


def _categories(found: Inspection) -> None:
    shares = {name: one.interval for name, one in found.categories.items()}
    by_length = [found.by_length[name].interval.rate for name in shares]
    counted = sum(share.n for share in shares.values())
    whole = sum(share.rate * share.n for share in shares.values()) / max(1, counted)
    length = sum(found.by_length[name].interval.rate * share.n for name, share in shares.items()) / max(1, counted)
    worst = min(shares, key=lambda name: shares[name].rate)
    live_figure(
        charts.share_bars(
            [t("inside.category_n", name=t(f"inside.category_{name}"), n=share.n) for name, share in shares.items()],
            [(share.rate, share.low, share.high) for share in shares.values()], [False] * len(shares), palette(),
            height=50 + 33 * len(shares), beside=by_length,
        ),
        key="inside_categories", name=t("inside.categories"), value=f"{whole:.0%}",
        sentence=t("inside.categories_sentence", n=counted, length=length),
        summary=t(
            "inside.categories_summary", worst=t(f"inside.category_{worst}"), counted=_interval(shares[worst]),
            length=length,
        ),
    )  # fmt: skip


# Length.


def _length(found: Inspection) -> None:
    length = found.length
    held_out = inspection.held_out_texts(session.current_lab().language)
    slope, gold = (_slope(one) for one in (length.bias.slope, length.gold_slope))
    verdict = "pays" if length.bias.slope.low > 0 else "costs" if length.bias.slope.high < 0 else "even"
    layout.section("inside.length")
    left, right = st.columns([1.2, 1], gap="large", vertical_alignment="center")
    with left:
        live_figure(
            charts.cloud(
                length.lengths.tolist(), length.rewards.tolist(), palette(), x_title=t("inside.length_axis"),
                y_title=t("inside.reward_axis"), hover=[_display(text) for text in held_out],
                slope=length.bias.slope.value * float(length.rewards.std()), height=300,
            ),
            key="inside_length", name=t("inside.length_name"), value="",
            sentence=t("inside.length_sentence", n=len(held_out)),
            summary=t(f"inside.length_{verdict}", slope=slope),
        )  # fmt: skip
    with right, st.container(key="inside_length_facts"):
        layout.facts([
            (controls.signed(10 * length.bias.slope.value), t("inside.slope"),
             t(f"inside.length_{verdict}", slope=slope) + " " + t("inside.slope_gold", slope=gold)),
            (f"{length.bias.wins.rate:.0%}", t("inside.longer_wins"),
             t("inside.longer_wins_sentence", own=_interval(length.bias.wins), gold=_interval(length.bias.true_wins))),
        ])  # fmt: skip


def _slope(slope: inspection.Slope) -> str:
    """A slope for ten tokens, with its interval."""
    return t("inside.slope_interval", **{
        name: controls.signed(10 * value)
        for name, value in (("value", slope.value), ("low", slope.low), ("high", slope.high))
    })  # fmt: skip


# Answers of a policy.


def _spread(fit: RewardFit) -> None:
    store, lab = session.laboratory().store, session.current_lab()
    layout.section("inside.spread")
    writers = label_view.writers()
    chosen = models.START
    if len(writers) > 1:
        st.selectbox(
            t("inside.whose"), writers, key=session.keep("inside_writer", models.START, writers),
            format_func=label_view.writer_name, width=420,
        )  # fmt: skip
        chosen = st.session_state["inside_writer"]
    else:
        layout.note(t("inside.no_run"))
        layout.link("ppo", t("inside.go_ppo"))
    with st.spinner(t("inside.computing")):
        shown = {name: inspection.spread(store, lab, fit, name) for name in dict.fromkeys((models.START, chosen))}
    left, right = st.columns(2, gap="large")
    with left:
        _distribution(shown)
    with right:
        _disagreement(shown[chosen])
    _unsure(shown[chosen], label_view.writer_name(chosen))


def _distribution(shown: dict[str, Spread]) -> None:
    groups = [(label_view.writer_name(name), spread.rewards.tolist()) for name, spread in shown.items()]
    told = [
        t("inside.spread_summary", name=label_view.writer_name(name), mean=controls.signed(float(one.rewards.mean())),
          sd=float(one.rewards.std()), gold=controls.signed(one.gold), unsure=float(one.disagreement.mean()))
        for name, one in shown.items()
    ]  # fmt: skip
    last = list(shown.values())[-1]
    live_figure(
        charts.histogram(groups, palette(), x_title=t("inside.reward_axis"), y_title=t("inside.answers_axis")),
        key="inside_spread", name=t("inside.spread_name"),
        value=t("inside.mean_sd", mean=controls.signed(float(last.rewards.mean())), sd=float(last.rewards.std())),
        sentence=" ".join([t("inside.spread_sentence", n=len(last.texts)), *told]),
        summary=" ".join(told),
    )  # fmt: skip


def _disagreement(spread: Spread) -> None:
    mean = float(spread.disagreement.mean())
    (most, high), *_, (least, low) = spread.by_category
    where = t(
        "inside.disagreement_where", most=t(f"inside.category_{most}"), high=high,
        least=t(f"inside.category_{least}"), low=low,
    )  # fmt: skip
    live_figure(
        charts.cloud(
            spread.rewards.tolist(), spread.disagreement.tolist(), palette(), x_title=t("inside.reward_axis"),
            y_title=t("inside.disagreement_axis"), hover=[_display(text) for text in spread.texts],
            marked=spread.unsure,
        ),
        key="inside_disagreement", name=t("inside.disagreement"), value=f"±{mean:.2f}",
        sentence=f"{t('inside.disagreement_sentence', n=MEMBERS)} {where}",
        summary=f"{t('inside.disagreement_summary', mean=mean, most=float(spread.disagreement.max()))} {where}",
    )  # fmt: skip


def _unsure(spread: Spread, writer: str) -> None:
    layout.note(t("inside.unsure", writer=writer))
    rows = (
        [f"{number}. {html.escape(_display(spread.prompts[i]))}", html.escape(_display(spread.texts[i])),
         f"{controls.signed(float(spread.rewards[i]))} ± {float(spread.disagreement[i]):.2f}"]
        for number, i in enumerate(spread.unsure, 1)
    )  # fmt: skip
    layout.table("lab-samples many", ("", t("reward_model.response"), t("inside.reward_spread")), rows)
