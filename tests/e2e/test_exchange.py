"""Labels leave one lab as a file and come into another, by hand; and one is taken back out of the history."""

from pathlib import Path

from playwright.sync_api import expect

from tests.e2e import steps
from tests.e2e.conftest import NewPerson
from tests.e2e.person import Person
from tests.e2e.server import Server, wait_until


def choose_file(person: Person, path: Path) -> None:
    person.page.locator('input[type="file"]').set_input_files(path)
    person.at("intake_report").wait_for()
    person.settle()


def test_labels_move_from_lab_to_lab(server: Server, person_at: NewPerson, tmp_path: Path) -> None:
    ann = person_at(server)
    ann.go("/label", lang="en")
    for choice in ("left", "right", "skip"):
        steps.answer(ann, choice)
    ann.unfold("exchange")
    ann.choose("exchange_format", "CSV")
    expect(ann.at("exchange_report")).to_contain_text("Labels in the file: 3")
    ann.page.route("**/file/*", lambda route: route.abort())
    ann.press("exchange_download")
    expect(ann.at("exchange_download").get_by_role("alert")).to_contain_text("try again")
    ann.page.unroute_all()
    with ann.page.expect_download() as taken:
        ann.press("exchange_download")
    expect(ann.at("exchange_download").get_by_role("alert")).to_be_hidden()
    path = tmp_path / taken.value.suggested_filename
    taken.value.save_as(path)
    assert path.suffix == ".csv"

    bob = person_at(server)
    bob.go("/label", lang="en")
    steps.answer(bob, "left")
    bob.unfold("exchange")
    broken = tmp_path / "broken.csv"
    broken.write_bytes(path.read_bytes().replace(b"prompt", b"pormpt"))
    choose_file(bob, broken)
    expect(bob.complaints()).to_contain_text("Nothing was changed")
    bob.reload()
    bob.unfold("exchange")
    choose_file(bob, path)
    assert steps.labels(bob) == (1, 0), "a look changes nothing"
    bob.press("intake_go")
    wait_until(lambda: steps.labels(bob) == (4, 0), "the labels are taken in")

    bob.unfold("history")
    expect(bob.page.get_by_test_id("stDataFrame").locator("canvas").first).to_be_visible()  # it moves what is below
    bob.choose("history_chosen", "better")
    expect(bob.at("history_without")).to_contain_text("reference accuracy")
    bob.press("history_take_back")
    wait_until(lambda: steps.labels(bob) == (3, 0), "the label is taken back")
