"""What the demonstration shows after the summary."""

from pathlib import Path

from inventory.report.demo_text import next_steps
from inventory.serving.listening import PAGES_ADDRESS


def test_it_ends_with_the_address_to_open_and_the_command_that_answers_there() -> None:
    *_, before, empty, last = next_steps(Path("a demo.db"), "bin/inventory").splitlines()
    assert before.endswith(f"open http://{PAGES_ADDRESS}/")
    assert (empty, last) == ("", "  INVENTORY_DATABASE_URL='a demo.db' bin/inventory pages")
