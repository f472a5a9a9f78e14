"""An agent on gRPC's own server: prints its port, and answers GetResource of the packages that it is given.

A file of resources (JSON, name to base64) comes first, then the packages.
"""
import base64
import json
import sys
from concurrent import futures

import grpc

RESOURCES = {name: base64.b64decode(text) for name, text in json.load(open(sys.argv[1])).items()}


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    at, found = 0, {}
    while at < len(data):
        key, at = varint(data, at)
        assert key & 7 == 2
        length, at = varint(data, at)
        found[key >> 3] = data[at:at + length].decode()
        at += length
    return found


def answer(package):
    def get(request, context):
        asked = fields(request)
        if package == "getresource" and not asked.get(2):
            context.abort(grpc.StatusCode.INTERNAL, "no KbcName")
        found = RESOURCES.get(asked[1].removeprefix("kbs:///"))
        if found is None:
            context.abort(grpc.StatusCode.INTERNAL, "[ERROR:attestation-agent] get resource failed")
        message, length = b"\x0a", len(found)
        while length > 0x7F:
            message += bytes([length & 0x7F | 0x80])
            length >>= 7
        return message + bytes([length]) + found

    handler = grpc.unary_unary_rpc_method_handler(get)
    return grpc.method_handlers_generic_handler(f"{package}.GetResourceService", {"GetResource": handler})


server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
server.add_generic_rpc_handlers([answer(package) for package in sys.argv[2:]])
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
