"""Numbers of one's own: a seed from a name, and dice from a seed."""

from __future__ import annotations

import hashlib
import random
import unicodedata
from typing import Any

from batchdemo.arguments import refuse, whole

CLASSIC = 0  # the seed of the tutorial's own numbers


def seed_for(name: str) -> int:
    """A seed for the exercises from a student's name, the same on every machine and in every year.

    Capitals and spaces do not matter. Seed 0, which no name gives, stands for the tutorial's own numbers.
    """
    rule = "your name, as a text"
    if not isinstance(name, str):
        refuse("name", rule, name, 'For example seed_for("Ada Lovelace").')
    plain = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    if not plain:
        refuse("name", rule, name, 'For example seed_for("Ada Lovelace").')
    return 1 + int.from_bytes(hashlib.sha256(plain.encode("utf-8", "replace")).digest()[:4]) % (2**31 - 2)


def checked(seed: Any) -> int:
    """The seed, or the error that says what a seed is."""
    return whole("seed", seed, 0, 2**63 - 1, '0 gives the tutorial\'s own numbers, seed_for("your name") yours.')


def dice(exercise: str, seed: int) -> random.Random:
    """The random numbers of one exercise: another exercise or another seed gives others."""
    return random.Random(f"{exercise} {seed}")  # noqa: S311  - to tell neighbours apart, not to keep a secret
