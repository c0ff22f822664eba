import math

import pytest
import torch

from rlhf_core import evaluation
from rlhf_core.annotators import ANNOTATORS, Annotator, generate_preference_data
from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.preferences import PreferenceData, PreferenceDataset, margin, target
from rlhf_core.reward_model import FEATURE_SETS, RewardModel, fit_bradley_terry
from rlhf_core.tokenizer import UnknownWordsError


def test_the_map_of_one_pair_by_hand() -> None:
    """One pair, one feature, d = 1, y = 1, precision 1: the optimum solves w = s(-w), w = .401058."""
    w = fit_bradley_terry(torch.tensor([[1.0]]), torch.tensor([1.0]), 1.0)
    assert float(w) == pytest.approx(0.401058, abs=1e-5)
    assert float(w) == pytest.approx(1 / (1 + math.exp(float(w))), abs=1e-5)


def test_the_gradient_vanishes_at_the_fit() -> None:
    rng = torch.Generator().manual_seed(0)
    d, y = torch.randn(30, 50, generator=rng), torch.randint(2, (30,), generator=rng).float()
    w = fit_bradley_terry(d, y, 0.3).double()
    gradient = d.double().T @ (y.double() - torch.sigmoid(d.double() @ w)) - 0.3 * w
    assert float(gradient.abs().max()) < 1e-4


def test_few_pairs_and_many_pairs_are_fitted_alike() -> None:
    """Columns of zeros change nothing but the way it is solved."""
    rng = torch.Generator().manual_seed(2)
    d, y = torch.randn(40, 6, generator=rng), torch.randint(2, (40,), generator=rng).float()
    among_features = fit_bradley_terry(d, y, 0.3)
    among_pairs = fit_bradley_terry(torch.cat([d, torch.zeros(40, 60)], 1), y, 0.3)
    torch.testing.assert_close(among_pairs[:6], among_features, atol=1e-5, rtol=1e-5)
    assert not among_pairs[6:].any()


def test_mirrored_labels_give_mirrored_weights_and_ties_give_none() -> None:
    rng = torch.Generator().manual_seed(1)
    d, y = torch.randn(20, 8, generator=rng), torch.randint(2, (20,), generator=rng).float()
    w = fit_bradley_terry(d, y, 0.3)
    torch.testing.assert_close(fit_bradley_terry(d, 1 - y, 0.3), -w)
    torch.testing.assert_close(fit_bradley_terry(-d, 1 - y, 0.3), w)
    assert fit_bradley_terry(d, torch.full((20,), 0.5), 0.3).abs().max() < 1e-6


def test_a_model_without_labels_calls_every_pair_even(assets: LanguageAssets) -> None:
    model = RewardModel(assets.extractor("attributes"))
    assert model.probability("can you help ?", "i like music .", "yes , i can help .") == 0.5
    model.fit(torch.zeros(0, len(model.weights)), torch.zeros(0))
    assert not model.weights.any()


def test_unknown_words_of_a_response_are_passed_over_and_those_of_a_prompt_named(assets: LanguageAssets) -> None:
    extractor = assets.extractor("words")
    plain = extractor.features(["can you help ?"], ["i like music ."])
    torch.testing.assert_close(extractor.features(["can you help ?"], ["i like xyzzy music ."]), plain)
    with pytest.raises(UnknownWordsError, match="'xyzzy'"):
        extractor.features(["can you xyzzy ?"], ["i like music ."])
    assert extractor.features(["can you help ?"], [""]).isfinite().all()
    with pytest.raises(ValueError, match="'colours'"):
        assets.extractor("colours")


@pytest.mark.parametrize("kind", FEATURE_SETS)
def test_features_do_not_depend_on_the_company(assets: LanguageAssets, kind: str) -> None:
    """Padding beside a longer answer counts for nothing."""
    extractor = assets.extractor(kind)
    prompt, short = "can you help ?", "yes ."
    long = "thank you for asking . yes , i can help . this is safe and helpful ."
    alone = extractor.features([prompt], [short])
    together = extractor.features([prompt, "hello . how do i make tea ?"], [short, long])
    torch.testing.assert_close(alone[0], together[0], atol=1e-4, rtol=1e-4)


def test_a_bag_of_words_knows_neither_order_nor_prompt_and_thrice_is_thrice(assets: LanguageAssets) -> None:
    extractor = assets.extractor("bag_of_words")
    assert extractor.names == assets.tokenizer.words
    prompts = ["can you help ?", "how do i make tea ?", "can you help ?"]
    there, turned, thrice = extractor.features(prompts, ["i can help .", ". help can i", "help help help"])
    torch.testing.assert_close(there, turned)
    assert thrice.sum() == 3 * there[assets.tokenizer.id("help")] == thrice[assets.tokenizer.id("help")]


def labels(assets: LanguageAssets, name: str, n: int, noise: float = 0.0, mirrored: bool = False) -> PreferenceDataset:
    values = ANNOTATORS[name].negated() if mirrored else ANNOTATORS[name]
    annotator = Annotator(name, values, assets.judge, noise)
    prompts, rng = assets.grammar.split("train"), torch.Generator().manual_seed(5)
    return generate_preference_data(assets.model, assets.tokenizer, prompts, annotator, n, rng).dataset


def fitted(assets: LanguageAssets, data: PreferenceDataset, features: str = "attributes") -> RewardModel:
    model = RewardModel(assets.extractor(features))
    a = model.extractor.features(data.prompts, data.responses_a)
    b = model.extractor.features(data.prompts, data.responses_b)
    model.fit(a - b, data.targets)
    return model


def test_fifty_labels_teach_it_and_the_opposite_values_as_well(each_assets: LanguageAssets) -> None:
    """Held-out accuracy on validation pairs; the prior favours nobody."""
    assets = each_assets
    rng = torch.Generator().manual_seed(6)
    pairs = evaluation.held_out_pairs(assets.model, assets.tokenizer, assets.grammar.split("validation"), 300, rng)
    differences = pairs.differences(assets.extractor("attributes"))
    for name in ("default", "politeness-only"):
        rates = []
        for mirrored in (False, True):
            values = ANNOTATORS[name].negated() if mirrored else ANNOTATORS[name]
            model = fitted(assets, labels(assets, name, 50, mirrored=mirrored))
            margins = pairs.margins(assets.judge, values)
            rates.append(evaluation.accuracy(differences @ model.weights, margins).interval.rate)
        assert rates[0] > 0.8, name
        assert abs(rates[0] - rates[1]) <= 0.03, name


def test_an_effect_is_what_one_more_word_adds_to_the_score(assets: LanguageAssets) -> None:
    model = fitted(assets, labels(assets, "politeness-only", 30), "words")
    once, twice = model.extractor.features(["can you help ?"] * 2, ["nice", "nice nice"])
    word = model.extractor.names.index("nice")
    alone = torch.zeros_like(once)
    alone[word] = (twice - once)[word]
    assert float(alone @ model.weights) == pytest.approx(float(model.effects[word]))
    assert float(model.effects[word]) != 0


def test_rewards_are_normalised_for_ppo(assets: LanguageAssets) -> None:
    data = labels(assets, "default", 30)
    model = fitted(assets, data)
    features = model.extractor.features(data.prompts, data.responses_a)
    model.normalise(features)
    rewards = model.reward(data.prompts, data.responses_a)
    assert float(rewards.mean()) == pytest.approx(0, abs=1e-4) and float(rewards.std()) == pytest.approx(1, abs=1e-4)
    again = RewardModel(assets.extractor("attributes"))
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.reward(data.prompts, data.responses_a), rewards)
    with pytest.raises(ValueError, match="'attributes'"):
        RewardModel(assets.extractor("words")).load_state_dict(model.state_dict())


def test_label_noise_turns_the_stated_share_round(assets: LanguageAssets) -> None:
    clean, noisy = (labels(assets, "default", 200, noise) for noise in (0.0, 0.25))
    turned = sum(a.preferred != b.preferred for a, b in zip(clean, noisy, strict=True))
    assert clean.prompts == noisy.prompts
    assert 30 <= turned <= 70, "a quarter of 200, four standard deviations either way"
    with pytest.raises(ValueError, match=r"0\.7"):
        Annotator("default", ANNOTATORS["default"], assets.judge, 0.7)


def test_preference_data_swaps_and_refuses() -> None:
    pair = PreferenceData(prompt="p", response_a="x", response_b="y", preferred="a")
    assert pair.target == 1.0
    assert (pair.swapped().response_a, pair.swapped().preferred) == ("y", "b")
    assert pair.swapped().swapped() == pair
    with pytest.raises(ValueError, match="'c'"):
        PreferenceData(prompt="p", response_a="x", response_b="y", preferred="c")  # type: ignore[arg-type]


def test_a_strength_is_a_target_whose_log_odds_are_its_margin() -> None:
    for strength, said in ((0, 1.0), (1, 0.75), (2, 0.99)):
        pair = PreferenceData(prompt="p", response_a="x", response_b="y", preferred="a", strength=strength)
        assert pair.target == pytest.approx(said) and pair.swapped().target == pytest.approx(1 - said)
    assert target("tie", 2) == 0.5
    assert margin(0) is None
    assert margin(1) == pytest.approx(math.log(3)) and margin(2) == pytest.approx(math.log(99))
    # One pair, d = 1, and hardly a prior: the rewards come to differ by the margin.
    for strength in (1, 2):
        w = fit_bradley_terry(torch.tensor([[1.0]]), torch.tensor([target("b", strength)]), 1e-6)
        assert float(w) == pytest.approx(-margin(strength), abs=1e-2)
    with pytest.raises(ValueError, match="strength must be 0, 1, 2 or 3, not 4"):
        PreferenceData(prompt="p", response_a="x", response_b="y", preferred="a", strength=4)


def test_an_unsure_annotator_errs_where_answers_are_nearly_equal_and_then_says_slightly(assets: LanguageAssets) -> None:
    sure = Annotator("default", ANNOTATORS["default"], assets.judge)
    unsure = Annotator("default", ANNOTATORS["default"], assets.judge, utility_noise=1.0)
    data = labels(assets, "default", 300)
    rng = torch.Generator().manual_seed(4)
    wrong: list[float] = []
    for pair in data:
        prompt = assets.grammar.find(pair.prompt)
        assert prompt is not None
        margin_ = sure.margin(prompt, pair.response_a, pair.response_b)
        preferred, strength = sure.grades(prompt, pair.response_a, pair.response_b, rng)
        assert preferred == pair.preferred and strength == (2 if abs(margin_) > 1.7 else 1)
        preferred, strength = unsure.grades(prompt, pair.response_a, pair.response_b, rng)
        if preferred not in ("tie", pair.preferred):
            wrong.append(abs(margin_))
    assert 10 <= len(wrong) <= 60 and max(wrong) < 3.5, "of 300; beyond 3.5 standard deviations one in 4000 errs"
    with pytest.raises(ValueError, match="utility noise must lie between 0 and 10, not -1"):
        Annotator("default", ANNOTATORS["default"], assets.judge, utility_noise=-1)
