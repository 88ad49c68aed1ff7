"""Numbers, times and states in the words that pages say them with."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from api.views import Counts
from shared.export import Format
from shared.tokens import Source

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400
_KIB = 1024
# Below this, money is told in as many digits as a call of a cheap model needs.
_CENT_USD = 0.01

STATES = {
    "queued": "Queued",
    "unpacking": "Unpacking",
    "running": "Running",
    "waiting": "Waiting",
    "succeeded": "Succeeded",
    "partially_succeeded": "Partly succeeded",
    "failed": "Failed",
    "canceled": "Canceled",
    "expired": "Expired",
}
# What has become of an image behind a stage.
STAGES = {"measure": "measured", "name": "named", "assemble": "assembled"}
SOURCES = {
    Source.CV: "Measured, named by rule",
    Source.CLAUDE: "Measured, named by Claude",
    Source.CLAUDE_ADDED: "Seen by Claude, then measured",
}
FORMATS = {
    Format.CSS: ("CSS", "Custom properties on :root"),
    Format.SCSS: ("SCSS", "Variables and maps"),
    Format.TAILWIND: ("Tailwind 4", "A theme, for @import"),
    Format.TAILWIND3: ("Tailwind 3", "A config to extend"),
    Format.REACT: ("React", "A typed theme object"),
    Format.W3C: ("DTCG 2025.10", "The W3C community group's JSON"),
    Format.LEGACY: ("Tokens Studio", "JSON for Tokens Studio and Penpot"),
    Format.HTML: ("Style guide", "A page to read and to pass on"),
    Format.ZIP: ("All", "Every format in one zip"),
}


def number(value: float) -> str:
    """Return a number with thin groups of three."""
    return f"{value:,}".replace(",", "\u202f")


def usd(value: float | None) -> str:
    """Return money; what is not known is said so."""
    if value is None:
        return "not known"
    digits = 2 if value == 0 or value >= _CENT_USD else 4
    return f"${value:,.{digits}f}"


def seconds(value: float | None) -> str:
    """Return a duration in its two largest units."""
    if value is None:
        return "not known yet"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < _MINUTE_S:
        return f"{value:.0f} s"
    if value < _HOUR_S:
        return f"{value // _MINUTE_S:.0f} min {value % _MINUTE_S:.0f} s"
    return f"{value // _HOUR_S:.0f} h {value % _HOUR_S // _MINUTE_S:.0f} min"


def ago(when: datetime) -> str:
    """Return how long ago a moment was, or its date after a day."""
    passed_s = (datetime.now(UTC) - when).total_seconds()
    if passed_s < _MINUTE_S:
        return "just now"
    if passed_s < _HOUR_S:
        return f"{passed_s // _MINUTE_S:.0f} min ago"
    if passed_s < _DAY_S:
        return f"{passed_s // _HOUR_S:.0f} h ago"
    return when.strftime("%-d %b %Y")


def moment(when: datetime) -> str:
    """Return a moment in full."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def size(count_bytes: int) -> str:
    """Return a file's size."""
    value, unit = float(count_bytes), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if value < _KIB:
            break
        value, unit = value / _KIB, larger
    return f"{value:.0f} {unit}"


def percent(share: float) -> str:
    """Return a share, never 100 % before it is whole."""
    return f"{int(share * 100)} %"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun; all of ours take an s."""
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def sentence(text: str) -> str:
    """Return what went wrong, which stands behind a colon elsewhere, as a sentence."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def shares(counts: Counts) -> list[tuple[str, int]]:
    """Return how many images are where, by the name that a stylesheet knows the state by."""
    parts = (
        ("named", counts.succeeded - counts.degraded),
        ("degraded", counts.degraded),
        ("failed", counts.failed),
        ("canceled", counts.canceled),
        ("running", counts.running),
    )
    return [(kind, count) for kind, count in parts if count]


def standing(counts: Counts) -> str:
    """Return the same in words."""
    done = counts.succeeded + counts.failed + counts.canceled
    said = [f"{number(done)} of {plural(counts.total, 'image')} done"]
    said += [f"{number(n)} {kind}" for kind, n in shares(counts) if kind != "named"]
    return ", ".join(said)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "number": number,
    "usd": usd,
    "seconds": seconds,
    "ago": ago,
    "moment": moment,
    "size": size,
    "percent": percent,
    "plural": plural,
    "sentence": sentence,
    "shares": shares,
    "standing": standing,
    "state": lambda state: STATES[str(state)],
    "stage": lambda stage: STAGES[stage],
    "source": lambda source: SOURCES[source],
}
