"""The first cell of a lesson on Colab, with all that it installs: in a fresh environment without a checkout, from an index of this machine that
has the package's wheel, while pip gets the other packages where it always does. It takes some minutes, and 6 GB until it ends."""
import shutil, sys
from functools import partial
from pathlib import Path
import pytest
from browser.conftest import Folder, Server
from conftest import copy_repo, run
from lessons import Notebook, lessons
from owner import settings
from test_colab import as_on_colab, installs, where

@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    "Address of the package's wheel, in an index on 127.0.0.1"
    tmp = tmp_path_factory.mktemp('index')
    run(sys.executable, '-m', 'build', '--no-isolation', '--wheel', '--outdir', tmp/'simple'/'camvid-seg', cwd=copy_repo(tmp/'tree'))
    name = next((tmp/'simple'/'camvid-seg').glob('*.whl')).name
    with Server(partial(Folder, directory=tmp)) as server: yield f'{server.url}/simple/camvid-seg/{name}'

@pytest.fixture(scope='module')
def scripts(tmp_path_factory):
    "Folder of scripts of a new environment, with what Colab has before the first cell: IPython"
    env = tmp_path_factory.mktemp('colab')/'env'
    run(sys.executable, '-m', 'venv', env)
    scripts = env/('Scripts' if sys.platform == 'win32' else 'bin')
    run(scripts/'python', '-m', 'pip', 'install', '--quiet', 'ipython')
    yield scripts
    shutil.rmtree(env)

def first_cell(lesson, wheel):
    "The lesson's first cell, with the wheel in place of the repository on GitHub"
    cell = Notebook(next(p for p in lessons() if p.name.startswith(lesson))).code[0].source
    github = f'git+{settings()["git_url"]}'
    assert installs in cell and cell.count(github) == 1
    return cell.replace(github, wheel)

step = """from camvid_seg.all import *
dls = seg_dataloaders(scenes(n=8, size=(64,80), per_drive=2), (32,40), bs=2, device='cpu')
learn = unet_learner(dls, 'efficientnet_lite0', decoder='lean')
with learn.no_bar(), learn.no_logging(): learn.fit(1, 1e-3)
print('trained', 0 < learn.recorder.values[-1][0] < 10)"""

def test_lesson_00_trains(wheel, scripts, tmp_path):
    said = as_on_colab([first_cell('00', wheel), step, where], scripts, tmp_path/'elsewhere', CAMVID_SEG_HOME=str(tmp_path/'home'))
    assert 'trained True' in said, said
    assert Path(said.split('from ')[-1].strip()).is_relative_to(scripts.parent), said

def test_lesson_15_has_its_extras(wheel, scripts, tmp_path):
    needs = 'import av, onnxruntime, torch.onnx\nfrom camvid_seg.use.export import export_onnx'
    as_on_colab([first_cell('15', wheel), needs, where], scripts, tmp_path/'elsewhere')
    run(scripts/'python', '-m', 'pip', 'check')
