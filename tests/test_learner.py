"`SegLearner` is the same class with the same methods, whatever else was imported, and before or after it"
import sys
import pytest
from conftest import root, run

LEARNER = 'camvid_seg.train.learner'
ORDERS = {
    'the learner first': [LEARNER],
    'the network first': ['camvid_seg.model.unet', 'camvid_seg.use.inference'],
    'training first': ['camvid_seg.train.training'],
    'the finder and fastai first': ['fastai.vision.all', 'camvid_seg.train.lr_finder'],
}
METHODS = ['add_cb', 'add_cbs', '_split', '_do_fit', '_do_one_batch', '_step', 'all_batches', 'compile', 'export', 'fit', 'load', 'lr_find', 'save',
           'set_precision', 'to_fp16', 'to_bf16']

program = '''
import importlib, pkgutil, sys
for name in sys.argv[1].split(','): importlib.import_module(name)
import camvid_seg
from camvid_seg.train.learner import SegLearner, unet_learner
before = dict(vars(SegLearner))
skip = ('camvid_seg.__main__', 'camvid_seg._modidx', 'camvid_seg.bench')
others = [o.name for o in pkgutil.walk_packages(camvid_seg.__path__, 'camvid_seg.') if not o.name.startswith(skip)]
for name in others: importlib.import_module(name)
after = dict(vars(SegLearner))
assert before.keys() == after.keys() and all(before[k] is after[k] for k in before), 'an import changed the class'
for k,v in after.items():
    if k.startswith('_orig_'): continue   # fastcore's patch keeps what it replaced
    if callable(v): assert v.__module__ == 'camvid_seg.train.learner', (k, v.__module__)
    print(k, getattr(v, '__qualname__', type(v).__name__))
'''

def methods(order): return run(sys.executable, '-W', 'ignore', '-c', program, ','.join(order)).splitlines()

@pytest.fixture(scope='module')
def expected(): return methods(ORDERS['the learner first'])

@pytest.mark.parametrize('how', list(ORDERS)[1:])
def test_methods_do_not_depend_on_imports(expected, how):
    assert {o.split()[0] for o in expected} >= set(METHODS)
    assert methods(ORDERS[how]) == expected

def test_only_its_own_module_patches_it():
    found = [p.relative_to(root).as_posix() for p in (root/'camvid_seg').rglob('*.py') if '(self:SegLearner' in p.read_text(encoding='utf-8')]
    assert found == ['camvid_seg/train/learner.py']

def test_the_finder_knows_no_learner():
    "Its step is `one_batch`, fastai's name, and no other method of a learner is looked up by a string"
    source = (root/'camvid_seg/train/lr_finder.py').read_text(encoding='utf-8')
    assert 'train.learner' not in source and 'from .learner' not in source and 'getattr(learn, ' not in source
