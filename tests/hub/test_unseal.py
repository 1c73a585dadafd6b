"""`edge-hub unseal`: for a purpose, with the authority's key, and never without a trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from feed import record
from feed.codec import erase_sealed
from feed.record import Draft, Kind, Person
from hub.store.sqlite import SqliteStore
from identity.keys import make_authority_keys
from identity.schemes import understand
from identity.seal import Identity, Sealer
from tests.hub.support import Chain, give

ROOT = Path(__file__).parents[2]
PURPOSE = "case 2021-0815, contacts of 23 August"
CARD = "001187000001|012345678|Trần Thị Thử|18011987|Nữ|1 Phố Thử, Hà Nội|01012022"
Unseal = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def unseal(tmp_path: Path) -> Unseal:
    def unseal(
        *arguments: str | Path, purpose: str | None = PURPOSE, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if name != "EDGE_HUB_CONFIG"}
        why = () if purpose is None else ("--purpose", purpose)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "hub", "unseal", "--key", tmp_path / "authority.pem"),
                *("--store", tmp_path / "hub.db"),
                *(*why, *arguments),
            ],
            cwd=ROOT,
            env=clean | {"PYTHONPATH": str(ROOT)},
            input=stdin,
            capture_output=True,
            check=False,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    return unseal


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """Three records in the store: a door, a sealed passage, one sealed for another key."""
    key = make_authority_keys(tmp_path / "authority.pem", tmp_path / "authority.pub.pem")
    made = Chain()
    made.add()
    for key_id in ("s1", "s2"):
        sealed = Sealer(key.public_key(), key_id=key_id).seal(
            Identity.of(understand(CARD.encode()))
        )
        part = record.Sealed(kid=sealed.kid, alg=sealed.alg, ct=sealed.ct)
        made.add(Draft(kind=Kind.PASSAGE, person=Person(scheme="cccd", sealed=part)))
    store = SqliteStore(tmp_path / "hub.db")
    give(store, made.arrivals([1, 2, 3]))
    store.close()
    return made


def audit(folder: Path) -> list[dict[str, object]]:
    path = folder / "unsealed.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_the_authority_learns_who_it_was_and_the_audit_who_asked(
    unseal: Unseal, chain: Chain, tmp_path: Path
) -> None:
    done = unseal(f"{chain.stream}:2", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["stream"], answer["seq"]) == (chain.stream, 2)
    assert answer["identity"] == {
        "scheme": "cccd",
        "canonical": "cccd:001187000001",
        "name": "Trần Thị Thử",
        "birth_date": "1987-01-18",
        "sex": "female",
        "document": "001187000001",
    }
    (line,) = audit(tmp_path)
    assert (line["purpose"], line["stream"], line["seq"]) == (PURPOSE, chain.stream, 2)
    assert line["who"]
    assert "Thử" not in json.dumps(line, ensure_ascii=False)


def test_records_may_come_as_json_lines(unseal: Unseal, chain: Chain, tmp_path: Path) -> None:
    done = unseal("--from", "-", stdin=chain.raws[2] + b"\n\n")
    assert done.returncode == 0, done.stderr
    assert "name Trần Thị Thử" in done.stdout
    path = tmp_path / "records.jsonl"
    path.write_bytes(chain.raws[2])
    assert unseal("--from", path).stdout == done.stdout
    assert len(audit(tmp_path)) == 2


@pytest.mark.parametrize("purpose", [None, "", "x", "         "])
def test_without_a_purpose_nothing_is_opened(
    unseal: Unseal, chain: Chain, tmp_path: Path, purpose: str | None
) -> None:
    done = unseal(f"{chain.stream}:2", purpose=purpose)
    assert done.returncode == 2
    assert done.stderr.startswith("edge-hub unseal: give the purpose")
    assert (done.stdout, audit(tmp_path)) == ("", [])


def test_without_an_audit_nothing_is_opened(unseal: Unseal, chain: Chain, tmp_path: Path) -> None:
    done = unseal(f"{chain.stream}:2", "--audit", tmp_path / "no folder" / "audit")
    assert done.returncode == 2
    assert "the audit can't be written, so nothing is opened" in done.stderr
    assert done.stdout == ""


def test_what_can_not_be_opened_is_told(unseal: Unseal, chain: Chain, tmp_path: Path) -> None:
    done = unseal(f"{chain.stream}:1", f"{chain.stream}:3", f"{chain.stream}:2")
    assert done.returncode == 2
    assert "holds no sealed identity" in done.stderr
    assert "sealed for key 's2', this is key 's1'" in done.stderr
    assert "Trần Thị Thử" in done.stdout
    assert [line["seq"] for line in audit(tmp_path)] == [3, 2]
    erased = unseal("--from", "-", stdin=erase_sealed(chain.raws[2]))
    assert "its identity was erased" in erased.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give either STREAM:SEQ of the store, or --from FILE"),
        (("x:1", "--from", "-"), "give either"),
        (("nonsense",), "'nonsense' is no record"),
        (("x:0",), "'x:0' is no record"),
        (("x:99",), "x:99: no such record in the store"),
        (("--from", "/nowhere"), "/nowhere: can't be read"),
    ],
)
def test_bad_input_is_one_line(
    unseal: Unseal, chain: Chain, arguments: tuple[str, ...], says: str
) -> None:
    done = unseal(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_lines_that_are_no_records_are_refused(unseal: Unseal, chain: Chain) -> None:
    assert "can't be read" in unseal("--from", "-", stdin=b"{}").stderr
