"""What is inside the reward model of a lab's labels."""

import pytest
import torch

from lab import inspection, models, reward, states
from lab.labelling import LabellingDesk
from lab.reward import RewardFit
from lab.store import Checkpoint, Lab, Store
from rlhf_core.corpus import CATEGORIES
from rlhf_core.neural_reward import NeuralReward
from rlhf_core.reward_ensemble import MEMBERS
from rlhf_core.reward_traps import TRAP_KINDS

PROMPT, ANSWER = "how do i make tea ?", "first boil the water . then add the leaves ."


@pytest.fixture
def fit(store: Store, lab: Lab) -> RewardFit:
    LabellingDesk(store, lab).simulate(30, "default", 0.0, seed=1)
    return reward.fit(store, lab)


def test_what_is_found_agrees_with_the_model(store: Store, lab: Lab, fit: RewardFit) -> None:
    found = inspection.inspect(store, lab, fit)
    differences, margins = reward.reference("en", "attributes")
    predicted = differences @ fit.model.weights
    decided = margins.abs() > 0.1
    right = ((predicted > 0) == (margins > 0))[decided].float().mean()
    assert found.calibration.right == pytest.approx(float(right), abs=0.01)
    assert list(found.categories) == [name for name in CATEGORIES if name in found.categories]
    n = sum(one.interval.n for one in found.categories.values())
    assert n == found.calibration.error.n == int(decided.sum())
    whole = sum(one.interval.rate * one.interval.n for one in found.categories.values()) / n
    assert whole == pytest.approx(found.calibration.right) and found.by_length.keys() == found.categories.keys()
    assert len(found.length.rewards) == 2 * reward.REFERENCE_PAIRS == len(inspection.held_out_texts("en"))
    assert found.length.bias.slope.low < found.length.bias.slope.value < found.length.bias.slope.high
    assert found.length.bias.wins.n == found.length.bias.true_wins.n
    for kind in TRAP_KINDS:
        trap = found.traps[kind][0]
        assert trap.good == pytest.approx(reward.score(fit, trap.pair.prompt.text, trap.pair.good), abs=1e-4)


def test_it_is_looked_at_once_until_a_label_comes(store: Store, lab: Lab, fit: RewardFit) -> None:
    found = inspection.inspect(store, lab, fit)
    assert inspection.inspect(store, lab, reward.fit(store, lab)) is found
    weights = reward.ensemble(store, lab, fit)
    assert reward.ensemble(store, lab, fit) is weights and len(weights) == MEMBERS
    LabellingDesk(store, lab).simulate(1, "default", 0.0, seed=2)
    again = reward.fit(store, lab)
    assert inspection.inspect(store, lab, again) is not found
    assert reward.ensemble(store, lab, again) is not weights


def test_rewards_of_the_start_and_of_a_run_are_of_the_same_questions(
    store: Store, lab: Lab, fit: RewardFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = inspection.spread(store, lab, fit)
    assert len(start.texts) == inspection.SAMPLES == len(start.rewards) == len(start.disagreement)
    assert float(start.rewards[3]) == pytest.approx(reward.score(fit, start.prompts[3], start.texts[3]), abs=1e-4)
    first, *others = (float(start.disagreement[i]) for i in start.unsure)
    assert len(start.unsure) == inspection.UNSURE and first == float(start.disagreement.max())
    assert others == sorted(others, reverse=True) and len({start.texts[i] for i in start.unsure}) == inspection.UNSURE
    means = dict(start.by_category)
    howto = [i for i, name in enumerate(start.categories) if name == "howto"]
    assert means["howto"] == pytest.approx(float(start.disagreement[howto].mean()), abs=1e-5)
    assert list(means.values()) == sorted(means.values(), reverse=True) and "notebook" not in means
    weights = {"policy": {k: torch.zeros_like(v) for k, v in models.assets("en").model.state_dict().items()}}
    saved = Checkpoint(step=4, data=states.dump(weights))
    monkeypatch.setattr(models, "checkpoint", lambda store, language, policy_id: {"run-7": saved}[policy_id])
    trained = inspection.spread(store, lab, fit, "run-7")
    assert trained.prompts == start.prompts and trained.texts != start.texts
    assert trained.gold < start.gold, "a model whose weights are nought writes nonsense"
    monkeypatch.setattr(models, "restored", lambda language, saved: pytest.fail("its answers are kept"))
    assert inspection.spread(store, lab, fit, "run-7").texts == trained.texts


@pytest.mark.parametrize("features", ["attributes", "words"])
def test_an_answer_in_its_parts(store: Store, lab: Lab, fit: RewardFit, features: str) -> None:
    fit = reward.fit(store, lab, "both", features)
    found = inspection.attribution(fit, PROMPT, ANSWER.replace("then", "frobnicate then"))
    score = reward.score(fit, PROMPT, ANSWER)
    assert found.reward == pytest.approx(score, abs=1e-4) and found.neural is None
    unknown = next(one for one in found.tokens if one.token == "frobnicate")
    assert not unknown.known and unknown.worth is None and unknown.own is None
    water = next(one for one in found.tokens if one.token == "water")
    without = reward.score(fit, PROMPT, ANSWER.replace("water ", ""))
    assert water.worth == pytest.approx(score - without, abs=1e-4)
    assert water.own == pytest.approx(dict(reward.explain(fit))["water"])
    (_, worth), (last, _) = found.sentences
    assert last == "then add the leaves ." and worth == pytest.approx(score - reward.score(fit, PROMPT, last), abs=1e-4)


def test_what_lies_behind_the_last_word_that_it_reads_is_worth_nothing(fit: RewardFit) -> None:
    longest = models.assets("en").model.config.response_length - 1
    found = inspection.attribution(fit, PROMPT, " ".join(["water"] * (longest + 2)))
    assert [one.worth is None for one in found.tokens] == [False] * longest + [True] * 2
    assert all(one.known for one in found.tokens)


def test_the_latest_network_that_was_saved_takes_part(store: Store, lab: Lab, fit: RewardFit) -> None:
    assets = models.assets("en")
    inputs = {"language": "en", "network": "lstm", "sees_prompt": True}
    run_id = store.add_run(lab.id, config={}, stage="reward", inputs=inputs, seed=0, status="paused", pace=0)
    assert inspection.neural_run(store, lab) is None, "it has saved nothing yet"
    network = NeuralReward("lstm", assets.model, assets.tokenizer)
    network.network.score.weight.data.fill_(0.5)
    store.save_checkpoint(run_id, 1, states.dump({"network": network.network.state_dict()}))
    run = inspection.neural_run(store, lab)
    assert run is not None and run.id == run_id
    found = inspection.attribution(fit, PROMPT, ANSWER, inspection.neural_scorer(store, run))
    assert found.neural == pytest.approx(float(network.score([PROMPT], [ANSWER])), abs=1e-5) and found.neural != 0
    shorter = float(network.score([PROMPT], [ANSWER.removeprefix("first ")]))
    assert found.tokens[0].neural == pytest.approx(found.neural - shorter, abs=1e-5)
