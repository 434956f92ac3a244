#!/bin/sh
# Makes the virtual environment given as $1 and installs the project in it. Says in one message what the machine lacks.
set -eu
venv=$1

fail() {
    printf 'amcloud : %s\n' "$1" >&2
    exit 1
}

python=
for candidate in python3.11 python3.12 python3.13 python3; do
    if command -v "$candidate" >/dev/null 2>&1 &&
        "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    command -v apt-get >/dev/null 2>&1 ||
        fail "il faut Python 3.11 ou plus récent, avec venv ; cette machine n'est pas une Debian où l'installer."
    [ "$(id -u)" = 0 ] ||
        fail "il faut Python 3.11 avec venv : relancez en root, ou installez python3-venv."
    printf 'amcloud : installation de python3-venv\n'
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3-venv git ca-certificates; } >/dev/null 2>&1 ||
        fail "l'installation de python3-venv a échoué : le dépôt de paquets Debian est-il joignable ?"
    python=python3
fi

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
printf "amcloud : installation des bibliothèques Python dans %s\n" "$venv"
log=$venv/install.log
"$venv/bin/python" -m pip install --disable-pip-version-check --quiet --editable '.[dev]' >"$log" 2>&1 &
installer=$!
seconds=0
while kill -0 "$installer" 2>/dev/null; do
    sleep 1
    seconds=$((seconds + 1))
    [ $((seconds % 10)) -ne 0 ] || printf 'amcloud : installation des bibliothèques, %d s\n' "$seconds"
done
wait "$installer" || {
    tail -n 5 "$log" >&2
    fail "pip n'a pas pu installer les bibliothèques (journal : $log) : le dépôt Python est-il joignable ?"
}
