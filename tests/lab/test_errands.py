"""Errands: one result, kept for the lab unless nobody waits for it any more."""

import threading
from collections.abc import Callable

import pytest

from lab import errands as errands_module
from lab.app import Laboratory
from lab.errands import Errands, Progress

Until = Callable[[Callable[[], object]], None]
LAB, OTHER = 1, 2


class Work:
    """Work that tells where it is and then waits to be let go on."""

    def __init__(self, result: str = "done") -> None:
        self.result, self.on, self.kept = result, threading.Event(), list[str]()
        self.thread: threading.Thread | None = None

    def __call__(self, progress: Progress) -> str:
        self.thread = threading.current_thread()
        progress(0.5, "half")
        assert self.on.wait(30)
        progress(0.75, "more")
        return self.result

    def ended(self) -> bool:
        return self.thread is not None and not self.thread.is_alive()


def send(errands: Errands, work: Work, lab_id: int = LAB, name: str = "exam") -> None:
    errands.start(lab_id, name, work, work.kept.append)


def test_a_result_is_kept_and_the_errand_is_forgotten(until: Until) -> None:
    errands, work = Errands(), Work()
    send(errands, work)
    until(lambda: (found := errands.of(LAB, "exam")) and (found.share, found.at) == (0.5, "half"))
    found = errands.of(LAB, "exam")
    assert found is not None and found.under_way and errands.of(OTHER, "exam") is None
    work.on.set()
    until(lambda: errands.of(LAB, "exam") is None)
    assert work.kept == ["done"]


def test_one_of_a_name_at_a_time_in_a_lab(until: Until) -> None:
    errands, first, second, elsewhere, other = Errands(), Work("first"), Work("second"), Work("there"), Work("other")
    send(errands, first)
    send(errands, second)
    send(errands, elsewhere, OTHER)
    send(errands, other, name="comparison")
    for work in (first, second, elsewhere, other):
        work.on.set()
    until(lambda: first.kept and elsewhere.kept and other.kept)
    assert second.thread is None and second.kept == []


def test_what_is_given_up_keeps_nothing_and_makes_room(until: Until) -> None:
    errands, given_up, after = Errands(), Work("given up"), Work("after")
    send(errands, given_up)
    until(lambda: given_up.thread)
    errands.give_up(LAB, "exam")
    errands.give_up(LAB, "unknown")
    assert errands.of(LAB, "exam") is None
    send(errands, after)
    given_up.on.set()
    until(given_up.ended)
    found = errands.of(LAB, "exam")
    assert found is not None and found.under_way, "the end of the one that was given up ends no other"
    after.on.set()
    until(lambda: errands.of(LAB, "exam") is None)
    assert given_up.kept == [] and after.kept == ["after"]


def test_why_it_failed_is_known_until_the_next(until: Until) -> None:
    errands, work = Errands(), Work()
    trouble = ValueError("There are 0 labels.")

    def fail(progress: Progress) -> str:
        raise trouble

    errands.start(LAB, "exam", fail, work.kept.append)
    until(lambda: (found := errands.of(LAB, "exam")) and found.failed)
    found = errands.of(LAB, "exam")
    assert found is not None and found.failed is trouble and not found.under_way and work.kept == []
    send(errands, work)
    work.on.set()
    until(lambda: errands.of(LAB, "exam") is None)
    assert work.kept == ["done"]


@pytest.mark.parametrize("way", ["delete", "close"])
def test_a_lab_that_goes_takes_its_errands_along(
    way: str, url: str, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errands_module, "CLOSE_SECONDS", 0.0)
    laboratory = Laboratory(url)
    lab, other = (laboratory.store.open_lab(browser, "en") for browser in ("one", "another"))
    of_it, of_another = Work(), Work()
    send(laboratory.errands, of_it, lab.id)
    send(laboratory.errands, of_another, other.id)
    until(lambda: of_it.thread and of_another.thread)
    if way == "delete":
        laboratory.delete_lab(lab.id)
    else:
        laboratory.close()
    for work in (of_it, of_another):
        work.on.set()
    until(lambda: of_it.ended() and of_another.ended())
    assert of_it.kept == [] and of_another.kept == (["done"] if way == "delete" else [])
    laboratory.close()


def test_closing_waits_for_what_is_under_way(until: Until) -> None:
    errands, work = Errands(), Work()
    send(errands, work)
    until(lambda: work.thread)
    closing = threading.Thread(target=errands.close)
    closing.start()
    until(lambda: errands.of(LAB, "exam") is None)
    assert closing.is_alive()
    work.on.set()
    closing.join(30)
    assert work.ended() and work.kept == []
