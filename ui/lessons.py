"""The lesson of a page: one line below the heading, which opens to its steps, its questions and a teacher's link."""

from __future__ import annotations

import html
from collections.abc import Set
from dataclasses import dataclass

import streamlit as st

from lab.lessons import LESSONS, OPTIONS, Lesson, Question, Step, Traces
from ui import errors, layout, page_address, session, teacher_link
from ui.i18n import t
from ui.page_address import Known
from ui.session import LessonDesk

REFRESH_SECONDS = 2.0
"""How often an open lesson looks again while a step waits to be done: runs go on by themselves, and what is done in
another part of the page draws that part alone."""
COLD, HOT, WALKED = 0.3, 1.6, 3
"""Temperatures that show something, and words along the tree."""
LOOKED_AT = ("view", "features")
"""What is remembered of how a page stood."""
SIGNS = {True: "✓", False: "○"}


@dataclass(frozen=True)
class Progress:
    """How far a lesson has come."""

    lesson: Lesson
    desk: LessonDesk
    done: dict[str, bool]
    """By step."""

    @property
    def finished(self) -> bool:
        """Whether all its steps are done."""
        return all(self.done.values())

    @property
    def at(self) -> str:
        """The step or question that is looked at: the chosen one, else the first step that is not done."""
        first = next((name for name, done in self.done.items() if not done), self.lesson.questions[0].name)
        return self.desk.at or first

    @property
    def waits(self) -> bool:
        """Whether somebody looks on until a step is done."""
        return self.desk.open and not self.done.get(self.at, True)


def strip(page: str, known: Known) -> None:
    """The line, and what it opens to. known: what can be put on the page, see `page_address`. Below the heading."""
    teacher_link.hide(page)
    if problem := session.session().address_problem:
        layout.problem(problem)
    _note(page, known)
    desk, waited = session.lesson(page), _progress(page).waits

    @errors.guard()
    def draw() -> None:
        now = _progress(page)
        if desk.moved or now.waits != waited:
            desk.moved = False
            st.rerun()  # the clock begins or ends with the page, and what was put on it is drawn with it
        with st.container(key="lesson", gap="small"):
            _line(now)
            if desk.open:
                _opened(now, known)

    desk.moved = False
    st.fragment(draw, run_every=REFRESH_SECONDS if waited else None)()


def overview() -> None:
    """All lessons, how far each has come, and the way to each at the step that comes next."""
    traces = _traces({fact for page in LESSONS for fact in session.lesson(page).seen})
    found = [_look(lesson, traces) for lesson in LESSONS.values()]
    layout.section("lesson.overview", done=sum(one.finished for one in found), n=len(found))
    with st.container(key="lessons", horizontal=True, gap="medium"):
        for one in found:
            _way(one)


def _way(one: Progress) -> None:
    page, done = one.lesson.page, list(one.done.values())
    coming = done.index(False) + 1 if False in done else 1
    with st.container(key=f"lessons_{page}", width="content", gap=None):
        label = f"{SIGNS[one.finished]} {t(f'{page}.nav')}"
        st.page_link(f"../pages/{page}.py", label=label, query_params={"lesson": str(coming)})
        layout.note(t("lesson.count", done=sum(done), n=len(done)))


# How far it has come.


def _traces(seen: Set[str]) -> Traces:
    return Traces(session.laboratory().store, session.current_lab(), seen)


def _progress(page: str) -> Progress:
    """How far a page's lesson has come by now; the lab remembers when it has come to its end."""
    traces, lesson = _traces(session.lesson(page).seen), LESSONS[page]
    found = _look(lesson, traces)
    if found.finished and lesson.deed not in traces.deeds:
        traces.store.note_deed(traces.lab.id, lesson.deed)
    return found


def _look(lesson: Lesson, traces: Traces) -> Progress:
    desk = session.lesson(lesson.page)
    done = lesson.done(traces, desk.done)
    desk.done.update(name for name, is_done in done.items() if is_done)
    return Progress(lesson, desk, done)


def _note(page: str, known: Known) -> None:
    """Remember what this visit does on the page."""
    seen = session.lesson(page).seen
    looked = {name: known[name].now() for name in LOOKED_AT if name in known}
    seen.update(f"{page}:{name}={text}" for name, text in looked.items() if text)
    if page == "language_model":
        own, temperature = session.conversation(), float(session.value("lm_temperature", 1.0))
        deeds = {
            "walked": len(own.lm_prefix) >= WALKED,
            "cold": bool(own.lm_answers) and temperature <= COLD,
            "hot": bool(own.lm_answers) and temperature >= HOT,
        }
        seen.update(f"{page}:{name}" for name, done in deeds.items() if done)
    elif page == "reward_model" and session.value("reward_response", ""):
        seen.add(f"{page}:scored")


# The line, and what it opens to.


def _line(now: Progress) -> None:
    desk, steps = now.desk, now.lesson.steps

    def turn() -> None:
        desk.open, desk.at = not desk.open, ""

    missing = [i for i, step in enumerate(steps) if not now.done[step.name]]
    if not missing:
        said = t("lesson.line_done", n=len(steps))
    elif desk.open:
        said = t("lesson.line_open", done=len(steps) - len(missing), n=len(steps))
    else:
        at = missing[0]
        name = t(f"lesson.{now.lesson.page}.{steps[at].name}", n=steps[at].n)
        said = t("lesson.line", at=at + 1, n=len(steps), name=name)
    with st.container(key="lesson_line", horizontal=True, vertical_alignment="center", gap="medium"):
        sign = "\N{MINUS SIGN}" if desk.open else "+"
        st.button(f"{sign} {said}", key="lesson_toggle", type="tertiary", on_click=turn)


def _opened(now: Progress, known: Known) -> None:
    lesson, desk, at = now.lesson, now.desk, now.at
    names = [one.name for one in (*lesson.steps, *lesson.questions)]
    key = f"lesson_at_{lesson.page}"

    def choose() -> None:
        if st.session_state[key] in names:
            desk.at = st.session_state[key]

    desk.at = at  # what one looks at stays in sight when it is done
    st.segmented_control(
        t("lesson.steps"), names, key=session.follow(key, at), required=True, on_change=choose,
        format_func=lambda name: _name(now, name), label_visibility="collapsed",
    )  # fmt: skip
    following = names[names.index(at) + 1] if at != names[-1] else None
    step = next((step for step in lesson.steps if step.name == at), None)
    if step is not None:
        _said(now, step)
    else:
        _question(now, next(question for question in lesson.questions if question.name == at))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="lesson_buttons"):
        if step is not None:
            _step_buttons(now, step, known)
        _next(desk, following, now.done[at] if step else _right(now, at))
        if step is not None and step.page:
            layout.link(step.page, t("lesson.go", page=t(f"{step.page}.nav")))
        teacher_link.form(lesson.page, known, names.index(at) + 1 if step else None)


def _name(now: Progress, name: str) -> str:
    lesson = now.lesson
    for step in lesson.steps:
        if step.name == name:
            return f"{SIGNS[now.done[name]]} {t(f'lesson.{lesson.page}.{name}', n=step.n)}"
    place = [question.name for question in lesson.questions].index(name)
    return f"{SIGNS[_right(now, name)]} {t('lesson.question', n=place + 1)}"


def _right(now: Progress, name: str) -> bool:
    """Whether a question was answered rightly."""
    return Question(name, now.desk.answers.get(name, "")) in now.lesson.questions


def _said(now: Progress, step: Step) -> None:
    """Why, what to try, and what was there to see, which opens by itself once it has been tried."""
    key, done = f"lesson.{now.lesson.page}.{step.name}", now.done[step.name]
    texts = {part: html.escape(t(f"{key}_{part}", n=step.n)) for part in ("why", "try", "see")}
    heads = {part: html.escape(t(f"lesson.{part}")) for part in texts}
    state = html.escape(t("lesson.is_done" if done else "lesson.is_open"))
    st.html(
        f'<div class="lab-lesson{" done" * done}">'
        f"<section><h3>{heads['why']}</h3><p>{texts['why']}</p></section>"
        f"<section><h3>{heads['try']} <small>{SIGNS[done]} {state}</small></h3><p>{texts['try']}</p></section>"
        f"<section><details{' open' * done}><summary>{heads['see']}</summary><p>{texts['see']}</p></details></section>"
        "</div>"
    )


def _step_buttons(now: Progress, step: Step, known: Known) -> None:
    desk = now.desk

    def show() -> None:
        desk.moved = True
        page_address.put(known, step.drive)

    def tell() -> None:
        desk.seen.add(f"{now.lesson.page}:{step.name}")

    if step.drive:
        st.button(t("lesson.show"), key="lesson_show", on_click=show, help=t("lesson.show_help"))
    if step.done is None and not now.done[step.name]:
        st.button(t("lesson.tell"), key="lesson_tell", type="primary", on_click=tell)


def _next(desk: LessonDesk, following: str | None, done: bool) -> None:
    def turn() -> None:
        desk.at = following or ""

    if following:
        st.button(t("lesson.next"), key="lesson_next", type="primary" if done else "secondary", on_click=turn)


def _question(now: Progress, question: Question) -> None:
    """A question; every answer is explained, and another can be tried."""
    key, desk = f"lesson.{now.lesson.page}.{question.name}", now.desk
    widget = f"lesson_answer_{now.lesson.page}_{question.name}"

    def answer() -> None:
        if st.session_state[widget] in OPTIONS:
            desk.answers[question.name] = st.session_state[widget]

    given = desk.answers.get(question.name)
    st.radio(
        t(key), OPTIONS, index=None, key=session.follow(widget, given), on_change=answer,
        format_func=lambda option: t(f"{key}_{option}"),
    )  # fmt: skip
    if given:
        right = given == question.right
        said = t("lesson.right" if right else "lesson.wrong")
        with st.container(key="lesson_explained"):
            layout.note(f"{said} {t(f'{key}_{given}_why')}", "good" if right else "miss")
