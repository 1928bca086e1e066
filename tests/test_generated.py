"What is generated is up to date: on a copy of the working tree each generator changes nothing"
import shutil, sys
from pathlib import Path
import pytest
from conftest import run

def _script(name): return shutil.which(name, path=Path(sys.executable).parent)
def _bytes(tree): return {p.relative_to(tree).as_posix(): p.read_bytes() for p in tree.rglob('*') if p.is_file() and '__pycache__' not in p.parts}

@pytest.mark.parametrize('command', [(_script('nbdev-export'),), (_script('nbdev-clean'),), (sys.executable, 'docs/readme.py')], ids=['nbdev-export', 'nbdev-clean', 'readme'])
def test_leaves_no_diff(tree, command):
    before = _bytes(tree)
    run(*command, cwd=tree)
    after = _bytes(tree)
    changed = [p for p in before | after if before.get(p) != after.get(p)]
    assert not changed, f"{Path(command[-1]).name} changes {', '.join(changed)}: run it and commit"

def test_readme_check(tree):
    run(sys.executable, 'docs/readme.py', '--check', cwd=tree)
    (tree/'README.md').write_text('stale', encoding='utf-8')
    with pytest.raises(AssertionError, match='README.md; run python docs/readme.py'): run(sys.executable, 'docs/readme.py', '--check', cwd=tree)
