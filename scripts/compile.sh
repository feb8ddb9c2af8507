#!/usr/bin/env bash
# Compiles the source tree, as installing a package does: otherwise every start of every command would
# do it anew where Python may not keep what it compiled (PYTHONDONTWRITEBYTECODE, a read-only folder).
set -euo pipefail
cd "$(dirname "$0")/.."
exec .venv/bin/python -m compileall -q src/eilbote
