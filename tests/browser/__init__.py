"Pages in a real browser; see conftest.py"
