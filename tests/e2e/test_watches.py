"""The instruments that show that nothing leaves this machine, shown to be able to say that something does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.server import AUDIT, Server, SocketWatch, is_loopback, kernel_address, wait_until


@pytest.mark.parametrize(
    ("text", "address", "inside"),
    [
        ("0100007F:2135", "127.0.0.1", True),
        ("00000000:2135", "0.0.0.0", False),  # bound to every address: open to the whole network
        ("01020A0A:01BB", "10.10.2.1", False),
        ("0000000000000000FFFF00000100007F:2135", "127.0.0.1", True),
        ("00000000000000000000000001000000:2135", "::1", True),
    ],
)
@pytest.mark.skipif(sys.byteorder != "little", reason="the examples are a little-endian kernel's")
def test_the_kernels_notation_is_read(text: str, address: str, inside: bool) -> None:
    assert kernel_address(text) == address
    assert is_loopback(address) == inside


def test_the_audit_notes_a_name_that_is_asked_for(tmp_path: Path) -> None:
    program = (
        "import socket\n"
        "socket.getaddrinfo('192.0.2.1', 80, flags=socket.AI_NUMERICHOST)\n"  # asks nobody
        "socket.create_server(('127.0.0.1', 0))\n"
    )
    server = Server(tmp_path)
    environment = os.environ | {"PYTHONPATH": str(AUDIT), "RLHF_LAB_TEST_AUDIT": str(server.audit_path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert server.asked_for() == {"socket.getaddrinfo 192.0.2.1"}
    assert "socket.bind 127.0.0.1" in server.audit_path.read_text(encoding="utf-8")


def test_the_watch_notes_a_socket_that_is_open_to_others(tmp_path: Path) -> None:
    program = "import socket, sys; hold = socket.create_server(('', 0)); sys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)
    try:
        with SocketWatch(process.pid) as watch:
            wait_until(lambda: watch.strangers, "the watch sees the open socket", 30)
        assert watch.strangers == {"0.0.0.0"}
    finally:
        process.communicate()
