"""Passwords: which are refused, and how they are kept and checked."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic_core import PydanticCustomError
from zxcvbn.frequency_lists import FREQUENCY_LISTS

# NIST SP 800-63B-4, section 3.1.1.2: no rules of composition, length and a blocklist instead. The
# upper bound lets any passphrase through and keeps a request from costing time.
MIN_LENGTH, MAX_LENGTH = 8, 256
# The 30,000 most common ones in leaks, of which 11,600 are long enough to matter; in lower case.
_COMMON = frozenset(FREQUENCY_LISTS["passwords"])

# OWASP's parameters for argon2id: 19 MiB and some 20 ms a guess, and forty logins at once, the
# size of the thread pool, stay under 1 GiB.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Verified when nobody has the address, so that the time of an answer does not tell.
_DECOY = _HASHER.hash("nobody has this password")


def require_uncommon(password: str) -> str:
    """Return a password that is not among the first that anybody tries.

    Raises:
        PydanticCustomError: It is; a validation error of the field it was sent in.
    """
    if password.casefold() in _COMMON:
        raise PydanticCustomError(
            "common_password", "this is one of the passwords that are tried first: take another"
        )
    return password


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password in its own encoding."""
    return _HASHER.hash(password)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Tell whether a password is right; takes as long when there is no hash to compare."""
    try:
        return _HASHER.verify(password_hash or _DECOY, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(password_hash: str) -> bool:
    """Tell whether a hash was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)
