"""What each stage does with a unit of work: load, call something pure, return what to store."""

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any, TypeAlias

from sqlalchemy import Connection

from shared.db import cache, results
from shared.db.engine import transaction
from shared.db.results import Parts
from shared.db.states import Stage
from shared.db.thumbnails import store_thumbnail
from shared.db.work import Claim
from shared.errors import NotFound
from shared.image_size import read_size
from shared.tokens import Tokens, TokenType
from workers.app import Site
from workers.assemble import assemble
from workers.images import decode, encode_thumbnail
from workers.measure import measure_image
from workers.merge import Merge
from workers.outcome import MEASUREMENTS, NAMING, Done, load_measurements
from workers.sightings import MOST_PLACES
from workers.turns import one_large_image
from workers.unpack import unpack


def _measure(site: Site, claimed: Claim) -> Done:
    """Decode an image and measure it."""
    sha256 = claimed.key.sha256
    data = site.blobs.read(sha256)
    width, height = read_size(data, site.image_limits)
    with one_large_image(width * height, site.settings.data_dir):
        rgb = decode(data, site.image_limits)
        measured = measure_image(rgb)
        thumbnail = encode_thumbnail(rgb)

    def store_facts(connection: Connection) -> None:
        results.store_image_size(connection, sha256, measured.width, measured.height)
        store_thumbnail(connection, sha256, thumbnail)

    return Done(MEASUREMENTS.dump_python(measured, mode="json"), also=store_facts)


class Assembly:
    """The assembling of some units, which read what they join at once."""

    def __init__(self, claims: Sequence[Claim]) -> None:
        """Read nothing yet."""
        self._ids = [claim.id for claim in claims]
        self._parts: dict[int, Parts] | None = None

    def assemble(self, site: Site, claimed: Claim) -> Done:
        """Join an image's measurements with its names.

        Raises:
            NotFound: The job is gone.
        """
        if self._parts is None:
            with transaction(site.engine) as connection:
                self._parts = results.read_parts(connection, self._ids)
        parts = self._parts.get(claimed.id)
        if parts is None:
            raise NotFound(f"no job {claimed.job_id}")
        naming = NAMING.validate_python(parts.named) if parts.named is not None else None
        types = tuple(TokenType(name) for name in parts.options["token_types"])
        tokens = assemble(load_measurements(parts.measured), naming, types)
        degraded = naming.degraded if naming else None
        value = tokens.model_dump(mode="json", by_alias=True)
        if not parts.options.get("force") or degraded is not None:
            return Done(value, degraded)
        return Done(value, also=partial(cache.replace, forced=claimed.key))


def _merge(site: Site, claimed: Claim) -> Done:
    """Unite the token sets of a job's items: all, or in a preview those that have ended."""
    job_id = claimed.key.options_hash
    merging = Merge()
    with transaction(site.engine) as connection:
        for item in results.iterate_assembled(connection, job_id):
            merging.add(item.filename, _with_first_boxes(item.tokens), item.id)
    merged = merging.sum_up().model_dump(mode="json", by_alias=True)
    images = merging.list_images()

    store = (
        results.store_preview if claimed.key.stage is Stage.PREVIEW else results.store_job_tokens
    )

    def store_tokens(connection: Connection) -> None:
        store(connection, job_id, claimed.key.pipeline_version, images, merged)

    return Done({}, also=store_tokens)


def _with_first_boxes(value: dict[str, Any]) -> Tokens:
    """Return a stored token set less the boxes that a merged set has no room for."""
    for tokens in value.values():
        for token in tokens:
            del token["boxes"][MOST_PLACES:]
    return Tokens.model_validate(value)


Body: TypeAlias = Callable[[Site, Claim], Done]


def _of_claude(module: str, function: str) -> Body:
    """Return a body that is imported when it is first asked for.

    Claude's SDK takes 40 MB of a process, and one of our workers calls it.
    """

    def body(site: Site, claimed: Claim) -> Done:
        done: Done = getattr(import_module(module), function)(site, claimed)
        return done

    return body


_BODIES: dict[Stage, Body] = {
    Stage.UNPACK: unpack,
    Stage.MEASURE: _measure,
    Stage.NAME: _of_claude("workers.naming", "name"),
    Stage.MERGE: _merge,
    Stage.PREVIEW: _merge,
    Stage.BATCH: _of_claude("workers.batches", "bring_along"),
}


def body_for(claims: Sequence[Claim]) -> Body:
    """Return what is to be done with each of some units of one stage."""
    stage = claims[0].key.stage
    return Assembly(claims).assemble if stage is Stage.ASSEMBLE else _BODIES[stage]
