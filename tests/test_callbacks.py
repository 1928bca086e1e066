"Every callback that fastai ships works on a `SegLearner`, is refused by name, or is of another kind of work"
import importlib, pkgutil
from contextlib import nullcontext
import fastai.callback, fastai.callback.all as cb, fastai.vision.all as vision, pytest, torch
from fastai.callback.core import Callback
from camvid_seg.core import SegError
from camvid_seg.data.loaders import seg_dataloaders
from camvid_seg.data.scenes import scenes
from camvid_seg.train.learner import unet_learner

for o in pkgutil.walk_packages(fastai.callback.__path__, 'fastai.callback.'):
    try: importlib.import_module(o.name)
    except ImportError: pass                        # of a service that is not installed

works = dict(
    ActivationStats=lambda: cb.ActivationStats(with_hist=True), BnFreeze=cb.BnFreeze, ChannelsLast=cb.ChannelsLast, CSVLogger=lambda: cb.CSVLogger('log.csv'),
    CollectDataCallback=cb.CollectDataCallback, CutMix=lambda: cb.CutMix(1.), EarlyStoppingCallback=cb.EarlyStoppingCallback, FetchPredsCallback=vision.FetchPredsCallback,
    GradientClip=cb.GradientClip, MCDropoutCallback=cb.MCDropoutCallback, ReduceLROnPlateau=cb.ReduceLROnPlateau,
    SaveModelCallback=cb.SaveModelCallback, ShortEpochCallback=lambda: cb.ShortEpochCallback(pct=.5), SkipToEpoch=lambda: vision.SkipToEpoch(0),
    TerminateOnNaNCallback=cb.TerminateOnNaNCallback, TrackerCallback=cb.TrackerCallback, ShowGraphCallback=cb.ShowGraphCallback)
refused = dict(MixedPrecision=cb.MixedPrecision, NonNativeMixedPrecision=cb.NonNativeMixedPrecision, ModelToHalf=cb.ModelToHalf, MixUp=cb.MixUp, GradientAccumulation=cb.GradientAccumulation)
own = {'TrainEvalCallback', 'Recorder', 'ProgressCallback', 'CastToTensor', 'ParamScheduler', 'LRFinder', 'GatherPredsCallback'}    # part of learner, fit or get_preds
other = {'HookCallback', 'MixHandler',                                                                        # bases of others
         'RNNCallback', 'ModelResetter', 'RNNRegularizer', 'DistributedTrainer', 'ParallelTrainer', 'GANTrainer', 'FixedGANSwitcher', 'AdaptiveGANSwitcher', 'GANDiscriminativeLR',
         'NeptuneCallback', 'CometCallback', 'WandbCallback', 'TensorBoardBaseCallback', 'TensorBoardCallback', 'TensorBoardProjectorCallback', 'AzureMLCallback'}

def below(c):
    for o in c.__subclasses__():
        yield o
        yield from below(o)

def test_all_are_known():
    shipped = {o.__name__ for o in below(Callback) if o.__module__.startswith('fastai.')}
    assert shipped <= {*works, *refused, *own, *other}, shipped - {*works, *refused, *own, *other}

@pytest.fixture(scope='module')
def dls(): return seg_dataloaders(scenes(n=12, size=(64,96), per_drive=2), (32,48), bs=2, device='cpu')

@pytest.fixture
def learn(dls, tmp_path): return unet_learner(dls, 'resnet18', None, 'lean', path=tmp_path)

@pytest.mark.parametrize('name', works)
def test_works(learn, name):
    before = learn.model.head.weight.detach().clone()
    with nullcontext() if name == 'ShowGraphCallback' else learn.no_bar(), learn.no_logging(): learn.fit(1, 1e-3, cbs=works[name]())    # it draws into the bar
    assert not before.equal(learn.model.head.weight) and torch.isfinite(learn.model.head.weight).all()
    assert not [o for o in learn.cbs if type(o).__name__ == name]

@pytest.mark.parametrize('name', refused)
def test_refused(learn, name):
    with pytest.raises(SegError, match=f"fastai's {name}: ") as e: learn.fit(1, 1e-3, cbs=refused[name]())
    assert '\n' not in str(e.value)
