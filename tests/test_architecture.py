"""What the import contracts cannot see, read from the source itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROGRAMS = ("api", "workers", "shared", "cli")
# Measuring is arithmetic over arrays: it may import these, color spaces and itself.
MEASURE_IMPORTS = {
    "__future__", "bisect", "collections", "colorsys", "cv2", "dataclasses", "enum", "functools",
    "heapq", "itertools", "math", "numpy", "operator", "re", "shared", "statistics", "typing",
    "workers",
}  # fmt: skip


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def calls(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else ""
            yield function.id if isinstance(function, ast.Name) else f".{name}"


def test_measuring_imports_only_arithmetic() -> None:
    strangers = {
        (path, module)
        for path, tree in sources("workers/measure")
        for module in imported(tree)
        if module.split(".")[0] not in MEASURE_IMPORTS
        or (module.startswith("workers") and not module.startswith("workers.measure"))
        or (module.startswith("shared") and module != "shared.colorspace")
    }

    assert strangers == set()


def test_measuring_reads_and_prints_nothing() -> None:
    spoken = {
        (path, name)
        for path, tree in sources("workers/measure")
        for name in calls(tree)
        if name in {"open", "print", ".imread", ".imwrite", ".read_bytes", ".write_bytes"}
    }

    assert spoken == set()


@pytest.mark.parametrize(
    ("library", "homes"),
    [
        ("cv2", ("workers/measure/", "workers/images.py")),
        ("anthropic", ("workers/claude/",)),
        ("fastapi", ("api/",)),
        ("celery", ("workers/", "shared/queue.py", "api/")),
        ("alembic", ("shared/db/",)),
        ("jinja2", ("shared/export/", "api/")),
        ("typer", ("cli/",)),
        ("obstore", ("shared/blobs/",)),
    ],
)
def test_a_library_is_used_in_its_own_rooms_only(library: str, homes: tuple[str, ...]) -> None:
    strays = {
        path
        for path, tree in sources(*PROGRAMS)
        for module in imported(tree)
        if module.split(".")[0] == library and not path.startswith(homes)
    }

    assert strays == set()


def test_sql_is_written_in_the_database_package_only() -> None:
    strays = {
        path
        for path, tree in sources(*PROGRAMS)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("sqlalchemy")
        and {alias.name for alias in node.names} & {"text", "select", "insert", "update", "delete"}
        and not path.startswith("shared/db/")
    }

    assert strays == set()


def test_only_transaction_commits() -> None:
    strays = {
        (path, name)
        for path, tree in sources(*PROGRAMS)
        for name in calls(tree)
        if name in {".commit", ".rollback"}
    }

    assert strays == set()


def test_only_the_task_border_catches_everything() -> None:
    broad = {
        path
        for path, tree in sources(*PROGRAMS)
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or getattr(node.type, "id", "") in {"Exception", "BaseException"})
    }

    assert broad == {"workers/tasks.py"}


def test_no_module_of_the_programs_is_over_320_lines() -> None:
    long = {
        path.relative_to(ROOT): lines
        for folder in PROGRAMS
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 320
    }

    assert long == {}
