"""Pages in a real browser: Debian's Chromium, driven by Playwright. Where there is none these tests are skipped, and the last lines say so.

    def test_counter(page_of, axe):
        page = page_of(counter(3)._repr_html_(), viewport=dict(width=360, height=740), color_scheme='dark')
        page.get_by_role('button', name='more').click()
        assert page.get_by_text('4').is_visible() and not axe(page)

A page that logs an error, or asks another host for anything, fails its test at the end."""
import json, os, re, shutil, socket, subprocess, sys, threading, time, urllib.error, urllib.request
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from urllib.parse import urlsplit
import pytest
from conftest import root

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

class Lab:
    "A JupyterLab at the address `url`, which shows the folder `home`"
    def __init__(self, playing, home, url): self.playing, self.home, self.url = playing, home, url

    def write(self, name, cells):
        "A new notebook of these cells of code"
        code = [dict(cell_type='code', id=f'c{i}', metadata={}, source=s, outputs=[], execution_count=None) for i, s in enumerate(cells)]
        kernel = dict(kernelspec=dict(name='python3', display_name='python3', language='python'))
        (self.home/f'{name}.ipynb').write_text(json.dumps(dict(cells=code, metadata=kernel, nbformat=4, nbformat_minor=5)), encoding='utf-8')

    def open(self, name):
        "A page with this notebook of `home`, its kernel ready, and what goes wrong on it (see `watch`)"
        page = self.playing.new_page(viewport=dict(width=1200, height=1500))
        troubles = watch(page)
        page.set_default_timeout(60_000)
        page.add_locator_handler(page.locator('.jp-Dialog'), lambda dialog: dialog.locator('button.jp-mod-accept').click())    # a slow machine's Lab asks
        page.goto(f'{self.url}/lab/tree/{name}.ipynb?reset')
        page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=60_000)
        return page, troubles

    def run_all(self, page, seconds=120):
        """Run all cells, and wait until the last one ran or one has an error. Lab shows an idle kernel a moment before it takes work, and
        forgets what it is told then: so it is told again where the first cell has not ended in a minute"""
        from playwright.sync_api import TimeoutError as NotInTime
        first = page.locator('.jp-CodeCell .jp-InputPrompt').first.filter(has_text=re.compile(r'\d'))
        for last in False, False, True:
            page.get_by_role('menuitem', name='Run', exact=True).click()
            page.get_by_text('Run All Cells', exact=True).click()
            try: first.wait_for(state='attached', timeout=60_000); break
            except NotInTime:
                if last: raise
        page.wait_for_function("""() => { const cells = [...jupyterapp.shell.currentWidget.content.model.cells].filter(c => c.type === 'code')
            const failed = c => c.sharedModel.outputs.some(o => o.output_type === 'error')
            return cells.every(c => c.executionCount) || cells.some(failed) }""", timeout=1000*seconds, polling=500)

    def cells(self, page):
        "The cells of code as Lab holds them, those out of sight too"
        return page.evaluate("() => [...jupyterapp.shell.currentWidget.content.model.cells].filter(c => c.type === 'code').map(c => c.toJSON())")

    def close(self, page):
        "Close the page, and give back the memory of its kernel"
        page.evaluate('() => jupyterapp.shell.currentWidget.sessionContext.shutdown()')
        page.close()

@pytest.fixture(scope='module')
def lab(playing, tmp_path_factory):
    "A JupyterLab of this checkout, with a folder of its own"
    if isinstance(playing, str): skip(playing)
    pytest.importorskip('jupyterlab', reason='jupyterlab is not installed')
    home = tmp_path_factory.mktemp('lab')
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); port = s.getsockname()[1]
    own = {k: str(home/k.lower()) for k in ('CAMVID_SEG_HOME', 'JUPYTER_CONFIG_DIR', 'JUPYTER_RUNTIME_DIR', 'JUPYTERLAB_SETTINGS_DIR',
                                            'JUPYTERLAB_WORKSPACES_DIR', 'IPYTHONDIR')}
    # the first cell of a lesson would install the package from GitHub, in place of the checkout: git may fetch nothing here
    env = {k: v for k, v in os.environ.items() if k != 'CAMVID_SEG_STILL'} | own | dict(PYTHONPATH=str(root), GIT_ALLOW_PROTOCOL='none')
    quiet = home/'jupyterlab_settings_dir'/'@jupyterlab'/'apputils-extension'
    quiet.mkdir(parents=True)
    (quiet/'notification.jupyterlab-settings').write_text('{"fetchNews": "false"}')      # it would ask, over the notebook
    command = [sys.executable, '-m', 'jupyterlab', '--no-browser', '--allow-root', '--ip=127.0.0.1', f'--port={port}', '--ServerApp.port_retries=0',
               f'--ServerApp.root_dir={home}', '--IdentityProvider.token=', '--LabApp.expose_app_in_browser=True', '--LabApp.news_url=None', '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate']
    with (home/'log').open('wb') as log: server = subprocess.Popen(command, cwd=home, env=env, stdout=log, stderr=subprocess.STDOUT)
    try:
        for _ in range(400):
            assert server.poll() is None, (home/'log').read_text(errors='replace')[-2000:]
            try: urllib.request.urlopen(f'http://127.0.0.1:{port}/api', timeout=2).close(); break
            except (urllib.error.URLError, OSError): time.sleep(0.25)
        else: pytest.fail((home/'log').read_text(errors='replace')[-2000:])
        yield Lab(playing, home, f'http://127.0.0.1:{port}')
    finally:
        server.terminate()
        try: server.wait(20)
        except subprocess.TimeoutExpired: server.kill()
