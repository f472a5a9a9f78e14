"""A key provider for skopeo, by ocicrypt's protocol for commands: wraps layers' keys as an attestation agent does.

The environment names a file with 32 bytes (KEK). Packets are of A256CTR, by openssl.
"""
import base64
import json
import os
import subprocess
import sys

IV = bytes(range(16))


def counter(data, iv):
    key = open(os.environ["KEK"], "rb").read().hex()
    command = ["openssl", "enc", "-aes-256-ctr", "-nosalt", "-K", key, "-iv", iv.hex()]
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def text(data):
    return base64.b64encode(data).decode()


asked = json.load(sys.stdin)
if asked["op"] == "keywrap":
    options = base64.b64decode(asked["keywrapparams"]["optsdata"])
    packet = {"kid": "kbs:///default/image-key/test", "wrapped_data": text(counter(options, IV)),
              "iv": text(IV), "wrap_type": "A256CTR"}
    answer = {"keywrapresults": {"annotation": text(json.dumps(packet).encode())}}
else:
    packet = json.loads(base64.b64decode(asked["keyunwrapparams"]["annotation"]))
    assert packet["wrap_type"] == "A256CTR"
    options = counter(base64.b64decode(packet["wrapped_data"]), base64.b64decode(packet["iv"]))
    answer = {"keyunwrapresults": {"optsdata": text(options)}}
print(json.dumps(answer))
