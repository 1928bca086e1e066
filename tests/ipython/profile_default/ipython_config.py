"The profile that .ci/run gives to nbdev-test (IPYTHONDIR): it looks at each figure that a notebook shows"
import sys
from pathlib import Path
sys.path.append(str(Path(__file__).resolve().parents[2]))
get_config().InteractiveShellApp.extensions = ['figure_hook'] # noqa: F821  IPython gives the name
get_config().InlineBackend.figure_formats = {'retina'} # noqa: F821
