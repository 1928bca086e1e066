"""Run notebooks from top to bottom and store their outputs: `python docs/outputs.py nbs/02_masks.ipynb ...`. Figures are stored at twice
the resolution (the profile in tests/ipython asks for it), in 256 colours, which makes them a third of the size. A notebook whose code
fails stays as it was."""
import io, os, re, sys
from base64 import b64decode, b64encode
from pathlib import Path
import nbformat
from nbclient import NotebookClient
from nbdev.clean import nbdev_clean
from PIL import Image

root = Path(__file__).resolve().parents[1]

def smaller(png):
    "A PNG in base64 with at most 256 colours, in base64; as it is where that is larger, or where pixels are transparent"
    picture, out = Image.open(io.BytesIO(b64decode(png))), io.BytesIO()
    if picture.convert('RGBA').getextrema()[3][0] < 255: return png
    # the usual median cut leaves rare colours out: two classes of a legend looked the same
    few = picture.convert('RGB').quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    few.save(out, 'PNG', optimize=True)
    return min(png, b64encode(out.getvalue()).decode(), key=len)

def run(path):
    nb = nbformat.read(path, 4)
    unrun = [c for c in nb.cells if c.cell_type == 'code' and re.search(r'^#\| *eval: *false', c.source, re.M)]
    for c in unrun: c.cell_type = 'raw'
    NotebookClient(nb, timeout=None, kernel_name='python3', store_widget_state=False, resources=dict(metadata=dict(path=path.parent))).execute()
    for c in unrun: c.cell_type = 'code'
    for output in (o for c in nb.cells for o in c.get('outputs', ())):
        data = output.get('data', {})
        if 'image/png' in data: data['image/png'] = smaller(data['image/png'])
    nbformat.write(nb, path)
    nbdev_clean(path)

if __name__ == '__main__':
    if 'MPLBACKEND' in os.environ: sys.exit('MPLBACKEND is set: no figure would be stored. Unset it.')
    os.environ['IPYTHONDIR'] = str(root/'tests'/'ipython')
    for name in sys.argv[1:]: run(Path(name).resolve())
