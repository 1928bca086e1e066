"Faults in a dataset folder: found by `check`, refused before training, read right, never silent"
import numpy as np, pytest
from PIL import Image
from camvid_seg.dataset import SegFolder, read_mask

codes = 'Sky Road Car Void'.split()

@pytest.fixture
def folder(tmp_path):
    "The path of a small sound dataset: 6 noisy frames of 48 x 32 pixels, 2 of them to validate on"
    p, rng = tmp_path/'streets', np.random.default_rng(0)
    for o in ('images', 'labels'): (p/o).mkdir(parents=True)
    (p/'codes.txt').write_text('\n'.join(codes), encoding='utf-8')
    (p/'valid.txt').write_text('f4.png\nf5.png\n', encoding='utf-8')
    for i in range(6):
        Image.fromarray(rng.integers(0, 256, (32,48,3), dtype=np.uint8)).save(p/f'images/f{i}.png')
        Image.fromarray(rng.integers(0, 4, (32,48), dtype=np.uint8)).save(p/f'labels/f{i}_P.png')
    return p

def test_unknown_id(fault, folder):
    a = np.array(Image.open(folder/'labels/f0_P.png')); a[0,:5] = 200
    Image.fromarray(a).save(folder/'labels/f0_P.png')
    fault.refused('unknown id', 'id 200 in a mask, the first time it is read', read_mask, folder/'labels/f0_P.png', SegFolder(folder))
