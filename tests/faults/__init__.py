"What goes wrong, injected for real; see conftest.py"
