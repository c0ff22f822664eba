"""Who has the address of a class labels in it, and can do nothing else in the lab: tried over the server's own
protocol, without a browser that would keep anybody from it."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from lab import members
from lab.jobs import JobSpec
from lab.store import Lab, NewPair, Store, now
from tests.e2e.phone import Phone, answer, post
from tests.e2e.server import HOST, Server, wait_until
from ui.layout import PAGES

OWNER, PHONE, OTHER = (f"{name}-of-the-class-address-" for name in ("owner", "phone", "other"))
SECRET = "nobody-else-may-read-this"
READ = timedelta(seconds=0.3)


@pytest.fixture(scope="module")
def class_(server: Server) -> tuple[Lab, str]:
    """A lab with a class, and much that is nobody's but the owner's. Returns it and the class's key."""
    with closing(Store(server.database)) as store:
        lab = store.open_lab(OWNER, "en")
        store.rename_lab(lab.id, f"lab {SECRET}")
        store.add_constitution(lab.id, "en", f"# {SECRET}")
        store.keep(lab.id, "label_writer", SECRET)
        spec = JobSpec(stage="ppo", config={"iterations": 3}, inputs={"language": "en", "lab": lab.id}, seed=77)
        store.add_run(lab.id, **vars(spec), status="failed", pace=None)
        for number in range(12):
            texts = {"prompt": f"hello {number} .", "response_a": "yes .", "response_b": "no ."}
            store.add_pair(lab.id, NewPair(language="en", policy_id="start", **texts))
        members.start(store, lab)
        found = members.found(store, lab)
        assert found is not None
    return lab, found.key


@contextmanager
def visiting(server: Server, browser: str, page: str, **query: str) -> Iterator[Phone]:
    with closing(Phone(server.port, browser, page, **query)) as phone:
        yield phone


def labels(server: Server, lab: Lab) -> list[tuple[str, str]]:
    with closing(Store(server.database)) as store:
        return [(label.showing_id, label.labeler) for label in store.labels(lab.id, "human")]


def shown(messages: list[ForwardMsg]) -> str:
    return " ".join(str(message) for message in messages)


def keys(messages: list[ForwardMsg]) -> set[str]:
    """The keys of all that can be pressed, chosen or filled."""
    found: set[str] = set()
    for message in messages:
        element = message.delta.new_element
        kind = element.WhichOneof("type")
        if kind in ("button", "text_input", "text_area", "selectbox", "multiselect", "slider", "checkbox", "radio",
                    "button_group", "number_input", "file_uploader", "bidi_component"):  # fmt: skip
            found.add(getattr(element, kind).id.rpartition("-")[2])
    return found


def test_every_page_under_the_address_shows_nothing_of_the_owners(server: Server, class_: tuple[Lab, str]) -> None:
    lab, key = class_
    with visiting(server, OWNER, "") as owner:
        assert SECRET in shown(owner.look()), "the owner sees it"
    for page in ("" if page == "home" else page for page in PAGES):
        with visiting(server, PHONE, page, join=key) as phone:
            messages = phone.look()
            assert SECRET not in shown(messages), page
        if page == "label":
            assert {one for one in keys(messages) if not one.startswith(("join_", "language"))} == set()
    with closing(Store(server.database)) as store:
        assert lab.id not in {one.id for one in store.labs(PHONE)}
        assert store.lab(lab.id).name == f"lab {SECRET}"
    for cookie in (key, lab.key, key[:24].ljust(24, "-")):  # what is known of the lab opens it under no name either
        with visiting(server, cookie, "") as stranger:
            assert SECRET not in shown(stranger.look())


def test_an_answer_counts_only_from_whom_the_pair_was_put_before(server: Server, class_: tuple[Lab, str]) -> None:
    lab, key = class_
    with (
        visiting(server, OWNER, "label") as owner,
        visiting(server, PHONE, "label", join=key) as phone,
        visiting(server, OTHER, "label", join=key) as other,
    ):
        mine, theirs, owners = phone.ballot(), other.ballot(), owner.ballot()
        assert mine is not None and theirs is not None and owners is not None
        before, opened = labels(server, lab), now()
        wait_until(lambda: now() - opened > READ, "the pairs could have been read")
        for address, showing in ((mine, owners), (mine, theirs), (theirs, mine), (owners, mine)):
            answer(server.port, address["address"], showing["showing"], "left")
        assert labels(server, lab) == before, "another's pair is not answered"
        for wrong in ({"choice": "undo"}, {"choice": "delete"}, {"strength": 2}, {"choice": ["left"]}, {"showing": 1}):
            said = {"showing": mine["showing"], "choice": "left", "strength": 0, "reasons": [], "words": "", **wrong}
            assert post(server.port, mine["address"], json.dumps(said).encode()) == (200, None)
        assert labels(server, lab) == before, "what no button says is no answer"
        for address in (f"/ballot/{key}", f"/ballot/{lab.key}", "/ballot/", "/ballot/1", mine["address"][:-1]):
            said = {"showing": mine["showing"], "choice": "left", "strength": 0, "reasons": [], "words": ""}
            assert post(server.port, address, json.dumps(said).encode())[1] is None
        assert labels(server, lab) == before, "there is no ballot at another address"
        assert answer(server.port, mine["address"], mine["showing"], "left") is not None
        assert len(labels(server, lab)) == len(before) + 1


def test_only_what_has_a_purpose_takes_anything(server: Server, class_: tuple[Lab, str]) -> None:
    """Every method on every address that one might try, none of which changes the lab or fails."""
    lab, key = class_
    before = labels(server, lab)
    paths = [f"/ballot/{key}", f"/file/{key}", f"/label?join={key}", f"/class/{key}", f"/lab/{lab.id}",
             f"/labs/{lab.key}", "/admin", f"/media/{key}", "/_stcore/upload_file/x/y", f"/assets/../{key}",
             "/data/rlhf_lab.sqlite3", "/assets/%2e%2e/%2e%2e/app.py", "/../lab.sqlite3", f"/runs/{1}",
             "/ui/main.py"]  # fmt: skip
    for path in paths:
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            connection = http.client.HTTPConnection(HOST, server.port, timeout=60)
            connection.request(method, path, b"{}" if method != "GET" else None)
            got = connection.getresponse()
            body = got.read()
            connection.close()
            assert got.status < 500, (method, path, got.status)
            assert b"SQLite format" not in body and SECRET.encode() not in body
    assert labels(server, lab) == before
