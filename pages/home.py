"""Home: the problem, the pipeline as a living map with the next step, the checkpoints, and the journey."""

from __future__ import annotations

from lab.overview import Overview
from ui import (
    checklist_view,
    controls,
    demo_view,
    following,
    journey_view,
    labs_view,
    layout,
    lessons,
    map_view,
    page_address,
    problem_view,
    run_view,
)

known = page_address.take("home")
layout.heading("home")
demo_view.invitation()
lessons.strip("home", known)
problem_view.faults()
now = map_view.read()
map_view.heading(now)
run_view.elsewhere()


def living(now: Overview) -> None:
    """Everything that changes while a run goes on."""
    map_view.stages(now)
    checklist_view.checkpoints()
    journey_view.journey(now)


following.follow_runs(map_view.read, lambda now: now.live, living, map_view.REFRESH_SECONDS, now)
lessons.overview()
labs_view.panel()
controls.reference_values()
