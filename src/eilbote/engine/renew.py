"""Access tokens of accounts that signed in at their provider: the one that is still good, or a new one.

Of all processes on a home one alone asks for a new one; the others wait and take what it got. A new refresh
token is stored, power-loss-safe, before the access token that came with it is used. Whatever cannot be mended
by waiting is remembered, and nobody asks again until somebody has signed in anew. No token is ever logged.
"""

from __future__ import annotations

import asyncio
import json

from msgspec import Struct
from msgspec.json import decode, encode

from eilbote.engine.app import App
from eilbote.engine.oauth_server import post
from eilbote.errors import EilboteError, Garbled, Problem, Refused, Unreachable
from eilbote.protocols import oauth
from eilbote.protocols.oauth import Client, Endpoints, Tokens
from eilbote.secret import Secret
from eilbote.store.grants import Grant
from eilbote.store.values import Account

_BEFORE_END = 300.0
"""So many seconds before its end an access token is renewed, but never in the first half of its life."""

_JUST_NOW = 60.0
"""A token that is refused although it is younger is refused for another reason than its age."""

_SHORTEST_WAIT, _LONGEST_WAIT = 5.0, 300.0


class GrantedBy(Struct, frozen=True):
    """Who granted: where tokens are asked for, as which client. `name`: what a person calls the provider.
    `local`: the user named the server, which may stand in the user's own network."""

    name: str
    endpoints: Endpoints
    client_id: str
    local: bool = False


class Held(Struct, frozen=True):
    """What was granted, unsealed."""

    client: Client
    access: Secret
    refresh: Secret | None


def access_token(app: App, account: Account, refused: Secret | None = None) -> Secret:
    """An access token for the account's servers. `refused`: the one that a server has just refused; it is
    given back only where asking for another would not help.

    Blocks; not to be called inside of a running loop. Raises Refused `oauth.not_signed_in`,
    `oauth.sign_in_again` and others of `oauth_refusal`, Unreachable `oauth.unavailable`,
    `oauth.unreachable`, `store.busy`, and the vault's Problems.
    """
    grant = _grant(app, account)
    held = unsealed(app, account, grant)
    if _is_good(grant, held, app.clock.now(), refused):
        return held.access
    with app.store.grants.alone(account.id):
        grant = _grant(app, account)
        held = unsealed(app, account, grant)
        now = app.clock.now()
        if _is_good(grant, held, now, refused):
            return held.access
        try:
            return _renewed(app, account, grant, held)
        except EilboteError as error:
            # The old one is still good for a while: nobody has to notice that its server rests.
            if isinstance(error, Unreachable) and refused is None and now < grant.expires:
                return held.access
            raise


def keep_grant(app: App, account: Account, by: GrantedBy, client: Client, tokens: Tokens) -> None:
    """Somebody has signed in: the account uses these tokens from now on."""
    held = Held(client, tokens.access, tokens.refresh)
    text = encode(by).decode()
    app.store.grants.signed_in(account.id, text, _sealed(app, account, held), app.clock.now(), tokens.expires)


def granted_by(grant: Grant) -> GrantedBy:
    """Who granted it."""
    return decode(grant.server, type=GrantedBy)


def unsealed(app: App, account: Account, grant: Grant) -> Held:
    """The grant's tokens. Raises the vault's Problems."""
    kept = json.loads(app.vault.open_secret(grant.sealed, _purpose(account)).reveal())
    secret, refresh = kept["client_secret"], kept["refresh"]
    client = Client(granted_by(grant).client_id, None if secret is None else Secret(secret))
    return Held(client, Secret(kept["access"]), None if refresh is None else Secret(refresh))


def _renewed(app: App, account: Account, grant: Grant, held: Held) -> Secret:
    """Asks for a new access token, once, and remembers what came of it. To be called alone."""
    now = app.clock.now()
    if grant.problem is not None and (grant.again is None or now < grant.again <= now + _LONGEST_WAIT):
        raise _again(grant.problem)
    by = granted_by(grant)
    try:
        if held.refresh is None:
            raise Refused("oauth.sign_in_again", host=by.name, text="no refresh token")
        form = oauth.refresh_form(by.endpoints, held.client, held.refresh)
        heard = asyncio.run(post(form, local=by.local))
        tokens = oauth.read_tokens(by.endpoints, heard, app.clock.now(), held.refresh)
    except EilboteError as error:
        app.store.grants.failed(grant, error.problem, _next_try(error, now))
        raise
    sealed = _sealed(app, account, Held(held.client, tokens.access, tokens.refresh))
    if not app.store.grants.renewed(grant, sealed, app.clock.now(), tokens.expires):
        # Somebody has signed in anew meanwhile: what that gave is what counts.
        return unsealed(app, account, _grant(app, account)).access
    return tokens.access


def _is_good(grant: Grant, held: Held, now: float, refused: Secret | None) -> bool:
    """Whether the access token can be used as it is."""
    if refused is not None and held.access == refused:
        return grant.problem is None and 0 <= now - grant.obtained < _JUST_NOW
    life = grant.expires - grant.obtained
    return now < grant.expires - min(_BEFORE_END, life / 2)


def _next_try(error: EilboteError, now: float) -> float | None:
    """When asking once more may help; None: never."""
    match error:
        case Unreachable():
            wait = error.problem.retry_after or _SHORTEST_WAIT
            return now + min(max(wait, _SHORTEST_WAIT), _LONGEST_WAIT)
        case Garbled():
            return now + (error.problem.retry_after or _LONGEST_WAIT)
        case _:
            return None


def _again(problem: Problem) -> EilboteError:
    """The error that was met before."""
    if problem.code == "oauth.unreadable":
        return Garbled(problem)
    return Refused(problem) if problem.retry_after is None else Unreachable(problem)


def _grant(app: App, account: Account) -> Grant:
    grant = app.store.grants.of(account.id)
    if grant is None:
        raise Refused("oauth.not_signed_in", address=account.address)
    return grant


def _sealed(app: App, account: Account, held: Held) -> bytes:
    secret, refresh = held.client.secret, held.refresh
    kept = {
        "client_secret": None if secret is None else secret.reveal(),
        "access": held.access.reveal(),
        "refresh": None if refresh is None else refresh.reveal(),
    }
    return app.vault.seal(Secret(json.dumps(kept)), _purpose(account))


def _purpose(account: Account) -> str:
    return f"oauth:{account.address}"
