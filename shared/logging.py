"""Logs: one JSON object a line on standard error, ours and the libraries' alike."""

import logging
import sys

import structlog
from structlog.typing import Processor

# Requests of a library that logs each of its own at INFO would drown what happened.
_QUIET = ("httpx", "httpcore", "python_multipart", "uvicorn.access")


def configure_logging(level: str = "INFO") -> None:
    """Send every log of this process through one JSON formatter.

    A field bound with ``structlog.contextvars`` (``request_id``, ``work_id``…) stands on every
    line that is logged while it is bound.
    """
    first: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            *first,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=first,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.dict_tracebacks,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
