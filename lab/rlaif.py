"""RLAIF: the lab's constitution labels pairs in a person's place, a reward model is fitted to them, and PPO runs on it.

Labelling is done once, when the run is prepared; from there on the job is `lab.ppo`'s.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lab import constitution, models, ppo, sl_cai, states
from lab.jobs import JobSpec
from lab.store import Store
from rlhf_core import evaluation, headless
from rlhf_core.annotators import NothingToPreferError, PreferenceSample, generate_preference_data
from rlhf_core.constitution import parse
from rlhf_core.preferences import PreferenceData
from rlhf_core.rlaif import ConstitutionAnnotator, agreement_between

STAGE = "rlaif"
FEWEST_LABELS, MOST_LABELS, DEFAULT_LABELS = 20, 2000, 400
SHOWN_EXAMPLES = 6


def prepare(spec: JobSpec, store: Store) -> JobSpec:
    """Refuse what can't be trained, by a ValueError; label, fit, and freeze all that the run is made from.

    spec.inputs: "lab" (id), and if they are not to be the usual ones "labels" (how many), "features", "start" ("start",
    or "run-<id>" of SL-CAI: its policy as it is now) and "constitution". Returned as `constitution.freeze` has it, with
    "reward_model" and for a run's policy "start_policy", artifacts' ids, "labels_used", "simulated_used" and "ties" (0:
    "even" pairs were put aside), "agreement" with gold on the labelled pairs ("agreed" of "decided"), and "examples" of
    them ("prompt", "preferred", "other").
    """
    ppo.ppo_config(spec.config)
    if "reward_model" in spec.inputs:
        return spec
    usual = {"labels": DEFAULT_LABELS, "features": "attributes", "start": models.START}
    inputs = constitution.freeze(store, {**usual, **spec.inputs})
    language, n = inputs["language"], inputs["labels"]
    if n not in range(FEWEST_LABELS, MOST_LABELS + 1):
        raise ValueError(f"The number of labels must lie between {FEWEST_LABELS} and {MOST_LABELS}, not {n}.")
    _check_start(store, inputs)
    judge = constitution.judge(language, parse(inputs["constitution"]))
    assets, policy = models.assets(language), models.policy(store, language, inputs["start"])
    try:
        sample = generate_preference_data(
            policy, assets.tokenizer, assets.grammar.split("train"), ConstitutionAnnotator(judge), n,
            headless.generator(spec.seed, "labels"),
        )  # fmt: skip
    except NothingToPreferError as error:
        raise ValueError(
            "The constitution finds nearly all answers equal, so there is nothing to learn: switch principles on or "
            "give them more weight."
        ) from error
    fitted = headless.fit_reward_model(assets, sample, inputs["features"])
    made_from = {"labels_used": n, "simulated_used": 0, "ties": 0}
    about = {name: inputs[name] for name in ("features", "language", "constitution_number")}
    inputs |= made_from | _told(language, sample)
    meta = {"source": "constitution", **about, **made_from}
    inputs["reward_model"] = ppo.keep_reward_model(store, inputs["lab"], fitted, meta)
    if inputs["start"] != models.START:
        inputs["start_policy"] = store.add_artifact(
            inputs["lab"], "policy", {"policy": inputs["start"], "language": language}, states.dump(policy.state_dict())
        )
    return replace(spec, inputs=inputs)


def _check_start(store: Store, inputs: dict[str, Any]) -> None:
    """Refuse to start from anything but the start and an SL-CAI run of this lab and language."""
    runs = store.runs(inputs["lab"], sl_cai.STAGE, inputs["language"])
    known = [models.START, *(f"run-{run.id}" for run in runs)]
    if inputs["start"] not in known:
        raise ValueError(
            f"RLAIF can't start from {inputs['start']!r}; choose 'start' or an SL-CAI run of this lab that speaks "
            f"{inputs['language']!r}."
        )


def _told(language: str, sample: PreferenceSample) -> dict[str, Any]:
    """What is shown of the labels."""
    data = sample.dataset
    gold = evaluation.gold_preferences(models.assets(language).judge, data)
    agreed = agreement_between([pair.preferred for pair in data], gold)
    return {
        "even": sample.dropped_as_ties,
        "agreement": {"agreed": agreed.agreed, "decided": agreed.decided},
        "examples": [_example(pair) for pair in data[:SHOWN_EXAMPLES]],
    }


def _example(pair: PreferenceData) -> dict[str, str]:
    preferred, other = (
        (pair.response_a, pair.response_b) if pair.preferred == "a" else (pair.response_b, pair.response_a)
    )
    return {"prompt": pair.prompt, "preferred": preferred, "other": other}
