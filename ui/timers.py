"""A click counts once, also while a page draws itself anew by a timer.

Streamlit 1.67's browser side keeps a click for the message that it is about to send. When the timer of a fragment with
`run_every` falls due before that, which takes no more than a busy browser, the timer's message carries the click too: a
pause was paused and at once went on, one step was two. A timer has nothing to tell but that it is due.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

TRIGGERS = ("trigger_value", "string_trigger_value", "json_trigger_value", "chat_input_value")
"""The kinds of a widget's state that stand for something that happened, not for how it is."""


class TimersWithoutClicks:
    """Takes the clicks out of what timers send, on its way from the browser; their own message follows."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            return await self.app(scope, receive, send)

        async def receive_less() -> Message:
            message = await receive()
            told = message.get("bytes")
            return {**message, "bytes": without_clicks(told)} if told else message

        await self.app(scope, receive_less, send)


def without_clicks(told: bytes) -> bytes:
    """A message of the browser's as it is, or, if a timer sent it, without what was clicked."""
    try:
        message = BackMsg.FromString(told)
    except DecodeError:
        return told  # which Streamlit answers as it answers any such
    if not message.rerun_script.is_auto_rerun:
        return told
    widgets = message.rerun_script.widget_states.widgets
    kept = [widget for widget in widgets if widget.WhichOneof("value") not in TRIGGERS]
    del widgets[:]
    widgets.extend(kept)
    return message.SerializeToString()
