"""Who may use the web page, and what they may do with which account.

A password is kept as its Argon2id hash alone, the secret of a second factor sealed.
"""

from __future__ import annotations

import threading
from base64 import b32encode, b64decode, b64encode
from collections.abc import Mapping
from hashlib import sha256

from eilbote.engine.app import App
from eilbote.errors import Misused, NotAllowed
from eilbote.protocols import totp
from eilbote.secret import Secret
from eilbote.store.values import Account, Right, Role, User

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1024
LONGEST_NAME = 64
RECOVERY_CODES = 8
_RECOVERY_BYTES = 10

typed_secret = totp.typed_secret
secret_address = totp.secret_address

# OWASP's second choice of parameters for Argon2id: 19 MiB, two passes, one lane.
_MEMORY_KIB, _PASSES, _LANES, _SALT, _LENGTH = 19_456, 2, 1, 16, 32

_hashing = threading.BoundedSemaphore(2)
"""Passwords hashed at the same time: each takes 19 MiB, whoever asks."""


def add_user(app: App, name: str, role: Role, password: Secret, *, link: str | None = None) -> int:
    """Adds a user; an owner may everything, anybody else nothing until rights are set. `link`: the hash
    of the sign-in link that is used up by it. Misused `user.bad_name`, `user.short_password`,
    `user.exists`; Gone `user.link_gone`."""
    name = _checked_name(name)
    return app.store.users.add(name, role, new_hash(app, password), app.clock.now(), link)


def invite_user(app: App, name: str, role: Role) -> int:
    """Adds a user who has no password yet and cannot sign in before choosing one. Misused `user.bad_name`,
    `user.exists`."""
    return app.store.users.add(_checked_name(name), role, "", app.clock.now())


def list_users(app: App) -> list[User]:
    """In the order of adding."""
    return app.store.users.all()


def is_anybody(app: App) -> bool:
    """Is there a user at all?"""
    return app.store.users.any()


def set_role(app: App, user: int, role: Role) -> None:
    """What an auditor may not have is taken away with the role. Misused `user.last_owner`, Gone
    `user.unknown`."""
    found = app.store.users.get(user)
    app.store.users.set_role(user, role)
    if role is Role.AUDITOR and found.rights:
        app.store.users.set_rights(user, dict.fromkeys(found.rights, Right.READ))


def remove_user(app: App, user: int) -> None:
    """Ends the user's sessions too. Misused `user.last_owner`."""
    app.store.users.remove(user)


def change_password(app: App, user: User, before: Secret, after: Secret) -> None:
    """Ends all sessions of the user. NotAllowed `user.wrong_password`."""
    check_password(user, before)
    app.store.users.set_password(user.id, new_hash(app, after))


def check_password(user: User, given: Secret) -> None:
    """NotAllowed `user.wrong_password`."""
    if not is_password(user.password, given):
        raise NotAllowed("user.wrong_password")


def set_rights(app: App, user: int, rights: Mapping[int, Right]) -> None:
    """Rights to accounts that are there, instead of those before."""
    known = {account.id for account in app.store.accounts.all()}
    app.store.users.set_rights(user, {key: right for key, right in rights.items() if key in known})


def accounts_of(app: App, user: User) -> list[Account]:
    """The accounts whose mail the user may read."""
    return [one for one in app.store.accounts.all() if may_read(user, one.id)]


def readable_accounts(app: App, user: User) -> list[Account | None]:
    """The accounts to ask the store about one by one; None alone: all of them, which it answers at once."""
    readable = accounts_of(app, user)
    return [None] if len(readable) == len(app.store.accounts.all()) else [*readable]


def may_read(user: User, account: int) -> bool:
    """Whether the user may read the account's mail."""
    return user.role is Role.OWNER or account in user.rights


def may_change(user: User, account: int) -> bool:
    """Whether the user may flag, move and delete the account's mail."""
    match user.role:
        case Role.OWNER:
            return True
        case Role.MEMBER:
            return user.rights.get(account) is Right.CHANGE
        case Role.AUDITOR:
            return False


def new_factor_secret(app: App) -> bytes:
    """A secret for a second factor that is still to be shown and confirmed."""
    return app.clock.random_bytes(totp.SECRET_BYTES)


def confirm_factor(app: App, user: User, secret: bytes, code: str) -> None:
    """The second factor is asked for from now on, if the code shows that the user's device has it.
    NotAllowed `user.wrong_code`, and `user.has_factor` where there is one: who only found the page open must
    not put another in its place."""
    if user.factor:
        raise NotAllowed("user.has_factor")
    step = totp.matching_step(secret, code, app.clock.now())
    if len(secret) != totp.SECRET_BYTES or step is None:
        raise NotAllowed("user.wrong_code")
    sealed = app.vault.seal(Secret(b64encode(secret).decode()), _factor_purpose(user.id))
    app.store.users.set_factor(user.id, sealed, step)


def drop_factor(app: App, user: User, password: Secret) -> None:
    """NotAllowed `user.wrong_password`."""
    check_password(user, password)
    app.store.users.set_factor(user.id, b"", 0)


def new_recovery_codes(app: App, user: User) -> list[str]:
    """Codes that each stand in once for a second factor that was lost, instead of those before. They are
    shown now and never again: only their hashes are kept."""
    codes = [
        _grouped(b32encode(app.clock.random_bytes(_RECOVERY_BYTES)).decode()) for _ in range(RECOVERY_CODES)
    ]
    app.store.users.set_recovery_codes(user.id, [_code_hash(code) for code in codes])
    return codes


def drop_factor_of(app: App, user: int) -> None:
    """For an owner, where a user has lost the device and the recovery codes. Gone `user.unknown`."""
    app.store.users.get(user)
    app.store.users.set_factor(user, b"", 0)


def is_factor(app: App, user: User, code: str) -> bool:
    """Whether the code is one of the user's second factor or a recovery code, and not used before."""
    typed = "".join(code.split())
    if len(typed) > 8:  # longer than any code of a device: of the other kind
        return len(typed) < 40 and app.store.users.use_recovery_code(user.id, _code_hash(typed))
    sealed = app.vault.open_secret(user.factor, _factor_purpose(user.id))
    step = totp.matching_step(b64decode(sealed.reveal()), code, app.clock.now())
    return step is not None and app.store.users.use_step(user.id, step)


def new_hash(app: App, password: Secret) -> str:
    """The hash under which a password is kept. Misused `user.short_password`."""
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # noqa: PLC0415  # slow to load

    given = password.reveal()
    if not SHORTEST_PASSWORD <= len(given) <= LONGEST_PASSWORD:
        raise Misused("user.short_password", least=SHORTEST_PASSWORD, limit=LONGEST_PASSWORD)
    salt = app.clock.random_bytes(_SALT)
    with _hashing:
        return Argon2id(
            salt=salt, length=_LENGTH, iterations=_PASSES, lanes=_LANES, memory_cost=_MEMORY_KIB
        ).derive_phc_encoded(given.encode())


def is_password(kept: str, given: Secret) -> bool:
    """Whether it is the password of that hash. Takes as long for a wrong one."""
    from cryptography.exceptions import InvalidKey  # noqa: PLC0415  # slow to load
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # noqa: PLC0415

    if not kept:
        return False  # none was chosen yet
    typed = given.reveal()[: LONGEST_PASSWORD + 1]
    with _hashing:
        try:
            Argon2id.verify_phc_encoded(typed.encode("utf-8", "replace"), kept)
        except InvalidKey:
            return False
    return True


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Misused("user.bad_name", limit=LONGEST_NAME)
    return name


def _grouped(code: str) -> str:
    """In fours, as a person copies it."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def _code_hash(code: str) -> str:
    """Of 80 random bits: nothing slow is needed to keep them from being guessed."""
    return sha256(code.replace("-", "").upper().encode("utf-8", "replace")).hexdigest()


def _factor_purpose(user: int) -> str:
    return f"second factor:{user}"
