"""Inputs that nobody thought of: whatever comes, the answer is right or one line. 2,000 inputs; CAMVID_SEG_FUZZ=100000 for a night."""
import contextlib, copy, functools, gzip, io, json, os, shutil, tarfile, warnings
from pathlib import Path
import numpy as np, pytest, torch
from hypothesis import HealthCheck, given, settings, strategies as st
from PIL import Image
from safetensors.torch import save_file
from camvid_seg.bench import bench
from camvid_seg.cli import common
from camvid_seg.cli.main import main
from camvid_seg.data import counts, scenes
from camvid_seg.core import SegError
from camvid_seg.data.check import check_dataset, check_pair
from camvid_seg.data.dataset import SegFolder
from camvid_seg.data.decode import read_mask
from camvid_seg.data.download import unpack
from camvid_seg.data.decode import read_image
from camvid_seg.train.recipes import quick_recipe
from camvid_seg.train import training
from camvid_seg.train.plan import resolve
from camvid_seg.train.run_config import split_digest
from camvid_seg.use.inference import Predictor
from camvid_seg.model.unet import create_unet
from camvid_seg.model.weights import save_weights

total = int(os.environ.get('CAMVID_SEG_FUZZ', 2000))
pytestmark = pytest.mark.filterwarnings('ignore')

def inputs(share, *strategies):
    "A test of `share` of all inputs; the short form draws the same ones every time"
    many = settings(max_examples=int(total*share), deadline=None, database=None, derandomize=total <= 2000, suppress_health_check=list(HealthCheck))
    return lambda f: many(given(*strategies)(f))

def survived(fault, share, what): fault('fuzz', f'{what}: {share:.0%} of 2,000 random inputs, of 100,000 in the long form', 'right, or refused in one line')

def one_line(f, *args):
    "The result of `f(*args)`, or None where it refused"
    try: return f(*args)
    except SegError as e: assert str(e).isprintable() and str(e), repr(e)

class Room:
    "A sound dataset of 4 frames to spoil, and a place to do it in"
    def __init__(self, path):
        self.path, self.data, rng = path, path/'data', np.random.default_rng(0)
        for o in ('images', 'labels'): (self.data/o).mkdir(parents=True)
        (self.data/'codes.txt').write_text('Sky\nRoad\nVoid\n'); (self.data/'valid.txt').write_text('f3\n')
        for i in range(4):
            Image.fromarray(rng.integers(0, 256, (9,12,3), dtype=np.uint8)).save(self.data/f'images/f{i}.png')
            Image.fromarray(rng.integers(0, 3, (9,12), dtype=np.uint8)).save(self.data/f'labels/f{i}_P.png')
        self.folder = SegFolder(self.data)

@pytest.fixture(scope='module')
def room(tmp_path_factory): return Room(tmp_path_factory.mktemp('fuzz'))

# ---- bytes, spoiled ----

spoilt = st.lists(st.tuples(st.sampled_from(['cut', 'flip', 'set', 'insert']), st.floats(0, 1), st.integers(0, 255)), max_size=4)

def spoil(b, how):
    "Bytes `b` cut, flipped, overwritten or with more inserted, at places given as parts of the length"
    b = bytearray(b)
    for kind, where, v in how:
        i = int(where*len(b))
        if kind == 'cut': del b[i:]
        elif kind == 'insert': b[i:i] = bytes([v])*(v%7+1)
        elif i < len(b): b[i] = v if kind == 'set' else b[i]^(1 << v%8)
    return bytes(b)

# ---- pictures ----

modes = {m: Image.new(m, (1,1)).tobytes().__len__() for m in ('L', 'P', 'LA', 'RGB', 'RGBA', 'CMYK', 'YCbCr', 'HSV', 'LAB', 'I', 'F', 'I;16', 'PA')} | {'1': 1}
formats = ['PNG', 'JPEG', 'GIF', 'BMP', 'TIFF', 'WEBP', 'PPM', 'ICO', 'PDF', 'TGA']

@st.composite
def pictures(draw):
    "The bytes of a file: a picture of some mode in some format, spoiled as a rule, or anything"
    if draw(st.integers(0, 9)) == 0: return draw(st.sampled_from([b'', b'\x89PNG\r\n\x1a\n', b'\xff\xd8\xff', b'GIF89a', b'<html>', b'%!PS', b'II*\0'])) + draw(st.binary(max_size=64))
    mode, (w,h), kind = draw(st.sampled_from([*modes])), draw(st.sampled_from([(12,9), (1,1), (12,8), (9,12), (400,2)])), draw(st.sampled_from(formats[:1]*8+formats))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    im = Image.frombytes(mode, (w,h), rng.integers(0, draw(st.sampled_from([2,3,4,256])), ((w+7)//8 if mode == '1' else w*modes[mode])*h, dtype=np.uint8).tobytes())
    if mode in ('P', 'PA') and draw(st.booleans()): im.putpalette(rng.integers(0, 256, 3*draw(st.sampled_from([1,2,4,256])), dtype=np.uint8).tobytes())
    exif, out = Image.Exif(), io.BytesIO()
    exif[0x112] = draw(st.integers(0, 9))
    try: im.save(out, kind, exif=exif, **({'transparency': draw(st.integers(0, 3))} if mode in ('P', 'L') and kind == 'PNG' else {}))
    except Exception: out = io.BytesIO(); im.convert('RGB').save(out, 'PNG')
    return spoil(out.getvalue(), draw(spoilt))

def test_pictures(room, fault):
    image, mask = room.data/'images/f0.png', room.data/'labels/f0_P.png'
    sound = image.read_bytes(), mask.read_bytes()
    @inputs(.35, pictures())
    def check(b):
        mask.write_bytes(b); image.write_bytes(b)
        ids, rgb = one_line(read_mask, mask, room.folder), one_line(read_image, image)
        assert ids is None or (ids.dtype, ids.ndim) == (np.uint8, 2) and ids.max() < 3
        assert rgb is None or (rgb.dtype, rgb.ndim, rgb.shape[2]) == (np.uint8, 3, 3)
        seen = check_pair(room.folder, image, mask)
        found = seen['errors'] + [seen['unknown']]*bool(seen['unknown'])    # the latter in one line for all masks
        assert all(o.isprintable() for o in found)
        assert found or (ids is not None and rgb is not None and ids.shape == rgb.shape[:2]) # what check lets pass can be read
    try: check()
    finally: image.write_bytes(sound[0]); mask.write_bytes(sound[1])
    survived(fault, .35, 'pictures and masks of any mode, cut, flipped and overwritten')

# ---- lists ----

words = st.sampled_from(['Sky', 'Road', 'Void', 'f0', 'f1.png', 'f3', '../f0', '0 0 0 Sky', '1 2 3\tRoad', '999 0 0 x', '', ' ', '\x1b[1m', '\ufeff', '\u2028', 'é'])
lists = st.one_of(st.lists(words | st.text(max_size=6), max_size=5).map('\n'.join).map(lambda s: s.encode('utf-8', 'surrogatepass')), st.binary(max_size=30))

def test_lists(room, fault):
    sound = {k: (room.data/k).read_bytes() for k in ('codes.txt', 'valid.txt')}
    @inputs(.05, st.sampled_from(['codes.txt', 'valid.txt', 'label_colors.txt']), lists)
    def check(name, b):
        (room.data/name).write_bytes(b)
        r = check_dataset(room.data)
        assert all(l.isprintable() for l in r.errors+r.warnings)
        f = one_line(SegFolder, room.data)
        assert (f and one_line(f.split)) or r.errors
        for k, v in sound.items(): (room.data/k).write_bytes(v)
    try: check()
    finally:
        (room.data/'label_colors.txt').unlink(missing_ok=True)
        for k, v in sound.items(): (room.data/k).write_bytes(v)
    survived(fault, .05, 'codes.txt, valid.txt and label_colors.txt')

# ---- archives ----

parts = st.sampled_from(['a', 'A', 'b', '..', '.', '', 'con', 'x'*201, '\x1b', 'C:', 'é', 'e\u0301', 'a ', 'b.png', '\\', 'codes.txt', '\udc80']) | st.text(max_size=3)
types = [tarfile.REGTYPE]*4 + [tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE, tarfile.GNUTYPE_SPARSE, b'Z', b'x', b'L']
members = st.tuples(st.lists(parts, max_size=4).map('/'.join), st.sampled_from(types), st.sampled_from([0o644]*4 + [0o777, 0o4755, 0o2755, 0]), st.binary(max_size=20))

def tar(ms):
    "A tar of members (name, type, mode, bytes)"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as t:
        for name, kind, mode, b in ms:
            m = tarfile.TarInfo(name); m.type, m.mode, m.linkname, m.size = kind, mode, '../../target', len(b)
            with contextlib.suppress(ValueError, UnicodeError): t.addfile(m, io.BytesIO(b))
    return out.getvalue()

def test_archives(room, fault):
    home = room.path/'home'; archive, inner = home/'x.tgz', home/'inner'
    home.mkdir()
    @inputs(.25, st.lists(members, max_size=4).map(tar), spoilt, spoilt)
    def check(b, inside, outside):
        shutil.rmtree(inner, ignore_errors=True); inner.mkdir()
        archive.write_bytes(spoil(gzip.compress(spoil(b, inside), 1), outside))
        n = one_line(unpack, archive, inner)
        there = [*inner.rglob('*')]
        assert all(not p.is_symlink() and (p.is_dir() or p.is_file() and not p.stat().st_mode & 0o6111 and p.stat().st_nlink == 1) for p in there)
        assert n is None or n == sum(p.is_file() for p in there)
        assert {p.name for p in home.iterdir()} == {'x.tgz', 'inner'}
    check()
    survived(fault, .25, 'archives of members of any name and type, spoiled inside and outside the compression')

# ---- the command ----

class Enough(SegError): "As far as an input may go: the next step would train or draw"

def enough(*args, **kwargs): raise Enough('enough')

def stopped(f):
    "`enough`, with the signature of `f`"
    return functools.wraps(f)(lambda *args, **kwargs: enough())

@pytest.fixture
def shell(room, monkeypatch):
    "Call the command in an empty folder; it goes as far as the first batch"
    for where, name in [(training, 'stage_loaders'), (counts, 'class_counts'), (Predictor, '__call__')]: monkeypatch.setattr(where, name, enough)
    monkeypatch.setattr(bench, 'benches', {k: stopped(f) for k, f in bench.benches.items()})
    monkeypatch.setattr(common, 'camvid', lambda **k: room.folder)
    monkeypatch.setattr(scenes, 'scenes', lambda **k: room.folder)
    cwd = room.path/'cwd'; cwd.mkdir(exist_ok=True)
    monkeypatch.chdir(cwd)
    def f(argv):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
            try: code = main(argv)
            except SystemExit as e: code = e.code
        out.getvalue().encode(); err.getvalue().encode()
        lines = [l for l in err.getvalue().split('\n')[:-1] if not l.startswith('warning: ')]
        assert 'unforeseen' not in err.getvalue() and 'Traceback' not in err.getvalue(), err.getvalue()
        assert code in (0, 2) or code == 1 and argv[0] in ('check', 'predict'), code
        assert len(lines) == (code == 2) and all(l.isprintable() for l in lines), lines
        for p in cwd.iterdir(): shutil.rmtree(p) if p.is_dir() else p.unlink()
        return err.getvalue()
    return f

flags = ['--data', '--split', '--out', '--resume', '--preset', '--seed', '--arch', '--decoder', '--weights', '--void', '--size', '--full-size', '--epochs', '--lr', '--wd',
         '--find-lr', '--metric', '--bs', '--precision', '--ema', '--accumulate', '--checkpointing', '--compile', '--no-cache', '--help', '--version', '--', '-h', '-x', '--no']
values = ['DATA', 'scenes', 'camvid', 'valid.txt', 'fastai', 'segnet', 'quick', 'lesson', 'lean', 'none', 'imagenet', 'ignore', 'accuracy', 'auto', 'fp16', 'resnet18', 'resnet999', 'valley', '1e-3',
          '1e-5:1e-3', 'nan', 'inf', '-1', '0', '1', '2', '8', '32', '64', '1e400', '9'*30, '9'*5000, '1:2:3', ':', '', '~', '~x', '.', '\udc80', '\x1b[31m', 'a\nb', 'x'*300]
safe = st.text(st.characters(exclude_characters='/\\\0'), max_size=5).filter(lambda s: s != '..')
sound = st.sampled_from([['--size', '64', '32'], ['--epochs', '1'], ['--bs', '2'], ['--lr', '1e-3'], ['--full-size', '64', '64'], ['--data', 'DATA'], ['--preset', 'lesson']])
argvs = st.builds(lambda c, o: c+sum(o, []), st.sampled_from([['train', '--preset', 'quick', '--data', 'DATA'], ['train'], ['lr-find'], ['check', '--data', 'DATA'], ['data'], ['explore', '--data', 'DATA'], []]),
                  st.lists(st.one_of(sound, st.builds(lambda f, v: [f, *v], st.sampled_from(flags), st.lists(st.sampled_from(values) | safe, max_size=3)), safe.map(lambda s: [s])), max_size=4))

def test_arguments(room, shell, fault):
    @inputs(.1, argvs)
    def check(argv): shell([str(room.data) if o == 'DATA' else o for o in argv])
    start = ['train', '--preset', 'quick', '--data', str(room.data), '--bs', '2']
    assert shell(start).endswith(': enough\n')
    for argv in [*start, '--out', 'x'*5000], [*start, '--data', ''], ['train', '--resume', 'x'*300], ['check', '--data', 'x'*5000]: shell(argv) # found earlier
    check()
    survived(fault, .1, 'arguments of the command')

words_of_predict = st.sampled_from(['WEIGHTS', 'IMAGE', 'MASK', 'DATA', 'codes.txt', 'absent.png', '.', '~', '', 'x'*300, '\udc80.png', '\x1b[31m.png', 'a\nb', '-', '-1']) | safe
sizes = st.sampled_from(['0', '1', '-1', '31', '32', '64', '9999999', '1000000', '999999', '8193', '9'*30, '9'*5000, 'nan', '1e3', '٣', '']) | safe
flags_of_predict = st.one_of(st.tuples(st.just('--size'), sizes, sizes).map(list), st.builds(lambda f, v: [f, *v], st.sampled_from(['--size', '--out', '--precision', '--help', '--data', '--x', '--']),
                                                                                              st.lists(words_of_predict | sizes | st.sampled_from(['fp16', 'auto', 'fp8']), max_size=3)))
predicts = st.builds(lambda w, i, o: ['predict', *w, *i, *sum(o, [])], st.sampled_from([['WEIGHTS']]*3+[['IMAGE'], ['absent.safetensors'], []]),
                     st.lists(st.just('IMAGE') | words_of_predict, max_size=3), st.lists(flags_of_predict, max_size=3))
flags_of_bench = st.one_of(st.tuples(st.just('--size'), sizes, sizes).map(list), st.builds(lambda f, v: [f, *v], st.sampled_from(['--size', '--bs', '--rounds', '--minutes', '--json', '--data', '--split', '--help']),
                                                                                           st.lists(sizes | st.sampled_from(['DATA', 'IMAGE', 'scenes', 'valid.txt', 'fastai', '.5', '.', 'x'*300]), max_size=2)))
benches = st.builds(lambda w, o: ['bench', *w, *sum(o, [])], st.sampled_from([*([k] for k in [*bench.benches, 'all']), [], ['x']]), st.lists(flags_of_bench, max_size=3))

@pytest.fixture
def typed(room, shell):
    "Call the command with the names in capitals made real"
    real = dict(DATA=str(room.data), IMAGE=str(room.data/'images/f0.png'), MASK=str(room.data/'labels/f1_P.png'),
                WEIGHTS=str(save_weights(create_unet('resnet18', 3, 'lean', None), room.path/'w.safetensors')))
    return lambda argv: shell([real.get(o, o) for o in argv])

def test_predict_arguments(typed, fault):
    @inputs(.05, predicts)
    def check(argv): typed(argv)
    start = ['predict', 'WEIGHTS', 'IMAGE']
    for argv in start, [*start, '--size', '64', '32']: assert typed(argv).endswith(': enough\n') # as far as labelling goes
    for argv in [*start, '--size', '9999999', '9999999'], [*start, '--size', '999999', '999999'], [*start, 'x'*300], [*start, '--out', 'IMAGE'], [*start, '--out', '\0']: typed(argv) # found earlier
    check()
    survived(fault, .05, 'arguments of camvid-seg predict')

def test_bench_arguments(typed, fault):
    @inputs(.05, benches)
    def check(argv): typed(argv)
    for k in [*bench.benches, 'all']: assert typed(['bench', k]).endswith(': enough\n') # as far as measuring goes
    check()
    survived(fault, .05, 'arguments of camvid-seg bench')

# ---- run folders ----

leaf = st.one_of(st.none(), st.booleans(), st.integers(-10, 10), st.sampled_from([10**30, -1, 0, .5, 1e308, float('nan'), float('inf'), '', '..', '../../x', 'x\x1b[1m\n', 'fp16', 'resnet18', 'accuracy', [], {}, [32,48], 'é'*99]), st.text(max_size=4))
json_values = st.recursive(leaf, lambda o: st.lists(o, max_size=3) | st.dictionaries(st.text(max_size=4), o, max_size=3), max_leaves=5)
changes = st.lists(st.tuples(st.lists(st.integers(0, 30), min_size=1, max_size=5), st.sampled_from(['set', 'set', 'set', 'del', 'add']), json_values), max_size=3)

def change(o, todo):
    "JSON `o` with some of its values set, deleted or added; a place is a list of numbers, one a level"
    o = copy.deepcopy(o)
    for where, how, v in todo:
        at, keys, v = o, [], copy.deepcopy(v) # of its own, or two places could hold each other
        for i in where:
            ks = list(at) if isinstance(at, dict) else list(range(len(at))) if isinstance(at, list) else []
            if not ks: break
            keys.append((at, ks[i%len(ks)])); at = at[ks[i%len(ks)]]
        if not keys: return v
        box, k = keys[-1]
        if how == 'del': del box[k]
        elif how == 'set': box[k] = v
        elif isinstance(box, dict): box[str(v)[:5]] = v
        else: box.append(v)
    return o

def config(room):
    recipe = quick_recipe().change_stages(epochs=1, bs=2, size=(32,48))
    c = dict(version='0', data=str(room.data), split='valid.txt', frames=split_digest(room.folder.split()), recipe=resolve(recipe).to_dict())
    return json.loads(json.dumps(c))

row = dict(stage='stage-1', epoch=0, train_loss=1., valid_loss=1., accuracy=.5, class_accuracy=.5, miou=.3, seconds=1.)
facts = dict(stage=0, epoch=1, batch=0, lr=.001, opt=dict(state=[], hypers=[]), history=[row, row], best=.5, seconds=1., count=3, scaler=None, ema=None,
             accumulate=1, skipped=0, in_a_row=0, train_iter=2, pct_train=.5)

def test_run_folders(room, shell, fault):
    good, run = config(room), Path('run')
    def resume(of_config, of_facts, b, c, what):
        (run/'last').mkdir(parents=True, exist_ok=True)
        text = json.dumps(change(good, of_config if what < 2 else [])).encode()
        (run/'config.json').write_bytes(spoil(text, b) if what == 3 else text)
        save_file({'smooth_loss': torch.tensor(1.)}, run/'last'/'checkpoint.safetensors', metadata={'facts': json.dumps(change(facts, of_facts))})
        if what == 1: (run/'last'/'checkpoint.safetensors').write_bytes(spoil((run/'last'/'checkpoint.safetensors').read_bytes(), c))
        return shell(['train', '--resume', 'run'])
    assert resume([], [], [], [], 0).endswith(': enough\n') # as far as training goes
    @inputs(.15, changes, changes, spoilt, spoilt, st.integers(0, 3))
    def check(of_config, of_facts, b, c, what): resume(of_config, of_facts, b, c, what)
    check()
    survived(fault, .15, 'run folders with any config.json and any checkpoint')
