"""How an instance moves in the frame, by what its caption has of its place; no sentence is read."""

from __future__ import annotations

from instancecap.schema.caption import Instance

MOTIONS = ("moves", "stays", "enters", "leaves")
DIRECTIONS = ("left", "right", "up", "down", "nearer", "farther")

FAR = 0.1
"""Of the frame's width or height: a track's center that ends farther off has moved."""

GROWS = 1.5
"""Factor by which the box's sides grow or shrink, from which an instance comes or goes."""

Shift = tuple[float, float, float]
"""To the right and down, in frame widths and heights, and the factor of the sides."""


def _shift(one: Instance) -> Shift | None:
    """From first to last; None where neither track nor cells tell."""
    if len(one.track) > 1:
        (x0, y0, x1, y1), (u0, v0, u1, v1) = one.track[0].box, one.track[-1].box
        before, after = (x1 - x0) * (y1 - y0), (u1 - u0) * (v1 - v0)
        factor = (after / before) ** 0.5 if before > 0 and after > 0 else 1.0
        return (u0 + u1 - x0 - x1) / 2, (v0 + v1 - y0 - y1) / 2, factor
    start, end = one.position.start, one.position.end
    if not (start and end):
        return None
    (row, column), (last_row, last_column) = (
        (("top", "center", "bottom").index(cell.split("-")[0]),
         ("left", "middle", "right").index(cell.split("-")[1]))
        for cell in (start, end)
    )  # fmt: skip
    return (last_column - column) / 3, (last_row - row) / 3, 1.0


def motions_of(one: Instance) -> list[str]:
    """Some of :data:`MOTIONS`; none where nothing is known of its place."""
    shift = _shift(one)
    found = [name for name in ("enters", "leaves") if getattr(one.position, name)]
    if shift is not None:
        found.append("moves" if _way(shift) else "stays")
    return found


def direction_of(one: Instance) -> str:
    """Which of :data:`DIRECTIONS` it moves most; empty where it stays, or nothing is known."""
    shift = _shift(one)
    return _way(shift) if shift else ""


def _way(shift: Shift) -> str:
    across, down, factor = shift
    if max(abs(across), abs(down)) >= FAR:
        if abs(across) >= abs(down):
            return "right" if across > 0 else "left"
        return "down" if down > 0 else "up"
    if factor >= GROWS or factor <= 1 / GROWS:
        return "nearer" if factor > 1 else "farther"
    return ""
