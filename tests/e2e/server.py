"""A server of the app for a test: a process on a port of its own, with a database of its own."""

import http.client
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parent.parent.parent
AUDIT = Path(__file__).parent / "audit"  # on the path of the server, whose Python then notes addresses
HOST = "127.0.0.1"
START_DEADLINE = 90.0  # seconds; a quiet machine needs about four
STOP_DEADLINE = 30.0


def wait_until(condition: Callable[[], object], what: str, deadline: float = 60.0) -> None:
    """Returns once the condition holds; says what did not come true by the deadline."""
    end = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline:.0f} s in vain: {what}")
        time.sleep(0.1)  # each look takes the browser from what it is looked at for


def empty_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Server:
    """`streamlit run app.py`, or of another script; keeps its port and its database when it is stopped and started
    again."""

    def __init__(self, folder: Path, script: str = "app.py") -> None:
        self.folder, self.script = folder, script
        self.port = empty_port()
        self.url = f"http://{HOST}:{self.port}"
        self.database = f"sqlite:///{folder / 'lab.sqlite3'}"
        self.log_path = folder / "server.log"
        self.audit_path = folder / "audit.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None, "the server was not started"
        return self.process.pid

    @property
    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Starts the server and returns once it answers."""
        environment = os.environ | {
            "RLHF_LAB_DATABASE": self.database,
            "RLHF_LAB_TEST_AUDIT": str(self.audit_path),
            "PYTHONPATH": str(AUDIT),
            "HOME": str(self.folder),  # no setting of this machine's user plays a part
        }
        command = [sys.executable, "-m", "streamlit", "run", self.script]
        options = ["--server.address", HOST, "--server.port", str(self.port), "--server.headless", "true"]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *options],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._answers, "the server starts", START_DEADLINE)

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log}")
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", "/_stcore/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends this process and no other; a server that does not heed SIGTERM is a failure."""
        if self.process is None:
            return
        process, self.process = self.process, None
        process.send_signal(how)
        try:
            process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the server still ran {STOP_DEADLINE:.0f} s after {how.name}") from None

    def asked_for(self) -> set[str]:
        """What the server process used outside this machine, names and addresses, by its audit log."""
        if not self.audit_path.exists():
            return set()
        used = dict.fromkeys(self.audit_path.read_text(encoding="utf-8").splitlines())
        return {line for line in used if not is_loopback(line.partition(" ")[2])}


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class SocketWatch:
    """Polls the kernel's own list of a process's sockets; `strangers` are the ends that are not loopback."""

    def __init__(self, pid: int, every: float = 0.1) -> None:
        self.pid = pid
        self.every = every
        self.seen: set[str] = set()
        self.strangers: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "SocketWatch":
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self.every):
            for end in self._ends():
                self.seen.add(end)
                if not is_loopback(end):
                    self.strangers.add(end)

    def _ends(self) -> Iterator[str]:
        """Where each socket is bound and, if it is connected, whom it talks to."""
        inodes = set()
        try:
            for entry in os.scandir(f"/proc/{self.pid}/fd"):
                target = os.readlink(entry.path)
                if target.startswith("socket:["):
                    inodes.add(target[len("socket:[") : -1])
        except OSError:  # closed, or ended, in between
            return
        for kind in ("tcp", "tcp6", "udp", "udp6"):
            table = Path(f"/proc/{self.pid}/net/{kind}")
            for line in table.read_text().splitlines()[1:] if table.exists() else ():
                fields = line.split()
                if fields[9] in inodes:
                    local, remote = fields[1:3]
                    yield kernel_address(local)
                    if not remote.endswith(":0000"):
                        yield kernel_address(remote)


def kernel_address(text: str) -> str:
    """The address in `0100007F:2135`, the kernel's notation: words of four bytes in the machine's order."""
    raw = bytes.fromhex(text.partition(":")[0])
    words = [raw[i : i + 4] for i in range(0, len(raw), 4)]
    if sys.byteorder == "little":
        words = [word[::-1] for word in words]
    address = ipaddress.ip_address(b"".join(words))
    return str(getattr(address, "ipv4_mapped", None) or address)
