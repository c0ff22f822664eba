"""What documents name is there, and lists that have to agree do: who forgets a step of `docs/how-to.md` hears of it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.felt_paint import OWN
from rlhf_core import __doc__ as reading_order
from rlhf_core.algorithms import ALGORITHMS, BEST_OF_N, CONFIGS, ITERATIONS
from tests.e2e.person import PATHS
from tests.test_architecture import JUDGED
from ui.i18n import LANGUAGES, catalogue
from ui.layout import PAGES

ROOT = Path(__file__).parent.parent
FILES = [  # but for what is hidden, .venv among it
    path for top in ROOT.iterdir() if not top.name.startswith(".") for path in (top, *top.rglob("*")) if path.is_file()
]
NAMES = {path.name for path in FILES}
DOCUMENTS = sorted(path for path in FILES if path.suffix == ".md")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\s]+)`")
COMMAND = re.compile(r"python -m ((?:benchmarks|docs|rlhf_core)[.\w]*)")
FILE = re.compile(r"[\w-]+\.(?:py|md|toml|css|txt)")


def missing(text: str, folder: Path) -> list[str]:
    """Of what a document in a folder names, the files and modules that are not there."""
    return [name for name, there in named(text, folder) if not there]


def named(text: str, folder: Path) -> Iterator[tuple[str, bool]]:
    """Relative links, code that reads like a path of ours, and commands that run a module of ours."""
    for link in LINK.findall(text):
        if "://" not in link and not link.startswith(("#", "mailto:")):
            yield link, (folder / link.partition("#")[0]).exists()
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    for code in CODE.findall(text):
        if "/" in code and code.partition("/")[0] in folders:
            yield code, any(ROOT.glob(code.rstrip("/")))
        elif FILE.fullmatch(code):
            yield code, code in NAMES
    for module in COMMAND.findall(text):
        path = ROOT / module.rstrip(".").replace(".", "/")
        yield module, path.with_suffix(".py").exists() or (path / "__main__.py").exists()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_document_names_is_there(path: Path) -> None:
    assert missing(path.read_text(encoding="utf-8"), path.parent) == []


def test_what_is_not_there_is_found() -> None:
    """Guards the test above: patterns that match nothing would find nothing missing."""
    text = (
        "[a](CHANGELOG.md) [b](no/such.md#part) [c](https://example.org/x.md) `lab/jobs.py` `lab/no_jobs.py` `ui/*.css`"
        " `ui/*.nothing` `lr/kl` `nobody.py` `jobs.py` `python -m benchmarks.ppo` `python -m benchmarks.nothing`"
    )
    assert missing(text, ROOT) == [
        "no/such.md#part", "lab/no_jobs.py", "ui/*.nothing", "nobody.py", "benchmarks.nothing"
    ]  # fmt: skip
    assert {ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "docs" / "how-to.md"} <= set(DOCUMENTS)


def test_every_page_has_its_file_its_test_and_its_measure() -> None:
    assert {path.stem for path in (ROOT / "pages").glob("*.py")} == set(PAGES)
    assert [path.strip("/") or "home" for path in PATHS] == list(PAGES)
    assert set(OWN) == set(PAGES)


def test_every_algorithm_stands_in_every_table() -> None:
    assert set(ITERATIONS) == set(ALGORITHMS)
    for algorithm in ALGORITHMS:
        name = algorithm.replace("-", "_")
        assert f"{name}.py" in JUDGED
        assert all(f"algorithms.does_{name}" in catalogue(language) for language in LANGUAGES), name
    assert set(CONFIGS) == set(ALGORITHMS) - {BEST_OF_N}


def test_the_reading_order_names_every_file_of_the_textbook() -> None:
    names = {path.stem for path in (ROOT / "rlhf_core").glob("*.py")} - {"__init__"}
    assert reading_order is not None
    assert names - set(re.findall(r"`(\w+)`", reading_order)) == set()
