"""An agent team in a labyrinth that no member sees whole: who knows, says and does what, and what teamwork is worth."""

from __future__ import annotations

from ui import layout, lessons, page_address, team_evaluation_view, team_view
from ui.i18n import t

VIEWS = ("play", "compare")

known = page_address.take("team", view=("team_page", VIEWS, VIEWS[0]))
with layout.head("team"):
    view = layout.views("team", "team_page", VIEWS)
lessons.strip("team", known)
match view:
    case "play":
        team_view.play_fragment()
    case _:
        layout.note(t("team_exam.lead"))
        team_evaluation_view.run(team_evaluation_view.questions())
        team_evaluation_view.results()
