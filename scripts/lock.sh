#!/usr/bin/env bash
# Writes the lock files anew from pyproject.toml: every version, every hash, no registry's name.
# One resolution for all: the development lock first, the others constrained by it.
set -euo pipefail
cd "$(dirname "$0")/.."

.venv/bin/pip install --quiet --disable-pip-version-check uv

compile() {
    local name=$1
    shift
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-header --no-annotate --upgrade \
        pyproject.toml requirements/build.in "$@" --output-file "requirements/$name.lock"
}

compile dev --all-extras --group dev --group bench
compile bench --extra postgres --group bench --constraint requirements/dev.lock
compile core --constraint requirements/dev.lock
