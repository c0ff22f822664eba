"""`make app` finds a port, says the address and asks nothing; a stand-in takes Streamlit's place."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STAND_IN = f"""#!/bin/sh
case "$1" in
    -c) exec {sys.executable} "$@" ;;
    *) echo "started: $*" ;;
esac
"""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment in which everything seems to be installed."""
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(STAND_IN)
    python.chmod(0o755)
    (tmp_path / ".app-installed").touch()
    return tmp_path


def make_app(environment: Path, port: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", "app", f"VENV={environment}", f"PORT={port}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_an_empty_port_is_used_as_asked(environment: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    made = make_app(environment, str(port))
    assert made.returncode == 0, made.stderr
    assert f"http://127.0.0.1:{port} " in made.stdout
    assert f"streamlit run app.py --server.address 127.0.0.1 --server.port {port} " in made.stdout
    assert "--server.headless true" in made.stdout


def test_a_taken_port_is_named_together_with_the_one_in_its_place(environment: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        made = make_app(environment, str(port))
    assert made.returncode == 0, made.stderr
    assert f"Port {port} is taken: using " in made.stderr
    assert f"--server.port {port} " not in made.stdout


@pytest.mark.parametrize("port", ["abc", "0", "70000", "-1"])
def test_what_is_no_port_is_refused_in_a_sentence(environment: Path, port: str) -> None:
    made = make_app(environment, port)
    assert made.returncode == 2
    assert f"PORT={port} is not a port: give a whole number from 1 to 65535." in made.stderr
    assert "started" not in made.stdout


def test_without_a_python_it_says_what_to_install(tmp_path: Path) -> None:
    command = ["make", "--no-print-directory", "app", f"VENV={tmp_path / 'none'}", "PYTHON="]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert made.returncode == 2
    assert "needs Python 3.11 or newer" in made.stderr
