"""A lab taken away as one file from one machine and opened on another, by hand."""

from pathlib import Path

from playwright.sync_api import expect

from tests.e2e import steps
from tests.e2e.conftest import NewPerson
from tests.e2e.person import Person
from tests.e2e.server import Server, wait_until


def download(person: Person, folder: Path) -> Path:
    with person.page.expect_download() as taken:
        person.press("labs_download")
    path = folder / taken.value.suggested_filename
    taken.value.save_as(path)
    return path


def open_file(person: Person, path: Path) -> None:
    person.settle()
    person.starting("labs_open_").get_by_role("button").first.click()
    person.page.locator('input[type="file"]').set_input_files(path)


def test_a_lab_moves_to_another_machine(
    server: Server, fresh_server: Server, person_at: NewPerson, tmp_path: Path
) -> None:
    ann = person_at(server)
    ann.go("/label", lang="en")
    for choice in ("left", "right", "tie"):
        steps.answer(ann, choice)
    steps.simulate_labels(ann, 20)
    ann.follow("/ppo")
    ann.press("ppo_start")
    steps.wait_for_iteration(ann, 2)
    ann.press("ppo_pause")
    iteration = steps.resting_iteration(ann)
    ann.go("/")
    path = download(ann, tmp_path)
    assert path.suffix == ".zip" and path.stat().st_size > 100_000

    bob = person_at(fresh_server)
    bob.go("/", lang="ko")
    broken = tmp_path / "broken.zip"
    broken.write_bytes(path.read_bytes()[:5000])
    open_file(bob, broken)
    expect(bob.complaints()).to_contain_text("실험실 파일이 아니거나")
    bob.reload()
    open_file(bob, path)
    wait_until(lambda: bob.at("labs_others").count() == 1, "the opened lab stands beside the one before")
    bob.go("/label", lang="en")
    assert steps.labels(bob) == (3, 20)
    bob.follow("/ppo")
    assert steps.resting_iteration(bob) == iteration
    bob.press("ppo_step")
    steps.wait_for_iteration(bob, iteration + 1)
