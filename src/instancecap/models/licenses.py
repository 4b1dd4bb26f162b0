"""Licenses that a user has to accept before a model's weights are used."""

from __future__ import annotations

import os

from instancecap.errors import UsageError

ACCEPTED = "INSTANCECAP_ACCEPT_LICENSE"
"""Environment variable that holds the names of accepted licenses, separated by commas."""

TERMS = {"CC-BY-NC-4.0": "no commercial use, credit to its authors"}
"""Licenses that are asked for, by their SPDX names, and what they demand in a word."""


def is_accepted(license: str, *, accepted: str) -> bool:
    """Whether a license need not be asked for, or was accepted; the arguments are those of
    :func:`check_license`."""
    names = f"{accepted},{os.environ.get(ACCEPTED, '')}".lower().split(",")
    return license not in TERMS or license.lower() in {name.strip() for name in names}


def check_license(license: str, *, accepted: str, option: str) -> None:
    """Refuse weights whose license was not accepted; one that need not be is let through.

    Args:
        license: SPDX name; empty for unknown.
        accepted: names that were accepted by option, separated by commas.
        option: what names the weights, for the message, such as ``--camera cotracker3``.

    Raises:
        UsageError: the license is in :data:`TERMS`, and not accepted.
    """
    if not is_accepted(license, accepted=accepted):
        raise UsageError(
            f"{option}: its weights have the license {license} ({TERMS[license]}); to accept it, "
            f"add --accept-license {license}, or set {ACCEPTED}={license}"
        )
