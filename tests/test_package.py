"The wheel: what is in it, that the sdist gives the same one, and that it works where only the package's own requirements are installed"
import ast, re, shutil, sys, sysconfig
from pathlib import Path
from zipfile import ZipFile
import pytest
from conftest import copy_repo, repo_files, root, run

commands = {'data', 'check', 'import', 'explore', 'lr-find', 'train', 'bench'}

@pytest.fixture(scope='module')
def wheels(tmp_path_factory):
    "The wheel that the tree builds, and the one that its sdist builds"
    def build(name, *flags):
        tmp = tmp_path_factory.mktemp(name)
        run(sys.executable, '-m', 'build', '--no-isolation', *flags, '--outdir', tmp/'dist', cwd=copy_repo(tmp/'tree'))
        return next((tmp/'dist').glob('*.whl'))
    return build('direct', '--wheel'), build('via-sdist')

def _contents(wheel):
    with ZipFile(wheel) as z: return {n: z.read(n) for n in z.namelist()}

def test_same_wheel_from_tree_and_sdist(wheels):
    direct, via = map(_contents, wheels)
    assert list(direct) == list(via)
    assert [n for n in direct if direct[n] != via[n]] == []

def test_wheel_contents(wheels):
    files = _contents(wheels[0])
    info = next(n.split('/')[0] for n in files if n.endswith('.dist-info/METADATA'))
    assert {n.split('/')[0] for n in files} == {'camvid_seg', info}
    assert {n for n in files if n.startswith('camvid_seg/')} == {p.as_posix() for p in repo_files() if p.parts[0] == 'camvid_seg'}
    assert f'{info}/licenses/LICENSE' in files
    entries = files[f'{info}/entry_points.txt'].decode()
    assert 'camvid-seg = camvid_seg.cli.main:main' in entries and 'camvid_seg = camvid_seg._modidx:d' in entries
    assert 'nbdev_test' not in entries                       # the alias is for development installs
    meta = files[f'{info}/METADATA'].decode()
    assert '\n# camvid_seg' in meta and not re.search(r'\]\((?![a-z]+:|#)', meta)   # README.md, with links that work anywhere

def test_requirements_cover_the_imports(wheels):
    meta = next(v for k, v in _contents(wheels[0]).items() if k.endswith('METADATA')).decode()
    required = {m[1].lower() for m in re.finditer(r'^Requires-Dist: ([\w-]+)((?!extra).)*$', meta, re.M)}
    peers, formats, exports, hub, video, wandb = ({m[1].lower() for m in re.finditer(rf"^Requires-Dist: ([\w-]+).*extra == .{extra}", meta, re.M)} for extra in ('bench', 'import', 'export', 'hub', 'video', 'wandb'))
    for p in (root/'camvid_seg').rglob('*.py'):
        imports = [o for o in ast.walk(ast.parse(p.read_text(encoding='utf-8'))) if isinstance(o, ast.Import) or isinstance(o, ast.ImportFrom) and not o.level]
        tops = {n.split('.')[0] for o in imports for n in ([a.name for a in o.names] if isinstance(o, ast.Import) else [o.module])}
        others = {{'PIL': 'pillow', 'cv2': 'opencv-python-headless', 'yaml': 'pyyaml'}.get(t, t.lower()) for t in tops - sys.stdlib_module_names - {'camvid_seg'}}
        if p.parent.name == 'bench': others -= {o.replace('-', '_') for o in peers}   # imported when a peer is measured
        if p.parent.name == 'use': others -= {o.replace('-', '_') for o in exports | hub | video}   # imported when a network is exported, or a film read
        if p.name == 'trackers.py': others -= wandb            # imported when a run is tracked
        if p.name.startswith('import_'): others -= formats     # imported when a source has that format
        assert others <= required, f'{p.name} imports {others - required}, which settings.ini does not require'

def test_both_names_of_nbdev_test():
    underscore, dash = (run(shutil.which(n, path=Path(sys.executable).parent), '--help') for n in ('nbdev_test', 'nbdev-test'))
    assert underscore.replace('nbdev_test', 'nbdev-test').split() == dash.split()

@pytest.fixture(scope='module')
def installed(wheels, tmp_path_factory):
    "A function from a script's name to its path in a fresh environment that has the wheel and borrows all other packages from ours"
    env = tmp_path_factory.mktemp('env')
    run(sys.executable, '-m', 'venv', '--without-pip', env)
    script = lambda name: env/'Scripts'/f'{name}.exe' if sys.platform == 'win32' else env/'bin'/name
    run(sys.executable, '-m', 'pip', '--python', script('python'), 'install', '--quiet', '--no-deps', '--no-index', wheels[0])
    packages = Path(run(script('python'), '-c', 'import sysconfig; print(sysconfig.get_path("purelib"))').strip())
    (packages/'borrowed.pth').write_text(sysconfig.get_path('purelib'), encoding='utf-8')   # our editable install is not borrowed: its .pth is not read from there
    return script

def test_import_is_light(installed, tmp_path):
    code = ("import sys, time; t = time.perf_counter(); import camvid_seg; t = time.perf_counter() - t\n"
            "print(camvid_seg.__file__, *({'torch', 'fastai', 'numpy'} & sys.modules.keys())); assert t < .1, t")
    out = run(installed('python'), '-c', code, cwd=tmp_path)
    assert len(out.split()) == 1 and out.startswith(str(installed('python').parents[1]))

def test_help_of_the_command(installed, tmp_path):
    out = run(installed('camvid-seg'), '--help', cwd=tmp_path)
    found = set(re.findall(r'^    ([a-z][a-z-]*)(?:  |$)', out, re.M))
    assert commands <= found
    for c in sorted(found): assert 'usage: camvid-seg ' + c in run(installed('camvid-seg'), c, '--help', cwd=tmp_path)
