#!/bin/sh
# Usage: debian_packages.sh required|optional COMMAND:PACKAGE...
# Installs the Debian package of each command that is missing, as root or with a sudo that asks nothing;
# otherwise names the packages in one line. Fails only when a required one stays missing.
set -eu
mode=$1
shift
missing=""
for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0
run=""
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then run="sudo -n"; else run="none"; fi
fi
if [ "$run" != none ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Debian packages:$missing"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    if { $run apt-get -o DPkg::Lock::Timeout=200 install -y -qq --no-install-recommends $missing ||
        { $run apt-get -o DPkg::Lock::Timeout=200 update -qq &&
          $run apt-get -o DPkg::Lock::Timeout=200 install -y -qq --no-install-recommends $missing; }; } >/dev/null 2>&1; then
        exit 0
    fi
fi
echo "Missing Debian packages:$missing (install with: sudo apt-get install$missing)" >&2
[ "$mode" = optional ]
