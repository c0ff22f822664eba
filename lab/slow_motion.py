"""The next iteration of a lab's PPO, taken apart; the run that it is of stays as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lab import models, ppo, reward, states
from lab.jobs import spec_of
from lab.remembered import Remembered
from lab.store import Lab, Run, Store
from rlhf_core.headless import generator
from rlhf_core.ppo import PPOConfig, PPOTrainer
from rlhf_core.reward_model import RewardModel
from rlhf_core.slow_motion import SlowMotion, take_apart

KEPT = 8
"""Labs whose iteration is kept; one takes about a megabyte."""


@dataclass(frozen=True)
class Iteration:
    """An iteration taken apart, of a run or, where there is none, of the start with the lab's labels of now."""

    motion: SlowMotion
    run: int | None
    """The run's number."""


_iterations: Remembered[Iteration] = Remembered(KEPT)


def shown(store: Store, lab: Lab, run: Run | None, source: str, features: str, anew: bool = False) -> Iteration:
    """The iteration of this lab that was taken apart last, while it is of the same run; else, or if asked anew, the one
    that comes after the run's last checkpoint. source, features: of the reward model where there is no run."""
    key, version = (lab.key, lab.language), (run and run.id, None if run else (source, features))
    if anew:
        _iterations.keep(key, version, _next(store, lab, run, source, features))
    return _iterations.of(key, version, lambda: _next(store, lab, run, source, features))


def _next(store: Store, lab: Lab, run: Run | None, source: str, features: str) -> Iteration:
    if run is None:
        return Iteration(take_apart(_from_the_start(store, lab, source, features)), None)
    trainer = ppo.trainer_of(replace(spec_of(run), config=run.config), store)
    if saved := store.checkpoint(run.id):
        trainer.load_state_dict(states.load(saved.data))
    return Iteration(take_apart(trainer), run.number)


def _from_the_start(store: Store, lab: Lab, source: str, features: str) -> PPOTrainer:
    assets, fit = models.assets(lab.language), reward.fit(store, lab, source, features)
    prompts = [prompt.text for prompt in assets.grammar.split("train")]
    return PPOTrainer(assets.model, fit.model.reward, prompts, assets.tokenizer, PPOConfig(), seed=0)


@dataclass(frozen=True)
class Episode:
    """One answer as the Markov decision process that PPO sees. Texts are tokens."""

    prompt: str
    actions: tuple[str, ...]
    """The words, and "<eos>" if the answer ended."""
    reward: float
    """In standard deviations above the start's mean answer."""
    run: int | None
    step: int


_episodes: Remembered[Episode] = Remembered(KEPT)


def episode(store: Store, lab: Lab, run: Run | None, source: str, features: str) -> Episode:
    """An answer of a run's latest samples, or of the start where no run has answered yet."""
    key = lab.key, lab.language
    if run and run.step:
        return _episodes.of(key, (run.id, run.step), lambda: _of_run(store, run))
    model = reward.fit(store, lab, source, features).model
    return _episodes.of(key, model, lambda: _of_start(lab.language, model))


def _of_run(store: Store, run: Run) -> Episode:
    samples, longest = store.run_samples(run.id), models.assets(run.inputs["language"]).model.config.response_length
    assert samples is not None, "PPO keeps samples of every step"
    # The longest answer: it has the most to show of a state.
    prompt, text = max(zip(samples["prompts"], samples["now"], strict=True), key=lambda pair: len(pair[1].split()))
    reward_model = ppo.kept_reward_model(store, run.inputs["language"], run.inputs["reward_model"])
    score = float(reward_model.reward([prompt], [text])[0])
    return Episode(prompt, _actions(text, len(text.split()) < longest), score, run.number, run.step)


def _of_start(language: str, model: RewardModel) -> Episode:
    assets = models.assets(language)
    prompt = assets.grammar.split("validation")[0].text
    (answer,) = assets.model.generate([prompt], tokenizer=assets.tokenizer, rng=generator(0, "episode"))
    score = float(model.reward([prompt], [answer.text])[0])
    return Episode(prompt, _actions(answer.text, answer.ended), score, None, 0)


def _actions(text: str, ended: bool) -> tuple[str, ...]:
    return (*text.split(), *(("<eos>",) if ended else ()))
