"The site with and without the network that docs/network.py adds: what it says where it cannot have one"
import sys
import pytest
from camvid_seg.core import SegError
from conftest import root

sys.path.insert(0, str(root/'docs'))
import network

@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setattr(network, 'build', tmp_path)
    return tmp_path

def test_without_a_run_the_page_says_how():
    text, files = network.page(None)
    assert files is None and 'docs/build.py --network' in text and 'camvid-seg demo' in text and '<camvid' not in text

def test_without_npm_it_says_so_loudly_and_goes_on(monkeypatch, capsys):
    monkeypatch.setattr(network.shutil, 'which', lambda name: None)
    assert network.page('a/run') == network.page(None)
    assert 'THE SITE HAS NO NETWORK: npm is not installed' in capsys.readouterr().err

@pytest.mark.skipif(sys.platform == 'win32', reason='the fake npm is a script of a shell')
def test_where_npm_reaches_nothing_it_says_so_loudly_and_goes_on(tmp_path, monkeypatch, capsys):
    npm = tmp_path/'fake'
    npm.write_text('#!/bin/sh\necho "npm error: no such host" >&2\nexit 1\n', encoding='utf-8')
    npm.chmod(0o755)
    monkeypatch.setattr(network.shutil, 'which', lambda name: str(npm))
    assert network.page('a/run') == network.page(None)
    assert 'npm pack failed: npm error: no such host' in capsys.readouterr().err

def test_another_archive_is_refused_and_moved_aside(build):
    (build/'npm').mkdir()
    (build/'npm'/f'{network.package}-{network.version}.tgz').write_bytes(b'something else')
    with pytest.raises(SegError, match='its hash is sha512-.* was moved to'): network.page('a/run')
    assert [p.suffix for p in (build/'npm').iterdir()] == ['.refused']
