"""Which pairs a person is shown, with the shipped model."""

from collections import Counter
from datetime import timedelta

import pytest
import torch

from lab import deck, labelling, models, reward
from lab.deck import Deck, DeckSettings
from lab.labelling import LabellingDesk
from lab.store import Lab, NewLabel, NewPair, Shown, Store, now


@pytest.fixture(autouse=True)
def quick_hands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelling, "TOO_FAST", timedelta(0))


def label(store: Store, lab: Lab, n: int, choice: str = "left") -> list[Shown]:
    """Answers n pairs; returns them as they were shown."""
    shown = []
    desk = LabellingDesk(store, lab, rng=torch.Generator().manual_seed(lab.id))
    for _ in range(n):
        showing = desk.current()
        shown.append(store.showing(showing.id))
        desk.answer(showing.id, choice)
    return shown


def attributes(pair: Shown) -> tuple[dict[str, float], dict[str, float]]:
    assets = models.assets(pair.language)
    prompt = assets.grammar.find(pair.prompt)
    a, b = (assets.judge.attributes(prompt, text) for text in (pair.response_a, pair.response_b))
    return a, b


def left(pair: Shown) -> str:
    return {"a": pair.response_a, "b": pair.response_b}[pair.shown_left]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_first_pairs_are_contrasts_then_dilemmas(store: Store, language: str) -> None:
    lab = store.open_lab("a browser of the deck", language)
    shown = label(store, lab, 25)
    kinds = [pair.why.partition(":")[0] for pair in shown]
    assert [kinds[9], kinds[11], kinds[19], kinds[23]] == ["repeat", "check", "repeat", "check"]
    rest = [kind for kind in kinds if kind not in ("repeat", "check")]
    assert rest[:8] == ["contrast"] * 8 and rest[8:14] == ["dilemma"] * 6 and set(rest[14:]) == {"uncertain"}
    for pair in shown[:8]:
        a, b = attributes(pair)
        assert [name for name in a if name != "length" and a[name] != b[name]] == [pair.why.partition(":")[2]]
    assert len({pair.why for pair in shown[:5]}) >= 4, "one attribute after the other"


def test_the_categories_come_equally_often(store: Store, lab: Lab) -> None:
    deck.keep_settings(store, lab, DeckSettings(introduction=False, checks=False, repeats=False, way="random"))
    shown = label(store, lab, 30)
    find = models.assets("en").grammar.find
    assert set(Counter(find(pair.prompt).category for pair in shown).values()) == {3}
    helpless = sum(max(one["help"] for one in attributes(pair)) == 0 for pair in shown)
    assert helpless <= 3, "at most one in ten with two answers of no help"


def test_a_repeat_exchanges_the_sides_and_teaches_nothing(store: Store, lab: Lab) -> None:
    deck.keep_settings(store, lab, DeckSettings(way="random", introduction=False, checks=False))
    shown = label(store, lab, 20)
    repeats = [(i, pair) for i, pair in enumerate(shown) if pair.repeat_of]
    assert [i for i, _ in repeats] == [9, 19]
    for i, again in repeats:
        first = next(j for j, pair in enumerate(shown) if pair.pair_id == again.repeat_of)
        assert i - first > deck.REPEAT_AFTER and left(again) != left(shown[first])
        assert {again.response_a, again.response_b} == {shown[first].response_a, shown[first].response_b}
    assert len({pair.repeat_of for _, pair in repeats}) == 2
    assert len(store.labels(lab.id)) == 20 and reward.counts(store, lab)["human"] == 18
    assert reward.fit(store, lab).labels_used == 18 == reward.curve(store, lab)[-1].labels


def test_a_check_has_a_better_answer_by_the_reference_values(store: Store, lab: Lab) -> None:
    label(store, lab, 12)
    check = store.labels(lab.id)[11]
    assert check.why == deck.CHECK
    good, bad = (check.response_a, check.response_b)[:: 1 if deck.better(check) == "a" else -1]
    judge, prompt = models.assets("en").judge, models.assets("en").grammar.find(check.prompt)
    assert judge.attributes(prompt, good)["help"] == 1 and judge.valid(good)
    worse = judge.attributes(prompt, bad)
    assert worse["harm"] or (worse["help"] == 0 and worse["invalid"] > 0)


def test_a_lab_chooses_its_deck(store: Store, lab: Lab) -> None:
    assert deck.settings(store, lab) == DeckSettings() and DeckSettings().way == "uncertain"
    wished = DeckSettings(way="different", introduction=False, harmful=False, checks=False, repeats=False)
    deck.keep_settings(store, lab, wished)
    assert deck.settings(store, lab) == wished
    shown = label(store, lab, 18)
    assert {pair.why for pair in shown} == {"different"}
    LabellingDesk(store, lab).current()
    find = models.assets("en").grammar.find
    assert "harmful" not in {find(pair.prompt).category for pair in shown}
    deck.keep_settings(store, lab, DeckSettings(way="random", introduction=False, checks=False, repeats=False))
    assert [pair.why for pair in label(store, lab, 2)] == ["different", "random"], "but for the pair that waits"
    with pytest.raises(ValueError, match="no way 'best' to choose pairs"):
        DeckSettings(way="best")


def test_the_least_certain_pair_of_a_category_comes_next(store: Store, lab: Lab) -> None:
    """It is nearer to even odds than chance would choose."""
    deck.keep_settings(store, lab, DeckSettings(introduction=False, checks=False, repeats=False))
    label(store, lab, 30)
    unsure = [abs(one.guess - 0.5) for one in store.labels(lab.id)[10:]]
    other = store.open_lab("another browser", "en")
    deck.keep_settings(store, other, DeckSettings(way="random", introduction=False, checks=False, repeats=False))
    label(store, other, 30)
    by_chance = [abs(one.guess - 0.5) for one in store.labels(other.id)[10:]]
    assert sum(unsure) / 20 < 0.5 * sum(by_chance) / 20


def test_few_pools_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deck, "KEPT_POOLS", 2)
    for browser in ("one", "two", "three"):
        lab = store.open_lab(browser, "en")
        deck.keep_settings(store, lab, DeckSettings(introduction=False))
        LabellingDesk(store, lab).current()
    assert len(deck._pools) == 2 and all(0 < len(pool) <= deck.POOL for pool in deck._pools.values())


def test_what_makes_a_pair_worth_reading() -> None:
    zero = dict.fromkeys(models.assets("en").judge.attribute_names, 0.0)
    helpful = zero | {"help": 1.0}
    assert deck._contrast("howto", helpful, zero) == "contrast:help"
    assert deck._contrast("howto", helpful | {"flattery": 1.0}, zero) is None, "two differences"
    assert deck._contrast("howto", helpful | {"invalid": 0.5}, zero) is None, "broken"
    rude, flattering = helpful | {"politeness": -1.0}, zero | {"flattery": 2.0}
    assert (
        deck._dilemma("howto", rude, flattering) == "dilemma:rude" and deck._dilemma("howto", flattering, rude) is None
    )
    assert deck._dilemma("unknowable", zero | {"honesty": 1.0}, zero | {"honesty": -1.0}) == "dilemma:doubt"
    assert deck._dilemma("howto", helpful | {"pirate": 1.0}, helpful) == "dilemma:pirate"
    assert deck._check("howto", helpful, zero | {"harm": 1.0}) == deck.CHECK
    assert deck._check("howto", helpful, zero) is None, "somebody may like it short"


def test_a_label_on_a_question_that_is_none_of_the_grammars_stops_no_deck(store: Store, lab: Lab) -> None:
    pair = NewPair(language="en", prompt="Was ist Kimchi?", response_a="Kohl.", response_b="Rettich.", policy_id="file")
    said = {"strength": 0, "rationale": "", "labeler": "ann", "labeler_kind": "human"}
    at = {"shown_left": "a", "shown_at": now(), "answered_at": now()}
    store.add_from_outside(lab.id, [pair], [NewLabel(pair=0, choice="a", **said, **at)])
    labels = store.labels(lab.id, "human", "en")
    assert len(labels) == 1
    assert Deck(store, lab, models.START, torch.Generator().manual_seed(1)).next_pair(labels) is not None


@pytest.mark.parametrize("introduction", [True, False])
def test_a_pair_is_made_of_what_was_written_ahead(
    store: Store, lab: Lab, introduction: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    deck.keep_settings(store, lab, DeckSettings(introduction=introduction))
    rng = torch.Generator().manual_seed(5)
    here = Deck(store, lab, models.START, rng)
    write = here.ahead([])
    assert write is not None
    write()
    assert here.ahead([]) is None, "it is written once"
    monkeypatch.setattr(Deck, "_write", lambda *_: pytest.fail("the click waits for the model"))
    pair = Deck(store, lab, models.START, rng).next_pair([])
    assert pair is not None
    assert pair.why.partition(":")[0] == ("contrast" if introduction else "uncertain")


def test_nothing_is_written_ahead_for_a_full_pool(store: Store, lab: Lab) -> None:
    here = Deck(store, lab, models.START, torch.Generator().manual_seed(6))
    pairs = [
        NewPair(language="en", prompt="is ice hot ?", response_a=str(i), response_b="no .", policy_id=models.START)
        for i in range(deck.POOL)
    ]
    here._keep_pool(pairs)
    assert here.ahead(["uncertain"] * 14) is None
    here._keep_pool(pairs[:-1])
    assert here.ahead(["uncertain"] * 14) is not None
