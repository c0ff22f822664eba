"""One laboratory a process, one training process a database."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.app import Laboratory, get_laboratory
from lab.store import Store, StoreError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def database(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RLHF_LAB_DATABASE", url)
    yield
    get_laboratory().close()


def test_all_threads_share_one_laboratory_until_it_is_closed(url: str) -> None:
    got: list[Laboratory] = []
    threads = [threading.Thread(target=lambda: got.append(get_laboratory())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8 and len(set(map(id, got))) == 1
    lab = got[0].store.open_lab("a browser", "en")
    got[0].close()
    assert get_laboratory() is not got[0]
    assert get_laboratory().store.open_lab("a browser", "en") == lab


def test_opening_it_lets_unfinished_runs_go_on(url: str, until: Callable[[Callable[[], object]], None]) -> None:
    """This one cannot be built, so that it went on shows at once."""
    before = Store(url)
    lab = before.open_lab("a browser", "en")
    inputs = {"lab": lab.id, "language": "en", "reward_model": 99}
    lost = {"stage": "ppo", "config": {}, "inputs": inputs, "seed": 0, "pace": None}
    going, resting = (before.add_run(lab.id, **lost, status=status) for status in ("running", "paused"))
    store = get_laboratory().store
    until(lambda: store.run(going).status == "failed")
    assert store.run(going).error == "The run could not start: There is no artifact 99."
    assert store.run(resting).status == "paused"


def test_an_error_at_opening_is_not_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "data" / "lab.sqlite3"
    path.parent.mkdir()
    path.write_text("no database " * 100)
    for _ in range(2):
        with pytest.raises(StoreError, match="damaged"):
            get_laboratory()
    path.unlink()
    get_laboratory().store.open_lab("a browser", "en")


def test_a_second_process_may_not_train_with_the_same_database_while_the_first_lives(url: str) -> None:
    program = "from lab.app import Laboratory; Laboratory(); print('open', flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "open\n"
        with pytest.raises(StoreError, match=r"lab\.sqlite3 is open in another RLHF Lab"):
            get_laboratory()
        Store(url).close()  # reading along is no harm
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
    get_laboratory()
