"""The phone's page in a real browser: enrolment, a code that gates take, no network, no copies."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from hub.cli import main
from hub.passbook import PassBook
from hub.phone.serve import PageServer, address_of, make_self_signed
from identity.passes.keys import ParkKeys
from identity.passes.phone import read_phone_key
from identity.schemes.park_pass import PassVerifier, Replays
from identity.validity import Now
from tests.browser.chromium import Chromium
from tests.passmaker import shown


class Page:
    """The page at its address, and a browser that has it open."""

    def __init__(self, folder: Path, browser: Chromium) -> None:
        self.folder = folder
        cert, key = folder / "cert.pem", folder / "key.pem"
        make_self_signed(cert, key, "127.0.0.1")
        self.server = PageServer("127.0.0.1", 0, cert_file=cert, key_file=key)
        self.url = address_of(self.server)
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()
        self.browser = browser
        self.serving = True

    def stop_serving(self) -> None:
        if self.serving:
            self.serving = False
            self.server.shutdown()
            self._thread.join(10)
            self.server.server_close()

    def enrolled(self) -> str:
        """The key that the page shows."""
        self.browser.wait("document.getElementById('key-text')?.value.length > 100")
        text: str = self.browser.run("document.getElementById('key-text').value")
        return text

    def step(self) -> int:
        """Wait until a code is shown: its time step."""
        return int(self.browser.wait("document.getElementById('code').dataset.step"))

    def on_screen(self) -> str:
        """What a camera reads off the screen."""
        image = Image.open(io.BytesIO(self.browser.picture())).convert("L")
        (found,) = zxingcpp.read_barcodes(
            image, formats=zxingcpp.barcode_formats_from_str("QRCode")
        )
        return found.text


@pytest.fixture
def page(tmp_path: Path, browser: Chromium) -> Iterator[Page]:
    made = Page(tmp_path, browser)
    yield made
    made.stop_serving()


@pytest.fixture
def book(tmp_path: Path) -> PassBook:
    made = PassBook.begin(tmp_path / "passes", "song-than")
    made.add_key("k1")
    return made


def issue(folder: Path, capsys: Any, key: str, url: str, *more: str) -> str:
    """The link that the office sends."""
    until = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    start = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
    with pytest.raises(SystemExit) as ended:
        main(["pass", "issue", "--folder", str(folder / "passes"), "--holder", "NV-00123",
              "--name", "Nguyễn Thị Ánh Tuyết", "--site", "cong-chinh", "--phone-key", key,
              "--url", url, "--from", start, "--until", until, "--json", *more])  # fmt: skip
    assert ended.value.code in {0, None}
    link: str = json.loads(capsys.readouterr().out)["link"]
    return link


def gate(folder: Path, at: datetime | None = None, site: str = "cong-chinh") -> PassVerifier:
    return PassVerifier(
        ParkKeys.read(folder / "passes"),
        clock=lambda: Now(at=at or datetime.now(UTC), synced=True),
        park="song-than",
        site=site,
        replays=Replays(),
    )


def test_a_phone_enrols_shows_a_code_and_works_without_a_network(
    page: Page, book: PassBook, tmp_path: Path, capsys: Any
) -> None:
    browser = page.browser
    browser.open(page.url)
    key = page.enrolled()
    # text and code hold their own proof, and the same key
    assert read_phone_key(page.on_screen()) == read_phone_key(key)
    assert browser.run("document.documentElement.lang") == "vi"
    assert browser.run("document.querySelector('h1').textContent") == "Thẻ vào cổng"
    # the private key is the browser's: no script can take it out
    taken = browser.run(
        "import('./store.js').then(s => s.load('key'))"
        ".then(k => crypto.subtle.exportKey('jwk', k.privateKey)).catch(e => e.name)"
    )
    assert taken == "InvalidAccessError"

    browser.open("about:blank")
    browser.open(issue(tmp_path, capsys, key, page.url, "--step-s", "60"))
    page.step()
    assert browser.run("location.hash") == ""  # nothing of it stays in the address
    assert browser.run("document.getElementById('name').textContent") == "Nguyễn Thị Ánh Tuyết"
    photograph = page.on_screen()
    here, there = gate(tmp_path), gate(tmp_path)
    found = shown(here, photograph.encode())
    assert (found.flags, found.proved) == ((), ("signature", "possession"))
    assert int(browser.run("document.getElementById('code').dataset.modules")) <= 73

    # a screenshot, at the same gate, and after its time at this and another
    assert shown(here, photograph.encode()).flags == ("replayed",)
    later = datetime.now(UTC) + timedelta(seconds=200)
    for other in (gate(tmp_path, later), gate(tmp_path, later)):
        assert shown(other, photograph.encode()).flags == ("stale",)
    assert shown(there, photograph.encode()).flags == ()

    # nothing came from elsewhere, nothing was against the policy
    assert all(url.startswith((page.url, "data:")) for url in browser.requested())
    assert browser.complaints() == []

    browser.wait("navigator.serviceWorker.ready.then(r => r.active?.state === 'activated')")
    page.stop_serving()
    browser.page.reload()
    page.step()
    assert shown(gate(tmp_path), page.on_screen().encode()).flags == ()


def test_the_code_changes_with_the_time(
    page: Page, book: PassBook, tmp_path: Path, capsys: Any
) -> None:
    browser = page.browser
    browser.open(page.url)
    browser.open(issue(tmp_path, capsys, page.enrolled(), page.url, "--step-s", "5"))
    first = page.step()
    browser.wait(f"document.getElementById('code').dataset.step > {first}")
    second = page.on_screen()
    verifier = gate(tmp_path)
    assert shown(verifier, second.encode()).flags == ()


def test_a_pass_of_another_phone_and_nonsense_are_refused_in_both_languages(
    page: Page, book: PassBook, tmp_path: Path, capsys: Any
) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    from identity.passes.phone import write_phone_key

    browser = page.browser
    browser.open(page.url)
    page.enrolled()
    other = write_phone_key(ec.generate_private_key(ec.SECP256R1()))
    for link, vietnamese, english in [
        (issue(tmp_path, capsys, other, page.url), "điện thoại khác", "another phone"),
        ("xin chào", "không phải là thẻ", "no pass"),
    ]:
        browser.page.fill("#link", link)
        browser.page.click("#take")
        browser.wait("!document.getElementById('problem').hidden")
        browser.wait(f"document.getElementById('problem').textContent.includes('{vietnamese}')")
        browser.page.click("#language")
        browser.page.click("#take")
        browser.wait(f"document.getElementById('problem').textContent.includes('{english}')")
        browser.page.click("#language")
        assert browser.run("document.getElementById('pass').hidden") is True


def test_a_pass_that_is_pasted_counts_as_well_as_the_link(
    page: Page, book: PassBook, tmp_path: Path, capsys: Any
) -> None:
    browser = page.browser
    browser.open(page.url)
    link = issue(tmp_path, capsys, page.enrolled(), page.url)
    bare = link.partition("#p=")[2]
    browser.page.fill("#link", bare)
    browser.page.click("#take")
    page.step()
    assert shown(gate(tmp_path), page.on_screen().encode()).flags == ()
