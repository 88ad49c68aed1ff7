"""What schemathesis sends where one image is asked for: real ones, of each type that we read."""

import schemathesis
from hypothesis import strategies as st

from shared.media import MediaType
from tests.hostile.images import picture

# Sizes tell pictures apart, so that not every request is answered from the cache.
SIDES = st.integers(1, 300)


def pictures(media_type: MediaType) -> st.SearchStrategy[bytes]:
    """Return pictures of a type."""
    kind = media_type.value.removeprefix("image/").upper()
    return st.builds(lambda width, height: picture(kind, (width, height)), SIDES, SIDES)


for known in MediaType:
    if known.is_image:
        schemathesis.openapi.media_type(known.value, pictures(known))


@schemathesis.hook
def filter_body(_context: schemathesis.HookContext, body: object) -> bool:
    """Pass over what no form can say: an empty list has no part, and so nothing is wrong."""
    if not isinstance(body, dict) or body.keys().isdisjoint({"file", "files", "options"}):
        return True
    return [] not in body.values()
