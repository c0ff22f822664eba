"""What the address of a page can say: which view of it, with which settings and seed, what of it is hidden, and at
which step its lesson opens.

`/team?view=play&seed=7&hide=members,conditions&lesson=2`: any part may be left out. An address acts once, when it is
opened; what it asks for that the page can't do is named in one sentence, and the page is as usual.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from lab import team
from lab.lessons import LESSONS
from ui import session, team_desk, walk_view
from ui.i18n import t

OTHERS = ("lang", session.JOIN)
"""Parameters that are read elsewhere."""
LARGEST_SEED = 2**31 - 1
HIDEABLE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "home": {"labs": ("labs",), "reference": ("reference",)},
    "language_model": {"views": ("lm_view",), "settings": ("pretrain_settings",)},
    "label": {
        "views": ("label_view",), "deck": ("deck",), "simulate": ("simulate",), "writer": ("writer",),
        "history": ("history",), "exchange": ("exchange",),
    },
    "reward_model": {
        "views": ("reward_view",), "source": ("reward_source",), "features": ("reward_features",),
        "settings": ("neural_settings",),
    },
    "ppo": {
        "views": ("ppo_view",), "presets": ("ppo_presets",), "sliders": ("ppo_sliders",), "settings": ("ppo_settings",),
        "more": ("ppo_more",), "advanced": ("ppo_advanced",), "address": ("ppo_link",),
        "judges": ("ppo_judges", "ppo_rules"),
    },
    "constitution": {
        "views": ("cai_view",), "file": ("cai_file",), "settings": ("sl_settings", "rlaif_settings"),
        "sliders": ("sl_sliders", "rlaif_sliders"), "more": ("sl_more", "rlaif_more"),
    },
    "navigation": {
        "views": ("maze_page",), "maze": ("maze_settings",), "settings": ("cloning_settings", "mazeppo_settings"),
        "sliders": ("cloning_sliders", "mazeppo_sliders"), "more": ("cloning_more", "mazeppo_more"),
    },
    "team": {"views": ("team_page",), "members": ("team_members",), "conditions": ("team_conditions",)},
    "outlook": {"views": ("outlook_view",)},
}  # fmt: skip
"""What an address can hide on a page, by its name there: the keys of it. Hidden, not protected: it is there for whoever
knows how to look."""
SEEDS: Mapping[str, tuple[str, ...]] = {
    "language_model": ("pretrain_seed",), "reward_model": ("neural_seed",), "constitution": ("sl_seed", "rlaif_seed")
}  # fmt: skip
"""The widgets that hold the seed of a page's next run."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of an address."""

    allowed: str
    read: Callable[[str], Any]
    """ValueError for what is not allowed."""
    choose: Callable[[Any], object]
    now: Callable[[], str | None] = lambda: None
    """What would say how the page is; None for nothing."""


Known = Mapping[str, Parameter]
Choice = tuple[str, Sequence[str], str]
"""What can be chosen on a page: the key of its widget, what it may be, and what it usually is."""


def take(page: str, **choices: Choice) -> Known:
    """Do what the address asks of a page, once, before any of its widgets is drawn. Returns all that it could ask."""
    known = {**lessons(page), **{name: choice(*about) for name, about in choices.items()}, **own(page)}
    follow(page, known)
    return known


def follow(page: str, known: Known) -> list[str] | None:
    """Do what the address asks, in the order in which it is known; say what can't be done. Returns what was done, as
    "name=text"; None if there is nothing new."""
    given = {name: text for name, text in st.query_params.items() if name not in OTHERS}
    kept, key = session.session().kept, f"{page}_followed"
    if not given:
        kept.pop(key, None)
    if not given or kept.get(key) == given:
        return None
    kept[key] = given
    done, wrong = put(known, given)
    ignored = t("address.ignored", wrong="; ".join(wrong[:5]), known=", ".join(known)) if wrong else ""
    session.session().address_problem = ignored
    return done


def put(known: Known, wishes: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Put a page as wished, in the order in which it knows its parameters. Returns what was done, and what can't be."""
    wrong = {name: "" for name in wishes if name not in known}
    for name in (name for name in known if name in wishes):
        try:
            known[name].choose(known[name].read(wishes[name]))
        except ValueError:
            wrong[name] = f" ({known[name].allowed})"
    done = [f"{name}={text}" for name, text in wishes.items() if name not in wrong]
    return done, [f"{name:.40}={wishes[name]:.40}{allowed}" for name, allowed in wrong.items()]


def state(known: Known) -> dict[str, str]:
    """What would put a page as it is now."""
    found = {name: parameter.now() for name, parameter in known.items()}
    return {name: text for name, text in found.items() if text is not None}


# Parameters.


def whole(first: int, last: int, text: str) -> int:
    """A whole number within bounds."""
    if not first <= (number := int(text)) <= last:
        raise ValueError(text)
    return number


def option(options: Sequence[str], text: str) -> str:
    """One of some words."""
    return options[list(options).index(text)]


def choice(key: str, options: Sequence[str], usual: str) -> Parameter:
    """A widget that offers words."""
    return Parameter(
        ", ".join(options), partial(option, options), partial(session.put, key), lambda: session.value(key, usual)
    )


def number(first: int, last: int, choose: Callable[[int], object], now: Callable[[], int]) -> Parameter:
    """A whole number."""
    return Parameter(f"{first}\N{EN DASH}{last}", partial(whole, first, last), choose, lambda: str(now()))


def lessons(page: str) -> dict[str, Parameter]:
    """What every page knows: what is hidden, and the step at which its lesson opens."""
    names, desk = tuple(HIDEABLE[page]), session.lesson(page)
    steps = [step.name for step in LESSONS[page].steps]

    def several(text: str) -> tuple[str, ...]:
        return tuple(option(names, name) for name in text.split(","))

    def hide(chosen: tuple[str, ...]) -> None:
        desk.hidden = chosen

    def open_at(place: int) -> None:
        desk.open, desk.at = True, steps[place - 1]

    return {
        "hide": Parameter(", ".join(names), several, hide),
        "lesson": Parameter(f"1\N{EN DASH}{len(steps)}", partial(whole, 1, len(steps)), open_at),
    }


def own(page: str) -> dict[str, Parameter]:
    """What a page knows beside its views."""
    match page:
        case "language_model":
            bold = Parameter(
                "0.1\N{EN DASH}2", _temperature, partial(session.put, "lm_temperature"),
                lambda: f"{session.value('lm_temperature', 1.0):g}",
            )  # fmt: skip
            return {"temperature": bold, **_seed(page)}
        case "navigation":
            return _maze()
        case "team":
            return _team()
        case _:
            return _seed(page)


def _temperature(text: str) -> float:
    if not 0.1 <= (found := round(float(text), 1)) <= 2.0:
        raise ValueError(text)
    return found


def _seed(page: str) -> dict[str, Parameter]:
    keys = SEEDS.get(page, ())

    def choose(seed: int) -> None:
        for key in keys:
            session.put(key, seed)

    return {"seed": number(0, LARGEST_SEED, choose, lambda: int(session.value(keys[0], 0)))} if keys else {}


def _maze() -> dict[str, Parameter]:
    """The seed of the maze and of the next run, and the share of its walls that is hidden."""

    def choose(seed: int) -> None:
        for key in ("cloning_seed", "mazeppo_seed"):
            session.put(key, seed)
        walk_view.draw_maze(walk_view.desk(), seed)

    def share(text: str) -> float:
        return walk_view.HIDDEN[walk_view.HIDDEN.index(float(text))]

    def hidden() -> str | None:
        now = walk_view.desk().walk.settings.hidden
        return f"{now:g}" if now else None

    return {
        "seed": number(0, 10**6, choose, lambda: walk_view.desk().walk.settings.seed),
        "hidden": Parameter(
            ", ".join(f"{stop:g}" for stop in walk_view.HIDDEN), share,
            lambda share: walk_view.change(walk_view.desk(), hidden=share), hidden,
        ),
    }  # fmt: skip


def _team() -> dict[str, Parameter]:
    """The seed of the labyrinth and of all that is drawn at random, and whether anybody hears anybody."""

    def begin(**changes: Any) -> None:
        at = team_desk.desk()
        at.playing = False
        team_desk.change(at, lambda: team.TeamRun(at.run.store, team.changed_settings(at.run.settings, **changes)))

    def talks() -> str | None:
        return None if team_desk.desk().run.settings.config.communication else "off"

    return {
        "seed": number(0, 10**6, lambda seed: begin(seed=seed), lambda: team_desk.desk().run.settings.seed),
        "communication": Parameter(
            "on, off", partial(option, ("on", "off")), lambda word: begin(communication=word == "on"), talks
        ),
    }
