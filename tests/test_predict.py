"Predictions by the thousand, of films and of folders: in constant memory, stopped and gone on with. `tests/soak.py predict` is the long form"
import os, subprocess, sys
from fractions import Fraction
from pathlib import Path
import numpy as np, psutil, pytest, torch
from PIL import Image
from camvid_seg.cli.main import main
from camvid_seg.model.unet import create_unet
from camvid_seg.model.weights import save_weights
from camvid_seg.use.inference import Predictor
from camvid_seg.use.video import VideoWriter, label_video, read_frames
from soak import predictions

@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    torch.manual_seed(0)
    return save_weights(create_unet('resnet18', 4, 'lean', None), tmp_path_factory.mktemp('weights')/'w.safetensors', codes=[*'abcd'], size=[32,48])

@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(12):
        p = tmp_path/'new'/'ab'[i%2]/f'{i//2}.png'
        p.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40 + i, 60, 3), np.uint8)).save(p)
    return tmp_path/'new'

def files(out): return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob('*') if p.is_file()}

def rss(): return psutil.Process().memory_info().rss/2**20

def film(path, seconds, size=(64,96), rate=25):
    writer = VideoWriter(path, Fraction(rate), '')
    y, x = np.mgrid[:size[0], :size[1]]
    for i in range(seconds*rate): writer.add(np.stack([(x + i)%256, (y*2 + i)%256, (x + y)%256], -1).astype(np.uint8), Fraction(i, rate))
    writer.close()
    return path

def test_many_predictions_of_mixed_sizes_and_modes():
    "Of paths, arrays and Pillow images in seven modes; `CAMVID_SEG_PREDICTIONS=1000` is the long form"
    before, after, modes = predictions(int(os.environ.get('CAMVID_SEG_PREDICTIONS', 120)))
    assert modes == {'1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'I;16'} and after < before + 150

DYING = """import os, sys
from camvid_seg.cli.main import main
n, *args = sys.argv[1:]
replace, files = os.replace, 0
def dying(a, b):
    global files
    files += 1
    if files == int(n): os._exit(9)
    replace(a, b)
os.replace = dying
sys.exit(main(args))"""

@pytest.mark.parametrize('n', [1, 6, 11])
def test_a_killed_folder_job_goes_on(weights, images, tmp_path, capsys, n):
    "Killed while it writes the nth file: nothing half written under its name, and the same command ends with the files of a job that was left alone"
    start = ['predict', str(weights), str(images), '--precision', 'fp32', '--out']
    assert main([*start, str(tmp_path/'whole')]) == 0
    whole, out = files(tmp_path/'whole'), tmp_path/'out'
    r = subprocess.run([sys.executable, '-W', 'ignore', '-c', DYING, str(n), *start, str(out)], capture_output=True)
    there = {k: v for k, v in files(out).items() if not Path(k).name.startswith('.')}
    assert r.returncode == 9 and len(there) == n - 1 and there.items() <= whole.items()
    for p in out.rglob('.*'): os.utime(p, (1, 1))   # a minute later
    capsys.readouterr()
    assert main([*start, str(out)]) == 0 and files(out) == whole
    assert n < 3 or f'({(n - 1)//2} done before)' in capsys.readouterr().out

def test_parts_of_a_job_are_the_whole(weights, images, tmp_path):
    start = ['predict', str(weights), str(images), '--precision', 'fp32', '--no-overlay', '--out']
    assert main([*start, str(tmp_path/'whole')]) == 0
    for k in 3, 1, 2: assert main([*start, str(tmp_path/'parts'), '--part', f'{k}/3']) == 0
    assert files(tmp_path/'parts') == files(tmp_path/'whole') and len(files(tmp_path/'whole')) == 12

def test_a_film_takes_constant_memory(weights, tmp_path):
    "`CAMVID_SEG_SECONDS=30` is the long form"
    seconds, seen = int(os.environ.get('CAMVID_SEG_SECONDS', 6)), []
    def watched(frames):
        for i, o in enumerate(frames):
            if i%25 == 24: seen.append(rss())
            yield o
    path = film(tmp_path/'drive.mp4', seconds)
    out = dict(masks=tmp_path/'out'/'drive_P', overlay=tmp_path/'out'/'drive_overlay.mp4')
    assert label_video(Predictor(weights, device='cpu', precision='fp32'), path, out, 'key', watched) == seconds*25
    assert len(seen) == seconds and max(seen[2:]) < seen[1] + 40, seen
    assert len([*read_frames(out['overlay'])]) == len([*out['masks'].glob('*.png')]) == seconds*25
    print(f'{seconds} s: {seen[1]:.0f} -> {seen[-1]:.0f} MB')

TALL = """import sys, numpy as np, psutil, torch
from camvid_seg.model.unet import create_unet
from camvid_seg.use.inference import Predictor
torch.manual_seed(0)
p = Predictor(create_unet('resnet18', 32, 'lean', None), device='cpu', precision='fp32', tile=128)
for rows in 512, 2560:
    assert p(np.zeros((rows, 256, 3), np.uint8)).ids.shape == (rows, 256)
    print(psutil.Process().memory_info().rss)"""

def test_tiles_take_memory_for_their_size_not_for_the_height():
    r = subprocess.run([sys.executable, '-W', 'ignore', '-c', TALL], capture_output=True, text=True)
    low, high = map(int, r.stdout.split())
    assert high - low < 60*2**20        # the probabilities alone would be 80 MB more

def test_without_pyav(weights, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, 'av', None)
    (tmp_path/'drive.mp4').write_bytes(b'')
    assert main(['predict', str(weights), str(tmp_path/'drive.mp4'), '--out', str(tmp_path/'out')]) == 2
    assert "pip install 'camvid_seg[video]'" in capsys.readouterr().err
