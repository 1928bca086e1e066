"Runs and commands that meet a spoiled checkpoint, other data, a kill, a full or closed place, an unset variable: refused in a line, or gone on with"
import dataclasses, json, multiprocessing, os, re, shlex, shutil, subprocess, sys, tempfile
from pathlib import Path
import numpy as np, pytest, torch
from PIL import Image
from fastai.callback.core import Callback
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from camvid_seg.cli.main import main
from camvid_seg.core import SegError
from camvid_seg.data import storage
from camvid_seg.data.cache import Frames
from camvid_seg.data.dataset import SegFolder
from camvid_seg.data.decode import read_image
from camvid_seg.data.scenes import scenes
from camvid_seg.model.unet import create_unet
from camvid_seg.model.weights import read_weights, save_weights
from camvid_seg.train.recipes import Recipe, Stage, quick_recipe
from camvid_seg.train.runs import Run
from camvid_seg.train.training import train

posix = pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs POSIX')
recipe = quick_recipe(seed=5, ema=0.9).change_stages(epochs=[2,1,1], size=(32,48), bs=5, precision='fp32')

class Quiet(Callback): "Instead of fastai's bars"

class Stop(Callback):
    "Ctrl-C after `n` batches, training and validation counted"
    order = 64
    def __init__(self, n): self.todo = n
    def after_batch(self):
        self.todo -= 1
        if not self.todo: raise KeyboardInterrupt

def go(folder, path, progress=None, **kwargs): return train(folder, recipe, path, device='cpu', progress=progress or Quiet(), minutes=0, **kwargs)
def same(a, b):
    x, y = (read_weights(Path(o)/'full-size.safetensors')[0] for o in (a, b))
    return x.keys() == y.keys() and all(x[k].equal(y[k]) for k in x)

@pytest.fixture(scope='module')
def data(tmp_path_factory):
    "A folder of 24 frames, 20 to train on, that nobody else uses"
    return Path(shutil.copytree(scenes(n=24, size=(64,80), per_drive=4).path, tmp_path_factory.mktemp('data')/'street'))

@pytest.fixture(scope='module')
def whole(data, tmp_path_factory): return go(SegFolder(data), tmp_path_factory.mktemp('whole')/'run').path

@pytest.fixture(scope='module')
def halfway(data, tmp_path_factory):
    "A run stopped in the second epoch of its first stage"
    path = tmp_path_factory.mktemp('halfway')/'run'
    with pytest.raises(KeyboardInterrupt): go(SegFolder(data), path, Stop(7))
    return path

@pytest.fixture
def mine(data, halfway, tmp_path):
    "Copies of the data and of the stopped run, to spoil"
    shutil.copytree(halfway, tmp_path/'run')
    shutil.copytree(data, tmp_path/'street')
    return tmp_path

def resume(mine, **kwargs): return go(SegFolder(mine/'street'), mine/'run', resume=True, **kwargs)

# ---- a checkpoint that was changed ----

def spoil(mine, tensors=None, facts=None):
    file = mine/'run'/'last'/'checkpoint.safetensors'
    with safe_open(file, 'pt') as f: meta = f.metadata()
    known, state = json.loads(meta['facts']), load_file(file)
    if facts: facts(known)
    if tensors: tensors(state)
    save_file(state, file, metadata={'facts': json.dumps(known)})

def each(pattern, f):
    "A change of all tensors whose names match"
    def change(state):
        hit = [k for k in state if re.search(pattern, k)]
        assert hit
        for k in hit: state[k] = f(state[k]).contiguous()
    return change

def renamed(old, new):
    def change(state): state[new] = state.pop(next(k for k in state if re.search(old, k)))
    return change

tensors = {'moments with fewer numbers than the weights': each('_avg$', lambda v: v.flatten()[:1]), 'moments of no number': each('grad_avg$', lambda v: v[:0]),
           'moments with more numbers than the weights': each('sqr_avg$', lambda v: torch.cat([v, v])), 'moments in the shape of other weights': each('_avg$', lambda v: v.flatten()),
           'moments in float64': each('_avg$', lambda v: v.double()), 'moments in int64': each('grad_avg$', lambda v: v.long()), 'a step of two numbers': each('step$', lambda v: v.repeat(2)),
           'a step that is an integer': each('step$', lambda v: v.long()), 'one moment missing': lambda o: o.pop(next(k for k in o if k.endswith('sqr_avg'))),
           'moments of parameter -1': renamed('grad_avg$', 'opt.-1.grad_avg'), 'moments of a parameter that is not there': renamed('grad_avg$', 'opt.9999.grad_avg'),
           'a moment of another name': renamed('grad_avg$', 'opt.0.momentum'), 'weights in half precision': each('^model.*weight$', lambda v: v.half()),
           'weights with a number less': each('^model.*bias$', lambda v: v[1:]), 'a weight missing': lambda o: o.pop(next(k for k in o if k.startswith('model.'))),
           'a weight too many': lambda o: o.update({'model.more': torch.ones(1)}), 'weights of nan': each('^model.*weight$', lambda v: v*float('nan')),
           'averages with fewer numbers than the weights': each('^ema.*weight$', lambda v: v.flatten()[:1]), 'an average missing': lambda o: o.pop(next(k for k in o if k.startswith('ema.'))),
           'a curve of the loss of five numbers': each('smooth_loss', lambda v: torch.ones(5)), 'a tensor of an unknown name': lambda o: o.update(more=torch.ones(1))}

@pytest.mark.parametrize('what', tensors)
def test_tensors_of_a_checkpoint(fault, mine, what):
    spoil(mine, tensors=tensors[what])
    said = fault.refused('untrusted', f'a checkpoint with {what}', resume, mine)
    assert 'checkpoint.safetensors' in said and '--out' in said and 'RuntimeError' not in said

def opt(part, **values):
    def change(o):
        for d in o['opt'][part]: d.update(values)
    return change

changed = {'batch': dict(batch=True), 'batch that is past the end of the epoch': dict(batch=99), 'epoch': dict(epoch=1.5), 'epoch past the end of the stage': dict(epoch=99), 'stage': dict(stage=-1), 'best': dict(best=float('nan')),
           'best that is a text': dict(best='0.9'), 'rate of infinity': dict(lr=float('inf')), 'rate of no number': dict(lr=[]), 'rate below 0': dict(lr=-1e-3), 'seconds': dict(seconds=True), 'accumulate': dict(accumulate=0),
           'accumulate beyond the batch': dict(accumulate=99), 'count of averages': dict(ema='7'), 'missing count of averages': dict(ema=None), 'scaler': dict(scaler=dict(scale='x')), 'scaler where there is none': dict(scaler=dict(
           scale=65536., growth_factor=2., backoff_factor=.5, growth_interval=2000, _growth_tracker=0)), 'pct_train': dict(pct_train=7.), 'history': dict(history='none'), 'history of another stage': dict(history=[dict(
           stage='mine', epoch=0, train_loss=1., valid_loss=1., accuracy=1., class_accuracy=1., miou=1., seconds=1.)]), 'list of optimizer states': dict(opt=[])}

@pytest.mark.parametrize('what', changed)
def test_facts_of_a_checkpoint(fault, mine, what):
    spoil(mine, facts=lambda o: o.update(changed[what]))
    fault.refused('untrusted', f'a checkpoint with a wrong {what}', resume, mine)

hypers = {'rate that is a text': opt('hypers', lr='1'), 'momentum of 1': opt('hypers', mom=1.), 'decay below 0': opt('hypers', wd=-1.), 'eps of nan': opt('hypers', eps=float('nan')), 'unknown setting': opt('hypers', more=1),
          'flag that is a number': opt('state', do_wd=3), 'step beside the tensors': opt('state', step=1), 'parameter less': lambda o: o['opt']['state'].pop(), 'group more': lambda o: o['opt']['hypers'].append({})}

@pytest.mark.parametrize('what', hypers)
def test_settings_of_a_checkpoint(fault, mine, what):
    spoil(mine, facts=hypers[what])
    fault.refused('untrusted', f'a checkpoint whose optimizer has a {what}', resume, mine)

def test_untouched_checkpoint_goes_on(whole, mine):
    spoil(mine)
    assert same(resume(mine).path, whole)

# ---- other data, other threads ----

def flipped(street):
    for p in (street/'labels').iterdir():
        ids = np.array(Image.open(p))
        Image.fromarray(np.where(ids == 17, 27, np.where(ids == 27, 17, ids)).astype(np.uint8)).save(p)

def one_pixel(street):
    p = sorted((street/'labels').iterdir())[0]
    im, when = Image.open(p), p.stat()
    im.putpixel((0,0), (im.getpixel((0,0)) + 1)%30)
    im.save(p)
    os.utime(p, ns=(when.st_atime_ns, when.st_mtime_ns))   # as a tool that keeps times does

def encoded_anew(street):
    for p in (street/'images').iterdir(): Image.open(p).quantize(16).convert('RGB').save(p)

def codes(change):
    def f(street): (street/'codes.txt').write_text('\n'.join(change((street/'codes.txt').read_text().split())) + '\n')
    return f

def colors(street): (street/'label_colors.txt').write_text('1 2 3 Sky\n')

def other_valid(street): (street/'valid.txt').write_text('\n'.join((street/'valid.txt').read_text().split()[1:]) + '\n')

others = {'masks with two ids swapped': (flipped, 'content of the masks'), 'one pixel of one mask painted over, its time kept': (one_pixel, 'content of the masks'), 'images that were encoded anew': (encoded_anew, 'content of the images'),
          'codes.txt reversed': (codes(lambda o: o[::-1]), 'class names (id 0'), 'one class of another name': (codes(lambda o: ['Cow', *o[1:]]), "now 'Cow'"), 'colours of its own': (colors, 'colours of the classes'),
          'another valid.txt': (other_valid, 'frames of the split')}

@pytest.mark.parametrize('what', others)
def test_other_data(fault, mine, what):
    change, says = others[what]
    change(mine/'street')
    before = {p.name: p.read_bytes() for p in (mine/'run').iterdir() if p.is_file()}
    said = fault.refused('resume', f'the data have {what}', resume, mine)
    assert says in said and '--data-changed' in said and before == {p.name: p.read_bytes() for p in (mine/'run').iterdir() if p.is_file()}

def test_other_data_knowingly(fault, mine, capsys):
    flipped(mine/'street')
    assert main(['train', '--resume', str(mine/'run'), '--data', str(mine/'street')]) == 2
    assert main(['train', '--resume', str(mine/'run'), '--data', str(mine/'street'), '--data-changed']) == 0
    assert main(['train', '--resume', str(mine/'run'), '--data', str(mine/'street')]) == 0   # they are its data now
    assert main(['train', '--data', str(mine/'street'), '--data-changed']) == 2
    fault('resume', 'the data have masks with two ids swapped, and --data-changed', 'goes on, and keeps the digest of the new ones')

def test_same_data_elsewhere(fault, mine, whole):
    for p in (mine/'street').rglob('*'): os.utime(p, (1, 1))
    assert same(resume(mine).path, whole)
    fault('resume', 'the same data in another folder, with other times', 'the weights of the run that was not stopped, bit for bit')

def test_run_of_an_earlier_version(fault, mine, whole):
    config = json.loads((mine/'run'/'config.json').read_text())
    for k in 'classes', 'colors', 'content', 'threads': del config[k]
    (mine/'run'/'config.json').write_text(json.dumps(config))
    assert same(resume(mine).path, whole)
    fault('resume', 'a run of an earlier version, which keeps no digest of its data', 'goes on')

def test_other_threads(fault, mine, whole, capsys):
    n = torch.get_num_threads()
    torch.set_num_threads(n + 1)
    try:
        assert same(resume(mine).path, whole) and torch.get_num_threads() == n + 1
    finally: torch.set_num_threads(n)
    said = [l for l in capsys.readouterr().out.splitlines() if l.startswith('threads:')]
    assert len(said) == 1
    fault('resume', 'with another number of threads', 'the number of the start is taken while it lasts: the same weights, bit for bit', said[0])

# ---- nothing is made before all is known to be right ----

mistakes = {'--arch resnet19': ['--arch', 'resnet19'], '--weights of a file that is not there': ['--weights', 'absent.pth'], '--weights of a file that is none': ['--weights', 'FILE'],
            '--weights of another network': ['--weights', 'OTHER'], '--bs larger than the data': ['--bs', '99'], '--split that the data do not have': ['--split', 'segnet']}

@pytest.mark.parametrize('what', mistakes)
@pytest.mark.parametrize('command', ['train', 'lr-find'])
def test_mistake_leaves_nothing(fault, data, tmp_path, capsys, command, what):
    (tmp_path/'none.pth').write_text('hello')
    other = save_weights(create_unet('resnet34', 5, 'lean', None), tmp_path/'other.safetensors')
    swap = {'FILE': tmp_path/'none.pth', 'OTHER': other}
    tiny = '--preset quick --size 32 48 --full-size 32 48 --epochs 1 --bs 5'.split()
    wrong = [str(swap.get(o, o)) for o in mistakes[what]]
    assert main([command, '--data', str(data), *tiny, *wrong, '--out', str(tmp_path/'run')]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert not (tmp_path/'run').exists()
    fault('command', f'{command} with {what}', 'refused, and no folder made', said)

def test_unknown_augmentation(fault, data, tmp_path):
    r = dataclasses.replace(recipe, augment=(('max_zom', 1.5),))
    fault.refused('recipe', 'an augmentation that is none', train, SegFolder(data), r, tmp_path/'run', device='cpu')
    assert not (tmp_path/'run').exists()

# ---- a recipe ----

stage = dict(name='a', epochs=1, size=(64,80), lr=1e-3)
of_stage = [dict(epochs=True), dict(epochs='3'), dict(epochs=0), dict(epochs=2.), dict(epochs=10**9), dict(size=5), dict(size=(32.5,48)), dict(size=(31,48)), dict(size=(10**5,10**5)), dict(size=(64,80,3)), dict(size='64x80'),
            dict(lr=-1.), dict(lr=0), dict(lr=float('nan')), dict(lr=float('inf')), dict(lr=()), dict(lr=(1e-3,)), dict(lr=(1e-3,-1)), dict(lr='foo'), dict(lr=None), dict(lr=True), dict(bs='4'), dict(bs=0), dict(bs=4.), dict(frozen='no'),
            dict(precision='fp8'), dict(precision=None), dict(accumulate=0), dict(accumulate=None), dict(checkpointing=1), dict(name=7), dict(name='a/b')]
of_recipe = [dict(wd='0.1'), dict(wd=-.1), dict(wd=float('nan')), dict(arch=''), dict(arch=18), dict(decoder='fat'), dict(weights=''), dict(weights=3), dict(void='keep'), dict(augment=5), dict(augment=(('max_zoom',),)),
             dict(augment=(('max_zoom','big'),)), dict(find_lr='yes'), dict(metric='beauty'), dict(seed=-1), dict(seed=1.5), dict(seed=True), dict(ema=1), dict(ema='0.9'), dict(ema=float('nan')), dict(compile='false'),
             dict(stages=()), dict(stages=None), dict(stages=('a',)), dict(name=None)]

@pytest.mark.parametrize('wrong', [(Stage, o) for o in of_stage] + [(Recipe, o) for o in of_recipe], ids=lambda o: str(o[1]))
def test_values_of_a_recipe(fault, mine, wrong):
    cls, change = wrong
    (k, v), = change.items()
    values = {**(stage if cls is Stage else dict(name='mine', stages=(Stage(**stage),))), **change}
    said = fault.refused('recipe', f'{cls.__name__}({k}={v!r})', cls, **values)
    assert f'{k}=' in said and 'give' in said
    config = json.loads((mine/'run'/'config.json').read_text())
    if cls is Stage: config['recipe']['stages'][0][k] = v
    else: config['recipe'][k] = v
    (mine/'run'/'config.json').write_text(json.dumps(config))
    assert main(['train', '--resume', str(mine/'run')]) == 2   # from a file, too

# ---- the command, its streams and its environment ----

def shell(*args, redirect='', **env):
    "Exit code, stdout and stderr of the command, run by a shell with `redirect`"
    line = f'exec "$0" -m camvid_seg {shlex.join(map(str, args))} {redirect}'
    known = {k: v for k, v in {**os.environ, **env}.items() if v is not None}
    r = subprocess.run(['bash', '-c', line, sys.executable], capture_output=True, env=known, timeout=300)
    return r.returncode, r.stdout.decode(errors='replace'), r.stderr.decode(errors='replace')

def one_line(code, err):
    assert code == 2 and err.count('\n') == 1 and err.startswith('camvid-seg') and 'unforeseen' not in err, err
    return err.strip()

@pytest.mark.parametrize('typed', ['train --resume ""', 'train --resume=', 'train --resume " "', 'check ""', 'check --data ""', 'train --weights "" --preset quick', 'train --out ""', 'predict "" x.png', 'bench import --json ""'])
def test_unset_variable(fault, tmp_path, monkeypatch, capsys, typed):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as e: main(shlex.split(typed))
    fault('command', f'{typed}, an unset variable', 'refused', one_line(e.value.code, capsys.readouterr().err))
    assert not [*tmp_path.iterdir()]

@posix
@pytest.mark.parametrize('redirect, code, who', [('>&-', 2, 'stdout closed'), ('2>&-', 0, 'stderr closed'), ('2>&- >&-', 2, 'both closed'), ('>/dev/full', 2, 'stdout on a full disk'), ('2>/dev/full', 0, 'stderr on a full disk'),
                                                 ('<&- >&-', 2, 'stdin and stdout closed')])
def test_streams(fault, data, redirect, code, who):
    if 'full' in redirect and not os.path.exists('/dev/full'): pytest.skip('no /dev/full here')
    got, out, err = shell('data', data, redirect=redirect)
    assert got == code and 'Traceback' not in err and 'Exception ignored' not in err
    fault('command', f'camvid-seg data with {who}', 'one line, exit code 2' if code else 'does its work', one_line(got, err) if err else '')
    got, _, err = shell('data', 'nowhere', redirect=redirect)
    assert got == 2 and 'Traceback' not in err
    if redirect == '>/dev/full': # the parser itself hides an error of an unbuffered stream
        for args in ['--help'], ['data', data]: assert shell(*args, redirect=redirect, PYTHONUNBUFFERED=None)[0] == 2

@posix
def test_closed_streams_in_training(fault, data, tmp_path):
    "What is opened while a stream is closed takes its place: no file may get what is printed"
    tiny = '--preset quick --size 32 48 --full-size 32 48 --epochs 1 --bs 5'.split()
    code, out, _ = shell('train', data, *tiny, '--out', tmp_path/'run', redirect='<&- 2>&-')
    assert code == 0 and 'file to use' in out and (tmp_path/'run'/'metrics.json').exists()
    assert all(p.suffix != '.safetensors' or read_weights(p) for p in (tmp_path/'run').iterdir())
    fault('command', 'camvid-seg train with stdin and stderr closed, as a service starts it', 'does its work')

@pytest.mark.parametrize('encoding', ['ascii', 'latin-1', 'cp1252'])
def test_letters_that_the_terminal_does_not_know(fault, data, tmp_path, encoding):
    street = shutil.copytree(data, tmp_path/'é→日本')
    (street/'codes.txt').write_text((street/'codes.txt').read_text().replace('Sky', 'Himmel→空'), encoding='utf-8')
    for command in ['data', street], ['check', street], ['explore', street, '--out', tmp_path/'à→']:
        code, out, err = shell(*command, PYTHONIOENCODING=encoding, PYTHONUTF8='0')
        assert code == 0, err
    code, out, err = shell('data', tmp_path/'→nowhere', PYTHONIOENCODING=encoding, PYTHONUTF8='0')
    fault('command', f'names in letters that {encoding} does not have', 'spelled out', one_line(code, err))

environments = {'CAMVID_SEG_HOME=~nosuchuser/x': dict(CAMVID_SEG_HOME='~nosuchuser/x'), 'CAMVID_SEG_HOME in a file': dict(CAMVID_SEG_HOME=__file__ + '/x')}

@pytest.mark.parametrize('what', environments)
def test_cache_folder_that_is_none(fault, what):
    code, _, err = shell('data', **environments[what])
    fault('command', what, 'refused', one_line(code, err).replace(__file__, 'file'))

@posix
def test_no_home(fault, monkeypatch, capsys):
    import pwd
    def unknown(uid): raise KeyError(f'getpwuid(): uid not found: {uid}')
    monkeypatch.setattr(pwd, 'getpwuid', unknown)
    for k in 'HOME', 'CAMVID_SEG_HOME', 'USER', 'LOGNAME': monkeypatch.delenv(k, raising=False)
    assert main(['data']) == 2
    fault('command', 'no HOME, and a user without a name', 'refused', one_line(2, capsys.readouterr().err))

@posix
def test_training_without_home(fault, data, tmp_path):
    "A container's user: no HOME, no name; with a cache folder everything works"
    tiny = '--preset quick --size 32 48 --full-size 32 48 --epochs 1 --bs 5'.split()
    first = 'import pwd, os\ndef unknown(uid): raise KeyError(uid)\npwd.getpwuid = unknown\n'
    (tmp_path/'sitecustomize.py').write_text(first)
    gone = dict.fromkeys(['HOME', 'USER', 'LOGNAME'])
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get('PYTHONPATH')]))
    for home in tmp_path/'cache', None:
        code, out, err = shell('train', data, *tiny, '--out', tmp_path/f'run {bool(home)}', **gone, PYTHONPATH=path, CAMVID_SEG_HOME=home and str(home))
        assert code == 0 and 'file to use' in out, err
    fault('command', 'train with no HOME, a user without a name, and no CAMVID_SEG_HOME', 'a line, and on without a cache', next(l for l in err.splitlines() if 'CAMVID_SEG_HOME' in l))

processes = {'RANK without WORLD_SIZE': dict(RANK='0'), 'RANK=1 without WORLD_SIZE': dict(RANK='1'), 'RANK=x': dict(RANK='x', WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT='1'), 'RANK=2 of 2': dict(RANK='2', WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT='1'),
             'WORLD_SIZE=two': dict(RANK='0', WORLD_SIZE='two', MASTER_PORT='1'), 'no MASTER_ADDR': dict(RANK='0', WORLD_SIZE='2', MASTER_PORT='1'), 'no MASTER_PORT': dict(RANK='0', WORLD_SIZE='2', MASTER_ADDR='127.0.0.1'),
             'TORCHELASTIC_RESTART_COUNT=x': dict(TORCHELASTIC_RESTART_COUNT='x')}

@pytest.mark.parametrize('what', processes)
def test_variables_of_torchrun(fault, data, tmp_path, monkeypatch, capsys, what):
    for k in 'RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT': monkeypatch.delenv(k, raising=False)
    for k, v in processes[what].items(): monkeypatch.setenv(k, v)
    monkeypatch.setattr(sys, 'stdout', sys.stdout)   # a process that is not the first prints nothing from here on
    tiny = '--preset quick --size 32 48 --full-size 32 48 --epochs 1 --bs 5'.split()
    code = main(['train', str(data), *tiny, '--out', str(tmp_path/'run')])
    fault('command', f'train with {what}', 'refused, and no folder made', one_line(code, capsys.readouterr().err))
    assert not (tmp_path/'run').exists()

# ---- data as an argument ----

def test_data_as_an_argument(fault, data, tmp_path, capsys):
    for command in ['data'], ['check'], ['explore', '--out', str(tmp_path/'look')], ['train', '--preset', 'lesson', '--bs', '99', '--out', str(tmp_path/'run')], ['lr-find', '--preset', 'lesson', '--bs', '99']:
        ends = []
        for how in [str(data)], ['--data', str(data)]:
            code = main([command[0], *how, *command[1:]])
            ends.append((code, *capsys.readouterr()))
        assert ends[0] == ends[1] and 'unrecognized' not in ends[0][2] and ends[0][0] == (2 if '--bs' in command else 0)
    fault('command', 'camvid-seg check FOLDER, without --data', 'taken, as in data, explore, lr-find and train')
    with pytest.raises(SystemExit) as e: main(['check', str(data), '--data', 'scenes'])
    fault('command', 'the data named twice', 'refused', one_line(e.value.code, capsys.readouterr().err))

# ---- what a kill leaves behind, and the cache ----

@posix
def test_half_written_files_go(fault, data, mine, tmp_path, monkeypatch):
    home = tmp_path/'home'
    monkeypatch.setenv('CAMVID_SEG_HOME', str(home))
    run, names = mine/'run', ['.tmpAbC123', '.0123abcd-checkpoint.safetensors']
    left = [run/'last'/o for o in names] + [run/o for o in ('.tmpZ9z9Z9', '.0123abcd-best.safetensors', '.0123abcd-report.html')]
    for p in left: p.write_bytes(bytes(99))
    folders = [home/'frames'/'.0123-staging-0123abcd', home/'frames'/'.89ab-staging-89abcdef', home/'.scenes-v3-9x64x80-seed0-drives2-staging-0123abcd']
    for p in folders: p.mkdir(parents=True)
    theirs = [run/'.tmp-notes', run/'.hidden', home/'.config']
    for p in theirs: p.write_text('mine')
    resume(mine)
    assert not any(p.exists() for p in left + folders) and all(p.read_text() == 'mine' for p in theirs)
    fault('killed', "half-written files of killed processes in last/, the run folder and the cache, the safetensors library's .tmp* too", 'the next start removes them, and nothing else')

KILLED = """import os, signal, sys
from pathlib import Path
from camvid_seg.model import weights
import torch
write = weights.struct.pack
def dying(*args):
    os.kill(os.getpid(), signal.SIGKILL)
weights.struct.pack = dying   # when the file is open
weights.write_tensors(Path(sys.argv[1]), dict(a=torch.ones(9)), {})"""

@posix
def test_no_file_but_the_one_that_was_named(fault, tmp_path):
    assert subprocess.run([sys.executable, '-W', 'ignore', '-c', KILLED, str(tmp_path/'.0123abcd-a.safetensors')], capture_output=True).returncode == -9
    assert [p.name for p in tmp_path.iterdir()] == ['.0123abcd-a.safetensors']
    fault('killed', 'kill -9 while weights are written', 'one half-written file, under the name that the next start knows')

@posix
@pytest.mark.parametrize('mask', [0o022, 0o002, 0o077, 0o000])
def test_umask(fault, data, tmp_path, mask):
    old = os.umask(mask)
    try:
        with pytest.raises(KeyboardInterrupt): go(SegFolder(data), tmp_path/'run', Stop(12))
        go(SegFolder(data), tmp_path/'run', resume=True)
    finally: os.umask(old)
    modes = {p.relative_to(tmp_path).as_posix(): p.stat().st_mode & 0o777 for p in (tmp_path/'run').rglob('*') if p.is_file()}
    assert {*modes.values()} == {0o666 & ~mask} and 'run/last/checkpoint.safetensors' in modes and 'run/best.safetensors' in modes
    fault('command', f'umask {mask:03o}', f'every file of a run has mode {0o666 & ~mask:03o}')

@posix
@pytest.mark.parametrize('what', ['weights', 'config.json', 'checkpoint', 'image', 'folder of the weights'])
def test_no_permission(fault, whole, data, tmp_path, what):
    "Files of another user; root may read everything, so it becomes somebody else"
    run, street = shutil.copytree(whole, tmp_path/'run'), shutil.copytree(data, tmp_path/'street')
    places = {'weights': run/'best.safetensors', 'config.json': run/'config.json', 'checkpoint': run/'last'/'checkpoint.safetensors', 'image': sorted((street/'images').iterdir())[0], 'folder of the weights': run}
    def attempt():
        if what == 'checkpoint': Run(run).last_checkpoint()
        elif what == 'config.json': Run(run)
        elif what == 'image': read_image(places[what])
        else: read_weights(run/'best.safetensors')
    get, send = multiprocessing.Pipe()
    def child():
        if os.geteuid() == 0: os.seteuid(12345)
        try: attempt(); send.send('read')
        except SegError as e: send.send(str(e))
        except BaseException as e: send.send(f'{type(e).__name__}: {e}')
    above = [p for p in [tmp_path, *tmp_path.parents] if p.stat().st_uid == os.getuid() and str(p).startswith(tempfile.gettempdir() + os.sep)]
    modes = {p: p.stat().st_mode for p in above}
    try:
        for p in above: os.chmod(p, 0o755)
        os.chmod(places[what], 0o000)
        p = multiprocessing.get_context('fork').Process(target=child); p.start(); p.join(60)
    finally:
        os.chmod(places[what], 0o755)
        for p, m in modes.items(): os.chmod(p, m)
    said = get.recv() if get.poll(1) else 'nothing'
    assert 'no permission to read it' in said and 'pickle' not in said, said
    fault('command', f'no permission to read the {what}', 'said as such', said)

def entries(home): return {p.name for p in (home/'frames').iterdir() if p.name[0] != '.'}

def test_cache_has_a_limit(fault, data, tmp_path, monkeypatch):
    home = tmp_path/'home'
    monkeypatch.setenv('CAMVID_SEG_HOME', str(home))
    f = SegFolder(data)
    def fresh(size): # frames of another process, of some time ago
        code = f'from camvid_seg.data.cache import Frames, SegFolder\nf = SegFolder({str(data)!r})\nprint(Frames(f, f.images, {size}).dir.name)'
        name = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], capture_output=True, text=True, check=True).stdout.split()[-1]
        os.utime(home/'frames'/name, (1, size[0]))
        return name
    old, newer = fresh((32,40)), fresh((40,48))
    here = Frames(f, f.images, (32,48))   # of this process: in use
    os.utime(here.dir, (1, 1))
    monkeypatch.setattr(storage, 'cache_limit', lambda: 4*24*(32*48 + 40*48 + 48*64) + 10**4)
    there = Frames(f, f.images, (48,64))
    assert entries(home) == {here.dir.name, newer, there.dir.name} and old not in entries(home)
    assert here.mask(f.images[0]).shape == (32,48)
    fault('cache', 'new frames would take the cache over its limit', 'those not used for longest go, those in use stay, however old')

def test_cache_is_listed_and_pruned(fault, data, tmp_path, monkeypatch, capsys):
    home = tmp_path/'home'
    monkeypatch.setenv('CAMVID_SEG_HOME', str(home))
    scenes(n=4, size=(64,80), per_drive=2)
    (home/'camvid').mkdir(); (home/'camvid'/'codes.txt').write_text('Sky\n')
    (home/'frames'/'0123').mkdir(parents=True); (home/'frames'/'0123'/'images.npy').write_bytes(bytes(10**6))
    os.utime(home/'frames'/'0123', (1, 1))
    assert main(['cache']) == 0
    said = capsys.readouterr().out
    assert '0123' in said and '1.0 MB' in said and '1970-01-01' in said and 'scenes-' in said and 'camvid' in said
    assert main(['cache', 'prune', '--older', '365']) == 0 and entries(home) == set()
    assert main(['cache', 'prune', '--max', '0']) == 0
    left = {p.name for p in home.iterdir() if p.name[0] != '.'}
    assert 'camvid' in left and any(o.startswith('scenes-') for o in left)   # the scenes are in use, by this very process
    for wrong in ['--older', '-1'], ['--max', 'much'], ['--older', 'nan'], ['--max', '-5GB']:
        with pytest.raises(SystemExit) as e: main(['cache', 'prune', *wrong])
        assert e.value.code == 2
    fault('cache', 'camvid-seg cache prune --max 0, while a process uses the scenes', 'frames go; scenes in use and what was fetched stay')

@posix
@pytest.mark.parametrize('what', ['nobody may write to', 'with a file in the place of frames/', 'with a file in the place of checked/', 'that is a file'])
@pytest.mark.parametrize('flags', [[], ['--no-cache']])
def test_cache_that_cannot_be_written(fault, data, tmp_path, monkeypatch, capsys, what, flags):
    home = tmp_path/'home'
    if what == 'that is a file': home.write_text('')
    else: home.mkdir()
    for o in 'frames', 'checked':
        if o in what: (home/o).write_text('')
    monkeypatch.setenv('CAMVID_SEG_HOME', str(home))
    if what == 'nobody may write to':
        if os.geteuid() == 0: refuse_writing(monkeypatch, home) # root may write everywhere
        os.chmod(home, 0o555)
    tiny = '--preset quick --size 32 48 --full-size 32 48 --epochs 1 --bs 5'.split()
    assert main(['train', str(data), *tiny, '--out', str(tmp_path/'run'), *flags]) == 0
    said = [l for l in capsys.readouterr().err.splitlines() if 'decoding in every epoch' in l]
    assert bool(said) == (not flags and 'checked' not in what)
    fault('cache', f'a cache folder {what}' + ', --no-cache'*bool(flags), 'a line, and on without it' if said else 'on without it', said[0] if said else '')

def refuse_writing(monkeypatch, home):
    "What the system says to others, said to root"
    def guarded(f, n=0):
        def g(*args, **kwargs):
            writes = n is None or (len(args) > 1 and isinstance(args[1], str) and set(args[1]) & set('wax+'))
            if str(args[0]).startswith(str(home)) and str(args[0]) != str(home) and writes: raise PermissionError(13, 'Permission denied', str(args[0]))
            return f(*args, **kwargs)
        return g
    monkeypatch.setattr('builtins.open', guarded(open))
    monkeypatch.setattr(os, 'mkdir', guarded(os.mkdir, None))

# ---- predictions that go on ----

@pytest.fixture
def images(data, tmp_path):
    folder = tmp_path/'new'
    folder.mkdir()
    for i, p in enumerate(sorted((data/'images').iterdir())[:4]): shutil.copy(p, folder/f'{i}{p.suffix}')
    return folder

def predict(whole, images, out, *flags): return main(['predict', str(whole/'best.safetensors'), *map(str, sorted(images.iterdir())), '--out', str(out), *flags])

def truncated(p): p.write_bytes(p.read_bytes()[:200])
def empty(p): p.write_bytes(b'')
def a_page(p): p.write_text('<html>not found</html>')
def a_folder(p): p.unlink(); p.mkdir()
def a_dead_link(p): p.unlink(); p.symlink_to(p.parent/'gone')
def a_pickle(p): p.write_bytes(b'\x80\x04N.')

@posix
@pytest.mark.parametrize('broken', [truncated, empty, a_page, a_folder, a_dead_link, a_pickle], ids=lambda o: o.__name__)
def test_a_bad_image_among_good_ones(fault, whole, images, tmp_path, capsys, broken):
    bad = sorted(images.iterdir())[1]
    good = bad.read_bytes()
    broken(bad)
    out = tmp_path/'out'
    assert predict(whole, images, out) == 1
    said = capsys.readouterr().out.splitlines()
    assert 'without a result, 1 of 4 images:' in said and bad.name in said[-1]
    names = {f'{i}_{k}.png' for i in (0, 2, 3) for k in ('P', 'overlay')}
    assert {p.name for p in out.iterdir()} == names
    times = {p: p.stat().st_mtime_ns for p in out.iterdir()}
    if bad.is_dir(): bad.rmdir()
    else: bad.unlink()
    bad.write_bytes(good)
    assert predict(whole, images, out) == 0 and {p.name for p in out.iterdir()} == names | {'1_P.png', '1_overlay.png'}
    assert all(p.stat().st_mtime_ns == t for p, t in times.items()) and '3 done before' in capsys.readouterr().out
    fault('command', f'predict on four images, of which one is {broken.__name__.replace("_", " ")}', 'listed at the end (exit code 1), the others done; the same command goes on', said[-1].strip())

def test_results_of_something_else(fault, whole, images, tmp_path, capsys):
    out = tmp_path/'out'
    assert predict(whole, images, out) == 0
    image, mask = sorted(images.iterdir())[0], out/'0_P.png'
    def refused(what, *args):
        before = {p: p.read_bytes() for p in out.iterdir()}
        capsys.readouterr()
        code = predict(*args)
        assert before == {p: p.read_bytes() for p in out.iterdir()}
        fault('command', f'predict where {what}', 'refused, and nothing is written', one_line(code, capsys.readouterr().err))
    refused('the results are of another --size', whole, images, out, '--size', '32', '32')
    other = shutil.copytree(whole, tmp_path/'other')
    shutil.copy(other/'stage-1.safetensors', other/'best.safetensors')
    refused('the results are of other weights', other, images, out)
    kept = image.read_bytes()
    Image.open(image).rotate(180).save(image)
    refused('an image has changed since', whole, images, out)
    image.write_bytes(kept)
    Image.open(mask).save(mask)   # a mask that somebody has corrected with a program of his own
    refused('a mask was painted by hand', whole, images, out)

def test_predict_killed(fault, whole, images, tmp_path, capsys):
    out = tmp_path/'out'
    assert predict(whole, images, out) == 0
    whole_files = {p.name: p.read_bytes() for p in out.iterdir()}
    (out/'1_P.png').unlink(); (out/'2_P.png').unlink(); (out/'2_overlay.png').unlink()   # after the overlay of 1
    old = out/'.0123abcd-1_P.png'
    old.write_bytes(b'half'); os.utime(old, (1, 1))
    assert predict(whole, images, out) == 0 and {p.name: p.read_bytes() for p in out.iterdir()} == whole_files
    fault('killed', 'predict between the two files of an image, and while one is written', 'the same command goes on: the same files')

# ---- a system that is not POSIX ----

@posix
def test_no_cache_without_process_groups(fault, data, tmp_path, monkeypatch):
    for k in 'setpgid', 'setpgrp', 'setsid', 'killpg', 'getpgid', 'posix_fallocate', 'sync': monkeypatch.delattr(os, k, raising=False)
    monkeypatch.setattr(os, 'cpu_count', lambda: 1)
    assert len(go(SegFolder(data), tmp_path/'run', cache=False).history) == 4
    fault('worker', '--no-cache on a system without process groups, as Windows', 'works')
