#!/bin/bash
# What the compositor runs: the browser that is given, and an eye on it.
#
#   KIOSK_HOST= KIOSK_PORT= KIOSK_READER= edge-gate-kiosk COMMAND...
#
# A page that crashed, or that the browser could not load, stays until somebody presses a key, and a
# gate has none. When the daemon answers and sees no such page for KIOSK_PATIENCE_S seconds, the
# browser is ended; the compositor ends with this script, and systemd starts both anew. A daemon that
# does not answer is no reason: the page says so itself.
set -u
patience_s=${KIOSK_PATIENCE_S:-30}
every_s=1

"$@" &
browser=$!

# How many pages of this reader the daemon serves; nothing where it does not answer.
pages() {
    exec 3<>"/dev/tcp/$KIOSK_HOST/$KIOSK_PORT" || return
    printf 'GET /%s/pages.json HTTP/1.0\r\nHost: %s:%s\r\n\r\n' \
        "$KIOSK_READER" "$KIOSK_HOST" "$KIOSK_PORT" >&3
    while read -r -t 3 line <&3 || [ -n "$line" ]; do
        case $line in '{"pages":'*'}') line=${line#*:}; echo "${line%\}}"; return ;; esac
    done
}

unseen_s=0
while :; do
    sleep "$every_s" &
    nap=$!
    wait -n "$browser" "$nap"
    if ! kill -0 "$browser" 2>/dev/null; then
        kill "$nap" 2>/dev/null
        exit 1
    fi
    if [ "$(pages 2>/dev/null)" = 0 ]; then
        unseen_s=$((unseen_s + every_s))
    else
        unseen_s=0
    fi
    if [ "$unseen_s" -ge "$patience_s" ]; then
        echo "edge-gate: the browser has not shown the page for $patience_s s: starting it anew" >&2
        kill "$browser"
        wait "$browser"
        exit 1
    fi
done
