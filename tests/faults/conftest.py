"""Faults, injected for real. A test says which with the fixture `fault`, and `pytest tests/faults --fault-table docs/faults.json`
writes them down for the site's page "What happens if…"; without the option, `test_table.py` fails where that table is out of date.

    def test_no_such_class(fault, folder):
        ...                                                                       # break something
        fault.refused('unknown id', 'a mask with id 200', check, folder)          # calls check(folder), wants a `SegError` of one line
        fault('image format', 'a greyscale image', 'read right', 'grey in all three channels')   # or say what came of it, and the message

The first argument is a key of `ROWS`. A fault is survived when its test passes."""
import json, re
from pathlib import Path
import pytest
from camvid_seg.core import SegError

here = Path(__file__).resolve().parent
TABLE = here.parents[1]/'docs'/'faults.json'
ROWS = json.loads((here.parents[1]/'docs'/'fault_rows.json').read_text(encoding='utf-8'))   # key -> heading on the page, in its order

def pytest_addoption(parser):
    parser.addoption('--fault-table', metavar='FILE', help='write the faults of the test files that run to FILE (docs/faults.json)')

def pytest_configure(config): config.faults, config.skipped = [], set()   # dicts; names of files with a skipped test

def scrub(text, config):
    "`text` without what differs between machines: temporary folders and ports"
    temp = config._tmp_path_factory.getbasetemp()
    for o in {str(temp), str(temp.resolve())}:
        text = re.sub(re.escape(o) + r'[/\\][^/\\\s]+[/\\]', '', text)
        text = re.sub(re.escape(o) + r'[/\\][^/\\\s:,;)]+', 'folder', text)
    return re.sub(r'127\.0\.0\.1:\d+', 'server', text)

class Fault:
    "Notes faults: which, what came of it, and the message a user sees"
    def __init__(self, request): self.config, self.node = request.config, request.node
    def __call__(self, row, injected, outcome, message=''):
        assert row in ROWS, f'{row!r} is no row of docs/fault_rows.json'
        message = scrub(str(message), self.config)
        assert '\n' not in message and message.isprintable(), f'not one plain line: {message!r}'
        assert not re.search(r'(?<![\w.:/])/(tmp|home|root|work|private|var|Users)/', message), f'a path of this machine: {message}'
        self.config.faults.append(dict(test=self.node.name.split('[')[0], file=self.node.path.name, row=row, injected=injected, outcome=outcome,
                                       message=message, survived=False, node=self.node.nodeid))
    def refused(self, row, injected, f, *args, **kwargs):
        "Call `f`, which must refuse with a `SegError` of one line; returns its text"
        with pytest.raises(SegError) as e: f(*args, **kwargs)
        self(row, injected, 'refused', e.value)
        return str(e.value)

@pytest.fixture
def fault(request): return Fault(request)

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped: item.config.skipped.add(item.path.name)
    if report.when == 'call' and report.passed:
        for o in item.config.faults:
            if o['node'] == item.nodeid: o['survived'] = True
    return report

def pytest_collection_modifyitems(items): items.sort(key=lambda o: o.path.name == 'test_table.py' and o.path.parent == here)   # when all others have run

def by_file(config):
    "The faults noted so far, by test file, as the table has them"
    out = {}
    for o in config.faults: out.setdefault(o['file'], []).append({k: o[k] for k in ('test', 'row', 'injected', 'outcome', 'message', 'survived')})
    return out

def pytest_sessionfinish(session):
    if not (path := session.config.getoption('--fault-table', None)): return
    path, o = Path(path), session.config.option
    if o.keyword or o.markexpr or any('::' in a for a in session.config.args): raise pytest.UsageError('--fault-table: run whole files, or all of tests/faults')
    old = json.loads(path.read_text(encoding='utf-8')) if path.exists() else {}
    new = {k: v for k, v in sorted({**old, **by_file(session.config)}.items()) if (here/k).exists()}
    path.write_text(json.dumps(new, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')

def pytest_terminal_summary(terminalreporter, config):
    if config.faults: terminalreporter.write_line(f"{len(config.faults)} faults injected, {sum(o['survived'] for o in config.faults)} survived")
