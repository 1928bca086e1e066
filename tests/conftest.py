import os, shutil, subprocess, sys
from pathlib import Path
import pytest

root = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(root/'docs'))     # the site's builder and the reader of lessons

def repo_files():
    "Paths, relative to the root, of the repository's files as they are in the working tree"
    out = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], cwd=root, check=True, capture_output=True).stdout
    return [Path(p) for p in sorted(set(out.decode().split('\0'))) if p and (root/p).is_file()]

def run(*args, cwd=root, **env):
    "Run a command; a failure shows what it said"
    r = subprocess.run([str(a) for a in args], cwd=cwd, env=os.environ | env, text=True, encoding='utf-8', stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode == 0, f"{' '.join(map(str, args))} ended with {r.returncode}:\n{r.stdout[-3000:]}"
    return r.stdout

def copy_repo(dst):
    "Copy the repository's files to the new folder `dst`"
    for p in repo_files():
        (dst/p).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root/p, dst/p)
    return dst

@pytest.fixture
def tree(tmp_path): return copy_repo(tmp_path/'tree')

@pytest.fixture(autouse=True)
def no_figure_left():
    "A figure that a test leaves open would be the one that the next test draws on"
    yield
    if 'matplotlib.pyplot' in sys.modules: sys.modules['matplotlib.pyplot'].close('all')
