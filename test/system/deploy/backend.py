"""A backend that knows docs/REST.md and nothing else: python3 backend.py URL CA METHOD PATH [BODY], with the secret in SECRET."""

import base64
import hashlib
import hmac
import json
import os
import ssl
import sys
import time
import urllib.request


def encode(part):
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")


def app_token(app_id, secret):
    claims = {"tokenType": "app", "iss": app_id, "exp": int(time.time()) + 60}
    signed = encode({"alg": "HS256"}) + b"." + encode(claims)
    mac = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


url, ca, method, path, *body = sys.argv[1:]
request = urllib.request.Request(
    f"{url}/v1/apps/app{path}",
    method=method,
    data=body[0].encode() if body else None,
    headers={
        "authorization": f"Bearer {app_token('app', os.environ['SECRET'])}",
        "content-type": "application/json",
    },
)
with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=ca)) as response:
    print(response.read().decode())
