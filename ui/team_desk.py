"""The run of the team that a visit looks at, what the parts of its page do with it, and how its things are called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab import team
from lab.team import Settings, TeamRun
from rlhf_core.gridworld import MOVES, say
from rlhf_core.team_members import Decision
from rlhf_core.team_messages import MessageError, Role
from ui import errors, session
from ui.i18n import t
from ui.walk_view import who_name


@dataclass
class TeamDesk:
    """The run that this visit looks at."""

    run: TeamRun
    of: tuple[int, str]
    """The lab and the language of its messages."""
    playing: bool = False
    next_at: float = 0.0
    """When the next tick is due, of `time.monotonic`."""
    finishing: bool = False
    """Whether the run goes to its end as soon as the page is drawn."""
    chosen: str | None = None
    """The message that is looked at."""
    problem_at: str = ""
    """Where on the page the problem belongs: "edit", "forge", or nowhere in particular."""


def desk() -> TeamDesk:
    """The lab's run, where it was left."""
    own, lab = session.session(), session.current_lab()
    known = own.team
    if not isinstance(known, TeamDesk) or known.of != (lab.id, lab.language):
        store = session.laboratory().store
        run = team.kept_team(store, lab.id) or TeamRun(store, Settings())
        own.team = known = TeamDesk(run, (lab.id, lab.language))
    return known


def change(at: TeamDesk, make: Callable[[], TeamRun], where: str = "") -> None:
    """Put another run in place of this one and keep it; what can't be made is said, and the run stays."""
    session.forget_problem()
    at.problem_at = ""
    try:
        at.run = make()
    except (MessageError, ValueError, KeyError) as error:
        session.session().problem, at.problem_at = errors.explain(error), where
        return
    at.run.keep(at.of[0])


def choose(at: TeamDesk, name: str | None) -> None:
    """Look at a message."""
    session.forget_problem()
    at.problem_at, at.chosen = "", name


def role_name(role: Role) -> str:
    """A role's name on the page."""
    return t(f"team.role_{role}")


def action_name(decision: Decision) -> str:
    """What is done, on the page."""
    kind = "maze" if decision.action in MOVES else "team"
    return t(f"{kind}.{decision.action}")


def why_sentence(decision: Decision) -> str:
    """Why it is done, as a sentence."""
    return t(f"team.why_{decision.why}", aim=say(decision.aim) if decision.aim else "")


def mind_name(name: str) -> str:
    """A mind's name on the page."""
    return t("team.mind_rules") if name == team.RULES else who_name(name)
