"""A server that stops or dies in mid-run and is started again: nothing is lost, the run goes on by itself."""

import signal
from contextlib import closing

import pytest

from lab.store import Store
from tests.e2e import steps
from tests.e2e.conftest import NewPerson
from tests.e2e.server import Server, wait_until


def restart(server: Server, how: signal.Signals, run_id: int) -> int:
    """Ends the server, starts it again and waits for the run to get further. Returns how far it had come."""
    server.stop(how)
    with closing(Store(server.database)) as store:
        reached = store.run(run_id).step
        server.start()
        wait_until(lambda: store.run(run_id).step > reached, f"the run goes on by itself after {how.name}")
        rows = [row["step"] for row in store.metrics(run_id)]
        assert rows == list(range(1, len(rows) + 1)), f"after {how.name} an iteration is missing or there twice"
    return reached


@pytest.mark.parametrize("how", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_a_run_resumes_by_itself(fresh_server: Server, person_at: NewPerson, how: signal.Signals) -> None:
    """Dead at once, or stopped with care."""
    person = person_at(fresh_server)
    person.go("/label", lang="en")
    for choice in ("left", "right", "left"):
        steps.answer(person, choice)
    steps.simulate_labels(person, 20)
    person.follow("/ppo")
    person.press("ppo_start")
    run_id = steps.run_id(person)

    steps.wait_for_iteration(person, 4)
    reached = restart(fresh_server, how, run_id)
    steps.wait_for_iteration(person, reached + 1)  # the page that was left open finds the server again
    assert steps.run_id(person) == run_id
    person.follow("/label")
    assert steps.labels(person) == (3, 20)
