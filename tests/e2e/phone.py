"""A person without a browser: speaks the server's own protocol, a websocket for the page and HTTP for the answers.

Many at once cost next to nothing, and what the server acknowledged is known to the byte.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from tests.e2e.server import HOST
from ui.browser import COOKIE


class Phone:
    """Opens a page under a browser's name. `close` leaves it."""

    def __init__(self, port: int, browser: str, page: str, **query: str) -> None:
        self.port, self.browser = port, browser
        headers = {"Cookie": f"{COOKIE}={browser}"}
        self._leave = ExitStack()
        self._socket = self._leave.enter_context(connect(
            f"ws://{HOST}:{port}/_stcore/stream", subprotocols=["streamlit"], additional_headers=headers,
            max_size=None, open_timeout=30,
        ))  # fmt: skip
        self._page, self._query = page, urlencode(query)

    def look(self, timeout: float = 60.0) -> list[ForwardMsg]:
        """Have the page drawn, and return all that the server says of it."""
        asked = BackMsg()
        asked.rerun_script.query_string = self._query
        asked.rerun_script.page_name = self._page
        self._socket.send(asked.SerializeToString())
        return list(self._answers(timeout))

    def _answers(self, timeout: float) -> Iterator[ForwardMsg]:
        while True:
            raw = self._socket.recv(timeout)
            assert isinstance(raw, bytes)
            message = ForwardMsg.FromString(raw)
            yield message
            if message.WhichOneof("type") == "script_finished":
                return

    def ballot(self) -> dict[str, Any] | None:
        """What the page gives the pair in sight: its showing, the address that takes an answer; None without a pair."""
        for message in self.look():
            component = message.delta.new_element.bidi_component
            if component.component_name.endswith("lab_ballot"):
                return json.loads(component.json)
        return None

    def close(self) -> None:
        self._leave.close()


def post(port: int, address: str, body: bytes) -> tuple[int, Any]:
    """Send something to an address, and return the status and what came back, if it is JSON."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        connection.request("POST", address, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = answer.read()
    finally:
        connection.close()
    try:
        return answer.status, json.loads(said)
    except ValueError:
        return answer.status, None


def answer(port: int, address: str, showing: str, choice: str) -> dict[str, Any] | None:
    """Answer a pair as the page's script does. Returns the next pair, which acknowledges the answer; else None."""
    said = {"showing": showing, "choice": choice, "strength": 0, "reasons": [], "words": ""}
    status, following = post(port, address, json.dumps(said).encode())
    acknowledged = status == 200 and isinstance(following, dict) and following["showing"] != showing
    return following if acknowledged else None
