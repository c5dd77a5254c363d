"""`python -m inksight.doctor [--quick] [--json]`: the same as `inksight doctor`, where a package is so broken that no
command starts."""

import io
import sys

from inksight.doctor import examine
from inksight.doctor.telling import tell

FLAGS = {"--quick", "--json"}

if __name__ == "__main__":
    given = set(sys.argv[1:])
    if given - FLAGS:
        sys.exit(f"{' '.join(sorted(given - FLAGS))} came; only {' and '.join(sorted(FLAGS))} are known.")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show a sign shows "?"
    sys.exit(not tell(examine("--quick" in given), "--json" in given))
