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
LIGHT = frozenset({"a", "an", "the", "some"})
"""Words that a question may have or lack without asking anything else."""


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


CORRECT = NO_FORMS | frozenset(
    """
    abort admirer admirers ahmad along alter amid apple aptly area arid asus athena avid babe back bail baker bald
    bale band bane bang bans bare bark barn base batter battle beach bead beak beast beat bell belly bent bern bert
    bets bette biker bile billy bite bitter blake blank bleak block blond bloody bloom blur bois boko bolt bony boob
    boom boon boot born bowed bowel bows boxed boyd brad brake breach breath breaths bred breed broad brody brood
    brook bulky bull bulls bunk burden burr burt burton bury bust butter cabs cafe cage cain cake calf cali cams
    cane cape capita caps cara carb card carey carl carp carr cart carte carts carve cary case cash cass cast casts
    cave cavs cell certainty chai chair chan chat chats cheap cheek chest chet chick chin ching chores chorus chuck
    clam clan clare clash clear clover clue coarse coat coats cock codes cody coil cola cole coles coli colo colon
    colt combs comet comets comey commuter compute computed cones conor cooke cool coop cope cops coral cord cords
    core cores cork cory cosy cove covert cozy crook crush cuban cube cubs cure curse daft dank dare darn dart dawn
    deed deem deer defends depp derive dies dirk dive diving docs dons dose doses dots drag drift driver dues dyes
    earl ease east eighth eighty elise elle elsa emery etsy ever excise exert expect export eyed facet fact fade
    fair faire fame farce fare fart fate fats fave faye feast feat fees feet fend fest feud fiance fiat fibre fide
    fife filly film films fine fined fines finn fins firm fishy fist flag flake flap flaw fled flesh float flood
    foil fold folly fond fool foot ford fore foul frail franco francs frat fred freed fruity fuel full fund gabe
    gage gale gamer garde gate gaze gems genus german germans giles giver gloss glow gold grabs grams gras grasp
    grassy greed greek greene greer greet gross growl guest guests hale hand hank hara hardy hare hari harm harp
    hart hate haven hawk haze heal health heap heaps hear heard heat heck heed hell hella helm hemp herd hike hire
    hive hoard holt holy homer homie homo hone hood hops horse hose howe hume hunt hyde hype indexed indo info intro
    joan john joint joon keel keen kemp kenyan kidd kilo king kink knob knot knox koran lace lack lacy lady lake
    lakes lama lame lane later latex latte latter lead leafy leah leak lean leap lear lease leases lester liam lice
    lick lift liga limb lime limo limp line lines lisa listed lite litter liver liza load loaf lobe loch locke loco
    loom loop loot lord lore lose lover lowe luck luke lyndon mace mach madame maker makers male males mana mandy
    mane mani manly mann manny mans manu maps mara marc mare mari mark marks marsh mart marx mary mash mass mata
    match mate mateo mater mates mats matt matty maze means meats medals mere metals meth mick mighty mike mild mile
    milf milky mill milo mink mode mole monkey mont monte monty moore mori morse moth move myth nate neat nest newer
    newt nicer niche nick nico niece nigh nike nile nine nodes noses oily omen opec over owen pace pack pads pain
    paine pains pairs palace pals pant para parish part parts paso past pats paws pays peace perk perm peta phony
    photon piazza pill pint piss plain plane planet plank plate playa pleas ploy plug plugs plum plush point poll
    pooh pool poop pork pour pray premise pres pricey prick pride prime prince print prison prize projects prone
    protests proto pulp quirk race raid rail rainy raise rape ready real reap rear reed reich reid rein rent reset
    rica rick rico ride rife rinse riots ripe risen risk rite road roam robe rode role roma romeo romo roof roofs
    rose rowe ruin runaway ruse russian rust sack safer sage sake sale salty same sample sand sane saver scare seal
    seam sean sect seeks seems seen sees semen sens sept sever shade shake shale shall shalt shame shane shape shark
    sharp sharpe shave shay sheds sheep ship shire shirt shook shops shore shorty shout show silk simpler sings sink
    sire skid skim skin skis skit slain slap slave slay sleek sleepy slick slim slip smell snap snare sneak snowy
    soak soar sock sole soma sonny sons sore sort soul sour span spare spat spawn spear speeding speeds spin spoon
    sport springs stab stacy stag stain stair stall stan star starch stare stark starr stars stat stead steak steam
    steel steep stem stems steph steven stew stick stony store storey stormy stray strung stuart stud studs sturdy
    suck sunni surf surge sven swap swat sway sweat sweet tablet tack taker tale tall tame tank tape task tate
    teaches teal tear teen tees tele telly tent term tess thai than thaw thee them theme theo these they thick thin
    thine thing threats threw thrust thus tide tied tile till timer toll tome tone tonic torch torn touchy tough
    toxin trail trait tram trap treasurer treasury treaty trek trey tried tries trim trio truce truss tube tuna tung
    turd turf turin turk twain twat tyne vary vera verb wafer wager waist waiter waking wally walsh walt walter wand
    wander wang ward wards ware warn warp wars wary wasp watery watt weak weakly weary weep weir weld welp whale
    wheat whew whine whit whole wide widow width wife wild william willy wilt wine wire wise witch wits wong wood
    woods worm worms would writ writer
    """.split()
)
"""Common words that the vocabulary lacks and that differ by one letter from a word that it has: none is a slip."""
