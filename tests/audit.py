"""`make audit`: known vulnerabilities of what the service is installed with.

Ends with 1 where one is known. The database may be out of reach, or know a package not at all:
then it says what was not looked at, and ends well, since nothing is known against it.
"""

import json
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[1] / "requirements/runtime.txt"


def main() -> int:
    """Print what was found; return how the program ends."""
    command = [
        *(sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"),
        *("--require-hashes", "--disable-pip", "--requirement", str(REQUIREMENTS)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        print("NOT AUDITED: the database of vulnerabilities cannot be reached")
        print(*done.stderr.splitlines()[-1:])
        return 0
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    vulnerable = [package for package in packages if package.get("vulns")]
    print(f"{len(packages) - len(skipped)} of {len(packages)} packages audited")
    if skipped:
        print(f"NOT AUDITED, the database does not know: {', '.join(skipped)}")
    for package in vulnerable:
        for known in package["vulns"]:
            fixed = ", ".join(known["fix_versions"]) or "no version yet"
            print(f"{package['name']} {package['version']}: {known['id']}, mended in {fixed}")
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
