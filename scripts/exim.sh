#!/usr/bin/env bash
# An Exim for the tests beside the machine's Postfix. Debian's packages of the two exclude each other,
# so Exim and what gives it users and names of its own (nss_wrapper, resolv_wrapper) are downloaded through
# apt and unpacked below .cache/exim: nothing is installed, configured or started.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$PWD/.cache/exim
[ -x "$folder/usr/sbin/exim4" ] && exit 0
command -v apt-get >/dev/null || { echo "The tests on Exim need apt-get to unpack it" >&2; exit 1; }

new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
mkdir "$new/packages" "$new/root"
chmod 755 "$new" "$new/packages" "$new/root"
packages() { # what an installation would bring, without what only sets it up
    apt-get install --simulate --no-install-recommends exim4-daemon-light libnss-wrapper libresolv-wrapper \
        2>/dev/null | awk '/^Inst (exim4-daemon-light|lib)/ { print $2 }'
}
if [ -z "$(packages)" ]; then # the lists are missing or old
    if [ "$(id -u)" -eq 0 ]; then apt-get update; else sudo -n apt-get update; fi >/dev/null 2>&1 || true
fi
echo "Unpacking Exim below .cache/exim (the tests need it; nothing is installed)"
# shellcheck disable=SC2046
if ! (cd "$new/packages" && apt-get download $(packages)) >"$new/log" 2>&1; then
    tail -n 5 "$new/log" >&2
    echo "The tests on Exim need exim4-daemon-light, which apt-get could not download (its last words are above)" >&2
    exit 1
fi
for package in "$new"/packages/*.deb; do
    dpkg-deb --extract "$package" "$new/root"
done
chmod u-s "$new/root/usr/sbin/exim4"
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
mv "$new/root" "$folder"
