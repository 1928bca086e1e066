"`camvid-seg` as one of the processes of test_processes.py: keeps what it ends with in `$KEEP`, and takes few steps in the LR finder"
import functools, json, os, sys
from pathlib import Path
from camvid_seg import fullsize, training
from camvid_seg.cli import main
from camvid_seg.unet import save_weights

training.lr_find = functools.partial(training.lr_find, num_it=12)
finish = fullsize._finish

def keep(run, learn, *args):
    out = Path(os.environ['KEEP'], f"rank{os.environ['RANK']}")
    save_weights(learn.model, out.with_suffix('.safetensors'))
    run = finish(run, learn, *args)
    out.with_suffix('.json').write_text(json.dumps([run.history, run.metrics]), encoding='utf-8')
    return run

fullsize._finish = keep
sys.exit(main(sys.argv[1:]))
