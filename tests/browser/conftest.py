"""Pages in a real browser: Debian's Chromium, driven by Playwright. Where there is none these tests are skipped, and the last lines say so.

    def test_counter(page_of, axe):
        page = page_of(counter(3)._repr_html_(), viewport=dict(width=360, height=740), color_scheme='dark')
        page.get_by_role('button', name='more').click()
        assert page.get_by_text('4').is_visible() and not axe(page)

A page that logs an error, or asks another host for anything, fails its test at the end."""
import os, shutil, threading
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from urllib.parse import urlsplit
import pytest

flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
         '--disable-component-update', '--disable-sync']
chromium = os.environ.get('CHROMIUM') or next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome', 'chrome'))), None)
skipped = []

def skip(why):
    skipped.append(why)
    pytest.skip(why)

def pytest_terminal_summary(terminalreporter):
    if skipped: terminalreporter.write_line(f'NOT TESTED: {len(skipped)} tests of tests/browser skipped: {"; ".join(sorted(set(skipped)))}', red=True, bold=True)

@pytest.fixture(scope='package')      # not the session: Playwright holds the thread's event loop, which tests outside this folder need
def playing():
    "The browser, or why there is none"
    try: from playwright.sync_api import sync_playwright
    except ImportError: yield 'playwright is not installed: pip install playwright'; return
    if not chromium: yield 'no Chromium found: install one, or name it in the variable CHROMIUM'; return
    with sync_playwright() as p:
        b = p.chromium.launch(executable_path=chromium, args=flags)
        yield b
        b.close()

@pytest.fixture
def browser(playing): return skip(playing) if isinstance(playing, str) else playing

class Quiet:
    "What both servers say of a request: nothing"
    def log_message(self, *args): pass

class Strings(Quiet, BaseHTTPRequestHandler):
    "Answers with the server's `pages`, by path"
    def do_GET(self):
        text = self.server.pages.get(self.path)
        self.send_response(404 if text is None else 200)
        self.send_header('Content-Type', 'text/html; charset=utf-8')
        self.end_headers()
        self.wfile.write((text or '').encode())

class Folder(Quiet, SimpleHTTPRequestHandler):
    "Answers with the files of a folder: partial(Folder, directory=…)"

class Server:
    "`handler` behind an address of this machine's own, in a thread"
    def __init__(self, handler):
        self.http = ThreadingHTTPServer(('127.0.0.1', 0), handler)
        self.http.pages, self.url = {}, f'http://127.0.0.1:{self.http.server_port}'
    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        return self
    def __exit__(self, *exc):
        self.http.shutdown()
        self.http.server_close()

def watch(page):
    "Note in the list returned what goes wrong on `page`: errors it logs or throws, and requests to another host"
    troubles = []
    page.on('console', lambda m: troubles.append(f'console: {m.text} ({m.location.get("url", "")})') if m.type == 'error' else None)
    page.on('pageerror', lambda e: troubles.append(f'thrown: {e}'))
    page.on('request', lambda r: None if urlsplit(r.url).hostname == '127.0.0.1' or r.url.startswith(('data:', 'blob:')) else troubles.append(f'outside: {r.url}'))
    return troubles

shell = ('<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
         '<link rel="icon" href="data:,"><title>Test</title></head><body><main><h1>Test</h1>{}</main></body></html>')

@pytest.fixture
def page_of(browser):
    """`page_of(html, **options)`: a page with that HTML, served on 127.0.0.1; a fragment is put into a whole page. `options` are those
    of Playwright's new_page: viewport, color_scheme, reduced_motion, java_script_enabled, has_touch, device_scale_factor"""
    watched = []
    with Server(Strings) as server:
        def page_of(html, **options):
            path = f'/{len(watched)}.html'
            server.http.pages[path] = html if html.lstrip().lower().startswith('<!doctype') else shell.replace('{}', html)
            page = browser.new_page(**options)
            watched.append((page, watch(page)))
            page.goto(server.url + path)
            return page
        yield page_of
        for page, _ in watched: page.context.close()
    assert not [t for _, troubles in watched for t in troubles]

def axe_script(): return files('axe_playwright_python').joinpath('axe.min.js').read_text(encoding='utf-8')

@pytest.fixture
def axe():
    "`axe(page)`: what axe-core finds on the page that is serious or critical, one line a rule"
    def axe(page):
        page.evaluate(axe_script())
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")['violations']
        return [f"{v['id']}: {v['help']}, {len(v['nodes'])} times, first {v['nodes'][0]['html'][:200]} ({v['nodes'][0].get('failureSummary', '')[:200]})"
                for v in found if v['impact'] in ('serious', 'critical')]
    return axe
