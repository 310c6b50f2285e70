#!/bin/sh
# Usage: make_venv.sh PYTHON FOLDER
# A virtual environment with pip, also where Debian's python3 came without ensurepip.
set -eu
python=$1
folder=$2
rm -rf "$folder"
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
    "$(dirname "$0")/debian_packages.sh" optional "no-ensurepip:$version-venv" || true
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
