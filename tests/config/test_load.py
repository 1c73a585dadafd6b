"""Loading: every fault in one go, layers on top of each other, relative paths."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from edge.config.load import ConfigError, load
from edge.config.model import GpioDoorTable, Mlx90614Table, Picamera2Table, SimCameraTable

SOUND = """\
[gate]
park = "park"
site = "site"
gate = "gate"

[door]
driver = "gpio"
lock = "fail_secure"

[[reader]]
name = "in"
direction = "in"
[reader.camera]
driver = "picamera2"
[reader.thermometer]
driver = "mlx90614"

[[reader]]
name = "out"
direction = "out"
mode = "code_only"
camera = { driver = "webcam" }

[identity]
key_file = "keys/token.key"
"""


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(SOUND)
    return path


def faults(path: Path, environ: Mapping[str, str] | None = None) -> list[str]:
    """The lines of the error, without the folder."""
    with pytest.raises(ConfigError) as caught:
        load(path, environ=environ or {})
    return str(caught.value).replace(f"{path.parent}/", "").splitlines()


def drop_in(path: Path, name: str, text: str) -> None:
    folder = path.with_name("config.toml.d")
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)


# --- what is sound --------------------------------------------------------------------------


def test_a_sound_file_loads_with_the_defaults_of_the_model(config_file: Path) -> None:
    config = load(config_file, environ={})
    assert config.screening.limit_c == 37.5
    assert isinstance(config.door, GpioDoorTable)
    assert [reader.name for reader in config.reader] == ["in", "out"]


def test_relative_paths_start_at_the_file_that_names_them(config_file: Path) -> None:
    drop_in(config_file, "a.toml", '[records]\npath = "records"')
    config = load(config_file, environ={"EDGE_GATE__MQTT__PASSWORD_FILE": "secret"})
    folder = config_file.parent
    assert config.identity.key_file == folder / "keys/token.key"
    assert config.records.path == folder / "config.toml.d/records"
    assert config.mqtt.password_file == Path.cwd() / "secret"


def test_later_drop_ins_win_and_tables_merge(config_file: Path) -> None:
    drop_in(config_file, "20-b.toml", "[screening]\nlimit_c = 38.0")
    drop_in(config_file, "10-a.toml", "[screening]\nlimit_c = 37.0\nsamples = 7")
    drop_in(config_file, "30-c.conf", "this is not read")
    screening = load(config_file, environ={}).screening
    assert (screening.limit_c, screening.samples) == (38.0, 7)


def test_a_drop_in_finds_a_reader_by_its_name(config_file: Path) -> None:
    text = '[[reader]]\nname = "out"\norder = "temperature_first"'
    drop_in(config_file, "a.toml", text)
    first, second = load(config_file, environ={}).reader
    assert (first.order, second.order) == ("code_first", "temperature_first")
    assert second.mode == "code_only"


def test_a_drop_in_may_bring_a_reader_of_its_own(config_file: Path) -> None:
    config_file.write_text(SOUND.replace('name = "out"', 'name = "side"'))
    drop_in(config_file, "a.toml", '[[reader]]\nname = "third"\ndirection = "in"')
    assert any("there are 3; a gate has one or two readers" in line for line in faults(config_file))


def test_another_driver_keeps_what_it_knows_and_drops_what_only_the_old_one_knew(
    config_file: Path,
) -> None:
    text = SOUND.replace(
        'driver = "picamera2"', 'driver = "picamera2"\nsize = [320, 240]\ngain = 2'
    )
    config_file.write_text(text)
    drop_in(config_file, "a.toml", '[[reader]]\nname = "in"\ncamera.driver = "sim"')
    camera = load(config_file, environ={}).reader[0].camera
    assert isinstance(camera, SimCameraTable)
    assert camera.size == (320, 240)


def test_a_default_pin_can_be_taken_away(config_file: Path) -> None:
    config_file.write_text(SOUND.replace("[door]", '[door]\nfire_pin = "none"'))
    assert load(config_file, environ={}).door.fire_pin is None


# --- the environment ------------------------------------------------------------------------


def test_the_environment_wins_and_holds_toml_values(config_file: Path) -> None:
    drop_in(config_file, "a.toml", '[mqtt]\nhost = "one"')
    config = load(
        config_file,
        environ={
            "EDGE_GATE__MQTT__HOST": "two",
            "EDGE_GATE__MQTT__PORT": "8883",
            "EDGE_GATE__MQTT__TLS": '{ca_file = "/ca.pem"}',
            "EDGE_GATE__MQTT__DISCOVERY": "true",
            "EDGE_GATE__SCHEMES__PC_COVID": "deny",
            "EDGE_GATE__READER__IN__CAMERA__SIZE": "[1280, 720]",
            "EDGE_GATE_CONFIG": "is no key",
        },
    )
    assert (config.mqtt.host, config.mqtt.port, config.mqtt.discovery) == ("two", 8883, True)
    assert config.mqtt.tls is not None
    assert config.mqtt.tls.ca_file == Path("/ca.pem")
    assert config.schemes.pc_covid == "deny"
    camera = config.reader[0].camera
    assert isinstance(camera, Picamera2Table)
    assert camera.size == (1280, 720)


@pytest.mark.parametrize(
    ("text", "value"), [("1234", "1234"), ('"quoted"', "quoted"), ("a=b", "a=b")]
)
def test_text_keys_take_numbers_as_text(config_file: Path, text: str, value: str) -> None:
    config = load(config_file, environ={"EDGE_GATE__MQTT__USERNAME": text})
    assert config.mqtt.username == value


def test_a_password_is_taken_to_the_letter(config_file: Path) -> None:
    environ = {"EDGE_GATE__MQTT__PASSWORD": '"12 # 34"', "EDGE_GATE__MQTT__USERNAME": "gate"}
    password = load(config_file, environ=environ).mqtt.password
    assert password is not None
    assert password.get_secret_value() == '"12 # 34"'


def test_a_driver_in_the_environment_comes_before_its_keys(config_file: Path) -> None:
    environ = {
        "EDGE_GATE__READER__OUT__THERMOMETER__BUS": "3",
        "EDGE_GATE__READER__OUT__THERMOMETER__DRIVER": "mlx90614",
    }
    thermometer = load(config_file, environ=environ).reader[1].thermometer
    assert isinstance(thermometer, Mlx90614Table)
    assert thermometer.bus == 3


@pytest.mark.parametrize(
    ("variable", "says"),
    [
        ("EDGE_GATE__MQTT__HOTS", "unknown key 'hots'; did you mean 'host'?"),
        ("EDGE_GATE__MQT__HOST", "unknown key 'mqt'; did you mean 'mqtt'?"),
        ("EDGE_GATE__READER__OUTT__MODE", "no reader is called 'outt'; did you mean 'out'?"),
        ("EDGE_GATE__READER__IN", "names no key; write EDGE_GATE__READER__NAME__KEY"),
        ("EDGE_GATE__READER", "names no key; write EDGE_GATE__READER__NAME__KEY"),
        ("EDGE_GATE__MQTT__HOST__NAME", "host is a value and has no keys of its own"),
        ("EDGE_GATE__READER__OUT__THERMOMETER__BUS", "thermometer has no driver yet; set one too"),
        ("EDGE_GATE__", "unknown key ''"),
    ],
)
def test_an_unknown_variable_is_an_error(config_file: Path, variable: str, says: str) -> None:
    (line,) = faults(config_file, {variable: "1"})
    assert line.startswith(f"environment {variable}: {says}")


# --- faults ---------------------------------------------------------------------------------

FAULTY = """\
[gate]
park = "a park"
site = "site"

[door]
driver = "gpioo"
lock = "fail_saf"
relay_pin = 22
open_s = "5"

[[reader]]
name = "in"
direction = "in"
[reader.camera]
driver = "picamera2"
size = [640, 4]
frame_rate = 10
limit_c = 3

[[reader]]
name = "in"
direction = "out"
mode = "code_only"
camera = 3
[reader.signals]
driver = "gpio"
green_pin = 17

[screning]
limit_c = 37

[screening]
limit_c = 50.0

[mqtt]
password = "hunter2"
port = true
tls = { cert_file = "x" }
"""


def test_every_fault_is_told_in_one_go(config_file: Path) -> None:
    config_file.write_text(FAULTY)
    environ = {"EDGE_GATE__MQTT__HOTS": "1", "EDGE_GATE__LOG__LEVEL": "infos"}
    name = "a name of 1 to 64 letters, digits, '_', '.' or '-'"
    own = "each needs its own"
    size = "[width, height], each a whole number from 16 to 10000"
    thermometer = (
        'mode "code_and_temperature" needs a thermometer; add a [reader.thermometer] table'
    )
    assert faults(config_file, environ) == [
        "config.toml: identity: is missing; add [identity]",
        f"config.toml:1: gate.gate: is missing; give {name}",
        f'config.toml:2: gate.park: "a park" is not {name}',
        f"config.toml:5: door.contact_pin: pin 22 is used by door.relay_pin already; {own}",
        "config.toml:6: door.driver: \"gpioo\" is unknown; did you mean 'gpio'?",
        "config.toml:7: door.lock: \"fail_saf\" is unknown; did you mean 'fail_safe'?",
        'config.toml:9: door.open_s: "5" is not a number from 0.5 to 255',
        f"config.toml:11: reader.in.thermometer: {thermometer}",
        f"config.toml:16: reader.in.camera.size: [640, 4] is not {size}",
        "config.toml:17: reader.in.camera.frame_rate: unknown key; did you mean 'frame_rate_hz'?",
        "config.toml:18: reader.in.camera.limit_c: unknown key; it belongs in [screening]",
        "config.toml:21: reader.in.name: two readers are called 'in'; give each its own",
        "config.toml:24: reader.in.camera: 3 stands where a table belongs; add [reader.camera]",
        "config.toml:29: screning: unknown key; did you mean 'screening'?",
        "config.toml:33: screening.limit_c: 50.0 is not a number from 36 to 42",
        (
            "config.toml:36: mqtt.password: a secret never stands here; put it in a file and name "
            "it in password_file"
        ),
        "config.toml:37: mqtt.port: true is not a whole number from 1 to 65535",
        "config.toml:38: mqtt.tls.cert_file: stands without key_file; give both or none",
        "environment EDGE_GATE__LOG__LEVEL: log.level: \"infos\" is unknown; did you mean 'info'?",
        "environment EDGE_GATE__MQTT__HOTS: unknown key 'hots'; did you mean 'host'?",
    ]


def test_a_fault_of_a_drop_in_names_the_drop_in(config_file: Path) -> None:
    drop_in(config_file, "a.toml", "\n[[reader]]\nname = 'out'\nmoed = 'x'")
    assert faults(config_file) == [
        "config.toml.d/a.toml:4: reader.out.moed: unknown key; did you mean 'mode'?"
    ]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('park = "park"', "park = 7", "gate.park: 7 is not a name"),
        ("[[reader]]", "[reader]", ""),
        ('driver = "mlx90614"', "rate_hz = 5", 'driver: is missing; give one of "mlx90614", "sim"'),
        ('driver = "mlx90614"', "driver = 1", "reader.in.thermometer.driver: 1"),
        (
            "[identity]",
            "[scan]\ngap_s = inf\n[identity]",
            "scan.gap_s: inf is not a number above 0",
        ),
        (
            "[identity]",
            "[scan]\ngap_s = nan\n[identity]",
            "scan.gap_s: nan is not a number above 0",
        ),
        (
            "[identity]",
            "[scan]\ngap_s = 2021-08-01\n[identity]",
            "scan.gap_s: 2021-08-01 is not a number above 0",
        ),
        (
            "[identity]",
            "[screening]\nlow_limit_c = 36.5\nlimit_c = 36\n[identity]",
            "screening.low_limit_c: 36.5 is not below limit_c = 36.0",
        ),
        (
            'driver = "webcam"',
            'driver = "replay"',
            "reader.out.camera.path: is missing; give a path",
        ),
        (
            'driver = "webcam"',
            'driver = "picamera2"',
            "camera module 0 is used by reader.in.camera.number already; each needs its own",
        ),
        ('direction = "out"', "", "reader.out.direction: is missing; give one of"),
        (
            'key_file = "keys/token.key"',
            "",
            'identity.key_file: mode "token" needs the park\'s key',
        ),
        (
            "[identity]",
            '[identity]\nmode = "sealed"',
            'identity.seal_key_file: mode "sealed" needs the tracing authority\'s public key',
        ),
        (
            "[identity]",
            '[identity]\nprevious_key_id = "k0"',
            "identity.previous_key_id: stands without previous_key_file; give both or none",
        ),
        (
            "[identity]",
            '[identity]\nprevious_key_id = "k1"\nprevious_key_file = "keys/old.key"',
            "identity.previous_key_id: is key_id too: each key has its own name",
        ),
        (
            "[identity]",
            '[schemes.require]\ndcc = ["signature"]\n[identity]',
            "schemes.require.dcc: needs trust.dcc_trust_list: nobody could prove it",
        ),
        (
            "[identity]",
            '[schemes.require]\npass = ["signatur"]\n[identity]',
            'schemes.require.pass: ["signatur"] is not a list of',
        ),
        ('key_file = "keys/token.key"', "key_file = 3", "identity.key_file: 3 is not a path"),
    ],
)
def test_a_fault_says_what_to_do(config_file: Path, old: str, new: str, says: str) -> None:
    config_file.write_text(SOUND.replace(old, new))
    found = faults(config_file)
    assert any(says in line for line in found), found


def test_text_that_is_no_toml_names_its_line(config_file: Path) -> None:
    config_file.write_text("[gate]\npark = \n")
    assert faults(config_file) == ["config.toml:2: not TOML: Invalid value"]


def test_faults_of_syntax_in_every_file_are_told_together(config_file: Path) -> None:
    config_file.write_text("[gate")
    drop_in(config_file, "a.toml", "x = 1\nx = 2")
    drop_in(config_file, "b.toml", "y = 'é'")
    (config_file.with_name("config.toml.d") / "c.toml").write_bytes(b"a = 1\nb = '\xe9'")
    found = faults(config_file)
    assert [line.partition(": ")[0] for line in found] == [
        "config.toml:1",
        "config.toml.d/a.toml:2",
        "config.toml.d/c.toml:2",
    ]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert faults(tmp_path / "config.toml") == [
        "config.toml: can't be read: No such file or directory"
    ]


def test_a_secret_never_stands_in_a_problem(config_file: Path) -> None:
    config_file.write_text(SOUND + '[mqtt]\npassword = ["hunter2"]\npassword_file = "x"\n')
    found = faults(config_file)
    assert found
    assert "hunter2" not in "\n".join(found)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(config_file: Path) -> None:
    config_file.write_bytes(b"\xef\xbb\xbf" + SOUND.replace("\n", "\r\n").encode())
    assert load(config_file, environ={}).gate.park == "park"


# --- opening hours --------------------------------------------------------------------------


def test_hours_that_nobody_can_read_are_named_all_at_once(config_file: Path) -> None:
    hours = """
[hours]
zone = "Asia/Saigonn"
monday = ["06:00-18:00", "6-18"]
sunday = ["25:00-26:00"]
always = ["staff"]
"""
    config_file.write_text(SOUND + hours)
    write = 'is no span of hours; write "06:00-18:00", or "22:00-06:00" over midnight'
    zone = "is no time zone that this machine knows; give a name of the IANA list, as"
    assert faults(config_file) == [
        f'config.toml:28: hours.zone: "Asia/Saigonn" {zone} "Asia/Ho_Chi_Minh"',
        f'config.toml:29: hours.monday: "6-18" {write}',
        f'config.toml:30: hours.sunday: "25:00-26:00" {write}',
        "config.toml:31: hours.always: needs trust.park_keys: nobody could prove a category",
    ]


def test_days_stand_as_toml_has_them_or_as_text(config_file: Path) -> None:
    config_file.write_text(SOUND + '\n[hours]\nclosed_on = [2027-02-06, "2027-02-07"]\n')
    hours = load(config_file, environ={}).hours
    assert hours is not None
    assert hours.closed_on == (date(2027, 2, 6), date(2027, 2, 7))
    environ = {"EDGE_GATE__HOURS__CLOSED_ON": "[2027-09-02]", "EDGE_GATE__HOURS__MONDAY": "[]"}
    hours = load(config_file, environ=environ).hours
    assert hours is not None
    assert (hours.closed_on, hours.monday) == ((date(2027, 9, 2),), ())
    config_file.write_text(SOUND + "\n[hours]\nclosed_on = [2027-02-06, 7]\nmoday = []\n")
    assert faults(config_file) == [
        "config.toml:28: hours.closed_on: [2027-02-06, 7] is not a list of dates as 2027-02-06",
        "config.toml:29: hours.moday: unknown key; did you mean 'monday'?",
    ]
