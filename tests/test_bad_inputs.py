"""Some hundreds of generated bad inputs; `python -m benchmarks.bad_inputs` sends 10,000."""

from pathlib import Path

import pytest

from benchmarks import bad_inputs
from lab.app import close_laboratory

SHARE = {"addresses of pages": 0.03}
"""Of a whole round; of most targets a fiftieth."""


@pytest.mark.parametrize("name", bad_inputs.TARGETS)
def test_bad_input_is_refused_in_a_sentence_or_read_as_far_as_it_goes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RLHF_LAB_DATABASE", f"sqlite:///{tmp_path}/page.sqlite3")
    n = round(bad_inputs.TARGETS[name].many * SHARE.get(name, 0.02))
    found = bad_inputs.attack(name, n, seed=1, folder=tmp_path)
    close_laboratory()
    assert found.findings == [] and found.taken + found.refused == n
