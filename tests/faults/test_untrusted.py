"Names from strangers: class names, file names and folders with HTML or terminal escapes"
import json, os, re, subprocess, sys
from html.parser import HTMLParser
import numpy as np, pytest, torch
from PIL import Image
from safetensors.torch import save_file
from camvid_seg.cli.main import main
from camvid_seg.data.check import check_dataset
from camvid_seg.data.classes import ClassTable, SegClass
from camvid_seg.data.dataset import SegFolder
from camvid_seg.data.counts import class_counts
from camvid_seg.data.explore import AugmentExplorer, MaskExplorer, show_grid
from camvid_seg.train.plan import Plan
from camvid_seg.use.inference import Predictor
from camvid_seg.data.masks import color_table, show_mask
from camvid_seg.train.metrics import ConfusionMatrix
from camvid_seg.train.recipes import quick_recipe
from camvid_seg.model.unet import create_unet, load_unet
from camvid_seg.model.weights import save_weights

markup, escape = '<img src=x onerror=alert(1)>', '\x1b[31m\x9b1m\x07'
codes = ['Sky', markup, escape, '$\\frac$', 'Void']

@pytest.fixture
def folder(tmp_path):
    "The path of a dataset of 8 frames whose names are meant to do harm"
    if os.name == 'nt': pytest.skip('Windows has no such file names')
    p, rng = tmp_path/f'data<b>{escape}', np.random.default_rng(0)
    for o in ('images', 'labels'): (p/o).mkdir(parents=True)
    (p/'codes.txt').write_text('\n'.join(codes), encoding='utf-8')
    names = [f'{i}<script>$^${escape}' for i in range(8)]
    (p/'valid.txt').write_text('\n'.join(names[:2]), encoding='utf-8')
    for n in names:
        Image.fromarray(rng.integers(0, 256, (64,64,3), dtype=np.uint8)).save(p/f'images/{n}.png')
        Image.fromarray(rng.integers(0, 5, (64,64), dtype=np.uint8)).save(p/f'labels/{n}_P.png')
    return p

class Tags(HTMLParser):
    "The tags and the attributes in a text of HTML"
    def __init__(self, text): super().__init__(); self.seen = set(); self.feed(text); self.close()
    def handle_starttag(self, tag, attrs): self.seen |= {tag, *(k for k,_ in attrs)}

def harmless(html): return not Tags(html).seen & {'script', 'b', 'onerror'} and '\x1b' not in html

def test_html(fault, folder):
    f = SegFolder(folder)
    cm = ConfusionMatrix(f.codes, f.void_code)
    shown = {'the table of classes': ClassTable([SegClass(0, markup, (0,0,0), markup)]), 'the table of colours': color_table(f.codes, f.colors), 'the counts of classes': class_counts(f),
             'the confusion matrix': cm}
    for what, o in shown.items():
        assert harmless(o._repr_html_()), what
        fault('untrusted', f'a class named {markup}, in {what} in a notebook', 'shown as text')

def test_markdown(fault, folder):
    (folder/'images'/f'{markup}.png').write_bytes(b'')
    for what, o in {'the report of check': check_dataset(folder), 'the plan of a training': Plan(SegFolder(folder), quick_recipe())}.items():
        assert harmless(o._repr_markdown_()), what
        fault('untrusted', f'files with HTML and escapes in their names, in {what} in a notebook', 'shown as text')

def test_explorers(fault, folder):
    for e in MaskExplorer(SegFolder(folder)), AugmentExplorer(SegFolder(folder)):
        todo, values = [e.box if hasattr(e, 'box') else e.ui if hasattr(e, 'ui') else e], []
        while todo:
            o = todo.pop()
            todo += getattr(o, 'children', ())
            if type(o).__name__ in ('HTML', 'HTMLMath'): values.append(o.value)
        values += [getattr(e, k).value for k in ('picture', 'text', 'legend') if hasattr(getattr(e, k, None), 'value')]
        assert values and all(harmless(v) for v in values)
    fault('untrusted', 'class and file names with HTML, in the explorers of a notebook', 'shown as text')

def test_plots(fault, folder):
    f = SegFolder(folder)
    show_mask(np.arange(25).reshape(5,5)%5, f, title='$\\frac$').figure.canvas.draw()
    fault('untrusted', 'a class named like a formula that is none, in a legend', 'shown as text')
    grid = show_grid(f, n=2)
    grid.canvas.draw()
    assert all('$^$' in ax.get_title() for ax in grid.axes[:2])
    fault('untrusted', 'files named like a formula that is none, over their pictures', 'shown as text')

def command(*args, cwd):
    r = subprocess.run([sys.executable, '-m', 'camvid_seg', *map(str, args)], cwd=cwd, capture_output=True, timeout=280)
    return r.returncode, r.stdout.decode(), r.stderr.decode()

@pytest.mark.parametrize('args', ['data', 'check', 'explore --out look', 'train --preset quick --epochs 1 --bs 2 --size 32 32 --full-size 64 64'])
def test_terminal(fault, folder, args):
    name, *rest = args.split()
    code, out, err = command(name, '--data', folder, *rest, cwd=folder.parent)
    assert code == 0, err
    for text in out, err: assert not re.search('[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]', text), text
    fault('untrusted', f'terminal escapes in class, file and folder names, camvid-seg {name}', 'printed as text')
    pages = [*folder.parent.glob('runs/*/report.html')]
    assert len(pages) == (name == 'train')
    for page in pages:
        assert harmless(page.read_text(encoding='utf-8'))
        fault('untrusted', 'HTML in class, file and folder names, in report.html', 'shown as text')

def test_error_line(fault, folder, capsys):
    (folder/'labels'/f'0<script>$^${escape}_P.png').write_bytes(b'')
    assert main(['train', '--data', str(folder), '--preset', 'quick']) == 2
    out, err = capsys.readouterr()
    assert '\x1b' not in out+err and err.count('\n') == 1
    fault('untrusted', 'a broken file with terminal escapes in its name', 'refused, the name spelled out', err.strip())

headers = {'a decoder that is a list': dict(decoder=[]), 'codes=5': dict(codes=5), 'a list among the names of classes': dict(codes=['a', ['x']]), '10**12 classes': dict(n_classes=10**12),
           'true for the number of classes': dict(n_classes=True), '400 classes': dict(n_classes=400, codes=[*map(str, range(400))]), 'no class': dict(n_classes=0, codes=[]),
           '3 names for 2 classes': dict(codes=['a', 'b', 'c']), 'Void beyond the classes': dict(void_code=2), 'an arch that is a dictionary': dict(arch={'resnet18': 1}),
           'a size of one number': dict(size=[64]), 'a size of a trillion pixels': dict(size=[10**6, 10**6]), 'a size that is text': dict(size='64x80')}

@pytest.mark.parametrize('what', headers)
def test_header_of_weights(fault, tmp_path, monkeypatch, what):
    facts = {**dict(arch='resnet18', n_classes=2, decoder='lean', codes=['a', 'b'], void_code=1), **headers[what]}
    save_file({'head.bias': torch.zeros(2)}, tmp_path/'net.safetensors', metadata={k: json.dumps(v) for k, v in facts.items()})
    monkeypatch.setattr('camvid_seg.model.unet.create_unet', lambda *args, **kwargs: pytest.fail('a network was built'))
    said = fault.refused('untrusted', f'weights whose header says {what}', load_unet, tmp_path/'net.safetensors')
    assert said.startswith(f'net.safetensors: its header says {[*headers[what]][0]}=') and len(said) < 250

@pytest.fixture
def strange(tmp_path):
    "Make a file of weights whose header names the classes so"
    def f(codes): return save_weights(create_unet('resnet18', 5, 'lean', None), tmp_path/'w.safetensors', codes=codes)
    return f

def test_weights_header(fault, strange, tmp_path, capsys):
    p = Predictor(strange(codes), device='cpu')(np.zeros((32,32,3), np.uint8))
    p.ids[:] = np.arange(32)%5
    assert repr(p).isprintable() and set(p.shares) == set(p.codes) and all(k.isprintable() for k in p.codes) and markup in p.codes
    fault('untrusted', 'terminal escapes in the class names of a file of weights, in what a predictor prints', 'printed as text')
    Image.new('RGB', (32,32)).save(tmp_path/'x.png')
    assert main(['predict', str(strange(codes)), str(tmp_path/'x.png'), '--out', str(tmp_path/'out')]) == 0
    out, err = capsys.readouterr()
    assert '\x1b' not in out and '\x9b' not in out+err
