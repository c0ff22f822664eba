"""Folds: what is in them is drawn once somebody opens them."""

import pytest

from tests.ui.conftest import FOLDS, Visit


@pytest.mark.parametrize(
    ("page", "fold", "inside"),
    [("label", "simulate", "simulate_go"), ("navigation", "maze_json", "maze_json_use"), ("label", "deck", "deck_way")],
)
def test_a_closed_fold_draws_nothing_and_an_open_one_its_content(
    visit: Visit, page: str, fold: str, inside: str
) -> None:
    app = visit(page)
    keys = [{one.key for one in (*app.button, *app.radio)}]
    for open_now in (False, True):
        app.session_state[fold] = open_now
        app.run()
        keys.append({one.key for one in (*app.button, *app.radio)})
    assert fold in FOLDS
    assert [inside in found for found in keys] == [True, False, True]
