"""The first cell of a lesson installs the package where there is no checkout, as on Colab: here in a fresh environment, which borrows all
other packages from ours. GitHub is a repository of this machine, made of the tree, and there is no package index."""
import os, re, shutil, subprocess, sys, sysconfig
from pathlib import Path
import pytest
from conftest import copy_repo, root, run
from lessons import Notebook, lessons
from owner import settings

installs = '''# Where the package is not installed, as on Colab, install it first
from importlib.util import find_spec
if find_spec('camvid_seg') is None:
    '''

@pytest.fixture(scope='module')
def github(tmp_path_factory):
    "Variables that give git the tree in place of the address on GitHub, and pip nothing else to install"
    tree = copy_repo(tmp_path_factory.mktemp('github')/'camvid_seg')
    def git(*args): run('git', '-c', 'user.name=a', '-c', 'user.email=a@example.com', '-c', 'commit.gpgsign=false', *args, cwd=tree)
    git('init', '--quiet')
    git('add', '--all')
    git('commit', '--quiet', '--message', 'the tree')
    return dict(GIT_CONFIG_COUNT='1', GIT_CONFIG_KEY_0=f'url.{tree.as_uri()}.insteadOf', GIT_CONFIG_VALUE_0=settings()['git_url'],
                PIP_NO_INDEX='1', PIP_NO_DEPS='1', PIP_NO_BUILD_ISOLATION='0', PIP_DISABLE_PIP_VERSION_CHECK='1')

def fresh(env):
    "A new environment in the folder `env`, with its own pip; returns its folder of scripts and its folder of packages"
    run(sys.executable, '-m', 'venv', env)
    scripts = env/('Scripts' if sys.platform == 'win32' else 'bin')
    packages = Path(run(scripts/'python', '-c', 'import sysconfig; print(sysconfig.get_path("purelib"))').strip())
    (packages/'borrowed.pth').write_text(sysconfig.get_path('purelib'), encoding='utf-8')
    return scripts, packages

where = 'import camvid_seg; print("from", camvid_seg.__file__)'

def as_on_colab(cells, scripts, folder, **env):
    "What IPython says when it runs these cells, in the environment with that folder of scripts and in a new folder. There is no checkout"
    folder.mkdir()
    (folder/'lesson.ipy').write_text('\n\n'.join(cells), encoding='utf-8')
    env = {k: v for k, v in os.environ.items() if k not in ('PYTHONPATH', 'IPYTHONDIR')} | env | dict(PATH=f'{scripts}{os.pathsep}{os.environ["PATH"]}')
    said = subprocess.run([str(scripts/'python'), '-m', 'IPython', 'lesson.ipy'], cwd=folder, env=env, text=True, encoding='utf-8',
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1800)
    assert said.returncode == 0 and 'Error' not in said.stdout, said.stdout[-3000:]
    return said.stdout

@pytest.mark.skipif(not shutil.which('git'), reason='git is not installed')
@pytest.mark.parametrize('lesson', ['00', '15'])
def test_first_cell_installs_the_package(lesson, github, tmp_path):
    code = Notebook(next(p for p in lessons() if p.name.startswith(lesson))).code
    assert installs in code[0].source
    scripts, packages = fresh(tmp_path/'env')
    cells = [*(c.source for c in code[:3]), where]          # it installs, then they import
    assert 'from camvid_seg.all import *' in ''.join(cells)
    said = as_on_colab(cells, scripts, tmp_path/'elsewhere', **github)
    assert Path(said.split('from ')[-1].strip()).is_relative_to(packages), said[-3000:]

def test_first_cell_leaves_a_package_that_is_there(tmp_path):
    "A checkout installed with -e stays: JupyterLab's Run All runs this cell, too"
    cell = Notebook(lessons()[0]).code[0].source
    said = as_on_colab([cell, where], Path(sys.executable).parent, tmp_path/'elsewhere', PIP_NO_INDEX='1', GIT_ALLOW_PROTOCOL='none')
    assert Path(said.split('from ')[-1].strip()).is_relative_to(root), said

def test_every_lesson_installs_the_same_way():
    for p in lessons():
        command = Notebook(p).code[0].source.partition(installs)[2]
        assert re.fullmatch(r'!pip install -Uqq (git\+\S+|"camvid_seg\[[a-z,]+\] @ git\+\S+")', command) and settings()['repo'] in command, p.name
