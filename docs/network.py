"""The page where a trained network labels pictures in the browser. With `python docs/build.py --network RUN` the site gets the network of
that run, in 8 bits, and onnxruntime-web from npm to run it; without, the page says how it gets them."""
import base64, hashlib, shutil, subprocess, sys, tarfile
from pathlib import Path
from camvid_seg.cli.common import weights_data
from camvid_seg.core import SegError
from camvid_seg.touch.network import example_frames, network_page
from camvid_seg.use.export import export_onnx, onnx_session
from camvid_seg.use.int8 import export_int8, model_facts

package, version = 'onnxruntime-web', '1.30.0'
integrity = 'q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=='   # sha512 of its archive, from npm
runtime, wasm = 'ort.wasm.bundle.min.mjs', 'ort-wasm-simd-threaded.wasm'
build = Path(__file__).resolve().parent/'_build'

class NoRuntime(Exception): "onnxruntime-web cannot be had here"

def archive():
    "The archive of onnxruntime-web that npm gives, kept in docs/_build/npm"
    path = build/'npm'/f'{package}-{version}.tgz'
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        npm = shutil.which('npm')
        if not npm: raise NoRuntime('npm is not installed')
        said = subprocess.run([npm, 'pack', '--silent', f'{package}@{version}'], cwd=path.parent, capture_output=True, text=True, timeout=300)
        if said.returncode: raise NoRuntime(f'npm pack failed: {(said.stderr.strip() or "no word why").splitlines()[-1]}')
    found = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    if found == integrity: return path
    path.rename(path.with_suffix('.refused'))
    raise SegError(f'{path.name}: its hash is sha512-{found}, not that of docs/network.py; it was moved to {path.stem}.refused')

def runtime_files(home):
    "Put what runs a network in a browser into the folder `home`"
    with tarfile.open(archive()) as tar:
        for name in runtime, wasm: (home/name).write_bytes(tar.extractfile(f'package/dist/{name}').read())

def addresses(home):
    "Where the page finds the files of the folder `home`, which is called network, and how large they are"
    return dict(model='network/model.onnx', runtime=f'network/{runtime}', wasm=f'network/{wasm}', bytes=sum((home/o).stat().st_size for o in ('model.onnx', wasm)))

def files(run, home):
    "Fill the folder `home` with the network of `run` and what runs it; returns the path of the network"
    runtime_files(home)
    full = export_onnx(run, home/'full.onnx')
    try: export_int8(full, home/'model.onnx', *weights_data(run))
    except SegError as e:
        print(f'THE NETWORK OF THE SITE IS NOT IN 8 BITS: {e}', file=sys.stderr)
        return full.rename(home/'model.onnx')
    full.unlink()
    return home/'model.onnx'

def page(run):
    "The page as Markdown, and the folder of files that stands beside it, or None"
    head = '---\nhide-toc: true\n---\n# The network in your browser\n\n{.lead}\nA trained network labels your pictures, and they never leave this browser\n\n'
    if run is None: return head + missing, None
    home = build/'network'
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    try: model = files(run, home)
    except NoRuntime as e:
        print(f'\nTHE SITE HAS NO NETWORK: {e}; {package} {version} is needed for --network\n', file=sys.stderr)
        return head + missing, None
    facts = model_facts(onnx_session(model))
    touch = network_page(facts['codes'], facts['colors'], facts['size'], example_frames(facts['codes']), about(run, facts, model), **addresses(home))
    return f'{head}{words}\n\n````````{{raw}} html\n{touch._repr_html_()}\n````````\n\n{credit}\n', home

def about(run, facts, model):
    "The network in a sentence or two"
    data = weights_data(run)[0].name
    learned = 'drawn streets, so photographs are hard for it' if data.startswith('scenes-') else data
    return f"U-Net with {facts['arch']}, {len(facts['codes'])} classes, {model.stat().st_size/1e6:.1f} MB. It has learned from {learned}."

words = 'Load the network, then choose a scene or drop a picture of your own. [Lesson 15](use_it.ipynb) shows how such a file is made and what it costs to make it small.'
credit = f'The network runs in [ONNX Runtime Web](https://onnxruntime.ai) {version} (MIT licence), which this site serves itself: WebAssembly on one core, no other host.'
missing = """:::{note}
This copy of the site was built without a network. Whoever builds it adds one, trained on scenes or any other data:
:::

```bash
camvid-seg train --data scenes --preset quick --out runs/site
python docs/build.py --network runs/site
```

This needs `npm`, which fetches ONNX Runtime Web once. Without it the same page works on your own machine, with PyTorch in place of the browser: `camvid-seg demo runs/site`.
"""
