"""SIGKILL in labelling and in every kind of training; `python -m benchmarks.kills` does it ten times each."""

import random
from pathlib import Path

import pytest

from benchmarks import kills

SEED = 7


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_killed_server_has_every_label_that_it_acknowledged(tmp_path: Path) -> None:
    found = kills.labelling(tmp_path, 2, random.Random(SEED))
    assert found.problems == [] and found.kills == 2
    assert found.acknowledged > kills.PHONES


@pytest.mark.long
@pytest.mark.timeout(300)
def test_every_kind_of_training_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    """All kinds at once, so that one kill meets each of them at another point of its step."""
    rng, url = random.Random(SEED), f"sqlite:///{tmp_path}/lab.sqlite3"
    runs = kills.prepare(url, list(kills.KINDS))
    told = kills.kill_once(url, lambda told: told.checkpoint.keys() == set(runs.values()), rng)
    assert kills.run_problems(url, runs, dict.fromkeys(runs.values(), 0), told) == []
    before = kills.checkpoints(url, runs)
    assert all(before.values())
    told = kills.kill_once(url, lambda told: told.first.keys() == set(runs.values()), rng)
    assert kills.run_problems(url, runs, before, told) == [], "it went on from the checkpoint, with every step once"
