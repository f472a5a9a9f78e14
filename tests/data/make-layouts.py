#!/usr/bin/env python3
"""Makes the fixtures no tool at hand writes, and checks all of them.

Called by ./make; needs only the standard library (check also runs zstd).

  tree ARCH DIR                     the file tree the images are made of
  nested-attest MULTI DIR           BuildKit-like layout out of the layout MULTI
  docker-save-old-engine FILE       docker save archive, engine < 25
  docker-save-new FILE              docker save archive, engine >= 25
  docker-save-new-dockertypes FILE  the same with docker media types
  sha512 DIR, wild DIR              layouts to be awkward
  check FILE...                     every digest, size and diff_id in them
"""

import base64
import hashlib
import io
import json
import os
import struct
import subprocess
import sys
import tarfile
import zlib

EPOCH = 1700000000
DATE = "2023-11-14T22:13:20Z"

OCI = "application/vnd.oci.image."
OCI_INDEX = OCI + "index.v1+json"
OCI_MANIFEST = OCI + "manifest.v1+json"
OCI_CONFIG = OCI + "config.v1+json"
OCI_LAYER = OCI + "layer.v1.tar"
DOCKER = "application/vnd.docker."
DOCKER_MANIFEST = DOCKER + "distribution.manifest.v2+json"
DOCKER_LIST = DOCKER + "distribution.manifest.list.v2+json"
DOCKER_CONFIG = DOCKER + "container.image.v1+json"
DOCKER_LAYER = DOCKER + "image.rootfs.diff.tar"

EMPTY_TAR = bytes(1024)
# The form in which docker has always compressed it; sha256:a3ed95ca...
EMPTY_TAR_GZIP = bytes.fromhex(
    "1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000"
)


def digest(data, algorithm="sha256"):
    return algorithm + ":" + hashlib.new(algorithm, data).hexdigest()


def go_json(value, **how):
    """JSON as Go's encoding/json writes it (no spaces, <>& escaped)."""
    how.setdefault("separators", (",", ":"))
    text = json.dumps(value, ensure_ascii=False, **how)
    for c in "<>&":
        text = text.replace(c, "\\u%04x" % ord(c))
    return text.encode()


def go_json_indent(value):
    return go_json(value, indent=2, separators=(",", ": "))


def gzip(data):
    """gzip without time or name: the same bytes everywhere."""
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (
        b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"
        + z.compress(data)
        + z.flush()
        + struct.pack("<II", zlib.crc32(data), len(data))
    )


# --- tars -------------------------------------------------------------------


def tar(entries, mtime=EPOCH):
    """entries: (name, content), content being bytes, ("link", target) or None
    for a directory; a third item is the mode, a fourth the mtime."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as t:
        for name, content, *rest in entries:
            info = tarfile.TarInfo(name)
            info.mtime = rest[1] if len(rest) > 1 else mtime
            if content is None:
                info.type = tarfile.DIRTYPE
                info.mode = rest[0] if rest else 0o755
                t.addfile(info)
            elif isinstance(content, tuple):
                info.type = tarfile.SYMTYPE
                info.linkname = content[1]
                info.mode = 0o777
                t.addfile(info)
            else:
                info.size = len(content)
                info.mode = rest[0] if rest else 0o644
                t.addfile(info, io.BytesIO(content))
    data = buffer.getvalue().rstrip(b"\0")
    # Two blocks of zeros at the end, not a whole record.
    return data + bytes(-len(data) % 512 + 1024)


# --- the files in the images --------------------------------------------------


def hello(arch):
    """A static ELF executable which writes a line and exits."""
    text = ("hello from %s\n" % arch).encode()
    n = len(text)
    if arch == "amd64":
        code = (
            b"\xbf" + struct.pack("<I", 1)  # mov edi, 1
            + b"\x48\x8d\x35" + struct.pack("<i", 21)  # lea rsi, [rip + 21], the text
            + b"\xba" + struct.pack("<I", n)  # mov edx, n
            + b"\xb8" + struct.pack("<I", 1)  # mov eax, write
            + b"\x0f\x05"
            + b"\xb8" + struct.pack("<I", 60)  # mov eax, exit
            + b"\x31\xff\x0f\x05"  # xor edi, edi; syscall
        )
        machine, bits = 62, 64
    elif arch == "arm64":
        words = [
            0xD2800020,  # mov x0, 1
            0x10000001 | (28 // 4) << 5,  # adr x1, text
            0xD2800002 | n << 5,  # mov x2, n
            0xD2800808,  # mov x8, write
            0xD4000001,  # svc 0
            0xD2800000,  # mov x0, 0
            0xD2800BA8,  # mov x8, exit
            0xD4000001,  # svc 0
        ]
        code = struct.pack("<8I", *words)
        machine, bits = 183, 64
    else:
        words = [
            0xE3A00001,  # mov r0, 1
            0xE28F1000 | 20,  # add r1, pc, text
            0xE3A02000 | n,  # mov r2, n
            0xE3A07004,  # mov r7, write
            0xEF000000,  # svc 0
            0xE3A00000,  # mov r0, 0
            0xE3A07001,  # mov r7, exit
            0xEF000000,  # svc 0
        ]
        code = struct.pack("<8I", *words)
        machine, bits = 40, 32
    body = code + text
    if bits == 64:
        base, head = 0x400000, 64 + 56
        size = head + len(body)
        return (
            b"\x7fELF\x02\x01\x01" + bytes(9)
            + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, base + head, 64, 0, 0, 64, 56, 1, 0, 0, 0)
            + struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x10000)
            + body
        )
    base, head = 0x10000, 52 + 32
    size = head + len(body)
    return (
        b"\x7fELF\x01\x01\x01" + bytes(9)
        + struct.pack("<HHIIIIIHHHHHH", 2, machine, 1, base + head, 52, 0, 0x5000400, 52, 32, 1, 0, 0, 0)
        + struct.pack("<IIIIIIII", 1, 0, base, base, size, size, 5, 0x10000)
        + body
    )


def conf(arch):
    return ("# hello.conf\ngreeting = hello\nplatform = linux/%s\n" % arch).encode()


def tree(arch, root):
    os.makedirs(root + "/bin")
    os.makedirs(root + "/etc")
    for name, data, mode in [
        ("bin/hello", hello(arch), 0o755),
        ("etc/hello.conf", conf(arch), 0o644),
    ]:
        with open(os.path.join(root, name), "wb") as f:
            f.write(data)
        os.chmod(f.name, mode)
        os.utime(f.name, (EPOCH, EPOCH))
    for name in ["bin", "etc", "."]:
        os.utime(os.path.join(root, name), (EPOCH, EPOCH))


def layer_bin(arch="amd64"):
    return tar([("bin/", None), ("bin/hello", hello(arch), 0o755)])


def layer_etc(arch="amd64"):
    return tar([("etc/", None), ("etc/hello.conf", conf(arch))])


# --- layouts ------------------------------------------------------------------


class Layout:
    def __init__(self, root, algorithm="sha256"):
        self.root, self.algorithm = root, algorithm
        os.makedirs(os.path.join(root, "blobs", algorithm))

    def blob(self, data, media_type, /, **more):
        """Writes a blob; its descriptor."""
        d = digest(data, self.algorithm)
        with open(os.path.join(self.root, "blobs", *d.split(":")), "wb") as f:
            f.write(data)
        return {"mediaType": media_type, "digest": d, "size": len(data), **more}

    def finish(self, index, oci_layout=b'{"imageLayoutVersion":"1.0.0"}'):
        for name, data in [("index.json", index), ("oci-layout", oci_layout)]:
            with open(os.path.join(self.root, name), "wb") as f:
                f.write(data)


def read_blob(root, descriptor):
    with open(os.path.join(root, "blobs", *descriptor["digest"].split(":")), "rb") as f:
        return f.read()


def nested_attest(multi, root):
    """What BuildKit's OCI exporter writes for two platforms with attestations:
    manifests and index indented by two spaces, configs with sorted keys."""
    with open(multi + "/index.json", "rb") as f:
        index = json.load(f)
    index = json.loads(read_blob(multi, index["manifests"][0]))
    out = Layout(root)
    images, attestations = [], []
    for source in index["manifests"]:
        arch = source["platform"]["architecture"]
        if arch not in ("amd64", "arm64"):
            continue
        manifest = json.loads(read_blob(multi, source))
        old_config = json.loads(read_blob(multi, manifest["config"]))
        diff_ids, layers = [], []
        for layer in manifest["layers"]:
            data = plain(read_blob(multi, layer), layer["mediaType"])
            diff_ids.append(digest(data))
            layers.append(out.blob(gzip(data), OCI_LAYER + "+gzip"))
        config = {
            "architecture": arch,
            "config": {
                "Env": old_config["config"]["Env"],
                "Entrypoint": old_config["config"]["Entrypoint"],
                "WorkingDir": "/",
                "Labels": {"org.opencontainers.image.title": "hello"},
            },
            "created": DATE,
            "history": [
                {
                    "created": DATE,
                    "created_by": "ENV PATH=/usr/bin:/bin",
                    "comment": "buildkit.dockerfile.v0",
                    "empty_layer": True,
                },
            ]
            + [
                {
                    "created": DATE,
                    "created_by": "COPY tree / # buildkit",
                    "comment": "buildkit.dockerfile.v0",
                }
                for _ in layers
            ]
            + [
                {
                    "created": DATE,
                    "created_by": 'ENTRYPOINT ["/bin/hello"]',
                    "comment": "buildkit.dockerfile.v0",
                    "empty_layer": True,
                },
            ],
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
        image = out.blob(
            go_json_indent(
                {
                    "schemaVersion": 2,
                    "mediaType": OCI_MANIFEST,
                    "config": out.blob(go_json(config), OCI_CONFIG),
                    "layers": layers,
                }
            ),
            OCI_MANIFEST,
        )
        images.append({**image, "platform": {"architecture": arch, "os": "linux"}})

        predicates = [
            (
                "https://slsa.dev/provenance/v0.2",
                {
                    "builder": {"id": ""},
                    "buildType": "https://mobyproject.org/buildkit@v1",
                    "materials": [],
                    "invocation": {
                        "configSource": {"entryPoint": "Dockerfile"},
                        "parameters": {
                            "frontend": "dockerfile.v0",
                            "locals": [{"name": "context"}, {"name": "dockerfile"}],
                        },
                        "environment": {"platform": "linux/amd64"},
                    },
                    "metadata": {
                        "buildInvocationID": "hy4nx9tcgpw8xfr2p5xyz3m1e",
                        "buildStartedOn": DATE,
                        "buildFinishedOn": DATE,
                        "completeness": {
                            "parameters": True,
                            "environment": True,
                            "materials": False,
                        },
                        "reproducible": False,
                        "https://mobyproject.org/buildkit@v1#metadata": {},
                    },
                },
            )
        ]
        if arch == "amd64":
            sbom = {
                "spdxVersion": "SPDX-2.3",
                "dataLicense": "CC0-1.0",
                "SPDXID": "SPDXRef-DOCUMENT",
                "name": "sbom",
                "documentNamespace": "https://example.com/spdx/hello",
                "creationInfo": {"creators": ["Tool: fixture"], "created": DATE},
                "packages": [],
            }
            predicates.insert(0, ("https://spdx.dev/Document", sbom))
        subject = {
            "name": "pkg:docker/hello@1.0?platform=linux%2F" + arch,
            "digest": dict([image["digest"].split(":")]),
        }
        statements = [
            out.blob(
                go_json(
                    {
                        "_type": "https://in-toto.io/Statement/v0.1",
                        "predicateType": kind,
                        "subject": [subject],
                        "predicate": predicate,
                    }
                ),
                "application/vnd.in-toto+json",
                annotations={"in-toto.io/predicate-type": kind},
            )
            for kind, predicate in predicates
        ]
        attestation_config = {
            "architecture": "unknown",
            "os": "unknown",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [s["digest"] for s in statements]},
        }
        attestations.append(
            out.blob(
                go_json_indent(
                    {
                        "schemaVersion": 2,
                        "mediaType": OCI_MANIFEST,
                        "config": out.blob(go_json(attestation_config), OCI_CONFIG),
                        "layers": statements,
                    }
                ),
                OCI_MANIFEST,
                annotations={
                    "vnd.docker.reference.digest": image["digest"],
                    "vnd.docker.reference.type": "attestation-manifest",
                },
                platform={"architecture": "unknown", "os": "unknown"},
            )
        )
    nested = out.blob(
        go_json_indent(
            {
                "schemaVersion": 2,
                "mediaType": OCI_INDEX,
                "manifests": images + attestations,
            }
        ),
        OCI_INDEX,
        annotations={
            "io.containerd.image.name": "docker.io/library/hello:1.0",
            "org.opencontainers.image.created": DATE,
            "org.opencontainers.image.ref.name": "1.0",
        },
    )
    out.finish(
        go_json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [nested]})
    )


# --- docker save ----------------------------------------------------------------

DOCKER_BLANK_CONFIG = {
    "Hostname": "",
    "Domainname": "",
    "User": "",
    "AttachStdin": False,
    "AttachStdout": False,
    "AttachStderr": False,
    "Tty": False,
    "OpenStdin": False,
    "StdinOnce": False,
    "Env": None,
    "Cmd": None,
    "Image": "",
    "Volumes": None,
    "WorkingDir": "",
    "Entrypoint": None,
    "OnBuild": None,
    "Labels": None,
}


def classic_config(layers):
    """An image config as the classic builder of docker engine 24 writes it."""
    config = {
        **DOCKER_BLANK_CONFIG,
        "Env": ["PATH=/usr/bin:/bin"],
        "Entrypoint": ["/bin/hello"],
        "Labels": {"org.opencontainers.image.title": "hello"},
    }
    container = {**config, "Cmd": ["/bin/sh", "-c", '#(nop) ', 'ENTRYPOINT ["/bin/hello"]']}
    steps = [{"created": DATE, "created_by": "/bin/sh -c #(nop)  ENV PATH=/usr/bin:/bin", "empty_layer": True}]
    for i in range(len(layers)):
        step = ("/bin/sh -c #(nop) COPY dir:%064x in / " % (i + 1)) if i % 2 == 0 else "/bin/sh -c true"
        steps.append({"created": DATE, "created_by": step})
    steps.append({"created": DATE, "created_by": '/bin/sh -c #(nop)  ENTRYPOINT ["/bin/hello"]', "empty_layer": True})
    return {
        "architecture": "amd64",
        "config": config,
        "container": "%064x" % 0xC0FFEE,
        "container_config": container,
        "created": DATE,
        "docker_version": "24.0.7",
        "history": steps,
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [digest(l) for l in layers]},
    }


def buildkit_config(layers):
    """An image config as docker engine 25 with BuildKit writes it."""
    names = ["COPY bin /bin # buildkit", "COPY etc /etc # buildkit"]
    return {
        "architecture": "amd64",
        "config": {
            "Env": ["PATH=/usr/bin:/bin"],
            "Entrypoint": ["/bin/hello"],
            "WorkingDir": "/",
            "Labels": {"org.opencontainers.image.title": "hello"},
            "ArgsEscaped": True,
            "OnBuild": None,
        },
        "created": DATE,
        "history": [
            {"created": DATE, "created_by": n, "comment": "buildkit.dockerfile.v0"}
            for n, _ in zip(names, layers)
        ]
        + [
            {
                "created": DATE,
                "created_by": 'ENTRYPOINT ["/bin/hello"]',
                "comment": "buildkit.dockerfile.v0",
                "empty_layer": True,
            }
        ],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [digest(l) for l in layers]},
    }


def v1_images(config):
    """The per-layer compatibility ids and JSON documents docker save writes."""
    diff_ids = config["rootfs"]["diff_ids"]
    chain, parent, out = "", "", []
    for i, diff_id in enumerate(diff_ids):
        chain = digest((chain + " " + diff_id).encode()) if chain else diff_id
        # Members in the order of the engine's struct.
        v1 = {"created": "1970-01-01T00:00:00Z", "container_config": DOCKER_BLANK_CONFIG}
        if i == len(diff_ids) - 1:
            v1 = {"created": config["created"]}
            if "container" in config:
                v1["container"] = config["container"]
            v1["container_config"] = config.get("container_config", DOCKER_BLANK_CONFIG)
            if "docker_version" in config:
                v1["docker_version"] = config["docker_version"]
            v1["config"] = {
                k: v for k, v in config["config"].items() if k != "ArgsEscaped"
            }
            v1["config"] = {**DOCKER_BLANK_CONFIG, **v1["config"]}
            v1["architecture"] = config["architecture"]
            v1["os"] = config["os"]
        named = {**v1, "layer_id": chain}
        if parent:
            named["parent"] = "sha256:" + parent
        v1_id = digest(go_json(named, sort_keys=True)).split(":")[1]
        document = {"id": v1_id}
        if parent:
            document["parent"] = parent
        document.update(v1)
        document["os"] = config["os"]
        out.append((v1_id, go_json(document)))
        parent = v1_id
    return out


def docker_save_old_engine(path):
    layers = [layer_bin(), EMPTY_TAR, layer_etc(), EMPTY_TAR]
    config = classic_config(layers)
    raw = go_json(config)
    image_id = digest(raw).split(":")[1]
    entries, first, names = {}, {}, []
    for (v1_id, document), layer in zip(v1_images(config), layers):
        name = v1_id + "/layer.tar"
        names.append(name)
        entries[v1_id + "/"] = None
        entries[v1_id + "/VERSION"] = b"1.0"
        entries[v1_id + "/json"] = document
        # A layer that is there already becomes a link to it.
        if layer in first:
            entries[name] = ("link", "../" + first[layer])
        else:
            first[layer] = name
            entries[name] = layer
    entries[image_id + ".json"] = raw
    last = names[-1].split("/")[0]
    manifest = [{"Config": image_id + ".json", "RepoTags": ["hello:1.0"], "Layers": names}]
    entries["manifest.json"] = go_json(manifest) + b"\n"
    entries["repositories"] = go_json({"hello": {"1.0": last}}) + b"\n"
    old = ("manifest.json", "repositories")
    with open(path, "wb") as f:
        f.write(
            tar(
                [
                    (n, c, 0o755 if c is None else 0o644, 0 if n in old else EPOCH)
                    for n, c in sorted(entries.items())
                ]
            )
        )


def docker_save_new(path, docker_types=False):
    layers = [layer_bin(), layer_etc()]
    config = buildkit_config(layers)
    raw = go_json(config)
    blobs = {}

    def blob(data, media_type):
        d = digest(data)
        blobs[d] = data
        return {"mediaType": media_type, "digest": d, "size": len(data)}

    if docker_types:
        # As with the containerd image store: an image pulled with docker media
        # types is saved as it is, compressed layers and all.
        stored = [
            blob(gzip(layers[0]), DOCKER_LAYER + ".gzip"),
            blob(layers[1], DOCKER_LAYER),
        ]
        kind, config_kind = DOCKER_MANIFEST, DOCKER_CONFIG
    else:
        stored = [blob(l, OCI_LAYER) for l in layers]
        kind, config_kind = OCI_MANIFEST, OCI_CONFIG
        # The classic store adds these, and nothing refers to them.
        for _, document in v1_images(config):
            blob(document, None)
    config_descriptor = blob(raw, config_kind)
    manifest = blob(
        (go_json_indent if docker_types else go_json)(
            {
                "schemaVersion": 2,
                "mediaType": kind,
                "config": config_descriptor,
                "layers": stored,
            }
        ),
        kind,
    )

    def place(descriptor):
        return "blobs/" + descriptor["digest"].replace(":", "/")

    item = {
        "Config": place(config_descriptor),
        "RepoTags": ["hello:1.0"],
        "Layers": [place(l) for l in stored],
    }
    entries = {"blobs/": None, "blobs/sha256/": None}
    if not docker_types:
        item["LayerSources"] = {
            l["digest"]: {k: l[k] for k in ("mediaType", "size", "digest")}
            for l in sorted(stored, key=lambda l: l["digest"])
        }
        entries["repositories"] = (
            go_json({"hello": {"1.0": stored[-1]["digest"].split(":")[1]}}) + b"\n"
        )
    for d, data in blobs.items():
        entries["blobs/" + d.replace(":", "/")] = data
    entries["manifest.json"] = go_json([item]) + (b"" if docker_types else b"\n")
    entries["oci-layout"] = (
        b'{"imageLayoutVersion":"1.0.0"}' if docker_types else b'{"imageLayoutVersion": "1.0.0"}'
    )
    entries["index.json"] = go_json(
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [
                {
                    **manifest,
                    "annotations": {
                        "io.containerd.image.name": "docker.io/library/hello:1.0",
                        "org.opencontainers.image.ref.name": "1.0",
                    },
                }
            ],
        }
    )
    with open(path, "wb") as f:
        f.write(
            tar(
                [
                    (n, c, 0o755 if c is None else 0o444 if docker_types else 0o644)
                    for n, c in sorted(entries.items())
                ],
                mtime=0 if docker_types else EPOCH,
            )
        )


# --- awkward layouts ------------------------------------------------------------


def sha512(root):
    out = Layout(root, "sha512")
    layers = [layer_bin(), layer_etc()]
    # One diff_id of each kind: they need not be of the descriptors' algorithm.
    diff_ids = [digest(layers[0], "sha512"), digest(layers[1], "sha256")]
    config = {
        "created": DATE,
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": ["/bin/hello"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [
            {"created": DATE, "created_by": "bin"},
            {"created": DATE, "created_by": "etc"},
        ],
    }
    manifest = go_json(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": out.blob(go_json(config), OCI_CONFIG),
            "layers": [
                out.blob(gzip(layers[0]), OCI_LAYER + "+gzip"),
                out.blob(layers[1], OCI_LAYER),
            ],
        }
    )
    descriptor = out.blob(
        manifest,
        OCI_MANIFEST,
        data=base64.b64encode(manifest).decode(),
        platform={"architecture": "amd64", "os": "linux"},
        annotations={"org.opencontainers.image.ref.name": "sha512"},
    )
    out.finish(
        go_json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor]})
    )


def wild(root):
    """Everything the specification lets a writer add, in unusual spelling.
    Written as text, so that what stands here is what the files hold."""
    out = Layout(root)
    odd = (
        r'"x-odd": {"zulu": [1.0e2, 1E+2, 0.10, -0, 1e-7, 18446744073709551617, '
        r'123456789012345678901234567890], "alpha": {"deep": {"er": [[], {}, null, '
        r'true, false]}}, "Mike": "\u00e9 \/ \ud83d\ude00 é \u003c"}'
    )
    layers = [layer_bin(), EMPTY_TAR, EMPTY_TAR, layer_etc()]
    stored = [
        out.blob(gzip(layers[0]), OCI_LAYER + "+gzip"),
        out.blob(EMPTY_TAR, OCI_LAYER),
        out.blob(EMPTY_TAR_GZIP, OCI_LAYER + "+gzip"),
        out.blob(layers[3], OCI_LAYER),
    ]
    config = """{
\t"x-first": null,
\t"rootfs": {"x-kind": "odd", "diff_ids": %s, "type": "layers"},
\t"history": [
\t\t{"created_by": "bin", "x-step": 1, "created": "2023-11-14T22:13:20.000000001+01:00"},
\t\t{"empty_layer": true, "created_by": "ENV", "comment": "tab\\there"},
\t\t{"empty_layer": false, "created_by": "nothing"},
\t\t{"created_by": "nothing, compressed"},
\t\t{"created_by": "etc", "author": "Zo\\u00eb"}
\t],
\t"os": "linux",
\t"os.version": "6.1.0",
\t"os.features": ["zeta", "alpha"],
\t"architecture": "amd64",
\t"variant": "v2",
\t"author": "",
\t"config": {
\t\t"Labels": {"z": "last first", "a": "", "com.example/odd key": "\\"\\\\"},
\t\t"Entrypoint": ["/bin/hello"],
\t\t"Env": ["PATH=/bin", "EMPTY=", "EQUALS=a=b"],
\t\t"Healthcheck": {"Test": ["NONE"], "Interval": 30000000000},
\t\t"ArgsEscaped": true,
\t\t"OnBuild": null,
\t\t"ExposedPorts": {"80/tcp": {}, "53/udp": {}},
\t\t"X-Unknown": [1.50]
\t},
\t"created": "2023-11-14T22:13:20Z",
\t%s
}
""" % (json.dumps([digest(l) for l in layers]), odd)
    config_descriptor = out.blob(config.encode(), OCI_CONFIG)

    def descriptor(d, extra):
        # The digest before the media type, and the size last.
        return '{"digest": "%s", "mediaType": "%s", %s, "size": %d}' % (
            d["digest"], d["mediaType"], extra, d["size"],
        )

    manifest = """{
  "annotations": {"org.opencontainers.image.title": "wild", "com.example.empty": "", "com.example.z": "1", "com.example.a": "{\\"json\\": true}"},
  "layers": [
    %s,
    %s,
    %s,
    %s
  ],
  "artifactType": "application/vnd.example.hello.v1",
  "config": %s,
  %s,
  "mediaType": "%s",
  "schemaVersion": 2
}
""" % (
        descriptor(stored[0], '"annotations": {"com.example.layer": "bin"}, "urls": ["https://example.com/bin"], "x-layer": 0'),
        descriptor(stored[1], '"x-layer": 1.0e0'),
        descriptor(stored[2], '"annotations": {}'),
        descriptor(stored[3], odd),
        descriptor(config_descriptor, '"x-config": {"b": 2, "a": 1}'),
        odd,
        OCI_MANIFEST,
    )
    image = out.blob(manifest.encode(), OCI_MANIFEST)

    empty = out.blob(b"{}", "application/vnd.oci.empty.v1+json")
    sbom = out.blob(b'{"components":[]}\n', "application/vnd.example.sbom.v1+json")
    referrer = """{
  "schemaVersion": 2,
  "mediaType": "%s",
  "artifactType": "application/vnd.example.sbom.v1+json",
  "config": %s,
  "layers": [%s],
  "subject": {"mediaType": "%s", "digest": "%s", "size": %d},
  "annotations": {"org.opencontainers.image.created": "%s"}
}
""" % (
        OCI_MANIFEST,
        descriptor(empty, '"data": "e30="'),
        descriptor(sbom, '"annotations": {"org.opencontainers.image.title": "sbom.json"}'),
        image["mediaType"], image["digest"], image["size"],
        DATE,
    )
    referring = out.blob(referrer.encode(), OCI_MANIFEST)

    index = """{
    "x-before": [],
    "manifests": [
        %s,
        %s
    ],
    "annotations": {"com.example.index": "kept", "com.example.a": "\\u0041"},
    %s,
    "artifactType": "application/vnd.example.index.v1",
    "schemaVersion": 2,
    "mediaType": "%s"
}

""" % (
        descriptor(
            image,
            '"annotations": {"org.opencontainers.image.ref.name": "wild", "com.example.already": "there"}, '
            '"platform": {"os": "linux", "x-libc": {"name": "none", "abi": 1.0e2}, "os.version": "6.1.0", '
            '"os.features": ["zeta", "alpha"], "variant": "v2", "architecture": "amd64"}, '
            '"artifactType": "application/vnd.example.hello.v1", "urls": [], ' + odd,
        ),
        descriptor(
            referring,
            '"artifactType": "application/vnd.example.sbom.v1+json", '
            '"annotations": {"org.opencontainers.image.created": "%s"}' % DATE,
        ),
        odd,
        OCI_INDEX,
    )
    out.finish(
        index.encode(),
        b'{"x-unknown": {"b": 1, "a": 2}, "imageLayoutVersion": "1.0.0"}\n',
    )


# --- check ------------------------------------------------------------------------


def plain(data, media_type=""):
    if data[:2] == b"\x1f\x8b":
        return zlib.decompress(data, 31)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-dc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    assert not media_type.endswith(("gzip", "zstd")), media_type
    return data


def check(path):
    files, links = {}, 0
    with tarfile.open(path) as t:
        for m in t:
            if m.isfile():
                assert m.name not in files, m.name
                files[m.name] = t.extractfile(m).read()
            if m.issym():
                links += 1
                target = os.path.normpath(os.path.join(os.path.dirname(m.name), m.linkname))
                files[m.name] = files.get(target) or t.extractfile(target).read()
    seen, notes = set(), []

    def follow(d):
        name = "blobs/" + d["digest"].replace(":", "/")
        data = files[name]
        seen.add(name)
        assert len(data) == d["size"], d
        assert digest(data, d["digest"].split(":")[0]) == d["digest"], d
        if "data" in d:
            assert base64.b64decode(d["data"], validate=True) == data, d
        return data

    def walk(d):
        data = follow(d)
        kind = d["mediaType"]
        if kind in (OCI_INDEX, DOCKER_LIST):
            content = json.loads(data)
            assert content.get("mediaType", kind) == kind
            for m in content["manifests"]:
                walk(m)
        elif kind in (OCI_MANIFEST, DOCKER_MANIFEST):
            content = json.loads(data)
            assert content.get("mediaType", kind) == kind
            config = follow(content["config"])
            layers = [plain(follow(l), l["mediaType"]) for l in content["layers"]]
            if content["config"]["mediaType"] in (OCI_CONFIG, DOCKER_CONFIG):
                config = json.loads(config)
                diff_ids(config, layers)
                notes.append("%s/%s" % (config["os"], config["architecture"])
                             + ("/" + config["variant"] if "variant" in config else "")
                             + " %d layers" % len(layers))
            if "subject" in content:
                follow(content["subject"])
                notes.append("referrer")
        else:
            raise AssertionError(kind)

    def diff_ids(config, layers):
        ids = config["rootfs"]["diff_ids"]
        assert len(ids) == len(layers), ids
        for i, l in zip(ids, layers):
            assert digest(l, i.split(":")[0]) == i, i
        if config.get("history"):
            assert sum(not h.get("empty_layer") for h in config["history"]) == len(ids)

    if "index.json" in files:
        assert json.loads(files["oci-layout"])["imageLayoutVersion"] == "1.0.0"
        index = json.loads(files["index.json"])
        for m in index["manifests"]:
            walk(m)
            notes.append("ref %s" % m.get("annotations", {}).get("org.opencontainers.image.ref.name"))
        orphans = [n for n in files if n.startswith("blobs/") and n not in seen]
        notes.append("index mediaType " + ("yes" if "mediaType" in index else "no"))
        if orphans:
            notes.append("%d orphan blobs" % len(orphans))
    if "manifest.json" in files:
        for item in json.loads(files["manifest.json"]):
            raw = files[item["Config"]]
            assert digest(raw).split(":")[1] in item["Config"]
            diff_ids(json.loads(raw), [plain(files[l]) for l in item["Layers"]])
            notes.append("RepoTags %s" % item["RepoTags"])
    print("%s: %d bytes, %d links: %s" % (os.path.basename(path), os.path.getsize(path), links, "; ".join(notes)))


def main(command, *args):
    if command == "check":
        for path in args:
            check(path)
    else:
        {
            "tree": tree,
            "nested-attest": nested_attest,
            "docker-save-old-engine": docker_save_old_engine,
            "docker-save-new": docker_save_new,
            "docker-save-new-dockertypes": lambda path: docker_save_new(path, True),
            "sha512": sha512,
            "wild": wild,
        }[command](*args)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
