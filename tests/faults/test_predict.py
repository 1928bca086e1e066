"Jobs of predictions on films and folders that are not what they seem: said in a line, and the others are done"
import sys
from fractions import Fraction
import numpy as np, pytest, torch
from PIL import Image
from camvid_seg.cli.main import main
from camvid_seg.model.unet import create_unet
from camvid_seg.model.weights import save_weights
from camvid_seg.use.video import VideoWriter

@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    torch.manual_seed(0)
    return save_weights(create_unet('resnet18', 3, 'lean', None), tmp_path_factory.mktemp('weights')/'w.safetensors', codes=[*'abc'], size=[32,48])

@pytest.fixture
def job(weights, tmp_path, capsys):
    "Label what is in a folder; the exit code, and what was said of what has no result, or the refusal"
    def run(*flags, inputs=(tmp_path/'new',)):
        code = main(['predict', str(weights), *map(str, inputs), '--out', str(tmp_path/'out'), *flags])
        said = capsys.readouterr()
        return code, (said.err if code == 2 else said.out).strip().splitlines()[-1].strip()
    (tmp_path/'new').mkdir()
    Image.new('RGB', (48,32)).save(tmp_path/'new'/'a.png')
    return run

def film(path):
    writer = VideoWriter(path, Fraction(25), '')
    for i, o in enumerate(np.random.default_rng(0).integers(0, 256, (30,96,128,3), np.uint8)): writer.add(o, Fraction(i, 25))
    writer.close()
    return path

def no_film(p): p.write_text('no film', encoding='utf-8')
def cut_off(p): p.write_bytes(film(p).read_bytes()[:20000])
def spoilt(p):
    b = film(p).read_bytes()
    p.write_bytes(b[:5000] + bytes(len(b)//2) + b[5000 + len(b)//2:])

@pytest.mark.parametrize('broken', [no_film, cut_off, spoilt], ids=lambda o: o.__name__)
def test_a_broken_film(fault, job, tmp_path, broken):
    broken(tmp_path/'new'/'drive.mp4')
    code, said = job()
    assert code == 1 and 'drive.mp4' in said
    assert sorted(p.name for p in (tmp_path/'out').iterdir()) == ['a_P.png', 'a_overlay.png']
    fault('command', f'predict on a folder with a film that is {broken.__name__.replace("_", " ")}', 'listed at the end (exit code 1), the others done, nothing half written', said)

def test_a_film_without_pyav(fault, job, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'av', None)
    (tmp_path/'drive.mp4').write_bytes(b'')
    code, said = job(inputs=[tmp_path/'drive.mp4'])
    assert code == 2 and "pip install 'camvid_seg[video]'" in said
    fault('command', 'predict on a film where PyAV is not installed', 'refused, and says what to install', said)

def test_two_images_of_one_name(fault, job, tmp_path):
    Image.new('RGB', (48,32)).save(tmp_path/'new'/'a.jpg')
    code, said = job()
    assert code == 2 and 'would be written twice' in said and not (tmp_path/'out').exists()
    fault('command', 'predict on a folder with a.png and a.jpg', 'refused, before anything is labelled', said)

def test_nothing_to_label(fault, job, tmp_path):
    for what, inputs in ('an empty folder', [tmp_path/'empty']), ('a pattern that no file has', [tmp_path/'new'/'*.tif']):
        (tmp_path/'empty').mkdir(exist_ok=True)
        code, said = job(inputs=inputs)
        assert code == 2
        fault('command', f'predict on {what}', 'refused', said)

def test_results_are_no_inputs(fault, job, tmp_path):
    "Of a job that writes into the folder it reads"
    for n in 2, 2: assert job('--out', str(tmp_path/'new'))[0] == 0 and len([*(tmp_path/'new').iterdir()]) == n + 1
    fault('command', 'predict into the folder with the images, twice', 'its own results are no inputs of the second')
