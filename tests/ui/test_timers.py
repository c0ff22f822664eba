"""What a timer of the page sends carries no click, and everything else goes by as it is."""

import asyncio

from starlette.types import Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

from ui.timers import TimersWithoutClicks, without_clicks


def rerun(by_timer: bool) -> bytes:
    """What the browser sends of a slider at 3 and of two clicks."""
    message = BackMsg()
    message.rerun_script.is_auto_rerun = by_timer
    message.rerun_script.fragment_id = "a fragment"
    widgets = message.rerun_script.widget_states.widgets
    widgets.add(id="slider").int_value = 3
    widgets.add(id="button").trigger_value = True
    widgets.add(id="board").json_trigger_value = '[{"event": "cell"}]'
    return message.SerializeToString()


def test_a_timer_carries_no_click() -> None:
    told = BackMsg.FromString(without_clicks(rerun(by_timer=True))).rerun_script
    assert [(widget.id, widget.int_value) for widget in told.widget_states.widgets] == [("slider", 3)]
    assert told.is_auto_rerun and told.fragment_id == "a fragment"


def test_what_no_timer_sent_is_as_it_was() -> None:
    for told in (rerun(by_timer=False), BackMsg(stop_script=True).SerializeToString(), b"\xff no message"):
        assert without_clicks(told) == told


def test_it_stands_in_the_way_of_the_websocket_alone() -> None:
    heard: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        heard.extend([await receive(), await receive()])

    async def visit(kind: str) -> None:
        messages = iter([{"type": "connect"}, {"type": "receive", "bytes": rerun(by_timer=True)}])

        async def receive() -> Message:
            return next(messages)

        async def send(message: Message) -> None: ...

        await TimersWithoutClicks(app)({"type": kind}, receive, send)

    asyncio.run(visit("websocket"))
    asyncio.run(visit("http"))
    assert [one.get("bytes") for one in heard] == [
        None, without_clicks(rerun(by_timer=True)), None, rerun(by_timer=True),
    ]  # fmt: skip
