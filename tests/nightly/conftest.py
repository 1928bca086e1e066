"What takes longer than the tests of each change: `pytest tests/nightly`. `pytest tests` leaves this folder out (pyproject.toml)"
from browser.conftest import lab, playing, pytest_terminal_summary # noqa: F401  the fixtures and the last lines of tests/browser
