"""`inventory config`: the settings in force and where each came from, or a sample file."""

import sys
from pathlib import Path

from inventory.errors import EXIT_COMPLETE, ConfigurationError
from inventory.report import settings_text
from inventory.settings.load import Settings, load
from inventory.settings.sample import sample as sample_file
from inventory.terminal.console import complain, print_document, print_screen


def run(*, config_file: Path | None, sample: bool, as_json: bool) -> int:
    """Print the settings in force, secrets masked; or, with `sample`, a configuration file to begin with.

    What only stops `sync`, such as a missing token, goes to stderr and does not change the exit code.

    Raises:
        ConfigurationError: The settings themselves are wrong.
    """
    if sample:
        sys.stdout.write(sample_file())
        return EXIT_COMPLETE
    settings, warnings = _load(config_file)
    if as_json:
        print_document(settings_text.document(settings, warnings))
    else:
        print_screen(settings_text.screen(settings))
    complain("\n".join(warnings))
    return EXIT_COMPLETE


def _load(config_file: Path | None) -> tuple[Settings, tuple[str, ...]]:
    """Give the settings, and the warnings to print."""
    try:
        settings = load(config_file)
    except ConfigurationError as with_token:
        try:
            settings = load(config_file, needs_token=False)
        except ConfigurationError:
            # The first error names all problems of the second, and those of the tokens.
            raise with_token from None
        return settings, tuple(f"sync would stop: {problem}" for problem in str(with_token).splitlines())
    problems = [f"account {each.name} is not synced: {each.problem}" for each in settings.accounts if each.problem]
    return settings, (*settings.warnings, *problems)
