"Training stopped, killed, starved of memory or disk, fed nan, or resumed from a stranger's folder: nothing lost, nothing silent"
import dataclasses, errno, json, math, multiprocessing, os, pickle, random, shutil, signal, sys, weakref
from pathlib import Path
from types import SimpleNamespace
import numpy as np, pytest, torch
from fastai.callback.core import Callback
from fastai.callback.progress import ProgressCallback
from fastai.learner import Metric
from fastai.torch_core import set_seed
from fastai.vision.models import resnet18
from camvid_seg import core
from camvid_seg.cli import train as train_command
from camvid_seg.cli.main import main
from camvid_seg.train import learner as learners, run_log, runs, training
from camvid_seg.use.report import write_report
from camvid_seg.core import SegError
from camvid_seg.train.training import train
from camvid_seg.data.loaders import seg_dataloaders
from camvid_seg.train.lr_finder import lr_find
from camvid_seg.train.metrics import seg_metrics
from camvid_seg.data.scenes import scenes
from camvid_seg.memory import out_of_memory
from camvid_seg.train.optimizer import FusedAdam
from camvid_seg.train.recipes import Recipe, lesson_recipe, quick_recipe
from camvid_seg.train.runs import Run
from camvid_seg.train.training import fit_stage
from camvid_seg.model.weights import read_weights
from camvid_seg.train.learner import unet_learner
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import soak

posix = pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs POSIX signals')
small = dict(size=(32,48), bs=5, precision='fp32')   # 20 training frames: 4 steps an epoch, and 4 batches to validate
recipe = quick_recipe(seed=5, ema=0.9).change_stages(**{**small, 'size': [(32,48), (32,48), (48,64)], 'epochs': [1,2,1]})

class Quiet(Callback): "Instead of fastai's bars"

class At(Callback):
    "Do something after the `n`-th batch, training and validation counted"
    order = 64 # before the checkpoints
    def __init__(self, n, f): self.todo, self.f = n, f
    def after_batch(self):
        self.todo -= 1
        if self.todo == 0: self.f()

def stop(): raise KeyboardInterrupt

class Draws(Callback):
    "What the random generators of Python, NumPy and PyTorch would give in every step"
    def __init__(self): self.seen = {}
    def before_batch(self):
        if self.training: self.seen[self.epoch, self.iter] = random.random(), np.random.rand(), torch.rand(1).item()

class Spoil(Callback):
    "A loss of nan in steps `a` to `b`"
    order = 5
    def __init__(self, a, b): self.steps = range(a, b)
    def after_loss(self):
        if self.training and self.train_iter in self.steps: self.learn.loss_grad = self.loss_grad*math.nan

class Crowded(Callback):
    "Memory for `room` images and no more, in the words of `error`"
    def __init__(self, room, error): self.room, self.error = room, error
    def before_fit(self): self.hook = self.model.register_forward_hook(self.full)
    def full(self, model, x, out):
        if len(out) > self.room: raise self.error
    def close(self): self.hook.remove()

@pytest.fixture(scope='module')
def folder(): return scenes(n=40)

@pytest.fixture(scope='module')
def dls(folder): return seg_dataloaders(folder, small['size'], small['bs'], device='cpu')

@pytest.fixture(scope='module')
def whole(folder, tmp_path_factory):
    "The run that nobody disturbed"
    return train(folder, recipe, tmp_path_factory.mktemp('whole')/'run', device='cpu', progress=Quiet())

def learner(dls, **kwargs):
    set_seed(0)
    learn = unet_learner(dls, 'resnet18', weights=None, decoder='lean', metrics=seg_metrics(), opt_func=FusedAdam, **kwargs)
    learn.remove_cb(ProgressCallback).logger = lambda *_: None
    return learn

def rows(run): return [{k: v for k, v in r.items() if k != 'seconds'} for r in run.history]

def same(a, b):
    for name in 'stage-1', 'stage-2', 'full-size', 'best':
        x, y = (read_weights(r.path/f'{name}.safetensors')[0] for r in (a, b))
        assert x.keys() == y.keys() and all(x[k].equal(y[k]) for k in x), name
    assert rows(a) == rows(b) and a.best == b.best
    (x, f), (y, g) = (o.last_checkpoint() for o in (a, b))   # optimizer, average of the weights, smooth loss; counters, rates, scaler
    assert x.keys() == y.keys() and all(x[k].equal(y[k]) for k in x)
    assert {**f, 'seconds': 0, 'history': []} == {**g, 'seconds': 0, 'history': []}

def resumed(folder, path): return train(folder, recipe, path, device='cpu', resume=True, progress=Quiet())

# ---- stopped ----

@pytest.fixture
def hears():
    "A job in the background of a shell is born deaf to Ctrl-C"
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, old)

places = {'in the middle of an epoch of stage 1': (2, (0,0,2)), 'in a validation': (6, (0,0,4)), 'in the last step of an epoch of stage 2': (20, (1,1,4)),
          'in the full-size stage': (27, (2,0,3))}

@posix
@pytest.mark.parametrize('where', places)
def test_stopped(fault, folder, whole, tmp_path, monkeypatch, capsys, hears, where):
    n, place = places[where]
    how, code, name = random.Random(n).choice([(signal.SIGINT, 130, 'Ctrl-C'), (signal.SIGTERM, 143, 'SIGTERM')])
    monkeypatch.setattr(train_command, 'recipe_from', lambda *_: recipe)
    monkeypatch.setattr(train_command, 'terminal_bar', lambda: At(n, lambda: os.kill(os.getpid(), how)))
    out, before = tmp_path/'run', [signal.getsignal(o) for o in (signal.SIGINT, signal.SIGTERM)]
    assert main(['train', '--data', str(folder.path), '--preset', 'quick', '--out', str(out)]) == code
    assert signal.getsignal(signal.SIGINT) == before[0]
    signal.signal(signal.SIGTERM, before[1])
    said = capsys.readouterr().err.strip()
    assert f'--resume {out}' in said and 'Traceback' not in said
    facts = Run(out).last_checkpoint()[1]
    assert (facts['stage'], facts['epoch'], facts['batch']) == place   # not a step is lost
    same(whole, resumed(folder, out))
    fault('killed', f'{name} {where}', f'checkpoint of that step, exit code {code}', said)
    fault('resume', f'after {name} {where}', 'the weights and history of the run that was not stopped, bit for bit')

@posix
def test_kill_9_again_and_again(fault, tmp_path):
    killed, ok, left = soak.kills(4, tmp_path, epochs=(1,1,1), aims=['half 4', 'step 5', 'half history.csv', 'half stage-2.safetensors'])
    assert killed == ['checkpoint.safetensors', 'a step', 'history.csv', 'stage-2.safetensors'] and ok and not left
    fault('killed', 'kill -9 in a step and in the middle of writing a checkpoint, the history and weights, in one run', 'the weights and history of the run that was not killed, bit for bit')

def test_resume_of_a_frozen_stage(fault, dls, tmp_path):
    "Stage 1 of the lesson: pretrained, frozen, with a rate for each group"
    r = quick_recipe(seed=5).change_stages(epochs=2, frozen=True, lr=[(2e-5,2e-5,2e-4)]*3, **small)
    def fit(path, *cbs, state=None):
        learn, run = learner(dls, cbs=cbs), Run(path) if state else Run(path, {})
        learn.pretrained, before = True, learn.model.encoder.layer1[0].conv1.weight.clone()
        fit_stage(learn, run, 0, r, run.last_checkpoint() if state else None, minutes=0)
        assert before.equal(learn.model.encoder.layer1[0].conv1.weight)
        return run
    first, second = Draws(), Draws()
    whole = fit(tmp_path/'whole', first)
    with pytest.raises(KeyboardInterrupt): fit(tmp_path/'cut', At(11, stop))   # the third step of the second epoch
    cut = fit(tmp_path/'cut', second, state=True)
    assert second.seen and second.seen.items() < first.seen.items() and len({*first.seen.values()}) == 8
    (x, f), (y, g) = (o.last_checkpoint() for o in (whole, cut))
    assert rows(whole) == rows(cut) and x.keys() == y.keys() and all(x[k].equal(y[k]) for k in x) and f['opt'] == g['opt']
    fault('resume', 'stopped in a frozen stage with a rate for each group, as stage 1 of the lesson', 'weights, optimizer and random numbers of the run that was not stopped, bit for bit')

def test_same_seed_twice(fault, folder, whole, tmp_path):
    same(whole, train(folder, recipe, tmp_path/'run', device='cpu', progress=Quiet()))
    fault('resume', 'the same recipe and seed, a second time', 'the same weights and history, bit for bit')

# ---- the disk ----

@pytest.fixture
def run(dls, tmp_path):
    "A run folder with the checkpoint of one epoch, and its learner, one step further"
    r = quick_recipe().change_stages(epochs=1, **small)
    run, learn = Run(tmp_path/'run', dict(recipe=r.to_dict())), learner(dls)
    fit_stage(learn, run, 0, r)
    return run, learn

def facts_of(run): return Run(run.path).last_checkpoint()[1]

class Cut:
    "Writes a file until `n` bytes of it are on the disk, then `f()`"
    def __init__(self, n, f): self.n, self.f, self.write = n, f, runs.write_tensors
    def __call__(self, path, *args):
        self.write(path, *args)
        os.truncate(path, self.n)
        self.f()

def test_disk_full_at_any_byte(fault, run, monkeypatch):
    run, learn = run
    def full(): raise OSError(errno.ENOSPC, 'No space left on device')
    before, size = facts_of(run), (run.path/'last'/'checkpoint.safetensors').stat().st_size
    learn.recorder.smooth_loss.sums = None
    for n in [0, 1, 7, 8, 9, *range(100, size, size//12), size-1, size]:
        with monkeypatch.context() as m:
            m.setattr(runs, 'write_tensors', Cut(n, full))
            with pytest.raises(SegError, match='No space left') as e: run.checkpoint(learn, stage=0, epoch=9, batch=9, lr=1., seconds=0.)
        assert facts_of(run) == before and [p.name for p in (run.path/'last').iterdir()] == ['checkpoint.safetensors']
    fault('killed', 'the disk is full, at 19 places of a checkpoint', 'one line; the checkpoint before it is whole', e.value)

@posix
def test_file_too_large_for_real(fault, run):
    import resource
    run, learn = run
    before = facts_of(run)
    def child(send):
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
        try: run.checkpoint(learn, stage=0, epoch=9, batch=9, lr=1., seconds=0.)
        except SegError as e: send.send(str(e))
    get, send = multiprocessing.Pipe()
    p = multiprocessing.get_context('fork').Process(target=child, args=(send,))
    p.start(); p.join(60)
    assert p.exitcode == 0 and get.poll() and facts_of(run) == before
    fault('killed', 'the system refuses to write more of a checkpoint than 2 MB (RLIMIT_FSIZE)', 'one line; the checkpoint before it is whole', get.recv())

def test_disk_full_in_training(fault, dls, tmp_path, monkeypatch):
    r, run = quick_recipe().change_stages(epochs=2, **small), Run(tmp_path/'run', {})
    def full(): raise OSError(errno.ENOSPC, 'No space left on device')
    def when_ready(): monkeypatch.setattr(runs, 'write_tensors', Cut(99, full))
    with pytest.raises(SegError, match='Make room') as e: fit_stage(learner(dls, cbs=At(10, when_ready)), run, 0, r)
    assert '\n' not in str(e.value) and facts_of(run)['epoch'] == 1
    fault('killed', 'the disk is full in the second epoch', 'one line; the run goes on from the first', e.value)

@posix
def test_a_name_follows_its_data(fault, run, tmp_path, monkeypatch):
    learn, run, calls = run[1], Run(tmp_path/'above'/'anew', {}), []
    names = {(tmp_path/p).stat().st_ino: p for p in ('above', 'above/anew')}
    sync, replace = os.fsync, os.replace
    def fsync(fd): sync(fd); calls.append(names.get(os.fstat(fd).st_ino, 'last' if os.fstat(fd).st_ino == (run.path/'last').stat().st_ino else 'data'))
    def move(a, b): replace(a, b); calls.append('rename')
    monkeypatch.setattr(os, 'fsync', fsync); monkeypatch.setattr(os, 'replace', move)
    for order in (['above/anew', 'data', 'rename', 'last'], ['data', 'rename', 'last']):   # `last` is new the first time
        calls.clear()
        run.checkpoint(learn, stage=0, epoch=9, batch=9, lr=1., seconds=0.)
        assert calls == order
    made = []
    monkeypatch.setattr(core, 'fsync', lambda path: made.append(path.name))
    Run(tmp_path/'b'/'c', {})
    assert made[:2] == [tmp_path.name, 'b']   # where the names of `b` and of `c` are kept
    fault('killed', 'the power fails while a checkpoint is written', 'its bytes are put on the disk before its name changes, and then the name, and those of new folders')

def test_killed_before_there_was_a_run(fault, tmp_path):
    path = tmp_path/'run'
    path.mkdir()
    (path/'.0123abcd-config.json').write_text('{"ver')
    Run(path, {})
    assert [p.name for p in path.iterdir()] == ['config.json'] and Run(path).config == {}
    fault('killed', 'kill -9 after a run folder is made, before its config.json is', 'the same command starts anew')
    theirs = tmp_path/'theirs'
    theirs.mkdir()
    for name in '.0123abcd-config.json', 'letter.txt': (theirs/name).write_text('')
    fault.refused('killed', 'the same, in a folder with a file of the user', Run, theirs, {})
    assert len(list(theirs.iterdir())) == 2   # and nothing was removed

def test_killed_before_the_first_checkpoint(fault, folder, tmp_path, monkeypatch):
    file = tmp_path/'encoder.pth'
    torch.save(resnet18().state_dict(), file)
    r = quick_recipe(arch='resnet18', weights=str(file)).change_stages(epochs=1, **small)
    r = dataclasses.replace(r, stages=r.stages[:1])
    def go(name, **kwargs): return train(folder, r, tmp_path/name, device='cpu', progress=Quiet(), **kwargs)
    def kill(*args): raise KeyboardInterrupt
    with monkeypatch.context() as m:
        m.setattr(training, '_peak_rate', kill)
        with pytest.raises(KeyboardInterrupt): go('run')
    assert not (tmp_path/'run'/'last').exists()
    (tmp_path/'run'/'.deadbeef-x').mkdir()   # a folder of somebody
    shutil.copytree(tmp_path/'run', tmp_path/'other')
    x, y = (read_weights(o.path/'stage-1.safetensors')[0] for o in (go('whole'), go('run', resume=True)))
    assert all(x[k].equal(y[k]) for k in x) and (tmp_path/'run'/'.deadbeef-x').is_dir()
    fault('resume', 'killed before the first checkpoint, with --weights FILE', 'the run begins again: the weights of the run that was not killed, bit for bit')
    file.write_bytes(file.read_bytes() + b' ')
    fault.refused('resume', 'the same, and the file has changed', go, 'other', resume=True)

# ---- best weights ----

class Series(Metric):
    "Figures that somebody made up"
    name, value = None, None
    def __init__(self, values, name='accuracy'): self.todo, self.name = list(values), name
    def reset(self): self.value = self.todo.pop(0)

def test_best_over_stages_and_sessions(fault, dls, tmp_path):
    r, learn, run = quick_recipe().change_stages(epochs=[2,2,2], **small), learner(dls), Run(tmp_path/'run', {})
    seen = []
    class Keep(Callback):
        order = 66
        def after_epoch(self): seen.append({k: v.clone() for k, v in self.model.state_dict().items()})
    learn.metrics = Series([0.5, math.nan, 0.9, 0.3, 0.8, math.nan])
    learn.add_cb(Keep())
    for i in 0, 1: fit_stage(learn, run, i, r)
    run = Run(run.path)   # another session
    run.last_checkpoint()
    fit_stage(learn, run, 2, r)
    best = read_weights(run.path/'best.safetensors')[0]
    assert run.best == 0.9 and all(best[k].equal(v) for k, v in seen[2].items()) and len(seen) == 6
    fault('best weights', 'accuracies 0.5, nan, 0.9, 0.3, and 0.8, nan in another session', 'best.safetensors holds the weights of 0.9')

def test_best_by_another_metric(fault, dls, tmp_path):
    learn, run = learner(dls), Run(tmp_path/'run', {})
    learn.metrics = [Series([.9, .1]), Series([.2, .8], 'miou')]
    fit_stage(learn, run, 0, quick_recipe(metric='miou').change_stages(epochs=2, **small))
    assert run.best == .8 and all(map(torch.equal, *(read_weights(run.path/f'{k}.safetensors')[0].values() for k in ('best', 'stage-1'))))   # those of the last epoch
    fault('best weights', "metric='miou', and a better accuracy in another epoch", 'best.safetensors holds the weights of the best mIoU')

def test_best_of_nothing():
    rows = [dict(stage='stage-1', epoch=0, miou=.9), dict(stage='full-size', epoch=0, miou=math.nan), dict(stage='full-size', epoch=1, miou=.5)]
    def best(n): return training._best_epoch(SimpleNamespace(history=rows[:n]), quick_recipe(metric='miou'))
    assert best(3) == rows[2] and best(2) == rows[1] and best(1) is None   # none at the last size yet

def test_best_at_the_last_size(fault, folder, dls, tmp_path):
    r, learn, run = quick_recipe().change_stages(epochs=[1,1,2], **{**small, 'size': [(32,48), (32,48), (48,64)]}), learner(dls), Run(tmp_path/'run', {})
    learn.metrics = Series([.9, .95, .5, .4])
    for i in 0, 1: fit_stage(learn, run, i, r)
    learn.dls = seg_dataloaders(folder, (48,64), small['bs'], device='cpu')
    fit_stage(learn, run, 2, r)
    assert run.best == .5 and read_weights(run.path/'best.safetensors')[1]['size'] == [48,64]
    fault('best weights', 'accuracies of 0.9 and 0.95 on small images, then 0.5 and 0.4 on larger ones', 'best.safetensors holds the weights of 0.5: the best at the last size')

def test_unknown_metric(fault, dls, tmp_path):
    fault.refused('best weights', 'a metric that is not measured', quick_recipe, metric='beauty')
    learn = learner(dls)
    learn.metrics = seg_metrics()[:1]
    fault.refused('best weights', 'a metric that this learner does not measure', fit_stage, learn, Run(tmp_path/'run', {}), 0, quick_recipe(metric='miou').change_stages(epochs=1, **small))

# ---- nan ----

def test_one_nan(fault, dls, tmp_path):
    r, run = quick_recipe(ema=0.9).change_stages(epochs=1, **small), Run(tmp_path/'run', {})
    fit_stage(learner(dls, cbs=Spoil(1, 2)), run, 0, r)
    assert run.history[0]['skipped'] == 1 and math.isfinite(run.history[0]['train_loss'])
    assert all(v.isfinite().all() for v in read_weights(run.path/'stage-1.safetensors')[0].values() if v.is_floating_point())
    fault('nan', 'one step with a loss of nan', 'the step is skipped and counted in history.csv')

def test_nan_for_good(fault, dls, tmp_path):
    r, run = quick_recipe().change_stages(epochs=7, **small), Run(tmp_path/'run', {})
    said = fault.refused('nan', 'nan from the second epoch on', fit_stage, learner(dls, cbs=Spoil(4, 99)), run, 0, r)
    assert '20 steps in a row' in said and said.count('.png') == small['bs']
    state = run.last_checkpoint()[0]
    assert all(v.isfinite().all() for v in state.values() if v.is_floating_point()) and (run.path/'best.safetensors').exists()

def test_nan_from_the_first_step(fault, dls, tmp_path):
    r, run = quick_recipe().change_stages(epochs=7, **small), Run(tmp_path/'run', {})
    said = fault.refused('nan', 'nan from the very first step, in epochs of four', fit_stage, learner(dls, cbs=Spoil(0, 99)), run, 0, r)
    assert '4 steps in a row' in said and said.count('.png') == small['bs']
    assert all(v.isfinite().all() for v in run.last_checkpoint()[0].values() if v.is_floating_point()) and not run.history

def test_nan_in_validation(fault, dls, tmp_path):
    r, run, learn = quick_recipe().change_stages(epochs=2, **small), Run(tmp_path/'run', {}), learner(dls)
    handle = learn.model.register_forward_hook(lambda m, i, o: o if m.training else o*math.nan)
    fault.refused('nan', 'nan in validation', fit_stage, learn, run, 0, r)
    handle.remove()
    assert all(v.isfinite().all() for v in run.last_checkpoint()[0].values() if v.is_floating_point()) and not (run.path/'best.safetensors').exists()

def test_nan_in_short_epochs_on_a_gpu(fault, dls, tmp_path, monkeypatch):
    monkeypatch.setattr(learners, '_at_hand', lambda t: False)   # the numbers of a GPU are looked at every ten steps; an epoch has four
    r, run = quick_recipe().change_stages(epochs=7, **small), Run(tmp_path/'run', {})
    said = fault.refused('nan', 'nan from the second epoch on, on a GPU, in epochs of four steps', fit_stage, learner(dls, cbs=Spoil(2, 99)), run, 0, r)
    assert '22 steps in a row' in said and said.count('.png') == small['bs']   # the last step of the sixth epoch

def test_stop_in_short_epochs_on_gpus(fault, dls, tmp_path, monkeypatch):
    monkeypatch.setattr(learners, '_at_hand', lambda t: False)
    for o in learners, run_log: monkeypatch.setattr(o, 'in_group', lambda: True)      # one process that believes to be of several
    monkeypatch.setattr(learners.SegLearner, '_pool', lambda learn: setattr(learn, 'any_stop', torch.tensor(float(bool(learn.stop_signal)))))
    monkeypatch.setattr(training, 'broadcast_weights', lambda model: None)
    monkeypatch.setattr(learners.MeanLoss, 'value', property(lambda self: self.total/self.count))
    r, run = quick_recipe().change_stages(epochs=2, **small), Run(tmp_path/'run', {})
    learn = learner(dls)
    learn.add_cb(At(2, lambda: setattr(learn, 'stop_signal', signal.SIGINT)))
    with pytest.raises(KeyboardInterrupt): fit_stage(learn, run, 0, r)
    facts = facts_of(run)
    assert (facts['epoch'], facts['batch']) == (0, 4)
    fault('processes', 'a signal to one of several GPUs, in an epoch of four steps', 'all stop after the last step of the epoch, with a checkpoint')

def test_overflow_in_fp16(fault, dls, tmp_path):
    r, run, scales = quick_recipe().change_stages(epochs=1, **small), Run(tmp_path/'run', {}), []
    class Overflow(Callback):
        order = 5
        def after_loss(self):
            if self.training and self.train_iter == 2: self.learn.loss_grad = self.loss_grad*1e36
        def after_batch(self): self.training and scales.append(self.learn.scaler.get_scale())
    fit_stage(learner(dls, cbs=Overflow()).to_fp16(), run, 0, r)
    assert scales == [65536., 65536., 32768., 32768.] and run.history[0]['skipped'] == 1
    assert facts_of(run)['scaler']['scale'] == 32768
    fault('nan', 'an overflow in fp16', 'the step is skipped, the scale halved, and kept in the checkpoint')
    cut = Run(tmp_path/'cut', {})
    with pytest.raises(KeyboardInterrupt): fit_stage(learner(dls, cbs=[Overflow(), At(4, stop)]).to_fp16(), cut, 0, r, minutes=0)
    assert facts_of(cut)['batch'] == 3
    cut, scales[:] = Run(cut.path), []
    fit_stage(learner(dls, cbs=Overflow()).to_fp16(), cut, 0, r, cut.last_checkpoint())
    assert scales == [32768.] and facts_of(cut)['scaler'] == facts_of(run)['scaler']
    assert all(map(torch.equal, *(read_weights(o.path/'stage-1.safetensors')[0].values() for o in (run, cut))))
    fault('resume', 'stopped after an overflow in fp16', "the scaler goes on with the halved scale; weights bit for bit those of the run that was not stopped")

# ---- memory ----

words = {'CUDA': torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 3.52 GiB.'),
         'cuDNN': RuntimeError('cuDNN error: CUDNN_STATUS_ALLOC_FAILED'), 'cuBLAS': RuntimeError('CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`'),
         'MPS': RuntimeError('MPS backend out of memory (MPS allocated: 8.11 GB, other allocations: 9.5 GB, max allowed: 18.13 GB).'),
         'a CPU': RuntimeError("[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory"),
         'cuDNN without room to work in': RuntimeError('Unable to find a valid cuDNN algorithm to run convolution'),
         "cuDNN's newer interface": RuntimeError('GET was unable to find an engine to execute this computation'),
         'cuBLAS at its start': RuntimeError('CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`')}

@pytest.mark.parametrize('who', words)
def test_out_of_memory(fault, dls, tmp_path, capsys, who):
    r, run = quick_recipe().change_stages(epochs=1, **small), Run(tmp_path/'run', {})
    learn = learner(dls, cbs=Crowded(3, words[who])).to_bf16()
    fit_stage(learn, run, 0, r)
    said = capsys.readouterr().out.strip()
    assert run.history[0]['accumulate'] == 2 and said.startswith('out of memory') and said.count('\n') == 0
    assert not torch.is_autocast_enabled('cpu')
    assert learn.opt.state[next(learn.model.parameters())]['step'] == 4   # as many steps, of as many images
    fault('memory', f'memory runs out, in the words of {who}', 'the batch goes through in halves', said)

def test_memory_is_let_go(fault, dls, tmp_path, monkeypatch):
    "When memory runs out in the second part of a batch, the gradient of the first and all that the second has made go before the next try"
    learn, made, seen, free = learner(dls), [], [], learners.free_caches
    def hook(model, x, out):
        made.append(weakref.ref(out))
        if len(made) == 2: raise torch.OutOfMemoryError('CUDA out of memory')   # a fresh one: an error keeps the frames it went through
    def freed():
        with_gradient.append(any(p.grad is not None for p in learn.model.parameters()))
        free()
        seen.append([o() is None for o in made])
    backward, with_gradient = learners.SegLearner._backward, []
    def counted(self): backward(self); with_gradient.append(any(p.grad is not None for p in self.model.parameters()))
    monkeypatch.setattr(learners, 'free_caches', freed)
    monkeypatch.setattr(learners.SegLearner, '_backward', counted)
    handle = learn.model.register_forward_hook(hook)
    fit_stage(learn, Run(tmp_path/'run', {}), 0, quick_recipe().change_stages(epochs=1, accumulate=2, **small))
    handle.remove()
    assert with_gradient[:2] == [True, False] and seen == [[True, True]] and learn.n_micro == 4
    fault('memory', 'memory runs out in the second half of a batch', 'gradient, predictions and loss of the first half are let go before the next try')

def weights(learn): return [v.clone() for v in learn.model.state_dict().values() if v.is_floating_point()]   # without counters

def test_memory_in_validation(fault, dls, tmp_path):
    "What training has room for, validation may not have"
    class Crowded(Callback):
        def before_validate(self): self.hook = self.model.register_forward_hook(self.full)
        def full(self, model, x, out):
            if len(out) > 3: raise torch.OutOfMemoryError('CUDA out of memory')
        def after_validate(self): self.hook.remove()
    ends, r = [], quick_recipe().change_stages(epochs=1, **small)
    for cbs in [], Crowded():
        learn, run = learner(dls, cbs=cbs), Run(tmp_path/f'{bool(cbs)}', {})
        fit_stage(learn, run, 0, r)
        ends.append((weights(learn), run.history[0]['accuracy']))
    assert learn.n_micro == 2 and all(map(torch.equal, ends[0][0], ends[1][0])) and ends[0][1] == ends[1][1]
    fault('memory', 'memory runs out in validation', 'its batches go through in halves: the same figures, and the same weights')

def test_memory_in_the_lr_finder(fault, dls, tmp_path, capsys):
    r, run, learn = lesson_recipe().change_stages(epochs=1, frozen=False, **small), Run(tmp_path/'run', {}), learner(dls)
    halves, before = learner(dls), weights(learn)
    halves.n_micro = 2
    hook, rng = learn.model.register_forward_hook(Crowded(3, words['CUDA']).full), dls.train.rng.getstate()
    found = learn.lr_find(num_it=12)
    assert learn.n_micro == 2 and all(map(torch.equal, before, weights(learn))) and rng == dls.train.rng.getstate()
    assert found.losses == halves.lr_find(num_it=12).losses   # the curve of halves, from its first step
    learn.n_micro = 1
    capsys.readouterr()
    fit_stage(learn, run, 0, r)
    said = capsys.readouterr().out.strip()
    hook.remove()
    assert run.history[0]['accumulate'] == 2 and (run.path/'lr_find_stage-1.json').exists() and said.count('\n') == 0
    fault('memory', 'memory runs out in the finder, which the lesson runs first', 'the batch goes through in halves, in the stage that follows too', said)

def test_memory_in_the_optimizer(fault, dls, tmp_path, monkeypatch):
    r, make, calls = quick_recipe().change_stages(epochs=1, **small), FusedAdam._moments, []
    def moments(self, p):
        calls.append(p)
        if len(calls) in full: raise words['CUDA']
        return make(self, p)
    ends = []
    for full in (), (30,):   # the thirtieth weight's averages find no room
        learn, calls = learner(dls), []
        with monkeypatch.context() as m:
            m.setattr(FusedAdam, '_moments', moments)
            fit_stage(learn, Run(tmp_path/f'{len(full)}', {}), 0, r)
        ends.append(weights(learn))
    assert all(map(torch.equal, *ends)) and learn.n_micro == 1
    fault('memory', "memory runs out in the optimizer's first step", 'the step is taken again with all caches freed; the run is the same, bit for bit')
    full, learn = range(9999), learner(dls)
    monkeypatch.setattr(FusedAdam, '_moments', moments)
    fault.refused('memory', "no memory for the optimizer's averages", fit_stage, learn, Run(tmp_path/'full', {}), 0, r)

def test_memory_in_the_exchange(fault, dls, tmp_path, monkeypatch):
    ends, r = [], quick_recipe().change_stages(epochs=1, **small)
    def pool(learn):
        if learn.n_micro > 1: return
        for p in learn.model.parameters(): p.grad.mul_(99)   # weighed for the sum, which then finds no room
        raise words['CUDA']
    for name, parts in ('halves', 2), ('whole', 1):
        learn = learner(dls)
        with monkeypatch.context() as m:
            m.setattr(learners.SegLearner, '_pool', pool)
            fit_stage(learn, Run(tmp_path/name, {}), 0, r.change_stages(accumulate=parts))
        ends.append(weights(learn)); assert learn.n_micro == 2
    assert all(map(torch.equal, *ends))
    fault('memory', 'memory runs out in the exchange of several processes', 'the gradient is computed again, in halves; the run is one in halves, bit for bit')

def test_too_few_for_batch_norm(fault, folder, tmp_path):
    tiny = quick_recipe().change_stages(epochs=1, size=(32,32), precision='fp32')
    fault.refused('memory', 'parts of one image of 32x32 pixels, asked for', train, folder, tiny.change_stages(bs=2, accumulate=2), tmp_path/'run', device='cpu')
    assert not (tmp_path/'run').exists()
    learn = learner(seg_dataloaders(folder, (32,32), 4, device='cpu'), cbs=Crowded(1, words['CUDA']))
    fault.refused('memory', 'memory for one image of 32x32 pixels', fit_stage, learn, Run(tmp_path/'full', {}), 0, tiny.change_stages(bs=4))
    assert learn.n_micro == 2

def test_memory_and_resume(fault, dls, tmp_path):
    r, run = quick_recipe().change_stages(epochs=2, **small), Run(tmp_path/'run', {})
    with pytest.raises(KeyboardInterrupt): fit_stage(learner(dls, cbs=[Crowded(3, words['CUDA']), At(10, stop)]), run, 0, r)
    again = Run(run.path)
    fit_stage(learner(dls), again, 0, r, again.last_checkpoint())
    assert [o['accumulate'] for o in again.history] == [2, 2]
    fault('memory', 'memory ran out, and the run was stopped and resumed', 'it goes on in halves')

def test_not_even_one_image(fault, dls, tmp_path):
    learn = learner(dls, cbs=Crowded(0, words['CUDA']))
    fault.refused('memory', 'no memory for one image', fit_stage, learn, Run(tmp_path/'run', {}), 0, quick_recipe().change_stages(epochs=1, **small))
    assert all(p.grad is None for p in learn.model.parameters())
    assert not out_of_memory(RuntimeError('mat1 and mat2 shapes cannot be multiplied'))

# ---- the finder ----

@pytest.mark.parametrize('what', ['Ctrl-C', 'nan'])
def test_lr_finder(fault, dls, what):
    learn = learner(dls)
    def state(): return [*learn.model.state_dict().values(), torch.get_rng_state(), torch.tensor(np.random.get_state()[1].astype('int64'))]
    def hook(m, i, o):
        hook.n += 1
        if hook.n == 4 and what == 'Ctrl-C': raise KeyboardInterrupt
        return o*math.nan if hook.n >= 4 else o
    hook.n, before, rng, order = 0, [o.clone() for o in state()], random.getstate(), dls.train.rng.getstate()
    handle = learn.model.head.register_forward_hook(hook)
    if what == 'nan': fault.refused('lr finder', 'a loss of nan in its fourth step', lr_find, learn)
    else:
        with pytest.raises(KeyboardInterrupt): lr_find(learn)
        fault('lr finder', 'Ctrl-C in its fourth step', 'weights, random numbers and order of the frames as before')
    handle.remove()
    assert all(map(torch.equal, before, state())) and (rng, order) == (random.getstate(), dls.train.rng.getstate())

# ---- strangers ----

class Trap:
    def __reduce__(self): return (Path(os.environ['TRAP']).write_text, ('sprung',))

@pytest.fixture
def stranger(whole, tmp_path, monkeypatch):
    "A copy of a run folder, to spoil; a file beside it tells whether code ran"
    monkeypatch.setenv('TRAP', str(tmp_path/'sprung'))
    shutil.copytree(whole.path, tmp_path/'theirs')
    (tmp_path/'secret').mkdir()
    yield tmp_path/'theirs'
    assert not (tmp_path/'sprung').exists() and not list((tmp_path/'secret').iterdir())

def config(path, **stage):
    d = json.loads((path/'config.json').read_text())
    d['recipe']['stages'][0].update(stage)
    (path/'config.json').write_text(json.dumps(d))

def resume(path): return train_command._resumed(path, None)

@pytest.mark.parametrize('name', ['../secret/a', '/etc/motd', '..', 'best', 'a/b', 'CON .', '\x1b[31m', ''])
def test_stage_names(fault, stranger, name):
    config(stranger, name=name)
    fault.refused('untrusted', f'config.json with a stage named {name!r}', resume, stranger)

spoiled = {'a number as text': dict(epochs='3'), 'a size of three numbers': dict(size=[64,64,64]), 'an unknown field': dict(run='rm -rf'), 'a rate that is an object': dict(lr={})}
@pytest.mark.parametrize('what', spoiled)
def test_config_fields(fault, stranger, what):
    config(stranger, **spoiled[what])
    fault.refused('untrusted', f'config.json with {what}', resume, stranger)

@pytest.mark.parametrize('text', ['['*100_000, '[]', '\x00\xff', ''])
def test_config_text(fault, stranger, text):
    (stranger/'config.json').write_text(text, encoding='utf-8')
    fault.refused('untrusted', f'a config.json of {len(text)} bytes that is none', resume, stranger)

def spoil(path, f):
    "Change the facts in a checkpoint"
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file
    file = path/'last'/'checkpoint.safetensors'
    with safe_open(file, 'pt') as o: facts = json.loads(o.metadata()['facts'])
    f(facts)
    save_file(load_file(file), file, metadata={'facts': json.dumps(facts)})

facts = {'a stage that is not there': dict(stage=7), 'a place before the beginning': dict(batch=-1), 'a history of markup': dict(history=[{'stage': '<script>'}]), 'a rate that is text': dict(lr='1')}
@pytest.mark.parametrize('what', facts)
def test_checkpoint_facts(fault, stranger, folder, what):
    spoil(stranger, lambda o: o.update(facts[what]))
    fault.refused('untrusted', f'a checkpoint with {what}', resumed, folder, stranger)

def test_checkpoint_is_a_pickle(fault, stranger, folder):
    file = stranger/'last'/'checkpoint.safetensors'
    for what, b in {'a pickle that runs code': pickle.dumps(Trap()), 'half a file': file.read_bytes()[:99_999], 'zeros': bytes(999)}.items():
        file.write_bytes(b)
        fault.refused('untrusted', f'a checkpoint that is {what}', resumed, folder, stranger)

def test_checkpoint_of_another_network(fault, stranger, folder):
    from safetensors.torch import save_file
    spoil(stranger, lambda o: o.update(stage=0, epoch=0, batch=1))
    from safetensors import safe_open
    file = stranger/'last'/'checkpoint.safetensors'
    with safe_open(file, 'pt') as o: meta = o.metadata()
    save_file({'model.a': torch.zeros(1), 'opt.999.step': torch.zeros(1)}, file, metadata=meta)
    fault.refused('untrusted', 'a checkpoint of another network', resumed, folder, stranger)

@posix
def test_symbolic_links(fault, stranger, folder):
    secret = stranger.parent/'secret'
    shutil.rmtree(stranger/'last')
    (stranger/'last').symlink_to(secret)
    fault.refused('untrusted', 'a run folder whose last/ is a link to another folder', resumed, folder, stranger)
    (stranger/'last').unlink()
    for name in 'config.json', 'history.csv':
        (stranger/name).rename(stranger.parent/name)
        (stranger/name).symlink_to(stranger.parent/name)
    old = (stranger.parent/'history.csv').read_text()
    fault.refused('untrusted', 'a config.json that is a link to a file elsewhere', resume, stranger)
    assert (stranger.parent/'history.csv').read_text() == old

@posix
@pytest.mark.parametrize('name', ['history.csv', 'full-size.safetensors', 'metrics.json', 'report.html'])
def test_linked_file(fault, stranger, folder, name):
    there = stranger.parent/'mine'
    there.write_text('mine')
    (stranger/name).unlink(missing_ok=True)
    (stranger/name).symlink_to(there)
    def go_on(): write_report(resumed(folder, stranger))
    fault.refused('untrusted', f'a {name} that is a link to a file elsewhere', go_on)
    assert there.read_text() == 'mine' and (stranger/name).is_symlink()

@posix
def test_pipe(fault, stranger):
    (stranger/'config.json').unlink()
    os.mkfifo(stranger/'config.json')
    fault.refused('untrusted', 'a config.json that is a pipe and never ends', resume, stranger)

def test_weights_elsewhere(fault, stranger, folder):
    shutil.rmtree(stranger/'last')
    there = json.loads((stranger/'config.json').read_text())
    there['recipe']['weights'] = str(stranger.parent/'secret.pth')
    (stranger.parent/'secret.pth').write_bytes(pickle.dumps(Trap()))
    (stranger/'config.json').write_text(json.dumps(there))
    said = fault.refused('untrusted', 'a config.json whose weights are a file elsewhere, and no checkpoint', train, folder, Recipe.from_dict(there['recipe']), stranger, 'valid.txt', 'cpu', True)
    assert 'no checkpoint' in said

# ---- soak ----

def test_no_growth(fault, tmp_path):
    (m0, t0, f0), (m1, t1, f1) = soak.epochs(8, tmp_path, warm=3)
    assert t1 <= t0 and f1 <= f0 and m1 < 1.05*m0 + 20
    fault('memory', 'epoch after epoch', 'no growth of memory, threads or open files')
