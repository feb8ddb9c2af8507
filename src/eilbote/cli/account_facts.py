"""What is shown of one account: its servers, its state, who serves it, and why nothing is sent."""

from __future__ import annotations

from eilbote.cli.command import mark
from eilbote.cli.face import Face
from eilbote.cli.keep import kept_words
from eilbote.engine.accounts import is_local
from eilbote.engine.events import WatchState
from eilbote.figures import long_date
from eilbote.store.sending_pauses import Pause
from eilbote.store.values import Account, AccountState, AuthKind, Holder, Security, Server, Watched

STATES = {
    AccountState.NEW: (mark("new"), ""),
    AccountState.SYNCING: (mark("syncing"), "cyan"),
    AccountState.READY: (mark("ready"), "green"),
    AccountState.FAILING: (mark("failing"), "red"),
    AccountState.PAUSED: (mark("paused"), "yellow"),
}

_WATCHED = {
    WatchState.SYNCING: mark("syncing"),
    WatchState.NOTIFY: mark("the server tells of every change, since {since}"),
    WatchState.IDLE: mark("the server tells of new mail, the rest is asked for, since {since}"),
    WatchState.POLLING: mark("asked for at intervals, since {since}"),
    WatchState.WAITING: mark("waiting after a failure, next try {until}"),
    WatchState.STOPPED: mark("stopped: the login was refused too often"),
}

_LINES = {
    Security.TLS: mark("TLS"),
    Security.STARTTLS: mark("STARTTLS"),
    Security.NONE: mark("unprotected"),
}


def describe_account(face: Face, found: Account, watched: Watched | None, holder: Holder | None) -> None:
    language = face.catalogue.language
    state, style = STATES[found.state]
    auth = {
        AuthKind.PASSWORD: mark("password, sealed"),
        AuthKind.COMMAND: mark("password from a command"),
        AuthKind.OAUTH: mark("access token, sealed"),
        AuthKind.SIGNED_IN: mark("signed in at the provider; renewed by itself"),
        AuthKind.OAUTH_COMMAND: mark("access token from a command"),
    }[found.auth]
    facts = [
        (mark("Address"), found.address, "bold"),
        (mark("Name"), found.name, ""),
        (mark("State"), face.text(state), style),
        (mark("IMAP server"), server_words(face, found.imap), ""),
        (mark("SMTP server"), _sends(face, found), ""),
        (mark("POP3 server"), server_words(face, found.pop3), ""),
        (mark("Mailboxes"), home_words(face, found), ""),
        *(
            ((mark("User name"), found.user, ""), (mark("Login"), face.text(auth), ""))
            if found.imap or found.smtp or found.pop3
            else ()
        ),
        (mark("Held by"), _holder_text(face, holder) if holder else "", ""),
        (mark("Being served"), _watch_text(face, watched) if watched else "", ""),
        (mark("Last sync"), long_date(found.synced, language), ""),
        (mark("Kept of each mail"), kept_words(face, found.keep), ""),
        *((mark("Trusted certificate"), fingerprint, "") for fingerprint in found.trusted),
    ]
    face.facts([(face.text(title), value, look) for title, value, look in facts if value])
    if found.problem is not None:
        face.line()
        face.problem(found.problem, about=found.address)


def tell_of_pause(face: Face, found: Account, paused: Pause) -> None:
    """Why nothing is sent, and when it goes on."""
    face.line()
    language = face.catalogue.language
    since = long_date(paused.since, language)
    if paused.next_try is None:
        sentence = mark("Sending is paused since {since}. Go on with: eilbote outbox resume {address}")
        face.say(sentence, since=since, address=found.address)
    else:
        sentence = mark("Sending is paused since {since}; the next try is on {when}.")
        face.say(sentence, since=since, when=long_date(paused.next_try, language))
    face.problem(paused.problem, about=found.address, warning=True)


def _holder_text(face: Face, holder: Holder) -> str:
    told = mark("process {pid} on {host} ({purpose}), since {since}")
    since = long_date(holder.since, face.catalogue.language)
    return face.text(told, pid=str(holder.pid), host=holder.host, purpose=holder.purpose, since=since)


def _watch_text(face: Face, watched: Watched) -> str:
    language = face.catalogue.language
    since, until = long_date(watched.since, language), long_date(watched.until, language)
    return face.text(_WATCHED[WatchState(watched.state)], since=since, until=until)


def _sends(face: Face, found: Account) -> str:
    if found.direct:
        return face.text(mark("none: mail goes straight to the recipients' servers"))
    return server_words(face, found.smtp)


def home_words(face: Face, found: Account) -> str:
    if not is_local(found):
        return ""
    if found.pop3 is None:
        return face.text(mark("only here, without a server"))
    policy = found.on_server
    if policy.when_deleted:
        return face.text(mark("here; on the server deleted when deleted here"))
    if policy.days is not None:
        return face.text(mark("here; on the server deleted {days} days after collecting"), days=policy.days)
    return face.text(mark("here; on the server everything stays"))


def server_words(face: Face, server: Server | None) -> str:
    if server is None:
        return ""
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"{host}:{server.port} ({face.text(_LINES[server.security])})"
