"""The command line as somebody else's program meets it."""

import json
import subprocess
import sys

import pytest

from rlhf_core.__main__ import main


def reported(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    """What the command prints as JSON, where it must succeed and complain of nothing."""
    assert main([*arguments, "--json"]) == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == 1 and said.err == "", "one JSON object and nothing else"
    return json.loads(said.out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line in which the command says what it can't do."""
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    said = capsys.readouterr()
    assert left.value.code == 2 and said.out == "" and said.err.count("\n") == 1, said
    return said.err


def in_a_process(*arguments: str) -> dict:
    """What the command prints as JSON, in a process of its own, where it must succeed and complain of nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "rlhf_core", *arguments, "--json"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return json.loads(done.stdout)
