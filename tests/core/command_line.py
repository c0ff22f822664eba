"""The command line as somebody else's program meets it."""

import json
import subprocess
import sys


def in_a_process(*arguments: str) -> dict:
    """What the command prints as JSON, in a process of its own, where it must succeed and complain of nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "rlhf_core", *arguments, "--json"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return json.loads(done.stdout)
