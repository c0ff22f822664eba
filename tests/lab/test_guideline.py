"""The guideline of a lab and its versions."""

from datetime import timedelta

import pytest

from lab import labelling
from lab.guideline_records import TEXT_LENGTH
from lab.labelling import LabellingDesk
from lab.store import Lab, Store


def test_a_guideline_has_versions_of_its_lab(store: Store, lab: Lab) -> None:
    other = store.open_lab("another browser", "en")
    assert store.guideline(lab.id) is None
    assert store.add_guideline(other.id, "Which is shorter?", "") == 1
    assert store.guideline(lab.id) is None
    assert [store.add_guideline(lab.id, "Which is kinder?", text) for text in ("", "Be kind.")] == [1, 2]
    newest = store.guideline(lab.id)
    assert newest is not None
    assert (newest.version, newest.question, newest.text) == (2, "Which is kinder?", "Be kind.")


def test_too_long_a_guideline_is_refused(store: Store, lab: Lab) -> None:
    with pytest.raises(ValueError, match="question may have 200 characters, not 201"):
        store.add_guideline(lab.id, "x" * 201, "")
    with pytest.raises(ValueError, match=f"guideline may have {TEXT_LENGTH} characters"):
        store.add_guideline(lab.id, "", "x" * (TEXT_LENGTH + 1))
    assert store.guideline(lab.id) is None


def test_an_answer_keeps_the_version_it_was_given_under(
    store: Store, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelling, "TOO_FAST", timedelta(0))
    desk = LabellingDesk(store, lab)
    desk.answer(desk.current().id, "left")
    store.add_guideline(lab.id, "Which is kinder?", "")
    desk.answer(desk.current().id, "left")
    assert [label.guideline for label in store.labels(lab.id)] == [0, 1]
