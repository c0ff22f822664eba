"""Two languages that say the same things, and the choice between them."""

import re
import string
from pathlib import Path

import pytest

from lab.checklist import NOTEBOOK, OURS
from rlhf_core.annotators import ANNOTATORS
from rlhf_core.gold import ATTRIBUTES
from rlhf_core.metrics import METRICS
from rlhf_core.reward_model import PMI_NAMES
from ui.i18n import LANGUAGES, catalogue, choose_language, translate
from ui.map_view import FIGURES

ROOT = Path(__file__).parents[2]


def slots(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_both_languages_have_every_key() -> None:
    assert catalogue("en").keys() == catalogue("ko").keys()


def test_both_languages_fill_the_same_slots() -> None:
    english, korean = catalogue("en"), catalogue("ko")
    differing = {key for key in english if slots(english[key]) != slots(korean[key])}
    assert not differing


def test_no_sentence_is_empty_or_left_untranslated() -> None:
    hangul = re.compile("[가-힣]")
    without_words = {  # names and numbers
        "home.title", "map.ppo", "problem.interval", "ppo.nav", "ppo.title", "frame.none", "mark.kl_coef",
        "mark.other", "critique.score", "neural.network_lstm",
        "constitution.view_sl", "constitution.view_rlaif", "compare.sl", "compare.rlaif", "compare.ppo",
        "compare.interval", "exam.interval", "team_exam.interval", "exam.milliseconds", "exam.spl", "mazeppo.name",
        "class.agrees_cell", "class.gold_cell", "class.kappa_pair",
        "algorithms.step", "algorithms.interval", "algorithms.bound", "overopt.alpha", "overopt.beta",
        "overopt.turns_at",
        "inside.ece", "inside.mean_sd", "inside.category_n", "inside.trap_count",
        "lm.entropies", "lm.top_k", "pretrain.gpt", "pretrain.lstm",

        "advanced.gae_lambda", "chart.k1", "chart.k2", "chart.k3", "mark.gae_lambda", "mark.switched",
        "slow.answer_name",
    }  # fmt: skip
    untranslated = {key for key, text in catalogue("ko").items() if not hangul.search(text)} - without_words
    assert not untranslated
    assert all(text.strip() for language in LANGUAGES for text in catalogue(language).values())


def test_every_key_in_the_code_exists() -> None:
    sources = [*(ROOT / "ui").glob("*.py"), *(ROOT / "pages").glob("*.py")]
    named = {key for path in sources for key in re.findall(r'\bt\(\s*"([a-z_.]+)"', path.read_text("utf-8"))}
    assert len(named) > 80
    assert named <= catalogue("en").keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_core_names_has_a_name_on_the_page(language: str) -> None:
    keys = catalogue(language).keys()
    assert {f"metric.{name}.{part}" for name in METRICS for part in ("name", "sentence")} <= keys
    assert {f"attribute.{name}" for name in (*ATTRIBUTES, *PMI_NAMES)} <= keys
    assert {f"annotator.{name}" for name in ANNOTATORS} <= keys


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_stage_of_the_map_has_a_name_and_a_way_in_each_state(language: str) -> None:
    keys = catalogue(language).keys()
    ways = dict.fromkeys(FIGURES, ("none", "going", "done")) | {"model": ("done",), "outlook": ("none", "done")}
    assert {f"map.{name}_go_{state}" for name, states in ways.items() for state in states} <= keys
    assert {f"map.{name}" for name in (*FIGURES, "none", "going", "done")} <= keys
    assert {f"checklist.{name}" for name in (*NOTEBOOK, *OURS)} <= keys


def test_particles_and_formats_in_slots() -> None:
    said = translate("ko", "label.reveal_hit", side="A", confidence=0.78)
    assert "A를 예측" in said and "78%" in said
    said = translate("ko", "label.reveal_miss", side="B", confidence=0.5)
    assert "B를" in said


def test_the_language_is_the_address_then_the_choice_then_the_browser() -> None:
    assert choose_language("ko", "en", "en-US") == "ko"
    assert choose_language(None, "ko", "en-US") == "ko"
    assert choose_language(None, None, "ko-KR") == "ko"
    assert choose_language("xx", "", "fr-FR") == "en"
    assert choose_language(None, None, None) == "en"
