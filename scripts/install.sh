#!/bin/sh
# Installs the gate as a service of this machine; docs/how-to/install.md tells what comes after.
# What is there already (configuration, keys, records) is left alone.
#
#   scripts/install.sh           the gate
#   scripts/install.sh --kiosk   the screen as well: cage and Chromium on this machine's display
set -eu
cd "$(dirname "$0")/.."

say() { printf 'edge-gate: %s\n' "$*"; }
kiosk=no
for option in "$@"; do
    case $option in
        --kiosk) kiosk=yes ;;
        *) say "unknown option $option; there is one: --kiosk" >&2; exit 2 ;;
    esac
done
[ "$(id -u)" = 0 ] || { say "run this as root: sudo make install" >&2; exit 1; }
command -v systemctl >/dev/null || { say "this machine has no systemd" >&2; exit 1; }

scripts/bootstrap.sh system
[ $kiosk = no ] || scripts/bootstrap.sh kiosk
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

if [ $kiosk = yes ]; then
    say "the screen: user edge-kiosk and unit edge-gate-kiosk, which starts with the machine"
    install -D -m 644 systemd/edge-gate-kiosk.sysusers.conf /etc/sysusers.d/edge-gate-kiosk.conf
    install -D -m 644 systemd/edge-gate-kiosk.service /etc/systemd/system/edge-gate-kiosk.service
    install -D -m 755 systemd/edge-gate-kiosk.sh /opt/edge-gate/bin/edge-gate-kiosk
    systemd-sysusers /etc/sysusers.d/edge-gate-kiosk.conf
    if ! grep -rqs '^ *\[kiosk\]' /etc/edge-gate/config.toml /etc/edge-gate/config.toml.d; then
        page=/etc/edge-gate/config.toml.d/50-kiosk.toml
        say "the gate is to serve the page: $page"
        printf '[kiosk]\n' | install -D -m 640 -o root -g edge-gate /dev/stdin $page
    fi
fi
# an image that is being made runs no systemd
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
[ $kiosk = no ] || systemctl enable edge-gate-kiosk

say "installed. Next: edit /etc/edge-gate/config.toml, lay the park's key beside it, then"
say "  sudo edge-gate --config /etc/edge-gate/config.toml check"
say "  sudo edge-gate --config /etc/edge-gate/config.toml doctor"
say "  sudo systemctl enable --now edge-gate"
[ $kiosk = no ] || say "  sudo systemctl start edge-gate-kiosk   # takes the console of this machine"
