"""Who may import whom: `pages -> ui -> lab -> rlhf_core`, never back, and each knows only its own tools."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ("rlhf_core", "lab", "ui", "pages", "app")  # each may import itself and those before it
CORE_TOOLS = {"numpy", "safetensors", "torch"}
# "google" is the protobuf that Streamlit's own messages are made of.
TOOLS = {
    "rlhf_core": CORE_TOOLS,
    "lab": CORE_TOOLS | {"sqlalchemy"},
    "ui": CORE_TOOLS | {"google", "pandas", "plotly", "segno", "starlette", "streamlit"},
    "pages": {"pandas", "plotly", "streamlit"},
    "app": {"plotly", "starlette", "streamlit"},
}
# What a file may know beside its layer's tools, if it is there.
OPTIONAL = {
    "rlhf_core/gymnasium_maze.py": {"gymnasium"},
    "rlhf_core/pettingzoo_team.py": {"gymnasium", "pettingzoo"},
}
# What the gold judge measures may not look at it.
JUDGED = (
    "reward_model.py", "neural_reward.py", "kl.py", "likelihood.py", "advantages.py", "rollout.py", "descent.py",
    "ppo.py", "groups.py", "rloo.py", "grpo.py", "dpo.py", "best_of_n.py", "algorithms.py",
)  # fmt: skip


def sources(layer: str) -> list[Path]:
    if layer == "app":
        return [ROOT / "app.py"]
    return sorted((ROOT / layer).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Dotted names of everything that the file imports, wherever in it the import stands."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def top_names(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(path)}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_what_is_below_it_and_its_own_tools(layer: str) -> None:
    allowed = set(LAYERS[: LAYERS.index(layer) + 1]) | TOOLS[layer] | set(sys.stdlib_module_names)
    wrong = {
        name: sorted(extra)
        for path in sources(layer)
        if (extra := top_names(path) - allowed - OPTIONAL.get(name := path.relative_to(ROOT).as_posix(), set()))
    }
    assert wrong == {}


def test_the_import_graph_is_the_one_we_think() -> None:
    """Guards the test above: a moved folder would leave it nothing to look at."""
    edges = [("app", "lab"), ("pages", "ui"), ("ui", "lab"), ("lab", "rlhf_core"), ("rlhf_core", "torch")]
    for upper, lower in edges:
        assert any(lower in top_names(path) for path in sources(upper)), f"nothing in {upper} imports {lower}"


def test_only_the_face_knows_streamlit_and_plotly() -> None:
    faces = {"app.py", "pages", "ui", "tests"}
    # An app of its own to measure against, and who visits ours by Streamlit's protocol.
    strangers = {ROOT / "benchmarks" / "empty_app.py", ROOT / "benchmarks" / "visitor.py"}
    wrong = [
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if not path.relative_to(ROOT).parts[0].startswith(".")
        and path.relative_to(ROOT).parts[0] not in faces
        and path not in strangers
        and top_names(path) & {"streamlit", "plotly"}
    ]
    assert wrong == []


def test_what_is_imported_loads_nothing_of_the_layers_above() -> None:
    """The running program, not its text: an indirect import counts as well. From below up, in one process: what may
    not be loaded yet when each has been imported."""
    program = """
import importlib, pkgutil, sys
def load(package):
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if not module.name.endswith("__main__"): importlib.import_module(module.name)
def refuse(what, *banned):
    if loaded := set(banned) & set(sys.modules): sys.exit(f"{what} loaded {sorted(loaded)}")
for judged in ("algorithms", "best_of_n", "reward_model", "attribute_encoder", "neural_reward"):
    importlib.import_module(f"rlhf_core.{judged}")
refuse("what is judged", "rlhf_core.gold", "rlhf_core.annotators")
load("rlhf_core")
refuse("rlhf_core", *"streamlit plotly pandas sqlalchemy gymnasium pettingzoo ui lab".split())
load("lab")
refuse("lab", *"streamlit plotly ui".split())
"""
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_what_is_judged_by_gold_does_not_look_at_it() -> None:
    judged = {path.name: path for name in JUDGED if (path := ROOT / "rlhf_core" / name).exists()}
    assert {"reward_model.py", "ppo.py"} <= judged.keys()
    for name, path in judged.items():
        assert [module for module in imported(path) if "gold" in module] == [], name
        tree = ast.parse(path.read_text(encoding="utf-8"))
        attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert "judge" not in attributes, f"{name} uses the judge that comes along with the assets"
