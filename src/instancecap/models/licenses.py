"""Licenses that a user has to accept before a model's weights are used."""

from __future__ import annotations

import os

from instancecap.errors import UsageError

ACCEPTED = "INSTANCECAP_ACCEPT_LICENSE"
"""Environment variable that holds the names of accepted licenses, separated by commas."""

TERMS = {"CC-BY-NC-4.0": "no commercial use, credit to its authors"}
"""Licenses that are asked for, by their SPDX names, and what they demand in a word."""


def check_license(license: str, *, accepted: str, option: str) -> None:
    """Refuse weights whose license was not accepted; one that need not be is let through.

    Args:
        license: SPDX name; empty for unknown.
        accepted: names that were accepted by option, separated by commas.
        option: what names the weights, for the message, such as ``--camera cotracker3``.

    Raises:
        UsageError: the license is in :data:`TERMS`, and not accepted.
    """
    names = f"{accepted},{os.environ.get(ACCEPTED, '')}".lower().split(",")
    if license in TERMS and license.lower() not in {name.strip() for name in names}:
        raise UsageError(
            f"{option}: its weights have the license {license} ({TERMS[license]}); to accept it, "
            f"add --accept-license {license}, or set {ACCEPTED}={license}"
        )
