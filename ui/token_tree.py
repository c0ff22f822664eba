"""The tree of what a model could write, to click through: the way so far with the turns not taken, and what could come
next, two tokens deep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from rlhf_core.next_token import Branch, TokenTree

OTHERS = 2
"""Turns not taken that are shown at each fork."""

_TREE = st.components.v2.component(
    "lab_token_tree",
    html='<div class="lab-tree"><ol class="way"></ol><ul class="next"></ul></div>',
    js="""
export default function ({ data, parentElement, setTriggerValue }) {
  const [way, next] = ['.way', '.next'].map((part) => parentElement.querySelector(part));
  const node = (kind, { label, text, share, path }, said) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = kind;
    button.style.setProperty('--share', share);
    button.setAttribute('aria-label', said + ': ' + label + ' ' + text);
    button.title = said;
    for (const [name, content] of [['word', label], ['share', text]]) {
      const part = document.createElement('span');
      part.className = name;
      part.textContent = content;
      button.append(part);
    }
    button.onclick = () => setTriggerValue('picked', path);
    return button;
  };
  const item = (...parts) => {
    const found = document.createElement('li');
    found.append(...parts);
    return found;
  };
  way.setAttribute('aria-label', data.way_label);
  next.setAttribute('aria-label', data.summary);
  way.hidden = !data.forks.length;
  way.replaceChildren(...data.forks.map(({ chosen, others }) => item(
    node('chosen', chosen, data.back_label), ...others.map((one) => node('other', one, data.other_label)))));
  next.replaceChildren(...data.branches.map((one) => item(
    node('branch', one, data.go_label), ...one.branches.map((two) => node('twig', two, data.go_label)))));
}
""",
    isolate_styles=False,
)


def percent(share: float) -> str:
    """A probability as one reads it."""
    return f"{share:.1%}" if share >= 0.001 else "< 0.1%"


def tree_data(tree: TokenTree, path: Sequence[str], name: Callable[[str], str]) -> dict[str, Any]:
    """What the component draws: every node with its label, its share and the path that leads to it. name: what a token
    is called."""

    def node(branch: Branch, before: Sequence[str]) -> dict[str, Any]:
        own = [*before, branch.token]
        return {
            "label": name(branch.token), "text": percent(branch.probability), "share": branch.probability, "path": own,
            "branches": [node(further, own) for further in branch.branches],
        }  # fmt: skip

    forks = [
        {"chosen": node(fork.chosen, path[:i]), "others": [node(one, path[:i]) for one in fork.others[:OTHERS]]}
        for i, fork in enumerate(tree.forks)
    ]
    return {"forks": forks, "branches": [node(branch, path) for branch in tree.branches]}


def token_tree(data: dict[str, Any], *, key: str, labels: dict[str, str], pick: Callable[[list[str]], None]) -> None:
    """Draw a tree. labels: "summary", what the next tokens are in words, and what the parts are called: "way_label",
    "back_label", "other_label" and "go_label". pick is given the path of the node that was clicked."""

    def picked() -> None:
        path = st.session_state[key].picked
        if isinstance(path, list):
            pick([str(token) for token in path])

    _TREE(key=key, data={**data, **labels}, on_picked_change=picked)
