"""Both brokers: hints get through, and one that is dead or frozen is told, not waited for."""

from collections.abc import Iterator

import kombu
import pytest
from celery import Celery

from shared.errors import Unavailable
from shared.queue import Queue, celery_app, depth, publish
from tests.conftest import until
from tests.rabbitmq import RabbitMQ, rabbitmq

CV = Queue.CV.value


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A RabbitMQ that the tests of this module leave running."""
    with rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as running:
        yield running


@pytest.fixture
def app(node: RabbitMQ) -> Iterator[Celery]:
    """The application over empty queues in RabbitMQ."""
    application = celery_app(node.url)
    yield application
    for queue in Queue:
        depth(application, queue)
        with application.connection_for_write() as connection:
            kombu.Queue(queue.value, channel=connection.default_channel).purge()


def test_a_queue_that_nobody_used_holds_no_hints(app: Celery) -> None:
    assert [depth(app, queue) for queue in Queue] == [0] * len(Queue)


def test_a_queue_that_was_deleted_is_there_again_once_it_is_counted(app: Celery) -> None:
    publish(app, {CV: 1})
    with app.connection_for_write() as connection:
        kombu.Queue(CV, channel=connection.default_channel).delete()

    assert depth(app, Queue.CV) == 0
    publish(app, {CV: 1})
    until(lambda: depth(app, Queue.CV) == 1)


def test_rabbitmq_counts_the_hints_it_was_sent(app: Celery) -> None:
    publish(app, {CV: 3})

    until(lambda: depth(app, Queue.CV) == 3)


def test_a_frozen_rabbitmq_is_told_and_takes_hints_when_it_goes_on(
    app: Celery, node: RabbitMQ
) -> None:
    publish(app, {CV: 1})
    until(lambda: depth(app, Queue.CV) == 1)
    node.freeze()
    try:
        with pytest.raises(Unavailable):
            depth(app, Queue.CV)
        with pytest.raises(Unavailable):
            publish(app, {CV: 1})
    finally:
        node.thaw()
    publish(app, {CV: 1})

    until(lambda: depth(app, Queue.CV) == 2)


def test_hints_get_through_again_after_rabbitmq_was_killed(app: Celery, node: RabbitMQ) -> None:
    publish(app, {CV: 1})
    node.kill()
    with pytest.raises(Unavailable):
        depth(app, Queue.CV)
    node.restart_empty()

    publish(app, {CV: 2})

    until(lambda: depth(app, Queue.CV) == 2)


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "amqp://127.0.0.1:1//"])
def test_a_broker_that_is_not_there_is_told(url: str) -> None:
    app = celery_app(url)

    with pytest.raises(Unavailable):
        publish(app, {CV: 1})
    with pytest.raises(Unavailable):
        depth(app, Queue.CV)
