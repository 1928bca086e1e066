"The table of faults on the site says what happens now"
import json, os, re
import pytest
from .conftest import ROWS, TABLE, by_file, here, scrub

def norm(o):
    "A fault without what differs between machines: counts of bytes and seconds, checksums, and what other libraries say, in brackets"
    return {k: re.sub(r'\b(0x)?[0-9a-f]{8,}\b|\d+', '#', re.sub(r'\(.*\)', '()', str(v))) for k, v in o.items()}

def stale(new, old, whole):
    "Lines that say how the faults `new`, by file, differ from the table `old`; a fault is gone only from a file that ran `whole`"
    for k, faults in new.items():
        a, b = [*map(norm, faults)], [*map(norm, old.get(k, []))]
        yield from (f"{k}: {o['injected']}: not in the table like this: {o['outcome']} {o['message']}" for o in a if o not in b)
        if k in whole: yield from (f"{k}: {o['injected']}: in the table, but did not happen like this: {o['outcome']} {o['message']}" for o in b if o not in a)

def test_stale():
    row = dict(test='test_a', row='sizes', injected='a', outcome='refused', message='2 bytes', survived=True)
    old = {'x.py': [row]}
    assert not [*stale({'x.py': [{**row, 'message': '3 bytes'}]}, old, {'x.py'})]
    assert len([*stale({'x.py': [{**row, 'message': 'bytes'}]}, old, {'x.py'})]) == 2
    assert len([*stale({'x.py': []}, old, {'x.py'})]) == 1 and not [*stale({'x.py': []}, old, set())]
    assert len([*stale({'y.py': [row]}, old, set())]) == 1

def test_table_is_up_to_date(request):
    config, ran = request.config, {o.path.name for o in request.session.items if o.path.parent == here}
    if config.getoption('--fault-table', None): pytest.skip('the table is being written')
    old = json.loads(TABLE.read_text(encoding='utf-8'))
    part = config.option.keyword or config.option.markexpr or any('::' in a for a in config.args)
    bad = [*stale(by_file(config), old, set() if part else ran - config.skipped)]
    assert not bad, '\n'.join(['run pytest tests/faults --fault-table docs/faults.json and commit the table:', *bad])
    assert all(o['survived'] for v in old.values() for o in v) and {o['row'] for v in old.values() for o in v} == set(ROWS)

def test_messages_name_no_machine(request, tmp_path):
    config = request.config
    assert scrub(f'{tmp_path/"a"/"b.png"}: broken; look into {tmp_path}', config) == f'a{os.sep}b.png: broken; look into folder'
    assert scrub('http://127.0.0.1:1234/a', config) == 'http://server/a'
