"""Passes issued and revoked on the hub, as gates then see them."""

from __future__ import annotations

import base64
import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image

from feed.lists import read_list
from hub.badges.drawing import code, page_of, to_png
from identity.passes.code import write_code
from identity.passes.keys import ParkKeys
from identity.passes.phone import write_phone_key, write_phone_key_text, write_rotating
from identity.schemes.park_pass import PassVerifier, step_at
from identity.validity import Now
from tests.hub.passes.conftest import Hub
from tests.mqtt.support import Broker
from tests.mqtt.watcher import Watcher
from tests.passmaker import shown

DURING = datetime(2021, 9, 6, 0, 30, tzinfo=UTC)
PHONE = ec.derive_private_key(4711, ec.SECP256R1())
CSV = """\ufeffholder;name;category;sites;from;until;declared;declaration
HS-0001;Nguyễn Thị Ánh Tuyết;pupil;cong-chinh cong-phu;2021-09-05;2022-05-31;2021-09-04;fever=no
GV-07;  Đặng   Quốc Vượng ;teacher;;;;;

HS-0002;;;;;;;
"""


def gate(folder: Path, at: datetime = DURING, site: str = "cong-chinh") -> PassVerifier:
    keys = ParkKeys.read(folder)
    return PassVerifier(keys, clock=lambda: Now(at=at, synced=True), park="song-than", site=site)


# --- keys -----------------------------------------------------------------------------------


def test_the_private_key_is_its_owners_alone(folder) -> None:
    mode = (folder / "2021-08-23.key.pem").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert b"PRIVATE" not in (folder / "2021-08-23.pub.pem").read_bytes()


def test_a_key_is_never_overwritten(hub, folder) -> None:
    before = (folder / "2021-08-23.key.pem").read_bytes()
    done = hub("pass", "key", "--park", "song-than", "--name", "2021-08-23")
    assert done.code == 2
    assert "can't be made: File exists" in done.err
    assert (folder / "2021-08-23.key.pem").read_bytes() == before


def test_a_private_key_that_others_may_read_does_not_sign(hub, folder) -> None:
    (folder / "2021-08-23.key.pem").chmod(0o640)
    done = hub("pass", "issue", "--holder", "NV1", "--until", "2091-12-31")
    assert done.code == 2
    assert "chmod 600" in done.err


def test_a_gate_refuses_the_private_key_as_a_public_one(folder) -> None:
    with pytest.raises(ValueError, match="must not lie on a gate"):
        ParkKeys.read(folder / "2021-08-23.key.pem")


def test_the_newest_key_signs_and_both_are_good(hub, folder) -> None:
    issue = ("pass", "issue", "--holder", "NV1", "--from", "2021-09-01", "--until", "2021-12-31",
             "--json")  # fmt: skip
    old = hub(*issue).lines[0]["code"]
    hub("pass", "key", "--park", "song-than", "--name", "2022-08-23")
    new = hub(*issue).lines[0]["code"]
    assert shown(gate(folder), old.encode()).flags == ()
    assert shown(gate(folder), new.encode()).flags == ()
    (folder / "2021-08-23.pub.pem").unlink()
    assert "signer_unknown" in shown(gate(folder), old.encode()).flags
    assert shown(gate(folder), new.encode()).flags == ()


def test_the_folder_of_another_park_is_refused(hub, folder) -> None:
    done = hub("pass", "key", "--park", "another", "--name", "x")
    assert done.code == 2
    assert "is the folder of park 'song-than'" in done.err


def test_without_a_folder_the_way_to_one_is_told(hub) -> None:
    done = hub("pass", "issue", "--holder", "NV1", "--until", "2091-12-31")
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "`edge-hub pass key --park NAME` makes one" in done.err


# --- issuing --------------------------------------------------------------------------------


def test_one_pass_counts_from_its_first_day_to_the_end_of_its_last(hub, folder) -> None:
    done = hub(
        "pass", "issue", "--holder", "NV-00123", "--name", "Lê Văn Đỗ", "--site", "cong-chinh",
        "--from", "2021-09-06", "--until", "2021-12-31", "--json",
    )  # fmt: skip
    told = done.lines[0]
    payload = told["code"].encode()
    for at, flags in [
        (datetime(2021, 9, 5, 16, 58, tzinfo=UTC), ("not_yet_valid",)),
        (datetime(2021, 9, 5, 17, 0, tzinfo=UTC), ()),  # midnight in Việt Nam
        (datetime(2021, 12, 31, 16, 59, tzinfo=UTC), ()),
        (datetime(2021, 12, 31, 17, 0, tzinfo=UTC), ("expired",)),
    ]:
        assert shown(gate(folder, at), payload).flags == flags
    assert shown(gate(folder, site="kho-3"), payload).flags == ("wrong_site",)
    found = shown(gate(folder), payload)
    assert found.holder is not None
    assert found.holder.name == "Lê Văn Đỗ"
    assert told["until"] == "2021-12-31"


def test_a_class_is_issued_from_what_a_spreadsheet_wrote(hub, folder, tmp_path) -> None:
    (tmp_path / "class.csv").write_text(CSV, encoding="utf-8")
    done = hub("pass", "issue", "--csv", "class.csv", "--from", "2021-09-05", "--until",
               "2022-05-31", "--category", "pupil", "--json")  # fmt: skip
    assert [line["holder"] for line in done.lines] == ["HS-0001", "GV-07", "HS-0002"]
    first, second, third = (shown(gate(folder), one["code"].encode()) for one in done.lines)
    assert first.declaration == {"date": "2021-09-04", "fever": False}
    assert second.category == "teacher"
    assert second.holder is not None
    assert second.holder.name == "Đặng Quốc Vượng"
    assert third.category == "pupil"
    assert [one.flags for one in (first, second, third)] == [(), (), ()]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("holder,until\nNV1,2021-13-01\n", "class.csv: line 2: until: '2021-13-01' is no day"),
        ("holder,until\nNV1,2091-12-01\n,2091-12-01\nNV3,x\n", "line 3: holder"),
        ("name\nA\n", "line 1: no column 'holder'"),
        ("holder,age\nNV1,7\n", "line 1: unknown column 'age'"),
        ("holder\nNV1\n", "line 2: until: missing"),
        ("holder,declaration\nNV1,fever=no\n", "declared: missing"),
        ("holder,declared,declaration\nNV1,2021-08-01,fever\n", "is not name=value"),
    ],
    ids=range(7),
)
def test_a_fault_in_the_list_names_its_line_and_nothing_is_issued(
    hub, folder, tmp_path, text, fault
) -> None:
    (tmp_path / "class.csv").write_text(text, encoding="utf-8")
    until = [] if "missing" in fault and "until" in fault else ["--until", "2021-12-31"]
    done = hub("pass", "issue", "--csv", "class.csv", *until)
    assert done.code == 2
    assert fault in done.err
    assert done.out == ""
    assert not (folder / "issued.jsonl").exists()


def test_a_name_can_be_left_out_of_the_code_and_stay_for_the_badge(hub, folder) -> None:
    told = hub("pass", "issue", "--holder", "NV1", "--name", "Lê Văn Đỗ", "--leave-name-out",
               "--from", "2021-09-01", "--until", "2021-12-31", "--json").lines[0]  # fmt: skip
    found = shown(gate(folder), told["code"].encode())
    assert found.holder is not None
    assert found.holder.name is None
    assert told["name"] == "Lê Văn Đỗ"


def test_the_register_holds_no_names_and_is_its_owners_alone(hub, folder) -> None:
    hub("pass", "issue", "--holder", "NV1", "--name", "Lê Văn Đỗ", "--until", "2091-12-31")
    register = folder / "issued.jsonl"
    assert "Lê" not in register.read_text()
    assert json.loads(register.read_text())["holder"] == "NV1"
    assert stat.S_IMODE(register.stat().st_mode) == 0o600


def test_a_pass_that_no_gate_could_read_well_is_refused_and_not_registered(hub, folder) -> None:
    sites = [part for n in range(16) for part in ("--site", f"{'s' * 60}{n}")]
    done = hub("pass", "issue", "--holder", "NV1", "--until", "2091-12-31", *sites)
    assert done.code == 2
    assert "name fewer sites" in done.err
    assert not (folder / "issued.jsonl").exists()


# --- phones ---------------------------------------------------------------------------------


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parametrize("how", ["text", "sent text", "text file", "picture"])
def test_a_phone_gets_a_pass_that_counts_with_its_key_alone(hub, folder, tmp_path, how) -> None:
    text = write_phone_key(PHONE)
    given: object = text
    if how == "sent text":
        given = f"{write_phone_key_text(PHONE)} "
    if how == "text file":
        given = tmp_path / "key.txt"
        (tmp_path / "key.txt").write_text(text + "\n")
    if how == "picture":
        given = tmp_path / "key.png"
        (tmp_path / "key.png").write_bytes(to_png(page_of(code(text, x=0, y=0, size=60), size=60)))
    told = hub("pass", "issue", "--holder", "NV1", "--phone-key", given, "--url",
               "https://pass.example/", "--from", "2021-09-01", "--until", "2021-12-31",
               "--json").lines[0]  # fmt: skip
    address, _, sealed = told["link"].partition("#p=")
    assert address == "https://pass.example/"
    assert "code" not in told
    message = unpadded(sealed)
    rotating = write_rotating(message, PHONE, step_at(DURING, 10))
    assert shown(gate(folder), write_code(rotating).encode()).proved == ("signature", "possession")
    assert shown(gate(folder), write_code(message).encode()).flags == ("not_possessed",)


def test_a_phones_key_that_was_altered_is_refused(hub, folder) -> None:
    text = write_phone_key(PHONE)
    swapped = text[:30] + ("A" if text[30] != "A" else "B") + text[31:]
    done = hub("pass", "issue", "--holder", "NV1", "--phone-key", swapped, "--until", "2091-12-31")
    assert done.code == 2
    assert "phone's key that was cut or altered" in done.err


def test_a_picture_without_a_phones_key_is_refused(hub, folder, tmp_path) -> None:
    Image.new("L", (50, 50), 255).save(tmp_path / "blank.png")
    (tmp_path / "note.txt").write_text("hello")
    for name, fault in [("blank.png", "shows 0 phones' keys"), ("note.txt", "neither"),
                        ("none.png", "No such file")]:  # fmt: skip
        done = hub("pass", "issue", "--holder", "N", "--phone-key", name, "--until", "2091-12-31")
        assert (done.code, fault in done.err) == (2, True), done.err


# --- revoking -------------------------------------------------------------------------------


def issued(hub: Hub, holder: str, until: str = "2091-12-31") -> dict[str, str]:
    done = hub("pass", "issue", "--holder", holder, "--until", until, "--json")
    told: dict[str, str] = done.lines[0]
    return told


def test_passes_are_revoked_by_id_by_code_and_by_holder(hub, folder) -> None:
    one, two, three, four = (issued(hub, holder) for holder in ("A", "B", "C", "C"))
    done = hub("pass", "revoke", one["id"], two["code"], "--holder", "C", "--offline", "--json")
    told = done.lines[0]
    assert told["version"] == 1
    assert told["revoked"] == sorted(each["id"] for each in (one, two, three, four))
    again = hub("pass", "revoke", issued(hub, "D")["id"], "--offline", "--json").lines[0]
    assert again["version"] == 2
    assert len(again["revoked"]) == 5
    keys = ParkKeys.read(folder / "2021-08-23.pub.pem").by_id()
    read = read_list((folder / "revoked-passes.json").read_bytes(), keys)
    assert (read.park, read.version, len(read.items)) == ("song-than", 2, 5)


def test_what_has_expired_leaves_the_list(hub, folder) -> None:
    hub("pass", "issue", "--holder", "A", "--from", "2001-01-01", "--until", "2001-12-31")
    done = hub("pass", "revoke", "--holder", "A", "--offline", "--json")
    assert done.lines[0]["revoked"] == []


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["nonsense"], "neither a pass's id nor its code"),
        (["--holder", "NOBODY"], "no pass was issued"),
        (["EG1:ABC"], "neither a pass's id nor its code"),
    ],
)
def test_what_can_not_be_revoked_is_told(hub, folder, arguments, fault) -> None:
    done = hub("pass", "revoke", *arguments, "--offline")
    assert done.code == 2
    assert fault in done.err
    assert not (folder / "revoked-passes.json").exists()


def test_a_revocation_list_that_was_altered_is_not_built_upon(hub, folder) -> None:
    hub("pass", "revoke", issued(hub, "A")["id"], "--offline")
    path = folder / "revoked-passes.json"
    path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":9'))
    done = hub("pass", "revoke", "--offline")
    assert done.code == 2
    assert "signature that does not hold" in done.err


def test_a_broker_that_is_away_is_told_and_the_list_stays_written(hub, folder) -> None:
    done = hub("pass", "revoke", issued(hub, "A")["id"], "--broker", "127.0.0.1:1")
    assert done.code == 1
    assert "NOT published" in done.err
    assert (folder / "revoked-passes.json").exists()


def test_a_revocation_reaches_the_broker_retained(hub, folder, tmp_path) -> None:
    broker = Broker(tmp_path)
    broker.start()
    try:
        where = f"127.0.0.1:{broker.port}"
        done = hub("pass", "revoke", issued(hub, "A")["id"], "--broker", where, "--json")
        assert (done.code, done.lines[0]["published"]) == (0, True)
        late = Watcher(broker.port)
        topic = "gate/v1/song-than/list/revoked-passes"
        assert late.wait(lambda: bool(late.payloads(topic)))
        assert late.payloads(topic) == [(folder / "revoked-passes.json").read_bytes()]
        late.stop()
    finally:
        broker.stop()
