#!/usr/bin/env bash
# Makes .venv with the locked dependencies (core, dev or bench) and this source tree in it.
# Touches .venv/.NAME when all is done, so that make knows there is nothing left to do.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1
python=${PYTHON:-python3}

if ! command -v "$python" >/dev/null; then
    echo "Eilbote needs Python 3.11 or newer, and '$python' is not there: apt-get install python3 python3-venv" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Eilbote needs Python 3.11 or newer, and '$python' is $("$python" -V 2>&1): name another with make PYTHON=python3.12" >&2
    exit 1
fi
if [ ! -x .venv/bin/pip ]; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        echo "Python's part for virtual environments is missing: apt-get install python3-venv, then run make again" >&2
        exit 1
    fi
    rm -rf .venv
    "$python" -m venv .venv
fi

pip="env PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 .venv/bin/pip install -qq"
$pip --require-hashes --requirement "requirements/$name.lock"
$pip --no-deps --no-build-isolation --editable .
scripts/compile.sh
touch ".venv/.$name"
