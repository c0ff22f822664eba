"""The words that changed between two texts."""

import re

import pytest

from ui.marks import changes


@pytest.mark.parametrize(
    ("before", "after", "old", "new"),
    [
        ("", "", "", ""),
        ("Boil it.", "Boil it.", "Boil it.", "Boil it."),
        ("Call him names.", "Call him back.", "Call him <del>names.</del>", "Call him <ins>back.</ins>"),
        ("a b c", "a c", "a <del>b</del> c", "a c"),
        ("a c", "a b b c", "a c", "a <ins>b b</ins> c"),
        ("", "Good day.", "", "<ins>Good day.</ins>"),
        ("Good day.", "", "<del>Good day.</del>", ""),
        ("a  b\nc", "a b c", "a b c", "a b c"),
        ("a b c d", "x b c y", "<del>a</del> b c <del>d</del>", "<ins>x</ins> b c <ins>y</ins>"),
        ("차를 끓여요.", "물을 끓여요.", "<del>차를</del> 끓여요.", "<ins>물을</ins> 끓여요."),
    ],
)
def test_what_went_and_what_came(before: str, after: str, old: str, new: str) -> None:
    assert changes(before, after) == (old, new)


def test_texts_are_escaped() -> None:
    old, new = changes('<b>x</b> & "y" same', "<script>1</script> same")
    assert old == "<del>&lt;b&gt;x&lt;/b&gt; &amp; &quot;y&quot;</del> same"
    assert new == "<ins>&lt;script&gt;1&lt;/script&gt;</ins> same"
    assert changes("<del>", "<del>") == ("&lt;del&gt;", "&lt;del&gt;")


def test_a_long_text_loses_no_word() -> None:
    before, after = "the water is " * 200, "the tea was " * 200
    old, new = changes(before, after)
    assert re.sub("<.*?>", "", old).split() == before.split()
    assert re.sub("<.*?>", "", new).split() == after.split()
