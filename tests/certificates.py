"""Certificates for servers and clients that speak TLS in tests."""

from __future__ import annotations

import subprocess
from pathlib import Path


def make_certificates(folder: Path) -> Path:
    """Write `ca.crt`, an authority, and `.crt` and `.key` of a `server` at localhost and of a `client`."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    authority = ("-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=ca", "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", *authority)
    names = ("subjectAltName=DNS:localhost,IP:127.0.0.1", "authorityKeyIdentifier=keyid", "subjectKeyIdentifier=hash")
    (folder / "names").write_text("\n".join(names))
    for name in ("server", "client"):
        openssl(
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.csr",
            "-subj",
            f"/CN={name}",
        )
        signing = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2")
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.crt", *signing)
    return folder
