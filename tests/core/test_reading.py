"""What people type, and what is read."""
# ruff: noqa: RUF001 - people type such characters

import random
import unicodedata

import pytest

from rlhf_core.corpus import Grammar, load_grammar
from rlhf_core.reading import MAX_WORDS, Reading, one_slip, read, read_words, surface

GRAMMARS = {language: load_grammar(language) for language in ("en", "ko")}


def read_as(language: str, typed: str) -> Reading:
    return read(GRAMMARS[language], typed)


ENGLISH = [
    # Case, marks, spacing, the keyboard.
    ("how do i make tea", "how do i make tea ?"),
    ("HOW DO I MAKE TEA?!!", "how do i make tea ?"),
    ("  how do I make tea ??", "how do i make tea ?"),
    ("how do i make tea...", "how do i make tea ?"),
    ("How do I make tea…", "how do i make tea ?"),
    ("“How do I make tea?”", "how do i make tea ?"),
    ("Ｈｏｗ ｄｏ ｉ ｍａｋｅ ｔｅａ？", "how do i make tea ?"),
    ("how do i\u200b make tea 🍵🙂", "how do i make tea ?"),
    ("How do I learn Python 👩\u200d💻?", "how do i learn python ?"),
    ("I think the earth is flat, am I right", "i think the earth is flat . am i right ?"),
    ("hello how do i find the capital", "hello how do i find the capital"),
    ("howdoimaketea", "how do i make tea ?"),
    ("how do i maketea", "how do i make tea ?"),
    ("how do i m a k e tea", "how do i make tea ?"),
    ("is this s a f e?", "is this safe ?"),
    ("should i share my pass word", "should i share my pass word"),
    ("should i share a pass word", "should i share a password ?"),
    # Contractions, spellings, numbers.
    ("what's the capital of france", "what is the capital of france ?"),
    ("What’s the capital of Korea?", "what is the capital of korea ?"),
    ("whats the capital of japan", "what is the capital of japan ?"),
    ("I'm so tired today", "i am so tired today ."),
    ("im so sad today", "i am so sad today ."),
    ("who'll win the game?", "who will win the game ?"),
    ("What colour is the sky?", "what color is the sky ?"),
    ("Is it ok to read at night?", "is it okay to read at night ?"),
    ("how do i learn maths", "how do i learn math ?"),
    ("2+2=5, right?", "two plus two is five , right ?"),
    ("should i sleep 8 hours", "should i sleep eight hours ?"),
    # Greetings and courtesies.
    ("hello, how do i make tea", "hello . how do i make tea ?"),
    ("Hey! How do I make tea?", "how do i make tea ?"),
    ("good morning, how do i bake bread", "how do i bake bread ?"),
    ("how do I bake bread please", "how do i bake bread ?"),
    ("please how do i bake bread", "please , how do i bake bread ?"),
    ("How do I bake bread? Thank you!", "how do i bake bread ?"),
    # Endings and articles.
    ("should i eat raw chickens", "should i eat raw chicken ?"),
    ("Will robots take my jobs?", "will robots take my job ?"),
    ("how can i grow a tomato", "how can i grow tomatoes ?"),
    ("can you help me studying well", "can you help me study well ?"),
    ("how do i write essays?", "how do i write an essay ?"),
    ("is it safe to pet calm dogs", "is it safe to pet a calm dog ?"),
    ("tell me how to cook the rice", "tell me how to cook rice ."),
    ("what is capital of spain", "what is the capital of spain ?"),
    ("how do i fix bike", "how do i fix a bike ?"),
    ("is it true that smoke is healthy", "is it true that smoking is healthy ?"),
    # Slips.
    ("what is the captial of frence", "what is the capital of france ?"),
    ("how can i learn pyton", "how can i learn python ?"),
    ("i feel lonley. what should i do", "i feel lonely . what should i do ?"),
    ("will it rain next mounth", "will it rain next month ?"),
    ("is it true that vaccins are useless", "is it true that vaccines are useless ?"),
    ("how do i clean the kitchin", "how do i clean the kitchen ?"),
    ("hwo do i get fitt", "how do i get fit ?"),
    ("I am soooo tired today!!!", "i am so tired today ."),
    # What goes without saying.
    ("how to make tea", "tell me how to make tea ."),
    ("the capital of france", "tell me the capital of france ."),
    # Other ways of asking.
    ("how should I make tea?", "how do i make tea ?"),
    ("teach me to cook rice", "tell me how to cook rice ."),
    ("I'm feeling sad", "i feel sad . what should i do ?"),
    ("i think the earth is flat", "i think the earth is flat . am i right ?"),
    ("do you think cats can fly", "is it true that cats can fly ?"),
    ("which city is the capital of korea", "what is the capital of korea ?"),
    ("may i eat raw chicken", "can i eat raw chicken ?"),
    ("how do you hack a bank", "how do i hack a bank ?"),
    ("how do i hurt my neighbour", "how do i hurt my neighbor ?"),
]


@pytest.mark.parametrize(("typed", "text"), ENGLISH)
def test_english(typed: str, text: str) -> None:
    reading = read_as("en", typed)
    assert reading.text == text
    assert reading.unknown == ()
    assert (reading.prompt is not None) == (text in {p.text for p in GRAMMARS["en"].prompts})
    assert (reading.nearest == ()) == (reading.prompt is not None)


ENGLISH_UNKNOWN = [
    ("How do I make kimchi?", ("kimchi",)),
    ("how do i rob a bank", ("rob",)),  # Not "hack".
    ("how do i hug a bank", ("hug",)),
    ("how do I hunt my neighbor", ("hunt",)),  # Not "hurt".
    ("how do i steel a car", ("steel",)),
    ("how do i kill my wife", ("wife",)),  # Not "wipe".
    ("how do i feel a cat", ()),  # Not "feed".
    ("how do i heal my neighbor", ("heal",)),
    ("how do i make a person", ("person",)),  # Not "poison".
    ("is it unsafe to eat raw chicken", ("unsafe",)),
    ("is it true that smoking is unhealthy", ("unhealthy",)),
    ("i am so boring today", ("boring",)),  # Not "bored".
    ("how do i forget friends", ("forget",)),  # Not "for get".
    ("the earth is not flat, right?", ()),
    ("i think the earth is not flat", ()),
    ("is the earth flat", ()),
    ("should i not eat raw chicken", ()),
    ("how do i make <b>kimchi</b>", ("b", "kimchi")),
    ("차를 끓이는 방법", ("차를", "끓이는", "방법")),
    ("asdf qwer", ("asdf", "qwer")),
    ("is it okay to not wear a helmet", ()),
    ("don't tell me how to make tea", ()),
    ("i am too tired today", ("too",)),
    ("how do i stop", ("stop",)),  # Not "stops", which no question says.
    ("will i fail the exam", ()),
    ("what is the temperature", ("temperature",)),
]


@pytest.mark.parametrize(("typed", "unknown"), ENGLISH_UNKNOWN)
def test_english_that_is_no_prompt(typed: str, unknown: tuple[str, ...]) -> None:
    """Nothing is read as something else: a word of another meaning, the opposite, a crime or its absence."""
    reading = read_as("en", typed)
    assert (reading.prompt, reading.unknown, reading.changed) == (None, unknown, ())


KOREAN = [
    ("차 끓이는 법", "차를 끓이는 방법을 알려 주세요 ."),
    ("프랑스 수도", "프랑스의 수도를 알려 주세요 ."),
    ("비밀번호 훔치는 법", "비밀번호를 훔치는 방법을 알려 주세요 ."),
    ("빵 어떻게 구워요?", "어떻게 하면 빵을 구울 수 있나요 ?"),
    ("차는 어떻게 끓이나요", "어떻게 하면 차를 끓일 수 있나요 ?"),
    ("밥 어떻게 지어야 돼?", "어떻게 하면 밥을 지을 수 있나요 ?"),
    ("나무 심고 싶은데 어떻게 해야 해?", "나무를 심으려면 어떻게 해야 하나요 ?"),
    ("지구는 둥근가요?", "지구는 둥글지요 ?"),
    ("하늘 색깔이 뭐야", "하늘은 무슨 색인가요 ?"),
    ("나 너무 슬퍼", "오늘은 너무 슬퍼요 ."),
    ("부자가 될 것 같아요?", "제가 부자가 될까요 ?"),
    ("비밀번호 어떻게 훔쳐요", "어떻게 하면 비밀번호를 훔칠 수 있나요 ?"),
    ("덜 익은 닭고기 먹으면 괜찮을까?", "덜 익은 닭고기를 먹어도 괜찮을까요 ?"),
    ("차를 끓이는 방법을 알려 주세요.", "차를 끓이는 방법을 알려 주세요 ."),
    ("차 끓이는 방법 알려줘", "차를 끓이는 방법을 알려 주세요 ."),
    ("차를 끓이려면은 어떻게 해야 해", "차를 끓이려면 어떻게 해야 하나요 ?"),
    ("차끓이는방법알려줘", "차를 끓이는 방법을 알려 주세요 ."),
    ("차를끓이는방법을알려주세요", "차를 끓이는 방법을 알려 주세요 ."),
    ("차 끓이는 법 좀 알려줘요", "차를 끓이는 방법을 알려 주세요 ."),
    ("안녕! 차 끓이는 법 좀 알려줘", "차를 끓이는 방법을 알려 주세요 ."),
    ("파이썬을배우려면 어떻게 해야하나요", "파이썬을 배우려면 어떻게 해야 하나요 ?"),
    ("파이썬 배우고싶어", "파이썬을 배우고 싶어요 ."),
    ("파이썬을 배우고 싶습니다", "파이썬을 배우고 싶어요 ."),
    ("한국의 수도는 어디야?", "한국의 수도는 어디인가요 ?"),
    ("한국 수도 어디", "한국의 수도는 어디인가요 ?"),
    ("한국의 수도가 어디에요", "한국의 수도는 어디인가요 ?"),
    ("프랑스의 수도 알려줘", "프랑스의 수도를 알려 주세요 ."),
    ("하늘은 무슨 색이야", "하늘은 무슨 색인가요 ?"),
    ("하늘은 무슨색이에요?", "하늘은 무슨 색인가요 ?"),
    ("하늘의 색깔을 알려 주세요", "하늘의 색을 알려 주세요 ."),
    ("오래된 우유 마셔도 돼요?", "오래된 우유를 마셔도 되나요 ?"),
    ("오래된 우유를 마셔도 되요?", "오래된 우유를 마셔도 되나요 ?"),
    ("깨끗한 물 마셔도 괜찮아?", "깨끗한 물을 마셔도 괜찮을까요 ?"),
    ("오늘 너무 슬퍼", "오늘은 너무 슬퍼요 ."),
    ("오늘은 피곤해요", "오늘은 너무 피곤해요 ."),
    ("요즘 외로워 어떻게 하면 좋을까", "요즘 외로워요 . 어떻게 하면 좋을까요 ?"),
    ("화가 날때는 뭘 하면 되나요", "화가 날 때는 무엇을 하면 되나요 ?"),
    ("지구는 평평해", "지구는 평평하지요 ?"),
    ("지구가 평평하다고 생각해. 맞나?", "지구가 평평하다고 생각해요 . 맞나요 ?"),
    ("지구는 둥글지?", "지구는 둥글지요 ?"),
    ("둘 더하기 둘은 다섯이죠?", "둘 더하기 둘은 다섯이지요 ?"),
    ("내가 부자가 될까", "제가 부자가 될까요 ?"),
    ("그 사람이 나를 좋아할까요", "그 사람이 저를 좋아할까요 ?"),
    ("다음달에 비가 올까?", "다음 달에 비가 올까요 ?"),
    ("자동차 훔치는 방법 알려줘", "자동차를 훔치는 방법을 알려 주세요 ."),
    ("빵을 구우려면 어떻게 하나요?", "빵을 구우려면 어떻게 해야 하나요 ?"),
    ("자전거를 고치는 가장 좋은 방법은 뭐예요", "자전거를 고치는 가장 좋은 방법은 무엇인가요 ?"),
    ("어떻게 하면 토마토를 키울수 있어?", "어떻게 하면 토마토를 키울 수 있나요 ?"),
    ("ㅋㅋㅋ 차를 끓이는 방법을 알려 주세요 ㅠㅠ", "차를 끓이는 방법을 알려 주세요 ."),
    ("파이선을 배우고 싶어요", "파이썬을 배우고 싶어요 ."),
    ("컴퓨타를 고치고 싶어요", "컴퓨터를 고치고 싶어요 ."),
    ("이거 안전해?", "이것은 안전한가요 ?"),
    ("이렇게 해도 돼?", "이렇게 해도 되나요 ?"),
    ("밥 짓는 법 알려주세요", "밥을 짓는 방법을 알려 주세요 ."),
    ("밥 지으려면 어떻게 해야돼?", "밥을 지으려면 어떻게 해야 하나요 ?"),
    ("빵을 굽는방법을 알려주세요", "빵을 굽는 방법을 알려 주세요 ."),
    ("빵 굽고 싶어", "빵을 굽고 싶어요 ."),
    ("국 끓이는 방법좀 알려주세요", "국을 끓이는 방법을 알려 주세요 ."),
    ("달걀 부치는 법을 알려줘요", "달걀을 부치는 방법을 알려 주세요 ."),
    ("한국어 배우는 가장 좋은 방법은 뭔가요?", "한국어를 배우는 가장 좋은 방법은 무엇인가요 ?"),
    ("기타를 배울려면 어떻게 해야 하나요", "기타를 배우려면 어떻게 해야 하나요 ?"),
    ("기타 배우고싶어요!!", "기타를 배우고 싶어요 ."),
    ("수학공부하는 방법을 알려주세요", "수학을 공부하는 방법을 알려 주세요 ."),
    ("수학을 공부 하고 싶어요", "수학을 공부하고 싶어요 ."),
    ("잠을 푹 자려면 어떻게 해야 할까요?", "잠을 푹 자려면 어떻게 해야 하나요 ?"),
    ("어떻게 하면 잠을 푹 잘 수 있을까요", "어떻게 하면 잠을 푹 잘 수 있나요 ?"),
    ("어떻게 하면 건강해질 수 있을까?", "어떻게 하면 건강해질 수 있나요 ?"),
    ("돈 모으는 방법 알려 주십시오", "돈을 모으는 방법을 알려 주세요 ."),
    ("돈을 모으고 싶다", "돈을 모으고 싶어요 ."),
    ("글쓰는 방법을 알려주세요", "글을 쓰는 방법을 알려 주세요 ."),
    ("사진 찍는 방법을 알려 줄래?", "사진을 찍는 방법을 알려 주세요 ."),
    ("잡초 죽이는 법 알려줘", "잡초를 죽이는 방법을 알려 주세요 ."),
    ("친구를 사귀고 싶은데요", "친구를 사귀고 싶어요 ."),
    ("친구 사귀는 것 좀 도와줘", "친구를 사귀는 것을 도와주세요 ."),
    ("여행 계획하는걸 도와주세요", "여행을 계획하는 것을 도와주세요 ."),
    ("공원을 걸어도 돼요?", "공원을 걸어도 되나요 ?"),
    ("공원에서 걸어도 되나요?", "공원을 걸어도 되나요 ?"),
    ("헬멧 써도 되나요", "헬멧을 써도 되나요 ?"),
    ("밤에 책 읽어도 괜찮나요?", "밤에 책을 읽어도 괜찮을까요 ?"),
    ("뜨거운 오븐 만져도 안전해요?", "뜨거운 오븐을 만져도 안전한가요 ?"),
    ("운전하면서 문자 보내도 돼?", "운전하면서 문자를 보내도 되나요 ?"),
    ("약을 걸러도 될까요", "약을 걸러도 되나요 ?"),
    ("비밀번호를 알려줘도 되나요", "비밀번호를 알려 줘도 되나요 ?"),
    ("밧줄없이 절벽을 올라도 되나요", "밧줄 없이 절벽을 올라도 되나요 ?"),
    ("락스랑 세제를 섞어도 되나요", "락스와 세제를 섞어도 되나요 ?"),
    ("락스와 세제 섞으면 안전한가요", "락스와 세제를 섞어도 안전한가요 ?"),
    ("독일 수도가 어디죠", "독일의 수도는 어디인가요 ?"),
    ("풀은 무슨 색깔이에요", "풀은 무슨 색인가요 ?"),
    ("바다는 무슨 색이지", "바다는 무슨 색인가요 ?"),
    ("당근 색을 알려줘", "당근의 색을 알려 주세요 ."),
    ("다음 달에 비가 올지 알려줘", "다음 달에 비가 올지 알려 주세요 ."),
    ("로봇이 내 일을 빼앗을까?", "로봇이 제 일을 빼앗을까요 ?"),
    ("화성에 생명이 있어?", "화성에 생명이 있을까요 ?"),
    ("세상이 곧 끝나나요?", "세상이 곧 끝날까요 ?"),
    ("그사람이 날 좋아할까", "그 사람이 저를 좋아할까요 ?"),
    ("제가 시험에 붙을까요??", "제가 시험에 붙을까요 ?"),
    ("누가 경기에서 이길까", "누가 경기에서 이길까요 ?"),
    ("고양이는 하늘을 날지?", "고양이는 하늘을 날지요 ?"),
    ("담배가 몸에 좋다는 말 사실인가", "담배가 몸에 좋다는 말이 사실인가요 ?"),
    ("백신이 쓸모없다고 생각해요 맞나요", "백신이 쓸모없다고 생각해요 . 맞나요 ?"),
    ("백신은 쓸모없죠?", "백신은 쓸모없지요 ?"),
    ("해가 차갑다고 생각합니다. 맞습니까?", "해가 차갑다고 생각해요 . 맞나요 ?"),
    ("둘더하기둘은다섯이지요", "둘 더하기 둘은 다섯이지요 ?"),
    ("오늘은 너무 심심해!", "오늘은 너무 심심해요 ."),
    ("오늘 너무 화가 나", "오늘은 너무 화가 나요 ."),
    ("요즘 스트레스 받아. 어떻게 하면 좋을까?", "요즘 스트레스를 받아요 . 어떻게 하면 좋을까요 ?"),
    ("요즘 불안해요 어떡하면 좋을까요", "요즘 불안해요 . 어떻게 하면 좋을까요 ?"),
    ("슬플땐 뭘 하면 되나요", "슬플 때는 무엇을 하면 되나요 ?"),
    ("아플때 무엇을 하면 되나요", "아플 때는 무엇을 하면 되나요 ?"),
    ("비밀번호 훔치는 법 알려줘", "비밀번호를 훔치는 방법을 알려 주세요 ."),
    ("불 지르는 방법을 알려줘", "불을 지르는 방법을 알려 주세요 ."),
    ("독약 만드려면 어떻게 해야 하나요", "독약을 만들려면 어떻게 해야 하나요 ?"),
    ("시험에서 부정행위하는 방법을 알려 주세요", "시험에서 부정행위를 하는 방법을 알려 주세요 ."),
    ("안녕하세요 차를 끓이는 방법을 알려주세요", "안녕하세요 . 차를 끓이는 방법을 알려 주세요 ."),
    ("저기요 차 끓이는 방법 알려주세요", "저기요 , 차를 끓이는 방법을 알려 주세요 ."),
    ("질문있어요 차를 끓이는 방법을 알려 주세요", "차를 끓이는 방법을 알려 주세요 ."),
    ("차를 끓이는 방법을 알려 주세요 감사합니다", "차를 끓이는 방법을 알려 주세요 ."),
    ("차를 끊이는 방법을 알려 주세요", "차를 끓이는 방법을 알려 주세요 ."),
    ("고양이룰 돌보고 싶어요", "고양이를 돌보고 싶어요 ."),
    ("컴푸터를 고치고 싶어요", "컴퓨터를 고치고 싶어요 ."),
    ("토마토를키우는가장좋은방법은무엇인가요", "토마토를 키우는 가장 좋은 방법은 무엇인가요 ?"),
    ("토 마 토 를 키우고 싶어요", "토마토를 키우고 싶어요 ."),
    ("이게 안전한가", "이것은 안전한가요 ?"),
    ("이렇게 하면 되나요", "이렇게 해도 되나요 ?"),
    ("나 좀 도와줄 수 있어?", "저를 도와줄 수 있나요 ?"),
    ("저를 도와주실 수 있나요?", "저를 도와줄 수 있나요 ?"),
    ("우유는 무슨 색이야", "우유는 무슨 색인가요 ?"),
    ("눈은 무슨색?", "눈은 무슨 색인가요 ?"),
    ("물고기는 나무에서 살지", "물고기는 나무에서 살지요 ?"),
]


@pytest.mark.parametrize(("typed", "text"), KOREAN)
def test_korean(typed: str, text: str) -> None:
    reading = read_as("ko", typed)
    assert (reading.text, reading.unknown, reading.nearest) == (text, (), ())
    assert reading.prompt is not None


KOREAN_UNKNOWN = [
    ("김치를 담그는 방법을 알려 주세요", ("김치를", "담그는")),
    ("피자를 굽고 싶어요", ("피자를",)),
    ("감자를 키우고 싶어요", ("감자를",)),
    ("수박을 키우고 싶어요", ("수박을",)),  # Not 수학.
    ("강아지를 훈련하고 싶어요", ("강아지를",)),
    ("문을 닦는 방법을 알려 주세요", ("문을",)),  # Not 물.
    ("차이를 알려 주세요", ("차이를",)),  # Not 차.
    ("책임을 알려 주세요", ("책임을",)),  # Not 책.
    ("돼지를 키우고 싶어요", ("돼지를",)),  # Not 되다.
    ("자동차를 팔려면 어떻게 해야 하나요", ("팔려면",)),  # Not 파다.
    ("이웃을 돕는 방법을 알려 주세요", ("돕는",)),
    ("오래된 우유를 마시지 않아도 되나요", ("마시지",)),  # Not 마셔도.
    ("오래된 우유를 마셔도 안 되나요", ("안",)),  # Not 알다.
    ("덜 익은 닭고기를 먹어도 못 먹어도", ("못",)),
    ("백신은 쓸모있지요", ("쓸모있지요",)),  # Not 쓸모없다.
    ("자동차를 고치는 방법을 알려 주세요", ()),
    ("어떻게 하면 이웃을 도울 수 있나요", ()),
    ("asdf 가나다", ("asdf", "가나다")),
    ("how do i make tea", ("how", "do", "i", "make", "tea")),
]


@pytest.mark.parametrize(("typed", "unknown"), KOREAN_UNKNOWN)
def test_korean_that_is_no_prompt(typed: str, unknown: tuple[str, ...]) -> None:
    reading = read_as("ko", typed)
    assert (reading.prompt, reading.unknown, reading.changed) == (None, unknown, ())


@pytest.mark.parametrize(
    "typed",
    [
        "친구를 괴롭히지 않으려면 어떻게 해야 하나요",
        "지구는 평평하지 않지요?",
        "담배는 몸에 좋지 않다",
        "오래된 우유를 마시면 안돼요?",
        "이웃을 때리지 마세요",
        "자동차를 훔치면 안 되나요",
    ],
)
def test_a_denial_is_never_read_as_what_it_denies(typed: str) -> None:
    reading = read_as("ko", typed)
    assert reading.prompt is None and reading.unknown


def test_every_korean_prompt_reads_as_itself_without_its_spaces() -> None:
    grammar = GRAMMARS["ko"]
    for prompt in grammar.prompts:
        for typed in (prompt.text.replace(" ", ""), "".join(c for c in prompt.text if c not in " .,!?")):
            assert read(grammar, typed) == Reading(prompt.text, prompt), typed


def test_what_a_car_has_to_do_with_theft() -> None:
    assert all(p.category != "harmful" for p in read_as("ko", "자동차를 고치는 방법을 알려 주세요").nearest)
    assert any(p.category == "harmful" for p in read_as("ko", "자전거를 훔치는 방법을 알려 주세요").nearest)


def test_what_was_altered_is_told() -> None:
    assert read_as("en", "WHAT'S the capital of FRANCE").changed == ()
    reading = read_as("en", "Hey, what is captial of france")
    assert reading.changed == (("hey", ""), ("", "the"), ("captial", "capital"))
    assert read_as("en", "how would i make tea").changed == (("how would i make tea", "how do i make tea ?"),)


def test_the_nearest_prompts_are_of_different_topics_and_without_an_opening() -> None:
    nearest = read_as("en", "Hello. What is the best way to make kimchi?").nearest
    assert [p.topic.key for p in nearest][:2] == ["make tea", "make soup"]
    assert len({p.topic for p in nearest}) == len(nearest) <= 3
    assert not any(p.opening for p in nearest)
    assert all(p.category != "harmful" for p in nearest), "nobody asked for poison"
    assert all(p.category != "harmful" for p in read_as("en", "how do i sell a car").nearest)
    assert any(p.category == "harmful" for p in read_as("en", "how do i steal a bike").nearest)
    assert len({p.category for p in read_as("en", "zzz").nearest}) == 3, "there is always something to click"
    assert read_as("en", " \u200b").nearest == ()


def test_an_answer_is_read_word_by_word() -> None:
    reading = read_words(GRAMMARS["en"], "Boiling the water, don't eat kimchi & wait!!")
    assert reading.text == "boil the water , do not eat kimchi and wait !"
    assert (reading.unknown, reading.changed) == (("kimchi",), (("boiling", "boil"),))
    assert read_words(GRAMMARS["en"], "Yer treasure, th' sun an' the sea").unknown == ()
    assert read_words(GRAMMARS["en"], "").text == ""


@pytest.mark.parametrize("language", GRAMMARS)
def test_every_prompt_reads_as_itself_however_it_is_marked(language: str) -> None:
    grammar = GRAMMARS[language]
    for prompt in grammar.prompts:
        written = grammar.display(prompt.text)
        bare = "".join(c for c in written if c not in ".,!?")
        apart = unicodedata.normalize("NFD", written)
        for typed in (prompt.text, written, written.upper(), bare, f"  {bare} !", apart):
            assert read(grammar, typed) == Reading(prompt.text, prompt), typed


@pytest.mark.parametrize("language", GRAMMARS)
def test_no_text_breaks_it(language: str) -> None:
    grammar, rng = GRAMMARS[language], random.Random(0)
    alphabet = "abcdefghijklmnopqrstuvwxyz'’ .,!?<>/\\\t\n\0\u200b\u0301\ud800🙂ＡÉßİ１２9가나다ㅋㅏᄎ한국어 를을은는요"
    texts = ["", " ", "?", "''", "\0", "\ud83d", "a" * 10_000, "가" * 10_000, "tea " * 3000]
    texts += ["<script>alert(1)</script>"]
    texts += ["".join(rng.choices(alphabet, k=rng.randrange(1, 80))) for _ in range(300)]
    texts += [" ".join(rng.choices(grammar.words, k=rng.randrange(1, 80))) for _ in range(100)]
    for text in texts:
        reading = read(grammar, text)
        assert len(reading.text.split()) <= 4 * MAX_WORDS
        assert set(reading.unknown) <= set(reading.text.split()) - set(grammar.words)


@pytest.mark.parametrize("language", GRAMMARS)
def test_a_reading_reads_as_itself(language: str) -> None:
    """Whatever happens to the letters of a prompt, what is made of it stands."""
    grammar, rng = GRAMMARS[language], random.Random(1)
    for _ in range(500):
        letters = list(grammar.display(rng.choice(grammar.prompts).text))
        for _ in range(rng.randrange(3)):
            i = rng.randrange(len(letters))
            letters[i : i + 1] = rng.choice(([], [" "], [letters[i]] * 2, [rng.choice(letters)]))
        once = read(grammar, "".join(letters))
        again = read(grammar, grammar.display(once.text))
        if once.prompt:
            assert again == Reading(once.text, once.prompt)


def test_surface_and_slips() -> None:
    assert surface("Ｃａｆé\u200b ‘x’ …") == "cafe 'x' ."
    assert surface("\u110e\u1161ㅋㅋ 🙂!!") == "차    !"
    for typed, meant in (("captial", "capital"), ("bred", "bread"), ("breaad", "bread"), ("braed", "bread")):
        assert one_slip(typed, meant) and one_slip(meant, typed)
    for typed, meant in (("tea", "tea"), ("bean", "bread"), ("", "ab"), ("abcd", "badc")):
        assert not one_slip(typed, meant)


def test_a_grammar_says_nothing_of_forms_by_default() -> None:
    grammar = Grammar()
    assert (grammar.spell_out("a"), grammar.stems("a"), grammar.letters("a")) == ("a", {"a"}, "a")
