#!/usr/bin/env bash
# The real servers that the tests start as private instances of their own.
set -euo pipefail
cd "$(dirname "$0")"
. ./debian.sh

need "The tests" dovecot=dovecot-imapd /usr/lib/dovecot/imap=dovecot-imapd /usr/lib/dovecot/pop3=dovecot-pop3d \
    sieve-test=dovecot-sieve /usr/lib/dovecot/managesieve=dovecot-managesieved \
    "/usr/lib/postgresql/*/bin/initdb=postgresql" nsd=nsd unbound=unbound postfix=postfix \
    chromium=chromium
./cyrus.sh
./exim.sh
