"""The mission on the labelling page: a secret is secret, all labels and guesses arrive, the reveal says what came."""

from __future__ import annotations

import pytest

from lab import mission as missions
from lab import models
from lab.app import get_laboratory
from lab.mission import BRIEFS, PAIRS, MissionDesk
from lab.store import Mission
from rlhf_core.gold import load_judge
from tests.ui.conftest import Visit, answer, key_of, press, said, undo
from ui.i18n import translate


def label_to_briefs(mission: Mission, leave: int) -> None:
    """What all groups label, elsewhere, but for the last pairs of the first one."""
    store, judge = get_laboratory().store, load_judge("en")
    for group in mission.groups:
        desk, values = MissionDesk(store, store.lab(mission.lab_id), mission, group), BRIEFS[mission.briefs[group - 1]]
        for _ in range(PAIRS - (leave if group == 1 else 0)):
            shown = desk.current()
            prompt = models.assets("en").grammar.find(shown.prompt)
            left, right = (judge.score(prompt, text, values=values) for text in (shown.left, shown.right))
            desk.answer(shown.id, "left" if left > right else "right")


def test_a_mission_from_its_beginning_to_the_reveal(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missions, "_POOL", 150)
    monkeypatch.setattr(missions, "SCORED", 8)
    app = visit("label")
    app.segmented_control(key="label_view").set_value("mission").run()
    assert translate("en", "mission.how", pairs=PAIRS) in said(app) and not app.expander, "labelling is elsewhere"
    app.segmented_control(key="mission_groups").set_value(2).run()
    app = press(app, "mission_begin")
    store, lab = get_laboratory().store, app.session_state["lab_session"].lab
    mission = missions.current(store, lab)
    assert mission is not None and len(mission.briefs) == 2

    names = [translate("en", f"mission.brief_{brief}") for brief in mission.briefs]
    assert not any(name in said(app) for name in names), "no brief is on the page before a group asks for its own"
    app = press(app, "mission_look_1")
    assert names[0] in said(app) and names[1] not in said(app)
    app.segmented_control(key="mission_group").set_value(2).run()
    assert not any(name in said(app) for name in names), "the next group does not see it"
    app.segmented_control(key="mission_group").set_value(1).run()
    app = press(app, "mission_look_1").switch_page("../pages/home.py").run()
    app = app.switch_page("../pages/label.py").run()
    assert not any(name in said(app) for name in names), "nor who comes back to the page"

    app = answer(app, "left")
    assert len(missions.labels(store, mission, 1)) == 1 and store.labels(lab.id) == []
    app = undo(app)
    assert missions.labels(store, mission, 1) == []
    label_to_briefs(mission, leave=1)
    app = answer(app.run(), "tie")
    assert app.segmented_control(key="mission_part").value == "guess", "all have labelled"

    says = missions.says(store, mission, 2)
    display = models.assets("en").grammar.display
    assert all(display(one.chosen) in said(app) and display(one.prompt) in said(app) for one in says)
    assert not any(name in said(app) for name in names)
    box = app.selectbox(key=f"mission_guess_{mission.id}_1_2")
    app = box.set_value(mission.briefs[1]).run()
    assert translate("en", "mission.given", k=1, n=2) in said(app)

    app.segmented_control(key="mission_part").set_value("reveal").run()
    assert translate("en", "mission.missing", n=1) in said(app)
    app = press(app, "mission_reveal")
    assert all(name in said(app) for name in names) and "✓ " + names[1] in said(app)
    assert translate("en", "round.of", k=1, n=1) in said(app)
    assert key_of(app, "mission_begin"), "a new one may begin"
