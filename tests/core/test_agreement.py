"""Figures of agreement against values that were worked by hand."""

import numpy as np
import pytest

from rlhf_core.agreement import Agreement, Item, cohen_kappa, krippendorff_alpha, percent_agreement


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def two(*pairs: tuple[str, str, int]) -> list[Item]:
    """Items that two annotators judged: what each said, and how often."""
    return [{"x": first, "y": second} for first, second, times in pairs for _ in range(times)]


# Fifty grants, read twice: the 2x2 table by which Cohen's kappa is mostly taught.
GRANTS = two(("yes", "yes", 20), ("yes", "no", 5), ("no", "yes", 10), ("no", "no", 15))

# Krippendorff (2011), section C: 4 observers, 12 units, a dot where there is no value.
OBSERVERS = {
    "A": "1 2 3 3 2 1 4 1 2 . . .",
    "B": "1 2 3 3 2 2 4 1 2 5 . 3",
    "C": ". 3 3 3 2 3 4 2 2 5 1 .",
    "D": "1 2 3 3 2 4 4 1 2 5 1 .",
}
UNITS: list[Item] = [
    {name: values.split()[unit] for name, values in OBSERVERS.items() if values.split()[unit] != "."}
    for unit in range(12)
]


def test_kappa_of_the_table_that_is_taught() -> None:
    # p_o = (20 + 15) / 50 = .7; yes: 25/50 and 30/50, no: 25/50 and 20/50, so p_e = .5 * .6 + .5 * .4 = .5;
    # kappa = (.7 - .5) / (1 - .5) = .4.
    found = cohen_kappa(GRANTS, "x", "y", rng())
    assert found.value == pytest.approx(0.4) and (found.items, found.left_out) == (50, 0)
    # Large-sample standard error sqrt(p_o (1 - p_o) / (n (1 - p_e)^2)) = sqrt(.21 / 12.5) = .13.
    assert found.low == pytest.approx(0.4 - 1.96 * 0.13, abs=0.05)
    assert found.high == pytest.approx(0.4 + 1.96 * 0.13, abs=0.05)
    assert percent_agreement(GRANTS, rng()).value == pytest.approx(0.7)


def test_kappa_of_three_choices() -> None:
    # Worse than chance. 200 items, in shares: rows .25 .13 .12, .12 .02 .16, .03 .15 .02 add up to .50 .30 .20, columns
    # to .40 .30 .30. p_o = .25 + .02 + .02 = .29; p_e = .5 * .4 + .3 * .3 + .2 * .3 = .35; kappa = -.06 / .65 = -.092.
    table = {"a": (50, 26, 24), "b": (24, 4, 32), "c": (6, 30, 4)}
    items = two(*((x, y, n) for x, row in table.items() for y, n in zip("abc", row, strict=True)))
    assert len(items) == 200
    assert cohen_kappa(items, "x", "y", rng()).value == pytest.approx(-0.06 / 0.65)


def test_alpha_of_krippendorffs_example() -> None:
    # Unit 12 has a single value. Of the other n = 40, 1 occurs 9 times, 2: 13, 3: 10, 4: 5, 5: 3. Unequal ordered pairs
    # over (values - 1): unit 2 (2 2 3 2): 6 / 3; unit 6 (1 2 3 4): 12 / 3; unit 8 (1 1 2 1): 6 / 3; others 0: 8 in all.
    # Unequal pairs by chance: 40^2 - (81 + 169 + 100 + 25 + 9) = 1216; alpha = 1 - 39 * 8 / 1216 = .7434.
    found = krippendorff_alpha(UNITS, rng())
    assert found.value == pytest.approx(1 - 39 * 8 / 1216) and round(found.value, 3) == 0.743
    assert (found.items, found.left_out, found.undefined) == (11, 1, None)
    assert found.low is not None and found.high is not None and found.low < found.value < found.high <= 1


def test_percent_agreement_counts_pairs_of_votes() -> None:
    # Three votes, two of them equal: 1 pair of 3; two equal votes: 1 of 1; together 2 of 4. A single vote is left out.
    items = [{"x": "a", "y": "a", "z": "b"}, {"x": "b", "z": "b"}, {"y": "a"}]
    found = percent_agreement(items, rng())
    assert found.value == pytest.approx(0.5) and (found.items, found.left_out) == (2, 1)


def test_kappa_leaves_out_what_only_one_of_the_two_judged() -> None:
    others: list[Item] = [{"x": "yes"}, {"y": "no", "z": "no"}, {}]
    found = cohen_kappa([*GRANTS, *others], "x", "y", rng())
    assert found.value == pytest.approx(0.4) and found.left_out == 3


def test_alpha_of_two_annotators_by_hand() -> None:
    # 10 items, 0 1: they differ in 4. n = 20, choices 14 and 6; D = 4 * 2 / (2 - 1) = 8 unequal ordered pairs;
    # by chance 400 - (196 + 36) = 168; alpha = 1 - 19 * 8 / 168 = .0952.
    items = two(("0", "0", 5), ("1", "1", 1), ("0", "1", 3), ("1", "0", 1))
    assert krippendorff_alpha(items, rng()).value == pytest.approx(1 - 19 * 8 / 168)


FIGURES = {
    "percent": percent_agreement,
    "kappa": lambda items, rng: cohen_kappa(items, "x", "y", rng),
    "alpha": krippendorff_alpha,
}


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("items", [[], [{}], [{"x": "a"}] * 5, [{"x": "a", "y": "b"}]])
def test_fewer_than_two_items_tell_nothing(name: str, items: list[Item]) -> None:
    found: Agreement = FIGURES[name](items, rng())
    assert (found.value, found.low, found.high, found.undefined) == (None, None, None, "too_few_items")
    assert found.items + found.left_out == len(items)


@pytest.mark.parametrize("name", ["kappa", "alpha"])
def test_where_all_chose_the_same_there_is_no_chance_to_beat(name: str) -> None:
    items = two(("a", "a", 9))
    assert FIGURES[name](items, rng()) == Agreement(
        value=None, low=None, high=None, items=9, left_out=0, undefined="one_choice"
    )
    assert percent_agreement(items, rng()).value == 1


@pytest.mark.parametrize("name", FIGURES)
def test_perfect_agreement_is_one(name: str) -> None:
    found = FIGURES[name](two(("a", "a", 9), ("b", "b", 7)), rng())
    assert found.value == found.low == found.high == pytest.approx(1)


@pytest.mark.parametrize("name", ["kappa", "alpha"])
def test_votes_by_chance_are_near_zero_and_the_interval_covers_it(name: str) -> None:
    covered, values = 0, []
    for seed in range(40):
        drawn = rng(seed)
        items = [{"x": str(drawn.integers(3)), "y": str(drawn.integers(3))} for _ in range(100)]
        found = FIGURES[name](items, drawn)
        values.append(found.value)
        covered += found.low <= 0 <= found.high
    assert abs(np.mean(values)) < 0.03 and covered >= 34


@pytest.mark.parametrize("name", ["kappa", "alpha"])
def test_resamples_without_a_value_are_passed_over(name: str) -> None:
    # Half of the resamples of these two items hold one of them twice; .37 of those of the 401 lack the one b.
    for items in (two(("a", "a", 1), ("b", "b", 1)), two(("a", "a", 400), ("b", "b", 1))):
        found = FIGURES[name](items, rng(3))
        assert found.value == found.low == found.high == 1


@pytest.mark.parametrize("name", FIGURES)
def test_the_generator_alone_decides(name: str) -> None:
    assert FIGURES[name](GRANTS, rng(1)) == FIGURES[name](GRANTS, rng(1))
    assert len({FIGURES[name](GRANTS, rng(seed)).low for seed in range(8)}) > 1
