"Processes that help or train together, and what becomes of the rest when one is killed or hangs: tested with real ones"
import csv, json, multiprocessing, os, signal, socket, subprocess, sys, time
from pathlib import Path
import psutil, pytest, torch
from fastai.callback.core import Callback
from camvid_seg.core import SegError
from camvid_seg.data.dataset import SegFolder
from camvid_seg.train.training import stage_loaders, train
from camvid_seg.data import cache, loaders
from camvid_seg.train.metrics import ConfusionMatrix
from camvid_seg.data.scenes import scenes
from camvid_seg.train.recipes import Recipe, quick_recipe
from camvid_seg.train.runs import Run
from camvid_seg.model.unet import load_unet
from camvid_seg.model.weights import read_weights

worker = Path(__file__).with_name('one_of_several.py')
recipe = '--preset quick --epochs 1 3 1 --size 32 48 --full-size 48 64 --bs 2 --seed 5 --precision fp32 --lr minimum 1e-3 1e-3'.split()
posix = pytest.mark.skipif(os.name == 'nt', reason='Windows has no POSIX signals')

@pytest.fixture(scope='module')
def data(): return scenes(n=18, size=(48,64), per_drive=3).path   # 15 to train on

# ---- processes that read ----

class Then(Callback):
    "Do something to the loader's process after the first batch of the second epoch"
    def __init__(self, f): self.f = f
    def after_batch(self):
        if not (self.f and self.training and (self.epoch, self.iter) == (1, 0)): return
        self.pid, self.when = multiprocessing.active_children()[0].pid, time.monotonic()
        self.f(self.pid)

def kill(pid): os.kill(pid, signal.SIGKILL)

short = quick_recipe(seed=5).change_stages(epochs=[2,1,1], size=(32,48), bs=2, precision='fp32')

@pytest.fixture(scope='module')
def alone(data, tmp_path_factory):
    "The run folder of a training without such processes"
    return train(SegFolder(data), short, tmp_path_factory.mktemp('alone')/'run', device='cpu', progress=Then(None)).path

@pytest.fixture
def read_by_one(monkeypatch):
    monkeypatch.setattr(os, 'cpu_count', lambda: 1)   # as many processes as processors
    monkeypatch.setattr('torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL', .2)   # seconds that PyTorch waits for a process to end
    monkeypatch.setattr(loaders.FramesDL, 'patience', 5)

@pytest.mark.skipif(sys.platform in ('win32', 'darwin'), reason='fastai uses no loader processes there')
@pytest.mark.parametrize('how', ['killed', 'hangs'])
def test_worker(fault, data, alone, tmp_path, read_by_one, monkeypatch, how):
    stuck, read = tmp_path/'stuck', cache.read_image
    def read_image(path, folder):
        if multiprocessing.parent_process() and stuck.exists(): time.sleep(3600) # as on a disk that does not answer
        return read(path, folder)
    monkeypatch.setattr(cache, 'read_image', read_image)
    def run(then, **kwargs): train(SegFolder(data), short, tmp_path/'run', device='cpu', cache=False, progress=then, **kwargs)
    then = Then(kill if how == 'killed' else lambda pid: stuck.touch())
    with pytest.raises(SegError) as e: run(then)
    assert f'a loader process (pid {then.pid})' in str(e.value) and time.monotonic() - then.when < 30   # `patience` is 5 seconds
    assert {'killed': 'was killed', 'hangs': 'gave no batch for 5 seconds'}[how] in str(e.value) and not multiprocessing.active_children()
    stuck.unlink(missing_ok=True)
    run(Then(None), resume=True)
    assert same(tmp_path/'run', alone)
    fault('worker', "a loader's process " + {'killed': 'is killed', 'hangs': 'waits for a disk for ever'}[how] + ' in the middle of an epoch',
          'an error that names it; resumed, the run ends bit for bit as without', e.value)

# ---- processes that train ----

class Pair:
    "Two processes that run `camvid-seg` with `args`"
    def __init__(self, keep, *args, program=worker):
        with socket.socket() as s: s.bind(('127.0.0.1', 0)); port = s.getsockname()[1]
        keep.mkdir(exist_ok=True)
        env = {**os.environ, 'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': str(port), 'WORLD_SIZE': '2', 'KEEP': str(keep), 'OMP_NUM_THREADS': '1'}
        self.both = [subprocess.Popen([sys.executable, program, *map(str, args)], env={**env, 'RANK': str(i), 'LOCAL_RANK': str(i)},
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding='utf-8') for i in range(2)]
    def __enter__(self): return self
    def __exit__(self, *_):
        for p in self.both:
            if p.poll() is None: p.kill()
            p.communicate()
    def wait(self, timeout=500):
        "Exit codes, what was printed, and what was said on stderr, of each"
        said = [p.communicate(timeout=timeout) for p in self.both]
        return [p.returncode for p in self.both], *zip(*said)

def wait_for(what, alive, seconds=500):
    end = time.monotonic() + seconds
    while not what():
        assert alive() and time.monotonic() < end
        time.sleep(.02)

def rows(run):
    if not (run/'history.csv').exists(): return []
    with open(run/'history.csv', newline='', encoding='utf-8') as f: return [{k: v for k, v in r.items() if k != 'seconds'} for r in csv.DictReader(f)]

def same_weights(a, b):
    x, y = read_weights(a)[0], read_weights(b)[0]
    return x.keys() == y.keys() and all(torch.equal(x[k], y[k]) for k in x)

def same(a, b): return rows(a) == rows(b) and all(same_weights(a/f'{n}.safetensors', b/f'{n}.safetensors') for n in ('stage-1', 'stage-2', 'full-size', 'best'))

@pytest.fixture(scope='module')
def whole(data, tmp_path_factory):
    "The run folder of an uninterrupted training, and what its two processes ended with"
    d = tmp_path_factory.mktemp('whole')
    with Pair(d, 'train', '--data', data, *recipe, '--out', d/'run') as p: codes, said, errors = p.wait()
    assert codes == [0, 0], errors
    assert said[0].count('2 x 2 processes') == 3 and 'run folder' in said[0] and said[1] == '' and errors[1] == ''
    return d/'run', d

def test_both_end_with_the_same(fault, whole):
    run, d = whole
    assert same_weights(d/'rank0.safetensors', d/'rank1.safetensors') and same_weights(d/'rank0.safetensors', run/'full-size.safetensors')
    (history, metrics), (history1, metrics1) = (json.loads((d/f'rank{i}.json').read_text(encoding='utf-8')) for i in range(2))
    for r in history + history1: del r['seconds']
    assert history == history1 and metrics == metrics1 and len(history) == 5
    assert Run(run).last_checkpoint()[1]['pct_train'] == pytest.approx(1)   # of the cycle, which is as long as its steps
    assert (run/'report.html').exists() and (run/'lr_find_stage-1.json').exists()
    config = json.loads((run/'config.json').read_text(encoding='utf-8'))
    assert config['processes'] == 2 and not [p.name for p in run.rglob('.*')]
    fault('lr finder', 'two processes run the finder', 'in step: both pick the same rate, none waits for the other for ever')
    fault('processes', 'nothing happens', 'both end with the same weights and figures, one writes')

def test_figures_are_those_of_one_process(fault, whole, data):
    run, _ = whole
    config, m = (json.loads((run/f'{n}.json').read_text(encoding='utf-8')) for n in ('config', 'metrics'))
    dls, model = stage_loaders(SegFolder(data), Recipe.from_dict(config['recipe']), 2, device='cpu'), load_unet(run/m['weights'])[0]
    assert m['weights'] == 'best.safetensors' and len(dls.valid_ds) % 2 == 1 # uneven parts
    cm = ConfusionMatrix(dls.codes, dls.void_code)
    with torch.no_grad():
        for x, y in dls.valid: cm.update(model(x.as_subclass(torch.Tensor)), y)
    assert [m['accuracy'], m['miou'], m['class_accuracy']] == [round(v, 6) for v in (cm.accuracy, cm.miou, cm.class_accuracy)]
    assert float(rows(run)[-1]['accuracy']) == cm.accuracy
    fault('processes', 'the validation frames do not divide by two', 'figures of all frames, none twice: those of a single process')

@posix
def test_killed_restarted_stopped_and_resumed(fault, whole, data, tmp_path):
    "kill -9 of one, before the first checkpoint and after: the other ends with one line and torchrun starts both again, which go on; SIGTERM to one: both stop; at the end, all is as if nothing had happened"
    out, log = tmp_path/'run', tmp_path/'log'
    cmd = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=2', '--max-restarts=2', worker, 'train', '--data', data, *recipe, '--out', out]
    with open(log, 'w') as f: p = subprocess.Popen([*map(str, cmd)], env={**os.environ, 'KEEP': str(tmp_path), 'OMP_NUM_THREADS': '1', 'DIES': '1.0'}, stdout=f, stderr=f)
    def alive(): return p.poll() is None
    def second(restarts): # the process of rank 1, once it has been started so often again
        for o in psutil.Process(p.pid).children():
            try: e = o.environ()
            except psutil.Error: continue
            if (e.get('RANK'), e.get('TORCHELASTIC_RESTART_COUNT')) == ('1', str(restarts)): return o
    def said(): return log.read_text(encoding='utf-8', errors='replace')
    def ends(): return [l for l in said().splitlines() if 'another process' in l or 'stopped; go on' in l]   # which of the two, depends on whether torchrun was faster
    try:
        wait_for(lambda: len(ends()) == 1, alive) # $DIES, in the finder of the first stage
        assert (out/'config.json').exists() and not (out/'last'/'checkpoint.safetensors').exists()
        wait_for(lambda: len(rows(out)) >= 2, alive)
        second(1).kill()
        wait_for(lambda: len(ends()) == 2, alive, seconds=15)
        wait_for(lambda: second(2), alive)
        n = len(rows(out))
        wait_for(lambda: len(rows(out)) > n, alive)
        second(2).send_signal(signal.SIGTERM) # only to one of the two
        p.wait(timeout=60)
    finally:
        if alive():
            for o in psutil.Process(p.pid).children(recursive=True): o.kill()
            p.kill(); p.wait()
    lines = ends()
    assert len(lines) == 3 and 'stopped' in lines[2] and all(f'train --resume {out}' in l for l in lines), said()
    assert p.returncode and not (out/'metrics.json').exists()
    with Pair(tmp_path, 'train', '--resume', out) as pair: codes, _, errors = pair.wait()
    assert codes == [0, 0], errors
    assert same(whole[0], out)
    end = 'the same weights at the end'
    fault('processes', 'kill -9 of one process before the first checkpoint, under torchrun --max-restarts', 'the other ends within seconds, with one line; both are restarted and begin anew; '+end)
    fault('processes', 'kill -9 of one process in a later stage, under torchrun --max-restarts', 'the other ends within seconds, with one line; both are restarted and go on; '+end)
    fault('processes', 'SIGTERM to one of two', 'both stop after the same step; resumed, '+end, lines[2].replace(str(out), 'run'))

apart = '''
import os, sys, time, torch
from datetime import timedelta
from camvid_seg.core import SegError
from camvid_seg.distributed import PeerLost, all_reduce_sum, on_rank0, process_group
rank = int(os.environ["RANK"])
def refuse(): raise SegError("no")
with process_group(patience=timedelta(seconds=3)):
    assert on_rank0(lambda: rank) == 0
    try: on_rank0(refuse); sys.exit("not refused")
    except SegError: assert rank == 0
    except SystemExit as e: assert rank == 1 and e.code == 2
    if rank: time.sleep(600)
    start = time.monotonic()
    try: all_reduce_sum(torch.ones(1))
    except PeerLost as e: print(e, time.monotonic() - start < 30)
'''

finder = '''
import math, os, random, sys, numpy as np, torch
from camvid_seg.core import SegError
from camvid_seg.distributed import process_group
from camvid_seg.train.lr_finder import lr_find
from camvid_seg.data.dataset import SegFolder
from camvid_seg.train.training import stage_learner, stage_loaders
from camvid_seg.train.recipes import Recipe, quick_recipe
what, data = sys.argv[1:]
r = quick_recipe(seed=5).change_stages(epochs=1, size=(32,48), bs=2, precision="fp32")
def state(learn): return [*map(torch.clone, learn.model.state_dict().values()), torch.get_rng_state(), torch.tensor(np.random.get_state()[1].astype("int64"))]
with process_group():
    learn = stage_learner(stage_loaders(SegFolder(data), r, 0, device="cpu"), r)
    calls, before, rng, order = [], state(learn), random.getstate(), learn.dls.train.rng.getstate()
    def fourth(m, i, o):
        calls.append(o)
        if len(calls) < 4 or os.environ["RANK"] == "0": return o
        if what == "Ctrl-C": raise KeyboardInterrupt
        return o*math.nan
    hook = learn.model.register_forward_hook(fourth)
    try: lr_find(learn); sys.exit("not refused")
    except (SegError, KeyboardInterrupt) as e: said = repr(e)
    hook.remove()
    assert len(calls) == 4 and (rng, order) == (random.getstate(), learn.dls.train.rng.getstate())
    assert all(map(torch.equal, before, state(learn)))
    print(said)
'''

@pytest.mark.parametrize('what', ['nan', 'Ctrl-C'])
def test_finder_of_two(fault, data, tmp_path, what):
    (tmp_path/'finder.py').write_text(finder, encoding='utf-8')
    with Pair(tmp_path, what, data, program=tmp_path/'finder.py') as p: codes, said, errors = p.wait(timeout=120)
    assert codes == [0, 0], errors
    if what == 'nan': assert said[0] == said[1] and 'SegError' in said[0] and 'not finite after 3 steps' in said[0]
    else: assert 'PeerLost' in said[0] and 'KeyboardInterrupt' in said[1]
    fault('lr finder', f'{what} in one of two processes, in the fourth step', 'both end there, with weights, random numbers and order of the frames as before', said[0].strip().split("'")[1])

def test_hung(fault, tmp_path):
    (tmp_path/'apart.py').write_text(apart, encoding='utf-8')
    with Pair(tmp_path, program=tmp_path/'apart.py') as p: said, error = p.both[0].communicate(timeout=300)
    assert 'does not answer' in said and said.endswith(' True\n'), error
    fault('processes', 'one process hangs', 'the others end when the time is over', 'camvid-seg: ' + said[:-6])
