#!/usr/bin/env bash
# A Cyrus for the tests beside the machine's Dovecot. Debian's packages of the two exclude each other,
# so Cyrus and the libraries that it lacks are downloaded through apt and unpacked below .cache/cyrus:
# nothing is installed, configured or started, and no right of root is needed.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -x /usr/lib/cyrus/bin/master ] && command -v saslpasswd2 >/dev/null && exit 0
folder=$PWD/.cache/cyrus
[ -x "$folder/usr/lib/cyrus/bin/master" ] && [ -x "$folder/usr/sbin/saslpasswd2" ] && exit 0
command -v apt-get >/dev/null || { echo "The tests on Cyrus need apt-get to unpack it" >&2; exit 1; }

new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
mkdir "$new/packages" "$new/root"
chmod 755 "$new" "$new/packages" "$new/root"
packages() { # what an installation would bring, without mail servers and the like that it does not run on
    apt-get install --simulate --no-install-recommends cyrus-imapd libsasl2-modules sasl2-bin 2>/dev/null |
        awk '/^Inst (cyrus|lib|sasl2-bin)/ { print $2 }'
}
if [ -z "$(packages)" ]; then # the lists are missing or old
    if [ "$(id -u)" -eq 0 ]; then apt-get update; else sudo -n apt-get update; fi >/dev/null 2>&1 || true
fi
echo "Unpacking Cyrus below .cache/cyrus (the tests need it; nothing is installed)"
# shellcheck disable=SC2046
if ! (cd "$new/packages" && apt-get download $(packages)) >"$new/log" 2>&1; then
    tail -n 5 "$new/log" >&2
    echo "The tests on Cyrus need cyrus-imapd, which apt-get could not download (its last words are above)" >&2
    exit 1
fi
for package in "$new"/packages/*.deb; do
    dpkg-deb --extract "$package" "$new/root"
done
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
mv "$new/root" "$folder"
