__version__ = "0.1.0"

import warnings
# fastai decorates with torch.jit.script, which recent torch calls deprecated: nothing a user of this package can mend
warnings.filterwarnings('ignore', message='.*torch.jit.script', category=FutureWarning)
