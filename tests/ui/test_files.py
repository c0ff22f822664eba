"""Files to take away: made at a click, at an address that stays while the page is drawn anew."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from lab import lab_file
from lab.app import get_laboratory
from lab.database import StoreError
from tests.ui.conftest import Visit
from ui import files
from ui.i18n import translate


def offer(app: AppTest, key: str) -> dict[str, Any]:
    """What the page gives the button with this key."""
    [found] = [one for one in app.get("bidi_component") if one.key == key]
    return json.loads(found.proto.json)


def fetch(offered: dict[str, Any]) -> tuple[int, bytes]:
    return files.deliver(offered["address"].removeprefix(files.ADDRESS))


def test_a_click_on_the_page_as_it_was_gets_the_file_as_it_is(visit: Visit) -> None:
    """The page draws itself anew while the click is under way."""
    app = visit()
    before = offer(app, "labs_download")
    store = get_laboratory().store
    store.rename_lab(app.session_state["lab_session"].lab.id, "renamed")
    app.run()
    status, data = fetch(before)
    assert status == 200
    assert lab_file.unpack(store, "another browser", data).name == "renamed"


@pytest.mark.parametrize("language", ["en", "ko"])
def test_what_cannot_be_made_is_said_in_the_language_of_the_page(
    visit: Visit, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = visit(language=language)

    def broken(*_: object) -> bytes:
        raise StoreError("The disk is full; make room.")

    monkeypatch.setattr(lab_file, "take_away", broken)
    status, said = fetch(offer(app, "labs_download"))
    assert status == 500
    assert said.decode() == translate(language, "error.store", detail="The disk is full; make room.")


def test_an_unforeseen_fault_is_named_and_logged(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lab_file, "take_away", lambda *_: 1 / 0)
    status, said = fetch(offer(visit(), "labs_download"))
    assert status == 500 and "ZeroDivisionError" in said.decode()
    assert "division by zero" in caplog.text


def test_each_tab_has_an_address_of_its_own_and_no_other_finds_anything(visit: Visit) -> None:
    one, other = (offer(visit(), "labs_download") for _ in range(2))
    assert one["address"] != other["address"]
    assert fetch({"address": one["address"][:-1]}) == (404, b"")
