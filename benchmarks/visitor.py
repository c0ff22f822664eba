"""A visitor without a browser: speaks Streamlit's own protocol to a server, so that many of them cost little.

A page is opened, redrawn and clicked as a browser does it: over the websocket, with the browser's cookie, the server
runs the page's script each time and sends everything that is to be drawn. Nothing is drawn.
"""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.e2e.server import HOST, Server
from ui.browser import COOKIE

PATIENCE = 120.0
"""Seconds that an answer of the server may take."""


class Visitor:
    """One browser's visit of one page. cookie: names the browser."""

    def __init__(self, server: Server, cookie: str, page: str = "", query: str = "") -> None:
        self._server, self._cookie, self._page, self._query = server, cookie, page, query
        self._script = ""
        self.buttons: dict[str, str] = {}
        """The ids of the buttons that were drawn, by their keys."""
        self.ballot: dict[str, Any] = {}
        """What the page's ballot was drawn with last."""
        self._ballot_fragment = ""
        self.again: tuple[float, str] | None = None
        """How often the page wants to be redrawn by itself, in seconds, and which fragment of it."""
        self._socket = connect(
            f"ws://{HOST}:{server.port}/_stcore/stream",
            additional_headers={"Cookie": f"{COOKIE}={cookie}"},
            subprotocols=[Subprotocol("streamlit")],
            max_size=None,
            proxy=None,
        )

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def run(self, *, fragment: str = "", press: str = "") -> None:
        """Have the page drawn, or one fragment of it, or click the button of a key; returns when all of it came."""
        asked = BackMsg()
        asked.rerun_script.query_string = self._query
        asked.rerun_script.page_name = self._page
        asked.rerun_script.page_script_hash = self._script
        asked.rerun_script.fragment_id = fragment
        asked.rerun_script.context_info.locale = "en-US"
        if press:
            asked.rerun_script.widget_states.widgets.add(id=self.buttons[press], trigger_value=True)
        self._socket.send(asked.SerializeToString())
        while not self._read():
            pass

    def follow_ballot(self) -> None:
        """What a page does once an answer was taken: draws the fragment that the ballot stands in."""
        self.run(fragment=self._ballot_fragment)

    def answer(self, choice: str) -> dict[str, Any] | None:
        """Answer the pair in sight over HTTP, as the page's script does. Returns what comes next, as the server has
        it."""
        said = {"showing": self.ballot["showing"], "choice": choice, "strength": 0, "reasons": [], "words": ""}
        headers = {"Content-Type": "application/json", "Cookie": f"{COOKIE}={self._cookie}"}
        with closing(HTTPConnection(HOST, self._server.port, timeout=PATIENCE)) as http:
            http.request("POST", self.ballot["address"], json.dumps(said), headers)
            response = http.getresponse()
            body = response.read()
        if response.status != 200:
            raise RuntimeError(f"the server answered {response.status}")
        following = json.loads(body)
        if following:
            self.ballot |= following
        return following

    def _read(self) -> bool:
        """Take in one message. Returns whether the drawing has come to its end."""
        data = self._socket.recv(PATIENCE)
        assert isinstance(data, bytes)
        message = ForwardMsg.FromString(data)
        match message.WhichOneof("type"):
            case "new_session":
                self._script = message.new_session.page_script_hash
                if not message.metadata.run.fragment_ids:  # the whole page: what wants to be redrawn says so again
                    self.again = None
            case "delta":
                self._take(message.delta)
            case "auto_rerun":
                self.again = message.auto_rerun.interval, message.auto_rerun.fragment_id
            case "script_finished":
                return message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
        return False

    def _take(self, delta: Any) -> None:
        element = delta.new_element
        match element.WhichOneof("type"):
            case "button":
                self.buttons[element.button.id.rpartition("-")[2]] = element.button.id
            case "bidi_component" if element.bidi_component.component_name.endswith("lab_ballot"):
                self.ballot = json.loads(element.bidi_component.json)
                self._ballot_fragment = delta.fragment_id
