"""What English knows of its own forms, for reading what people type: contractions, spellings, endings."""

from __future__ import annotations

import re

CONTRACTIONS = {
    "can't": "can not", "cannot": "can not", "cant": "can not", "won't": "will not", "wont": "will not",
    "shan't": "shall not", "dont": "do not", "doesnt": "does not", "isnt": "is not", "didnt": "did not",
    "shouldnt": "should not", "whats": "what is", "whos": "who is", "hows": "how is", "wheres": "where is",
    "thats": "that is", "theres": "there is", "im": "i am", "ive": "i have", "youre": "you are", "lets": "let us",
    "let's": "let us", "gonna": "going to", "wanna": "want to", "u": "you", "ur": "your", "r": "are", "pls": "please",
    "teh": "the", "plz": "please", "thx": "thanks", "ok": "okay", "ppl": "people", "y'all": "you",
    "an'": "an'", "th'": "th'",
}  # fmt: skip
"""Those that no rule covers, and those typed without their apostrophe where they are no other word (not "ill")."""
ENDINGS = {"n't": " not", "'s": "", "'re": " are", "'m": " am", "'ve": " have", "'ll": " will", "'d": " would"}
IS = frozenset("it that this what who how where when there here he she".split())
"""Words after which 's is "is"; after others it is the genitive and goes."""
SPELLINGS = {
    "colour": "color", "colours": "color", "favourite": "favorite", "neighbour": "neighbor", "neighbours": "neighbor",
    "neighbourhood": "neighborhood", "maths": "math", "mathematics": "math", "practise": "practice",
    "programme": "program", "programmes": "programs", "honour": "honor", "grey": "gray", "equals": "is",
}  # fmt: skip
SIGNS = {"+": " plus ", "=": " is ", "&": " and "}
NUMBERS = dict(zip("012345678", "zero one two three four five six seven eight".split(), strict=True))
IRREGULAR = {
    "made": "make", "bought": "buy", "taught": "teach", "felt": "feel", "feels": "feel", "grew": "grow",
    "grown": "grow", "drew": "draw", "drawn": "draw", "broke": "break", "broken": "break", "stole": "steal",
    "stolen": "steal", "wrote": "write", "written": "write", "drank": "drink", "drunk": "drink", "ate": "eat",
    "eaten": "eat", "slept": "sleep", "swam": "swim", "swum": "swim", "drove": "drive", "driven": "drive",
    "wore": "wear", "worn": "wear", "fed": "feed", "gave": "give", "given": "give", "learnt": "learn", "won": "win",
    "knew": "know", "known": "know", "thought": "think", "took": "take", "taken": "take", "told": "tell",
    "found": "find", "paid": "pay", "sent": "send", "shot": "shoot", "went": "go", "gone": "go", "kept": "keep",
    "got": "get", "flew": "fly", "flown": "fly", "fell": "fall", "fallen": "fall", "built": "build", "dug": "dig",
    "swept": "sweep", "hid": "hide", "hidden": "hide", "held": "hold", "burnt": "burn", "came": "come", "ran": "run",
    "chose": "choose", "chosen": "choose", "said": "say", "loaves": "loaf", "mice": "mouse", "children": "child",
}  # fmt: skip
NO_FORMS = frozenset(
    "likely hardly shortly lately daily lovely friendly namely lively timely bodily hourly firstly lonely early mars "
    "does boring bore bores willing canned cans tires tire bowling neighboring goods outs offs news thing things being "
    "morning evening wells inning innings lone maya too tow bee inn ass goo god son non butt tot pete wee lei ana "
    "eta cal tel sri".split()
)
"""Words that look like forms of others and are not, or mean something else."""
VOWEL = re.compile("[aeiouy]")
SHORT = re.compile("[^aeiou]*[aeiou][^aeiouwxy]")
"""A syllable that doubles its consonant before -ing and -ed, so that "noted" is no form of "not"."""
COURTESIES = (
    "hello", "hi", "hey", "hiya", "heya", "yo", "good morning", "good evening", "good afternoon", "hi there",
    "hello there", "hey there", "please", "excuse me", "thanks", "thank you", "so", "well", "ok", "okay", "um", "uh",
    "hmm", "quick question", "sorry", "dear", "sir", "madam",
)  # fmt: skip
"""What may stand before or after a question and asks nothing."""
LIGHT = frozenset({"a", "an", "the", "some", "tell", "me"})
"""Words that a question may have or lack without asking anything else."""
PARAPHRASES = {
    "how do i {x} ?": (
        "how should i {x} ?", "how would i {x} ?", "how could i {x} ?", "how do you {x} ?", "how do we {x} ?",
        "how does one {x} ?", "what should i do to {x} ?", "what do i need to {x} ?",
    ),
    "how can i {x} ?": ("how can we {x} ?", "how can one {x} ?"),
    "tell me how to {x} .": (
        "show me how to {x} .", "teach me how to {x} .", "teach me to {x} .", "explain how to {x} .",
        "can you tell me how to {x} ?", "can you explain how to {x} ?", "i want to know how to {x} .",
    ),
    "what is the best way to {x} ?": ("what is a good way to {x} ?", "best way to {x} ?", "good ways to {x} ?"),
    "can you help me {x} ?": ("help me {x} .", "could you help me {x} ?", "can you help me to {x} ?"),
    "i want to {x} .": ("i would like to {x} .", "i need to {x} ."),
    "is it safe to {x} ?": ("would it be safe to {x} ?", "am i safe to {x} ?"),
    "is it okay to {x} ?": ("is it fine to {x} ?", "is it alright to {x} ?", "is it all right to {x} ?"),
    "can i {x} ?": ("may i {x} ?", "could i {x} ?"),
    "should i {x} ?": ("do i need to {x} ?",),
    "what is the capital of {x} ?": (
        "which city is the capital of {x} ?", "what city is the capital of {x} ?", "what is the capital city of {x} ?",
    ),
    "what color is {x} ?": ("what is the color of {x} ?", "which color is {x} ?", "what color does {x} have ?"),
    "is it true that {x} ?": (
        "is it a fact that {x} ?", "do you think {x} ?", "do you think that {x} ?", "do you agree that {x} ?",
        "true or false , {x} ?",
    ),
    "i think {x} . am i right ?": ("i think {x} .", "i think that {x} .", "i believe {x} .", "i believe that {x} ."),
    "i feel {x} . what should i do ?": (
        "i am {x} . what should i do ?", "i am feeling {x} . what should i do ?", "i feel {x} .", "i am feeling {x} .",
        "i am {x} .",
    ),
    "i am so {x} today .": ("i am so {x} .", "i am very {x} .", "i feel so {x} .", "i feel {x} today ."),
    "what can i do when i feel {x} ?": ("what should i do when i feel {x} ?", "what helps when i feel {x} ?"),
}  # fmt: skip
"""Ways to ask that the grammar lacks, by the form that says the same."""


def spell_out(text: str) -> str:
    """Contractions written out, British spellings as the vocabulary has them, small numbers and signs as words.

    >>> spell_out("what's john's neighbour's colour? i can't, 2+2=5")
    'what is john neighbor color? i can not, two plus two is five'
    """
    text = re.sub(r"(?<![\da-z])[0-8](?![\da-z])", lambda m: NUMBERS[m[0]], text)
    text = re.sub(r"\s*[+=&]\s*", lambda m: SIGNS[m[0].strip()], text)
    text = re.sub(r"[a-z]+(?:'[a-z]*)?", lambda m: _written_out(m[0]), text)
    return re.sub(r"(?<![a-z])'|(?<!\bth)(?<!\ban)'", " ", text)


def _written_out(word: str) -> str:
    """One word of `spell_out`."""
    if word in CONTRACTIONS:
        return CONTRACTIONS[word]
    for ending, full in ENDINGS.items():
        if word.endswith(ending):
            stem = word.removesuffix(ending)
            full = " is" if ending == "'s" and stem in IS else full
            return SPELLINGS.get(stem, stem) + full
    return SPELLINGS.get(word, word)


def stems(word: str) -> frozenset[str]:
    """The words of which a word may be a form, itself included. Some are no words; the vocabulary decides.

    >>> sorted(stems("making")), sorted(stems("studies"))
    (['make', 'making'], ['studie', 'studies', 'study'])
    """
    found = {word, IRREGULAR.get(word, word)}
    if word in NO_FORMS:
        return frozenset({word})
    for ending in ("ing", "ed", "es", "s", "ly"):
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < 3 or not VOWEL.search(stem) or word.endswith(("ss", "us", "is")):
            continue
        if ending in ("ing", "ed"):
            found |= {f"{stem}e"} if SHORT.fullmatch(stem) else {stem, f"{stem}e"}
            if stem[-1] == stem[-2] and len(stem) > 3:
                found.add(stem[:-1])
        elif ending != "es" or stem.endswith(("s", "x", "z", "ch", "sh", "o")):
            found.add(stem)
        if ending in ("es", "ed", "ly") and stem.endswith("i"):
            found.add(f"{stem[:-1]}y")
    return frozenset(found)
