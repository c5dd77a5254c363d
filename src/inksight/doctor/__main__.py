"""`python -m inksight.doctor [--quick] [--json]`: the same as `inksight doctor`, where a package is so broken that no
command starts."""

import sys

from inksight.doctor import examine
from inksight.doctor.telling import tell

if __name__ == "__main__":
    sys.exit(not tell(examine("--quick" in sys.argv), "--json" in sys.argv))
