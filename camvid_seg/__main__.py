"`python -m camvid_seg` is the command `camvid-seg`"
import sys
from camvid_seg.cli.main import main

sys.exit(main())
