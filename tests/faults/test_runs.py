"Runs and commands that meet a spoiled checkpoint, other data, a kill, a full or closed place, an unset variable: refused in a line, or gone on with"
import json, os, re, shutil
from pathlib import Path
import numpy as np, pytest, torch
from fastai.callback.core import Callback
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from camvid_seg.cli.main import main
from camvid_seg.core import SegError
from camvid_seg.data.dataset import SegFolder
from camvid_seg.data.scenes import scenes
from camvid_seg.model.weights import read_weights, save_weights
from camvid_seg.train.recipes import Recipe, Stage, quick_recipe
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
