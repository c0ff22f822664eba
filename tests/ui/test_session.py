"""What one visit remembers of its widgets."""

import pytest
from streamlit.testing.v1 import AppTest

from ui import session


def asks_twice() -> None:
    """A page that draws its field anew before the browser has drawn it at all."""
    import streamlit as st
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    from ui import session

    st.text_input("Name", key=session.keep("name", "a proposed name"))
    if st.session_state.setdefault("drawn", 1) == 1:
        st.session_state.drawn = 2
        get_script_run_ctx().session_state.on_script_will_rerun(None)  # type: ignore[union-attr] # as the server does
        st.rerun()


def test_a_kept_value_is_said_until_the_browser_shows_it_and_then_left_to_the_hand() -> None:
    app = AppTest.from_function(asks_twice).run()
    field = app.text_input[0]
    assert (field.proto.set_value, field.proto.value) == (True, "a proposed name"), "the second message says it too"
    field = app.run().text_input[0]
    assert not field.proto.set_value
    assert field.input("my own").run().text_input[0].value == "my own"


def follows() -> None:
    """A slider that shows a value from elsewhere, and a button that changes the value there."""
    import streamlit as st

    from ui import session

    def moved() -> None:
        if session.heard("slide"):
            st.session_state.elsewhere = st.session_state.slide

    st.session_state.setdefault("elsewhere", 1)
    st.button("Preset", on_click=lambda: st.session_state.update(elsewhere=3))
    st.slider("Slide", 0, 5, key=session.follow("slide", st.session_state.elsewhere), on_change=moved)


def test_a_followed_value_is_said_until_the_browser_shows_it() -> None:
    app = AppTest.from_function(follows).run()
    slider = app.button[0].click().run().slider[0]
    assert (slider.proto.set_value, slider.value) == (True, 3)
    slider = app.run().slider[0]
    assert (slider.proto.set_value, slider.value) == (False, 3)
    slider = slider.set_value(5).run().slider[0]
    assert (slider.proto.set_value, slider.value, app.session_state.elsewhere) == (False, 5, 5), "the hand has its way"


def test_a_message_under_way_does_not_undo_what_a_widget_was_just_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "UNDER_WAY", 60.0)
    app = AppTest.from_function(follows).run()
    app.button[0].click().run()
    slider = app.slider[0].set_value(1).run().slider[0]  # what the browser showed before
    assert (slider.proto.set_value, slider.value, app.session_state.elsewhere) == (True, 3, 3)
    slider.set_value(2).run()
    assert app.session_state.elsewhere == 2, "another value can only come from a hand"
    app.button[0].click().run()
    monkeypatch.setattr(session, "UNDER_WAY", 0.0)
    assert app.slider[0].set_value(2).run().session_state.elsewhere == 2, "and so can the one before, later"


def chooses() -> None:
    """A choice whose options have a name in each language."""
    import streamlit as st

    from ui import session

    names = {"en": {"a": "first", "b": "second"}, "ko": {"a": "첫째", "b": "둘째"}}[session.language()]
    st.selectbox("Choice", ("a", "b"), key=session.keep("choice", "a", ("a", "b")), format_func=names.get)


def test_a_choice_is_said_anew_after_a_change_of_language_and_otherwise_left_to_the_hand() -> None:
    app = AppTest.from_function(chooses)
    app.session_state["lab_session"] = session.Session(own_language="en")
    app.run()
    box = app.run().selectbox[0]
    assert (box.proto.set_value, box.value) == (False, "a"), "a hand may be choosing"
    box = box.set_value("b").run().selectbox[0]
    assert (box.proto.set_value, box.value) == (False, "b")
    app.session_state["lab_session"].own_language = "ko"
    box = app.run().selectbox[0]
    assert (box.proto.set_value, box.value, box.options) == (True, "b", ["첫째", "둘째"])
