#!/bin/sh
# Installs what edge-gate needs and is missing, and says what it does.
#
#   scripts/bootstrap.sh gate    to run gates and hub: Debian packages and the environment .venv
#   scripts/bootstrap.sh dev     to test it as well
#   scripts/bootstrap.sh system  for `make install`: the environment /opt/edge-gate
#   scripts/bootstrap.sh kiosk   for the screen of a gate: Debian packages alone
#
# Debian packages come through apt-get (with sudo when not root), Python packages with their hashes
# from requirements/. A second run finds everything there and is done at once.
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
what=${1:-gate}

say() { printf 'edge-gate: %s\n' "$*"; }
fail() { printf 'edge-gate: %s\n' "$*" >&2; exit 1; }
twice() { "$@" || { say "that failed; trying once more"; sleep 5; "$@"; }; }

case $what in
    gate | dev) venv=.venv project='-e .' ;;
    system) venv=/opt/edge-gate project=. ;;
    kiosk) ;;
    *) fail "unknown: $what; give gate, dev, system or kiosk" ;;
esac
case $what in
    gate) pinned=requirements/hub.txt ;;
    dev) pinned=requirements/dev.txt ;;
    system) pinned=requirements/gate.txt ;;
esac

# The official parser of AsyncAPI documents, where node is: one test needs it.
feed_parser() {
    [ "$what" = dev ] && command -v node >/dev/null && command -v npm >/dev/null || return 0
    cmp -s tests/asyncapi/package-lock.json tests/asyncapi/node_modules/.edge-gate && return
    say "installing the AsyncAPI parser into tests/asyncapi"
    if twice npm --prefix tests/asyncapi ci --ignore-scripts --no-audit --no-fund --silent; then
        cp tests/asyncapi/package-lock.json tests/asyncapi/node_modules/.edge-gate
    else
        say "npm could not install it: its test is left out"
    fi
}
feed_parser

if [ -L .venv ] && { [ "$what" = gate ] || [ "$what" = dev ]; }; then
    say ".venv is a link to another environment: used as it is"
    exit 0
fi

# --- the machine ----------------------------------------------------------------------------

case $(uname -m)-$(getconf LONG_BIT) in
    x86_64-64 | aarch64-64) ;;
    *) fail "this is $(uname -m) with $(getconf LONG_BIT) bits; the Python packages exist for" \
        "64-bit x86-64 and Arm only: on a Raspberry Pi install the 64-bit Raspberry Pi OS" ;;
esac
pi=no
if grep -aqs 'Raspberry Pi' /proc/device-tree/model; then pi=yes; fi

# --- Debian's packages ----------------------------------------------------------------------

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

if [ -t 0 ]; then ask=; else ask=-n; fi
as_root() {
    # shellcheck disable=SC2086 # nothing, or one option
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo $ask "$@"; fi
}
apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 "$@" </dev/null
}

# Installs packages. The lists are fetched once, and only when something is missing.
updated=no
update() {
    [ $updated = yes ] && return
    twice apt update || fail "apt-get update failed; check the network and the rights, then run" \
        "this again"
    updated=yes
}
add() {
    say "installing with apt-get: $*"
    command -v apt-get >/dev/null || fail "there is no apt-get here; install what the Debian" \
        "packages $* hold in this system's own way, then run this again"
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || fail "neither root nor sudo; let root run:" \
        "apt-get install $*"
    update
    twice apt install -y --no-install-recommends "$@" || fail "apt-get could not install $*;" \
        "its own message is above"
}

missing=
need() { missing="$missing $1"; }
if [ "$what" = kiosk ]; then
    command -v cage >/dev/null || need cage
    command -v chromium >/dev/null || need chromium
    # a session of the console's: whoever has it may use display and keyboard
    installed libpam-systemd || need libpam-systemd
    installed fonts-noto-core || need fonts-noto-core
else
    ldconfig -p | grep -q 'libzbar\.so\.0' || need libzbar0
    command -v mosquitto >/dev/null || need mosquitto
    [ -e /etc/ssl/certs/ca-certificates.crt ] || need ca-certificates
fi
if [ "$what" = dev ]; then
    command -v mosquitto_sub >/dev/null || need mosquitto-clients
    command -v openssl >/dev/null || need openssl
    command -v strace >/dev/null || need strace
    # printed passes and reports are read back
    command -v pdftotext >/dev/null || need poppler-utils
    # the pages are tried in a real browser, with a font that has Vietnamese
    command -v chromium >/dev/null || command -v chromium-browser >/dev/null || need chromium
    [ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || need fonts-dejavu-core
    # the screen's unit is run under its compositor, without a display, and looked at
    command -v cage >/dev/null || need cage
    command -v grim >/dev/null || need grim
    server=no
    for initdb in /usr/lib/postgresql/*/bin/initdb; do [ ! -x "$initdb" ] || server=yes; done
    [ $server = yes ] || need postgresql
fi
case " $missing " in
    *' postgresql '*)
        # the tests make servers of their own: without this the package would make and start one
        add postgresql-common
        settings=/etc/postgresql-common/createcluster.conf
        say "PostgreSQL's programs alone: no server of the system's own is made ($settings)"
        as_root sed -i 's/^#* *create_main_cluster.*/create_main_cluster = false/' $settings
        ;;
esac
# shellcheck disable=SC2086 # a list of names
[ -z "$missing" ] || add $missing
if [ "$what" = kiosk ]; then
    say "the screen has what it needs: cage, chromium, fonts-noto-core"
    exit 0
fi

if [ $pi = yes ]; then
    # built against the system's libcamera and GPIO, so never from elsewhere
    for package in python3-picamera2 python3-lgpio; do
        installed $package && continue
        update
        if apt-cache show $package >/dev/null 2>&1; then
            add $package
        else
            say "this system offers no $package: the drivers that need it will say so"
        fi
    done
fi

# --- Python ---------------------------------------------------------------------------------

# The first Python of a version the packages exist for, with all that makes an environment.
find_python() {
    # on a Pi the system's own: picamera2 is built for that one
    if [ $pi = yes ]; then set -- /usr/bin/python3; else set -- python3 python3.13 python3.12 python3.11; fi
    for python in "$@"; do
        if "$python" -c 'import sys, venv, ensurepip
sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; then
            echo "$python"
            return
        fi
    done
}

python=$(find_python)
if [ -z "$python" ]; then
    add python3 python3-venv
    python=$(find_python)
fi
[ -n "$python" ] || fail "no Python 3.11, 3.12 or 3.13 with venv is here; Debian 12 and later bring one"

# What an environment of a kind was made from.
stamp() {
    { cat requirements/build.txt "$1" pyproject.toml scripts/bootstrap.sh
        "$python" -c 'import sys; print(sys.version, sys.executable)'
        pwd; } | cksum
}
# Whether the environment is what `stamp` says it should be.
stands() { [ -x $venv/bin/edge-gate ] && [ "$(cat "$venv/.edge-gate-$1" 2>/dev/null)" = "$(stamp "$2")" ]; }
case $what in
    # one made for tests runs the gate as well
    gate) if stands dev requirements/dev.txt || stands gate "$pinned"; then exit 0; fi ;;
    dev) if stands dev "$pinned"; then exit 0; fi ;;
    # the project itself is copied: its files may have changed
    system) ;;
esac

pi_site=
if [ $pi = yes ]; then pi_site=--system-site-packages; fi
if [ -e $venv/pyvenv.cfg ]; then
    if ! $venv/bin/python -c 'import sys, pip
sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1 ||
        { [ $pi = yes ] && ! grep -qi 'include-system-site-packages = true' $venv/pyvenv.cfg; }; then
        say "the environment $venv does not fit; making it anew"
        rm -rf $venv
    fi
elif [ -e $venv ] && [ "$what" = system ]; then
    fail "$venv is there and is no Python environment; move it away first"
fi
if [ ! -e $venv/pyvenv.cfg ]; then
    say "making the environment $venv with $("$python" --version)"
    "$python" -m venv $pi_site $venv
fi

pip_install() {
    $venv/bin/python -m pip --disable-pip-version-check --no-input install -q \
        --no-build-isolation --use-pep517 "$@"
}
offline() {
    fail "the Python packages could not be installed; pip's own message is above. Check the" \
        "network (and any proxy), then run this again"
}
say "installing Python packages into $venv: $(grep -c '^[a-z].*==' "$pinned") of them, a few minutes at first"
twice pip_install --require-hashes -r requirements/build.txt || offline
twice pip_install --require-hashes -r "$pinned" || offline
# what an earlier build left would be installed too
rm -rf build
# shellcheck disable=SC2086 # -e and its argument
pip_install --no-deps $project || fail "edge-gate itself could not be installed; pip's message is above"
rm -rf build
stamp "$pinned" >"$venv/.edge-gate-$what"
say "$venv is ready"
