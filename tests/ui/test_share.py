"""The address that others open: of this computer in its network, if the server listens there."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ui import share


@pytest.mark.parametrize(
    ("own", "listens", "lan", "expected"),
    [
        ("http://localhost:8501/label", "127.0.0.1", "192.168.7.4", ("http://localhost:8501/outlook?join=k+y", False)),
        ("http://localhost:8501/", "0.0.0.0", "192.168.7.4", ("http://192.168.7.4:8501/outlook?join=k+y", True)),
        ("http://127.0.0.1:8501/", "0.0.0.0", None, ("http://127.0.0.1:8501/outlook?join=k+y", False)),
        ("http://192.168.7.4:8501/", "0.0.0.0", "10.0.0.9", ("http://192.168.7.4:8501/outlook?join=k+y", True)),
        ("https://lab.example/", "127.0.0.1", "10.0.0.9", ("https://lab.example/outlook?join=k+y", True)),
    ],
)
def test_the_address_is_one_that_others_can_open_where_there_is_one(
    own: str, listens: str, lan: str | None, expected: tuple[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(share, "lan_address", lambda: lan)
    monkeypatch.setattr(
        share, "st", SimpleNamespace(context=SimpleNamespace(url=own), get_option={"server.address": listens}.get)
    )
    assert share.address("outlook", join="k y") == expected
