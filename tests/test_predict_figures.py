"A figure and the weights beside it are of one network at one size: what `predict` makes with its defaults is as good as metrics.json says"
import json, math, shutil
import numpy as np, pytest, torch
from fastai.callback.core import Callback
from fastai.learner import Metric
from PIL import Image
from camvid_seg.cli.main import main
from camvid_seg.train import training
from camvid_seg.data.decode import read_mask
from camvid_seg.train.training import stage_learner, stage_loaders
from camvid_seg.use.inference import Predictor
from camvid_seg.data.decode import read_image
from camvid_seg.train.metrics import ConfusionMatrix
from camvid_seg.data.scenes import scenes
from camvid_seg.train.recipes import quick_recipe
from camvid_seg.train.runs import Run
from camvid_seg.train.training import fit_stage
from camvid_seg.model.unet import load_unet
from camvid_seg.model.weights import read_weights, save_weights

own = (96,128)                                                    # of the scenes
sizes = [(40,48), (40,48), (64,80)]                               # of the stages; 5:4, as the quick recipe's
recipe = quick_recipe(seed=3, arch='resnet18', weights=None).change_stages(size=sizes, epochs=[4,1,3], bs=8, precision='fp32', lr=[3e-3,2e-3,1e-3])

class Quiet(Callback): "Instead of fastai's bars"

@pytest.fixture(scope='module')
def folder(): return scenes(n=60, size=own)

@pytest.fixture(scope='module')
def whole(folder, tmp_path_factory):
    "The folder of a run in three stages, of two sizes"
    out = tmp_path_factory.mktemp('whole')/'run'
    args = ['--arch', 'resnet18', '--weights', 'none', '--size', 40, 48, '--full-size', 64, 80, '--epochs', 4, 1, 3, '--bs', 8, '--precision', 'fp32', '--lr', 3e-3, 2e-3, 1e-3, '--seed', 3]
    assert main(['train', '--data', str(folder.path), '--preset', 'quick', *map(str, args), '--out', str(out)]) == 0
    return out

def metrics(run): return json.loads((run/'metrics.json').read_text(encoding='utf-8'))

def size_of(path): return read_weights(path)[1]['size']

def judged(folder, of):
    "Masks `of(image)` against those of all validation frames, at the images' own size, without Void"
    cm = ConfusionMatrix(folder.codes, folder.void_code)
    for p in folder.split().valid: cm.update(torch.as_tensor(of(p))[None], torch.as_tensor(read_mask(folder.label(p), folder))[None])
    return cm

def test_predict_is_as_good_as_the_run_says(folder, whole, tmp_path, capsys):
    out, m = tmp_path/'out', metrics(whole)
    assert main(['predict', str(whole/m['weights']), *map(str, folder.split().valid), '--out', str(out)]) == 0
    assert 'sees 64x80, as trained' in capsys.readouterr().out
    cm = judged(folder, lambda p: read_mask(out/f'{p.stem}_P.png', folder))
    assert m['accuracy'] > .6                                     # it has learned something
    assert cm.accuracy == pytest.approx(m['accuracy'], abs=.005) and cm.miou == pytest.approx(m['miou'], abs=.01)
    at_own = Predictor(whole/m['weights'], own, 'cpu')
    blind = judged(folder, lambda p: at_own(p).ids)
    assert abs(blind.accuracy - m['accuracy']) > .005             # at the images' own size these are not its figures

def test_metrics_are_of_the_best_at_the_last_size(folder, whole):
    m, run = metrics(whole), Run(whole)
    run.last_checkpoint()
    assert m['weights'] == 'best.safetensors' and size_of(whole/'best.safetensors') == m['size'] == [64,80]
    last = [r for r in run.history if r['stage'] == 'full-size']
    best = max(last, key=lambda r: r['accuracy'])
    assert (m['stage'], m['epoch']) == ('full-size', best['epoch']) and m['best'] == dict(stage='full-size', epoch=best['epoch'], accuracy=pytest.approx(best['accuracy'], abs=1e-6))
    assert m['accuracy'] == pytest.approx(best['accuracy'], abs=1e-6) and run.best == best['accuracy']
    assert [size_of(whole/f'{k}.safetensors') for k in ('stage-1', 'stage-2', 'full-size')] == [[40,48], [40,48], [64,80]]
    assert '<code>best.safetensors</code>' in (whole/'report.html').read_text(encoding='utf-8')

class Series(Metric):
    "Figures that somebody made up"
    name, value = 'accuracy', None
    def __init__(self, values): self.todo = list(values)
    def reset(self): self.value = self.todo.pop(0)

def fitted(folder, path, figures, number, cbs=(), resume=False, minutes=10.):
    "A stage of `recipe`, two epochs each, with accuracies that somebody made up"
    r = recipe.change_stages(epochs=2, bs=10)
    learn, run = stage_learner(stage_loaders(folder, r, number, device='cpu'), r, Quiet()), Run(path) if path.exists() else Run(path, dict(recipe=r.to_dict()))
    state = run.last_checkpoint()
    learn.metrics = Series(figures)
    learn.add_cbs(cbs)
    fit_stage(learn, run, number, r, state if resume else None, minutes)
    return run

class Stop(Callback):
    "In step `step` of epoch `epoch`"
    def __init__(self, epoch, step): self.at = epoch, step
    def before_step(self):
        if (self.epoch, self.iter) == self.at: raise KeyboardInterrupt

@pytest.fixture(scope='module')
def small(folder, tmp_path_factory):
    "The folder of a run after its second stage, with a best of 0.95"
    path = tmp_path_factory.mktemp('small')/'run'
    assert fitted(folder, path, [.95, .9], 1).best == .95 and size_of(path/'best.safetensors') == [40,48]
    return path

@pytest.mark.parametrize('at', [(0,0), (0,1), (1,1)])
def test_a_new_size_begins_anew_also_when_resumed(folder, small, tmp_path, at):
    "0.95 on small images is no match for 0.5 on large ones: it is not asked to be"
    shutil.copytree(small, tmp_path/'run')
    with pytest.raises(KeyboardInterrupt): fitted(folder, tmp_path/'run', [.5, .4], 2, Stop(*at), minutes=0)
    run = Run(tmp_path/'run')
    run.last_checkpoint()
    assert run.best == (.5 if at[0] else -math.inf)
    run = fitted(folder, tmp_path/'run', [.5, .4][at[0]:], 2, resume=True)
    assert run.best == .5 and size_of(tmp_path/'run'/'best.safetensors') == [64,80]
    assert training._chosen(run, recipe) == dict(weights='best.safetensors', stage='full-size', epoch=0, best=dict(stage='full-size', epoch=0, accuracy=.5))
    best, last = (read_weights(tmp_path/'run'/f'{k}.safetensors')[0] for k in ('best', 'full-size'))
    assert not all(map(torch.equal, best.values(), last.values())) # the first of its two epochs

def test_the_first_epoch_at_a_size_is_kept_without_a_figure(folder, small, tmp_path):
    shutil.copytree(small, tmp_path/'run')
    run = fitted(folder, tmp_path/'run', [math.nan, math.nan], 2)
    assert run.best == -math.inf and size_of(tmp_path/'run'/'best.safetensors') == [64,80]
    assert training._chosen(run, recipe) == dict(weights='best.safetensors', stage='full-size', epoch=0, best=dict(stage='full-size', epoch=0, accuracy=None))

def test_a_run_of_an_older_version(folder, whole, tmp_path):
    "Its best may be of any size; the last stage's weights, saved anew, are what is judged and named"
    run = Run(whole)
    run.last_checkpoint()
    old = Run(tmp_path/'old', run.config)
    old.history = run.history
    net, facts = load_unet(whole/'stage-1.safetensors')
    save_weights(net, tmp_path/'old'/'best.safetensors', codes=facts['codes'], void_code=facts['void_code'])
    assert training._chosen(old, recipe)['weights'] == 'full-size.safetensors' and training._chosen(old, recipe)['epoch'] == 2
    image = folder.split().valid[0]
    p = Predictor(tmp_path/'old'/'best.safetensors', device='cpu')
    assert p.sees(own) == own and 'its own size' in repr(p)
    assert np.array_equal(p(image).ids, p.ids(read_image(image)))

def test_a_learner_is_its_file(folder, whole, tmp_path):
    learn = stage_learner(stage_loaders(folder, recipe, 2, device='cpu'), recipe, Quiet())
    learn.load(whole/'best.safetensors')
    a, b = Predictor(learn, device='cpu'), Predictor(learn.save(tmp_path/'again.safetensors'), device='cpu')
    image = folder.split().valid[0]
    assert a.sees(own) == b.sees(own) == (64,80) and repr(a) == repr(b) and np.array_equal(a(image).ids, b(image).ids)
    Image.fromarray(read_image(image)[:, :40]).save(tmp_path/'narrow.png')
    assert a.sees((96,40)) == (111,46) and a(tmp_path/'narrow.png').ids.shape == (96,40)
