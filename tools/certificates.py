"""Makes the certificates that the fake vendors of drills show: `python tools/certificates.py` (with the environment `dev`).

An authority, a vendor's certificate for 127.0.0.1 that outlives us, and one that has expired. Their keys are in the
package for everybody to read: they prove nothing to anybody but a drill's own copy, which is told to trust them.
"""

from __future__ import annotations

import datetime
from pathlib import Path

from trustme import CA, LeafCert

FOLDER = Path(__file__).parent.parent / "headworks" / "drill" / "certificates"
FAR = datetime.datetime(2125, 1, 1, tzinfo=datetime.UTC)
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    authority = CA(organization_name="Headworks drills")
    authority.cert_pem.write_to_path(FOLDER / "authority.pem")
    write(authority.issue_cert("127.0.0.1", not_after=FAR), FOLDER / "vendor.pem")
    write(authority.issue_cert("127.0.0.1", not_after=LONG_AGO), FOLDER / "expired.pem")


def write(made: LeafCert, path: Path) -> None:
    made.private_key_and_cert_chain_pem.write_to_path(path)


if __name__ == "__main__":
    main()
