"""An address to hand to others, as text and as a QR code for their phones."""

from __future__ import annotations

import html
from urllib.parse import urlencode, urlsplit

import segno
import streamlit as st

from lab.lan import lan_address
from ui import layout
from ui.i18n import t

HERE = ("localhost", "127.0.0.1", "::1", "0.0.0.0")
"""What this computer calls itself: nobody else reaches it so."""
ANYBODY = "0.0.0.0"
"""A server at this address takes calls from its network."""


def address(page: str, **parameters: str) -> tuple[str, bool]:
    """The address of a page, and whether others can open it. From this computer's own browser the page is called by its
    address in the network, if it listens there."""
    here = urlsplit(st.context.url or "")
    host, port = here.hostname or "", f":{here.port}" if here.port else ""
    found = lan_address() if host in HERE and st.get_option("server.address") == ANYBODY else None
    reachable = found is not None or host not in HERE
    query = f"?{urlencode(parameters)}" if parameters else ""
    return f"{here.scheme or 'http'}://{found or host}{port}/{page}{query}", reachable


def show(page: str, **parameters: str) -> None:
    """The address and its QR code, or what to do so that others can open it."""
    found, reachable = address(page, **parameters)
    code, text = st.columns([1, 4], gap="medium", vertical_alignment="center")
    with code:
        drawn = segno.make(found, micro=False).svg_data_uri(border=2, dark="#1E2A35", light="#FFFFFF", omitsize=True)
        st.html(f'<img class="lab-qr" src="{drawn}" alt="{html.escape(t("share.code"))}">')
    with text:
        st.code(found, language=None)
        if not reachable:
            layout.note(t("share.local"))
