"""What a person does on the pages, each step waiting for what it brings about."""

import re
import time
from contextlib import closing

from playwright.sync_api import Locator, expect

from lab.labelling import LabellingDesk
from lab.store import Store
from tests.e2e.person import Person
from tests.e2e.server import wait_until
from tests.lab.runs import add_ppo_run
from ui.browser import COOKIE

LOOKING_TIME = 0.35  # seconds; an answer sooner than .25 after the pair was shown is refused as a slip
RESTING = ("paused", "stopped", "finished")
RUN = re.compile(r"Run (\d+)")
KEY_REPEAT = 1 / 30  # seconds between the repeats of a held key
KEYS = {"left": "ArrowLeft", "right": "ArrowRight", "tie": "ArrowDown", "both_bad": "ArrowUp"}


def labels(person: Person) -> tuple[int, int]:
    """How many labels the labelling page counts: the person's own, and simulated ones."""
    facts = person.at("label_count").locator(".fact b")
    expect(facts).to_have_count(2)
    human, simulated = facts.all_inner_texts()
    return int(human), int(simulated)


def showing(person: Person) -> str:
    """The id of the showing of the pair on the page."""
    return person.page.locator(".lab-ballot").get_attribute("data-showing") or ""


def pair(person: Person) -> str:
    """Both answers of the pair on the page."""
    return person.page.locator(".lab-ballot .pair").inner_text()


def choice(person: Person, name: str, strength: int = 0) -> Locator:
    """The button of a choice about the pair on the page."""
    return person.page.locator(f'.lab-ballot [data-choice="{name}"][data-strength="{strength}"]')


def follow(person: Person) -> None:
    """Waits until the page around the pair has come to it: the pair itself comes first."""
    drawn = person.page.locator(".lab-ballot")
    wait_until(lambda: drawn.get_attribute("data-drawn") == showing(person), "the page comes to the pair")
    person.settle()


def look(person: Person) -> str:
    """Waits for a pair and looks at it for as long as an honest answer takes."""
    choice(person, "left").wait_for()
    follow(person)
    current, since = showing(person), time.monotonic()
    wait_until(lambda: time.monotonic() - since > LOOKING_TIME, "time passes")
    return current


def answer(person: Person, name: str, by: str = "click") -> None:
    """Answers the pair in sight (left, right, tie, both_bad, skip) and waits for the next."""
    current = look(person)
    if by == "key":
        person.page.keyboard.press(KEYS[name])
    else:
        choice(person, name).click()
    wait_until(lambda: showing(person) != current, f"a new pair after {name} by {by}")
    follow(person)


def end_round(person: Person, name: str) -> None:
    """Answers the last pair of a round and waits for its end."""
    look(person)
    choice(person, name).click()
    person.at("round_next").wait_for()
    person.settle()


def hold(person: Person, key: str, seconds: float) -> None:
    """Holds a key down: after the first key-down the browser is told that it repeats, as keyboards do."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        person.page.keyboard.down(key)
        time.sleep(KEY_REPEAT)
    person.page.keyboard.up(key)


def undo(person: Person, by: str = "key") -> None:
    current = look(person)
    if by == "key":
        person.page.keyboard.press("Backspace")
    else:
        choice(person, "undo").click()
    wait_until(lambda: showing(person) != current, "the pair before is shown again")
    follow(person)


def simulate_labels(person: Person, number: int = 20) -> None:
    """Has somebody simulated label so many pairs; on the labelling page."""
    before = labels(person)[1]
    person.unfold("simulate")
    person.fill("simulate_n", str(number))
    go = person.at("simulate_go").get_by_role("button")
    expect(go).to_contain_text(str(number))
    go.click()
    wait_until(lambda: labels(person)[1] == before + number, f"{number} simulated labels")
    person.settle()


def give_a_trained_run(person: Person) -> None:
    """Labels, and a run whose model answers otherwise than the start, in the person's lab, without their waiting."""
    [browser] = [cookie["value"] for cookie in person.context.cookies() if cookie["name"] == COOKIE]
    with closing(Store(person.server.database)) as store:
        lab = store.open_lab(browser, "en")
        LabellingDesk(store, lab).simulate(8, "default", 0.0, seed=1)
        add_ppo_run(store, lab, noise=0.03)


def run_id(person: Person) -> int:
    """The id of the run that the PPO page, in English, shows by its number in the person's lab."""
    status = person.at("ppo_status").first
    expect(status).to_contain_text(RUN)
    found = RUN.search(status.inner_text())
    assert found
    [browser] = [cookie["value"] for cookie in person.context.cookies() if cookie["name"] == COOKIE]
    with closing(Store(person.server.database)) as store:
        lab = store.open_lab(browser, "en")
        return next(run.id for run in store.runs(lab.id) if run.number == int(found.group(1)))


def iteration(person: Person) -> int:
    """The iteration that the PPO page, in English, tells; 0 without a run."""
    found = re.search(r"iteration (\d+)", person.at("ppo_status").first.inner_text())
    return int(found.group(1)) if found else 0


def resting_iteration(person: Person) -> int:
    """The iteration on the page, in English, once the run rests: no step is in progress, and the last one is kept."""
    with closing(Store(person.server.database)) as store:
        run = run_id(person)

        def rests() -> bool:
            shown, now, kept = person.at("ppo_status").first.inner_text(), store.run(run), store.checkpoint(run)
            resting = now.status in RESTING and f"{now.status} · iteration {now.step} " in shown
            return resting and kept is not None and kept.step == now.step

        wait_until(rests, f"run {run} rests, and the page says where")
    return iteration(person)


def wait_for_iteration(person: Person, least: int, deadline: float = 120.0) -> None:
    wait_until(lambda: iteration(person) >= least, f"iteration {least}", deadline)
