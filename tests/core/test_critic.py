import pytest
import torch

from rlhf_core.checkpoints import LanguageAssets
from rlhf_core.checkpoints.make import begin_critic
from rlhf_core.constitution import default_constitution
from rlhf_core.corpus import load_grammar
from rlhf_core.critic import CRITIQUE_WORDS, FIELD, Critic, critic_config, critic_tokenizer, quoting
from rlhf_core.language_model import BOS, PAD, SEP, MiniLM


@pytest.fixture
def critic(each_assets: LanguageAssets) -> Critic:
    """One that has learnt nothing."""
    tokenizer = critic_tokenizer(each_assets.grammar)
    config = critic_config(each_assets.model.config, len(tokenizer))
    return Critic(MiniLM(config, torch.Generator().manual_seed(0)).eval(), tokenizer, each_assets.grammar)


def test_it_knows_the_grammar_first_and_every_word_of_critiques_and_requests(
    each_assets: LanguageAssets, critic: Critic
) -> None:
    """The ids of the grammar's words are the language model's, so that its embedding can be taken over."""
    grammar, words = each_assets.grammar, CRITIQUE_WORDS[each_assets.language]
    assert critic.tokenizer.words[: len(each_assets.tokenizer)] == each_assets.tokenizer.words
    for text in (words.follows, words.violates, *words.reasons.values(), quoting(words.says[0], grammar.words[-1])):
        assert critic.tokenizer.unknown(text) == []
    for p in default_constitution(grammar.language).principles:
        assert critic.unknown(p.critique_request) == critic.unknown(p.revision_request) == []
    assert critic.unknown("Xyzzy?") == ["xyzzy"]


def test_fields_are_laid_out_and_padded_on_the_left(critic: Critic) -> None:
    a, b = critic.tokenizer.words[5:7]
    (row,) = critic.ids([(f"{a} {b}", f"{b} xyzzy", "")]).tolist()
    assert row == [PAD] * 89 + [BOS, 5, 6, SEP, 6, SEP, SEP] and len(row) == 96


def test_a_long_field_is_cut_and_of_too_many_the_first_is_lost(critic: Critic) -> None:
    """Four fields of 31 and four <sep> are 128; with <bos> 96 are left: the last 95."""
    a, b, c, d = critic.tokenizer.words[5:9]
    (row,) = critic.ids([[" ".join([word] * 40) for word in (a, b, c, d)]]).tolist()
    whole = [token for i in (5, 6, 7, 8) for token in [*[i] * FIELD, SEP]]
    assert len(whole) == 128 and row == [BOS, *whole[-95:]]


def test_a_critique_begins_with_the_verdict_that_it_is_given(critic: Critic) -> None:
    prompt, rude = critic.grammar.neutral_prompt, critic.grammar.phrases.rude[0]
    request = default_constitution(critic.grammar.language).principles[0].critique_request
    violated = [True, False, True, False]
    said = critic.critique([prompt] * 4, [rude] * 4, [request] * 4, violated, rng=torch.Generator())
    assert [text == critic.words.follows for text in said] == [False, True, False, True]
    assert said[0].startswith(critic.words.violates + " ") and said[0] == said[2]
    assert critic.critique([], [], [], [], rng=torch.Generator()) == []


def test_a_seed_names_what_is_written_and_no_temperature_needs_none(critic: Critic) -> None:
    prompt, request = critic.grammar.neutral_prompt, critic.grammar.display(critic.grammar.neutral_prompt)

    def written(seed: int, temperature: float) -> list[str]:
        rng = torch.Generator().manual_seed(seed)
        rows = ([prompt] * 2, ["", prompt], [critic.words.violates] * 2, [request] * 2)
        return [g.text for g in critic.revise(*rows, rng=rng, temperature=temperature)]

    assert written(1, 1.0) == written(1, 1.0) != written(2, 1.0)
    assert written(1, 0.0) == written(2, 0.0)
    assert critic.revise([], [], [], [], rng=torch.Generator()) == []


def test_its_own_verdict_is_a_probability_between_two_words(critic: Critic) -> None:
    """With the embedding of one verdict's first word made the other's, it is 1/2 whatever is asked."""
    prompt, rude = critic.grammar.neutral_prompt, critic.grammar.phrases.rude[0]
    found = critic.verdicts([prompt] * 2, [rude, ""], ["?", "?"])
    assert found.shape == (2,) and float((found - 0.5).abs().min()) > 1e-4
    follows, violates = (critic.tokenizer.encode(text)[0] for text in (critic.words.follows, critic.words.violates))
    with torch.no_grad():
        critic.model.embedding.weight[follows] = critic.model.embedding.weight[violates]
    torch.testing.assert_close(critic.verdicts([prompt] * 2, [rude, ""], ["?", "?"]), torch.tensor([0.5, 0.5]))


def test_a_critic_begins_as_the_language_model(each_assets: LanguageAssets) -> None:
    model = each_assets.model
    begun = begin_critic(model, len(critic_tokenizer(each_assets.grammar)), 0)
    assert begun.config.layers == model.config.layers + 1 and begun.config.prompt_length == 96
    assert torch.equal(begun.embedding.weight[: len(each_assets.tokenizer)], model.embedding.weight)
    for own, copied in zip(begun.blocks, model.blocks, strict=False):
        assert all(torch.equal(own.state_dict()[name], value) for name, value in copied.state_dict().items())


@pytest.mark.parametrize(
    ("language", "request_", "words"),
    [
        ("en", 'Does the response say "music"?', 'does the response say " music " ?'),
        ("en", "Does the response say \u201cmusic\u201d?", 'does the response say " music " ?'),
        ("ko", "응답에 \u201c음악을\u201d 라는 말이 있나요?", '응답에 " 음악을 " 라는 말이 있나요 ?'),
        ("ko", '응답에 "음악을"이라는 말이 있나요?', '응답에 " 음악을 " 이라는 말이 있나요 ?'),
    ],
)
def test_requests_about_quoted_words_are_read_however_they_are_typed(language: str, request_: str, words: str) -> None:
    grammar = load_grammar(language)
    assert grammar.normalise(request_) == words
    assert critic_tokenizer(grammar).unknown(words) == []


@pytest.mark.parametrize(
    ("language", "words", "asks", "leaves_out"),
    [
        ("en", "music", 'does the response say " music " ?', 'leave out " music " .'),
        ("ko", "음악을", '응답에 " 음악을 " 이라는 말이 있나요 ?', '" 음악을 " 이라는 말을 빼세요 .'),
        ("ko", "좋아해요", '응답에 " 좋아해요 " 라는 말이 있나요 ?', '" 좋아해요 " 라는 말을 빼세요 .'),
    ],
)
def test_the_particle_fits_the_quoted_words(language: str, words: str, asks: str, leaves_out: str) -> None:
    requests = [quoting(request, words) for request in CRITIQUE_WORDS[language].says]
    assert requests == [asks, leaves_out]
    assert all(critic_tokenizer(load_grammar(language)).unknown(request) == [] for request in requests)
