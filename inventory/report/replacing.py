"""The file that a report goes into: replaced in one step, or left as it was."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from inventory.errors import ConfigurationError


@contextmanager
def replacing(path: Path, *, mode: int | None = None) -> Iterator[TextIO]:
    """Give a file to write, and move it to `path` at the end of the block: a reader sees the old file or the new one.

    Its mode is that of any new file where `mode` is None.

    Raises:
        ConfigurationError: It cannot be written.
    """
    draft = path.parent / f".{path.name}.{os.getpid()}"
    try:
        if path.exists() and not path.is_file():
            raise OSError("it is not a file")  # noqa: TRY301 - reported as the others are
        with draft.open("w", encoding="utf-8") as file:
            yield file
        if mode is not None:
            draft.chmod(mode)
        draft.replace(path)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ConfigurationError(f"cannot write {path} ({why}). Nothing was changed.") from error
    finally:
        with suppress(OSError):
            draft.unlink()
