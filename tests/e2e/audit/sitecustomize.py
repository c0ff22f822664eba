"""On the tested server's path: notes every address that the process asks for or talks to, however briefly."""

import os
import sys

LOG = os.environ.get("RLHF_LAB_TEST_AUDIT", "")
EVENTS = {"socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"}


def note(event: str, arguments: tuple[object, ...]) -> None:
    if event not in EVENTS:
        return
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        address = arguments[1]
        if not isinstance(address, tuple):  # a Unix socket's path
            return
        host = address[0]
    if isinstance(host, bytes):
        host = host.decode()
    with open(LOG, "a", encoding="utf-8") as log:
        log.write(f"{event} {host}\n")


if LOG:
    sys.addaudithook(note)
