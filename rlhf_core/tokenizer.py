"""Words to integers and back: one token a word, one token a punctuation mark."""

from __future__ import annotations

from collections.abc import Sequence

MOST_NAMED = 12
"""Unknown words that a sentence names."""


class UnknownWordsError(ValueError):
    """A text holds words that the vocabulary lacks. `words` names them in the order of the text."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        named = ", ".join(f"{word!r:.60}" for word in self.words[:MOST_NAMED])
        if len(self.words) > MOST_NAMED:
            named += f" and {len(self.words) - MOST_NAMED} more words"
        super().__init__(f"The model does not know {named}; use words of its vocabulary.")


class SimpleTokenizer:
    """The notebook's tokenizer: ids 0 to 3 are padding, beginning, end and unknown; 4 separates prompt and response.

    words: the vocabulary, in the order of its ids from 5 on.
    """

    PAD, BOS, EOS, UNK, SEP = range(5)
    SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>", "<sep>")

    def __init__(self, words: Sequence[str]) -> None:
        self.words = (*self.SPECIALS, *words)
        self._ids = {word: i for i, word in enumerate(self.words)}
        if len(self._ids) != len(self.words):
            raise ValueError("A vocabulary names each word once; this one repeats a word.")

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self._ids

    def id(self, word: str) -> int:
        """The id of one word. KeyError for one that the vocabulary lacks."""
        return self._ids[word]

    def unknown(self, text: str) -> list[str]:
        """The words of a text that the vocabulary lacks, each once."""
        return list(dict.fromkeys(word for word in text.split() if word not in self._ids))

    def encode(self, text: str) -> list[int]:
        """Token ids of a text of space-separated tokens. UnknownWordsError names what the vocabulary lacks."""
        try:
            return [self._ids[word] for word in text.split()]
        except KeyError:
            raise UnknownWordsError(self.unknown(text)) from None

    def encode_known(self, text: str) -> list[int]:
        """Token ids of those words of a text that the vocabulary has; the others are passed over."""
        ids = map(self._ids.get, text.split())
        return [i for i in ids if i is not None]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, up to the end-of-sequence token; other special tokens are left out."""
        words: list[str] = []
        for i in ids:
            if i == self.EOS:
                break
            if i >= len(self.SPECIALS) or i == self.UNK:
                words.append(self.words[i])
        return " ".join(words)
