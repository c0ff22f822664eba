"""A button that makes a file and hands it over.

Streamlit's own has another address with each drawing of the page, and forgets the one before: a click in the moment in
which the page draws itself anew failed, and said so in English on a Korean page. Here the address stays, and what can't
be made is one sentence beside the button.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from ui import errors, session
from ui.addresses import Addresses
from ui.i18n import speaking, t

_JS = """
export default function ({ data, parentElement }) {
  const root = parentElement.querySelector('.lab-file');
  const [button, problem] = root.children;
  button.textContent = data.label;
  button.title = data.help;
  button.disabled = data.disabled;
  button.classList.toggle('first', data.primary);
  button.onclick = async () => {
    if (root.making) return;
    root.making = true;
    problem.textContent = '';
    button.setAttribute('aria-busy', 'true');
    try {
      const response = await fetch(data.address, { method: 'POST' });
      if (response.ok) {
        const link = document.createElement('a');
        link.href = URL.createObjectURL(await response.blob());
        link.download = data.name;
        link.click();
        setTimeout(URL.revokeObjectURL, 60_000, link.href);  // a slow browser may yet be writing it
      } else problem.textContent = await response.text() || data.lost;
    } catch {
      problem.textContent = data.lost;
    }
    button.removeAttribute('aria-busy');
    root.making = false;
  };
}
"""
_button = st.components.v2.component(
    "lab_file",
    html='<div class="lab-file"><button type="button"></button><p role="alert"></p></div>',
    js=_JS,
    isolate_styles=False,
)


@dataclass(frozen=True)
class _Offer:
    make: Callable[[], bytes | str]
    language: str


_offers: Addresses[_Offer] = Addresses("/file/")
ADDRESS = _offers.path


def file_button(
    label: str, make: Callable[[], bytes | str], name: str, *, key: str, help: str = "", primary: bool = False,
    disabled: bool = False,
) -> None:  # fmt: skip
    """Offer a file. make: called at a click, outside of any run of the page. name: what the browser calls the file."""
    address = _offers.put(key, _Offer(make, session.language()))
    _button(
        key=key, width="content",
        data={
            "label": label, "help": help, "primary": primary, "disabled": disabled, "address": address, "name": name,
            "lost": t("frame.file_lost"),
        },
    )  # fmt: skip


def deliver(name: str) -> tuple[int, bytes]:
    """The HTTP status and the body of the file that stands under a name; for one that can't be made, the body is the
    sentence that says so, and for one that is not there any more it is empty."""
    offer = _offers.find(name)
    if offer is None:
        return 404, b""
    with speaking(offer.language):
        try:
            made = offer.make()
            return 200, made.encode() if isinstance(made, str) else made
        except Exception as error:
            errors.report(error, "A file failed")
            return 500, errors.explain(error).encode()
