import math

import pytest

from rlhf_core.over_optimisation import FORMS, fit

D = [0.0, 0.3, 0.7, 1.2, 2.0, 3.1]


def test_each_law_is_found_again_from_its_own_points() -> None:
    laws = {
        "best-of-n": lambda d: d * (1.5 - 0.4 * d),
        "rl": lambda d: d * (1.5 - 0.4 * math.log(d)) if d else 0.0,
    }
    peaks = {"best-of-n": 1.5 / 0.8, "rl": math.exp(1.5 / 0.4 - 1)}
    for form in FORMS:
        rewards = [laws[form](d) for d in D]
        found = fit(D, rewards, form)
        assert found is not None
        assert (found.alpha, found.beta) == (pytest.approx(1.5), pytest.approx(0.4))
        assert found.residual == pytest.approx(0, abs=1e-9) and found.n == 5, "the start says nothing"
        assert found.peak == pytest.approx(peaks[form])
        assert [found(d) for d in D] == pytest.approx(rewards)
        other = fit(D, rewards, next(name for name in FORMS if name != form))
        assert other is not None and other.residual > 0.05


def test_least_squares_by_hand() -> None:
    # of d (alpha - beta d) through (1, 1), (1, 3), (2, 2) and (3, 0), by the normal equations
    d, r = [1.0, 1.0, 2.0, 3.0], [1.0, 3.0, 2.0, 0.0]
    s2, s3, s4 = (sum(x**k for x in d) for k in (2, 3, 4))
    t1, t2 = (sum(y * x**k for x, y in zip(d, r, strict=True)) for k in (1, 2))
    determinant = s2 * s4 - s3**2
    alpha, beta = (t1 * s4 - t2 * s3) / determinant, (t1 * s3 - t2 * s2) / determinant
    found = fit(d, r, "best-of-n")
    assert found is not None
    assert (found.alpha, found.beta) == (pytest.approx(alpha), pytest.approx(beta))
    squares = [(x * (alpha - beta * x) - y) ** 2 for x, y in zip(d, r, strict=True)]
    assert found.residual == pytest.approx(math.sqrt(sum(squares) / 4))


def test_a_law_that_never_turns_has_no_peak_and_two_points_no_law() -> None:
    rising = fit(D, [d * (0.5 + 0.1 * d) for d in D], "best-of-n")
    assert rising is not None and rising.peak is None
    assert fit([0.0, 1.0, 2.0], [0.0, 1.0, 1.0], "rl") is None
    assert fit([], [], "rl") is None
    with pytest.raises(ValueError, match="no form 'cubic'; choose one of best-of-n, rl"):
        fit(D, D, "cubic")
