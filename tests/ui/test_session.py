"""What one visit remembers of its widgets."""

from streamlit.testing.v1 import AppTest


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
