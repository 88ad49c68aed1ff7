"""What a worker does when its broker goes away."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from kombu.exceptions import OperationalError

from cli import data_dir, servers
from shared.queue import Queue, celery_app, publish
from tests.conftest import running
from workers.app import app


@pytest.fixture
def own_sockets() -> Iterator[Path]:
    """A short path, as sockets need."""
    with TemporaryDirectory() as directory:
        yield Path(directory)


def test_a_place_is_free_again_when_redis_dies_before_the_acknowledgement(
    place: data_dir.DataDir, own_sockets: Path
) -> None:
    assert app.main == "copythat"
    own_redis = servers.redis_program(place, own_sockets)
    with contextlib.ExitStack() as stack:
        with running(own_redis, lambda: servers.redis_ready(own_sockets)):
            own_app = celery_app(servers.broker_url(own_sockets))
            connection = stack.enter_context(own_app.connection_for_read())
            publish(own_app, {Queue.IO.value: 1})
            channel: Any = connection.default_channel
            channel.basic_qos(0, 1, False)
            hint = channel.basic_get(Queue.IO.value)
            assert not channel.qos.can_consume()

        with pytest.raises((OperationalError, *connection.connection_errors)):
            hint.ack()

        assert channel.qos.can_consume()
