"""Images of tests, pushed to a real registry: a configuration and no layer."""

from __future__ import annotations

import hashlib
import json

import requests

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def push(registry_url: str, project: str, tag: str, config: object) -> str:
    """Digest of an image with that configuration, which is in the registry under ``tag``."""
    content = json.dumps(config).encode()
    digest = _digest(content)
    upload = requests.post(f"{registry_url}/v2/{project}/blobs/uploads/", timeout=10)
    place = upload.headers["Location"]
    done = requests.put(f"{place}{'&' if '?' in place else '?'}digest={digest}", data=content, timeout=10)
    assert done.status_code == 201, done.text
    configuration = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": digest,
        "size": len(content),
    }
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": configuration, "layers": []}
    body = json.dumps(manifest).encode()
    address = f"{registry_url}/v2/{project}/manifests/{tag}"
    put = requests.put(address, data=body, headers={"Content-Type": MANIFEST}, timeout=10)
    assert put.status_code == 201, put.text
    return _digest(body)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
