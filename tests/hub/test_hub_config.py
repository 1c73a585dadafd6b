"""hub.toml: every fault in one go, each in a line that says where and what."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.config import ConfigError, load


def write(folder: Path, text: str) -> Path:
    path = folder / "hub.toml"
    path.write_text(text)
    return path


def fault(path: Path, *, broker: str | None = None) -> str:
    with pytest.raises(ConfigError) as error:
        load(path, broker=broker)
    return str(error.value).replace(str(path), "hub.toml")


def test_an_empty_file_is_a_hub_with_defaults(tmp_path: Path) -> None:
    config = load(write(tmp_path, ""))
    assert (config.mqtt.host, config.mqtt.port) == ("localhost", 1883)
    assert config.store.path == tmp_path / "hub.db"


def test_paths_start_at_the_file_that_names_them(tmp_path: Path) -> None:
    text = '[store]\npath = "data/hub.db"\n[mqtt]\nusername = "hub"\npassword_file = "secret"\n'
    config = load(write(tmp_path, text + '[mqtt.tls]\nca_file = "ca.pem"\n'))
    assert config.store.path == tmp_path / "data/hub.db"
    assert config.mqtt.password_file == tmp_path / "secret"
    assert config.mqtt.tls is not None
    assert config.mqtt.tls.ca_file == tmp_path / "ca.pem"


def test_options_win_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, '[mqtt]\nhost = "a"\nclient_id = "hub-2"\n[store]\npath = "x"\n')
    config = load(path, broker="b:1884", store=Path("/elsewhere/hub.db"))
    assert (config.mqtt.host, config.mqtt.port, config.mqtt.client_id) == ("b", 1884, "hub-2")
    assert config.store.path == Path("/elsewhere/hub.db")


@pytest.mark.parametrize(
    ("broker", "place"),
    [("lan", ("lan", 1883)), ("lan:99", ("lan", 99)), ("[::1]:99", ("::1", 99))],
)
def test_a_broker_is_a_host_and_perhaps_a_port(broker: str, place: tuple[str, int]) -> None:
    config = load(None, broker=broker)
    assert (config.mqtt.host, config.mqtt.port) == place


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[mqtt]\nprot = 1", "hub.toml: mqtt.prot: unknown key; did you mean port?"),
        ("[mqqt]\nport = 1", "hub.toml: mqqt: unknown key; did you mean mqtt?"),
        (
            "[mqtt.tls]\ncafile = 'x'",
            "hub.toml: mqtt.tls.cafile: unknown key; did you mean ca_file?",
        ),
        ("[mqtt]\nport = '1883'", "hub.toml: mqtt.port: Input should be a valid integer"),
        ("[mqtt]\nport = 0", "hub.toml: mqtt.port: Input should be greater than or equal to 1"),
        ("[mqtt]\nshare = 'a/b'", "hub.toml: mqtt.share: String should match pattern"),
        ("[mqtt]\npassword_file = 'x'", "hub.toml: mqtt: username is missing"),
        ("[mqtt.tls]\ncert_file = 'x'", "hub.toml: mqtt.tls: cert_file and key_file belong"),
        ("mqtt = 5", "hub.toml: mqtt: Input should be"),
        ("[store]\nurl = 'mysql://h/d'", "hub.toml: store: url names no PostgreSQL database"),
        ("[store]\nurl = 'hub.db'", "hub.toml: store: url names no PostgreSQL database"),
        ("[store]\nkeep_days = 0", "hub.toml: store.keep_days: Input should be greater than"),
        ("mqtt = [", "hub.toml: is no TOML"),
    ],
)
def test_a_fault_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    told = fault(write(tmp_path, text))
    assert told.startswith(line)
    assert len(told.splitlines()) == 1


def test_every_fault_is_told(tmp_path: Path) -> None:
    told = fault(write(tmp_path, "[mqtt]\nport = 0\n[ingest]\nbatch_records = 0\nother = 1"))
    assert len(told.splitlines()) == 3


def test_a_file_that_is_missing_or_no_text_is_told(tmp_path: Path) -> None:
    assert fault(tmp_path / "hub.toml") == "hub.toml: No such file or directory"
    (tmp_path / "hub.toml").write_bytes(b"\xff\xfe")
    assert fault(tmp_path / "hub.toml").startswith("hub.toml: is no TOML")


@pytest.mark.parametrize("broker", ["lan:x", ":1883", "lan:"])
def test_a_broker_that_is_none_is_told(tmp_path: Path, broker: str) -> None:
    path = write(tmp_path, "")
    assert fault(path, broker=broker).startswith(f"--broker {broker}: give HOST or HOST:PORT")
    assert fault(path, broker="lan:99999").startswith("hub.toml: mqtt.port")


@pytest.mark.parametrize(
    "url",
    ["postgresql://edge:geheim@db/edge", "postgres:///edge?host=/run&password=geheim"],
)
def test_a_password_in_the_url_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    """A configuration is copied, a command line is seen by everyone on the machine."""
    told = fault(write(tmp_path, f'[store]\nurl = "{url}"'))
    assert told.startswith("hub.toml: store: url holds a password; put it into ~/.pgpass")
    assert "geheim" not in told
    with pytest.raises(ConfigError) as error:
        load(None, store=url)
    assert "geheim" not in str(error.value)


def test_a_store_on_the_command_line_takes_the_configurations_place(tmp_path: Path) -> None:
    path = write(tmp_path, '[store]\nurl = "postgresql:///a"\nkeep_days = 9\n')
    assert load(path).store.where == "postgresql:///a"
    given = load(path, store="postgresql://db/b").store
    assert (given.where, given.keep_days) == ("postgresql://db/b", 9)
    given = load(path, store=tmp_path / "hub.db").store
    assert (given.where, given.keep_days) == (tmp_path / "hub.db", 9)
