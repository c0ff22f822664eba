"""Where this might go: an opinion, one's own forecast, those of a class, and what to look into."""

from __future__ import annotations

from ui import layout, lessons, outlook_class_view, outlook_forecast_view, outlook_reading_view, page_address, session
from ui.i18n import t

VIEWS = ("forecast", "class", "directions", "timeline", "topics")

joined = session.joined_key()
known = page_address.take("outlook", view=("outlook_view", VIEWS, VIEWS[0]))
with layout.head("outlook"):
    view = "joined" if joined else layout.views("outlook", "outlook_view", VIEWS)
if not joined:
    lessons.strip("outlook", known)
match view:
    case "joined":
        outlook_class_view.joined_view(joined)
    case "forecast":
        outlook_forecast_view.own_fragment()
    case "class":
        outlook_class_view.collection_fragment()
    case "directions":
        outlook_reading_view.directions()
    case "timeline":
        outlook_reading_view.timeline()
    case _:
        outlook_reading_view.topics()
layout.note(t("outlook.reconstructed"))
