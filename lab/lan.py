"""Where others in the same network find this computer: for a class that opened itself to it (`make app CLASS=1`)."""

from __future__ import annotations

import socket

SOMEWHERE = ("192.0.2.1", 9)
"""An address that is nobody's (RFC 5737). Nothing is sent to it: what is asked is by which of its own addresses this
computer would send."""


def lan_address() -> str | None:
    """This computer's address in its network; None without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(SOMEWHERE)
        except OSError:
            return None
        return str(probe.getsockname()[0])
