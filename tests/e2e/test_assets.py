"""What the pages need beside Streamlit's own files."""

import gzip
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse

import pytest

from app import ASSETS
from tests.e2e.server import HOST, Server


def fetched(server: Server, name: str, encoding: str) -> tuple[HTTPResponse, bytes]:
    with closing(HTTPConnection(HOST, server.port, timeout=30)) as http:
        http.request("GET", f"/assets/{name}", headers={"Accept-Encoding": encoding})
        response = http.getresponse()
        return response, response.read()


@pytest.mark.parametrize("name", ASSETS)
@pytest.mark.parametrize("encoding", ["gzip, br", "identity"])
def test_an_asset_comes_whole_and_may_be_kept(server: Server, name: str, encoding: str) -> None:
    path, media_type = ASSETS[name]
    response, body = fetched(server, name, encoding)
    assert response.status == 200 and response.headers["Content-Type"].startswith(media_type)
    assert "max-age=31536000" in response.headers["Cache-Control"]
    packed = response.headers["Content-Encoding"] == "gzip"
    assert packed == (encoding != "identity" and path.suffix == ".js"), "a font is packed already"
    assert (gzip.decompress(body) if packed else body) == path.read_bytes()
