__version__ = "0.1.0"

import os, warnings
# PyTorch asks Linux for large tensors in pages of 2 MB, if this is set before its first one: fewer page faults, faster steps on a CPU
os.environ.setdefault('THP_MEM_ALLOC_ENABLE', '1')
# fastai decorates with torch.jit.script, which recent torch calls deprecated: nothing a user of this package can fix
warnings.filterwarnings('ignore', message='.*torch.jit.script', category=FutureWarning)
