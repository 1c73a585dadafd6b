#!/bin/sh
# Installs the gate as a service of this machine; docs/how-to/install.md tells what comes after.
# What is there already (configuration, keys, records) is left alone.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'edge-gate: %s\n' "$*"; }
[ "$(id -u)" = 0 ] || { say "run this as root: sudo make install" >&2; exit 1; }
command -v systemctl >/dev/null || { say "this machine has no systemd" >&2; exit 1; }

scripts/bootstrap.sh system
ln -sf /opt/edge-gate/bin/edge-gate /usr/local/bin/edge-gate

say "user, folders and unit"
install -D -m 644 systemd/edge-gate.sysusers.conf /etc/sysusers.d/edge-gate.conf
install -D -m 644 systemd/edge-gate.tmpfiles.conf /etc/tmpfiles.d/edge-gate.conf
install -D -m 644 systemd/edge-gate.service /etc/systemd/system/edge-gate.service
systemd-sysusers /etc/sysusers.d/edge-gate.conf
[ -d /etc/edge-gate ] || install -d -m 750 -o root -g edge-gate /etc/edge-gate
if [ ! -e /etc/edge-gate/config.toml ]; then
    install -m 640 -o root -g edge-gate config.toml /etc/edge-gate/config.toml
fi
systemd-tmpfiles --create /etc/tmpfiles.d/edge-gate.conf
# an image that is being made runs no systemd
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi

say "installed. Next: edit /etc/edge-gate/config.toml, lay the park's key beside it, then"
say "  sudo edge-gate --config /etc/edge-gate/config.toml check"
say "  sudo edge-gate --config /etc/edge-gate/config.toml doctor"
say "  sudo systemctl enable --now edge-gate"
