"""Keep what users build on, as it is now.

    .venv/bin/python -m tests.golden.write

It is made to change on purpose alone: say in the commit what changes for users, and look at the difference.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conftest import temporary_database
from tests.golden.databases import demonstrate, migrate, views_on_postgresql
from tests.golden.golden import OF_ITSELF, OF_THE_DEMONSTRATION, write
from tests.postgres import cluster


def main() -> None:
    """Write every file anew."""
    with TemporaryDirectory() as place:
        demonstration = demonstrate(_directory(place, "demonstration"))
        for name, of_both in OF_THE_DEMONSTRATION.items():
            write(name, of_both(demonstration, _directory(place, name)))
        for name, of_itself in OF_ITSELF.items():
            write(name, of_itself(_directory(place, name)))
        with cluster() as server, temporary_database(server) as url:
            migrate(url)
            write("views_on_postgresql", views_on_postgresql(url))


def _directory(place: str, name: str) -> Path:
    directory = Path(place, name)
    directory.mkdir()
    return directory


if __name__ == "__main__":
    main()
