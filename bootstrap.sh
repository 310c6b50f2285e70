#!/bin/sh
# What the Makefile needs before Python can help:
#   bootstrap.sh packages required|optional WHAT:PACKAGE...      installs the Debian package of each missing WHAT:
#                                                                a command, or the path of a file
#   bootstrap.sh venv PYTHON FOLDER                              makes a virtual environment that has pip
set -eu

# As root, or with a sudo that asks nothing, the packages are installed; otherwise one line names them.
# Fails only when the mode is "required" and one stays missing.
packages() {
    mode=$1
    shift
    missing=""
    for pair in "$@"; do
        case "${pair%%:*}" in
        /*) [ -e "${pair%%:*}" ] ;;
        *) command -v "${pair%%:*}" >/dev/null 2>&1 ;;
        esac || missing="$missing ${pair#*:}"
    done
    [ -n "$missing" ] || return 0
    as_root=""
    if [ "$(id -u)" != 0 ]; then
        as_root="none"
        if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as_root="sudo -n"; fi
    fi
    if [ "$as_root" != none ] && command -v apt-get >/dev/null 2>&1; then
        echo "Installing Debian packages:$missing"
        apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=200 -qq"
        # shellcheck disable=SC2086
        if { $apt install -y --no-install-recommends $missing ||
            { $apt update && $apt install -y --no-install-recommends $missing; }; } >/dev/null 2>&1; then
            return 0
        fi
    fi
    echo "Missing Debian packages:$missing (sudo apt-get install$missing)" >&2
    [ "$mode" = optional ]
}

# Debian's python3 may come without ensurepip; then its package is installed, or the system's pip is used.
venv() {
    python=$1
    folder=$2
    rm -rf "$folder"
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
        packages optional "no-ensurepip:$version-venv"
    fi
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv "$folder"
    elif "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --without-pip "$folder"
        "$python" -m pip --quiet --python "$folder/bin/python" install pip
    else
        echo "$python has neither ensurepip nor pip: sudo apt-get install python3-venv" >&2
        exit 1
    fi
}

"$@"
