"""The pictures of the landing page: `python docs/landing.py RUN` writes a scene, its target and what the network of the run folder RUN
says of it to docs/landing. RUN comes of the first command of nbs/index.ipynb."""
import sys
from pathlib import Path
from PIL import Image
from camvid_seg.data.masks import colorize
from camvid_seg.data.scenes import scenes
from camvid_seg.use.inference import Predictor

to = Path(__file__).parent/'landing'

def main(run, frame='drive17_000000', size=(512, 640)):
    folder = scenes(n=160, size=size, per_drive=2)     # the scenes of that run at twice their size, for fine screens
    [image] = [p for p in folder.images if p.stem == frame]
    target = Image.open(folder.label(image))
    prediction = Predictor(run)(image)
    to.mkdir(parents=True, exist_ok=True)
    Image.open(image).convert('RGB').save(to/'scene.webp', quality=80)
    for name, ids in ('target', target), ('prediction', prediction.ids):
        Image.fromarray(colorize(ids, folder.colors)).quantize(64).save(to/f'{name}.png', optimize=True)

if __name__ == '__main__':
    if len(sys.argv) != 2: sys.exit('usage: python docs/landing.py RUN')
    main(sys.argv[1])
