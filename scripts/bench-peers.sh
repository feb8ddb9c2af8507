#!/usr/bin/env bash
# The mail clients that the benchmark measures beside Eilbote, and the server that all of them read from.
set -euo pipefail
cd "$(dirname "$0")"
. ./debian.sh

need "The benchmarks" dovecot=dovecot-imapd sieve-filter=dovecot-sieve /usr/lib/dovecot/imap=dovecot-imapd \
    mbsync=isync offlineimap=offlineimap3 msmtp=msmtp /usr/sbin/smtp-sink=postfix
