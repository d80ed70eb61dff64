#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Checks who includes whom, that paths are full, that headers make no circles, and that each source says its licence."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')
LICENCE = "SPDX-License-Identifier: BSD-3-Clause"
SOURCES = (".c", ".h", ".py", ".sh", "meson.build")
STANDALONE = "(ageing|flow\\w*|memory)"  # the flow table is a library of its own

# (who, what he must not include, why); both are matched from the start of the path to its end.
FORBIDDEN = [
    (r"dataplane/.*", r"control/.*", "dataplane knows nothing of control"),
    (r"dataplane/.*|control/.*", r"(tests|bench)/.*", "the program knows nothing of its tests"),
    (r"dataplane/(?!interface|device_trouble).*", r"(stdio|syslog|yaml|jansson|pcap|sys/socket)\.h|pcap/.*",
     "a worker has no files and no sockets"),  # those two are set up by control and format its errors
    (r"dataplane/handlers/.*", r"dataplane/(worker|burst|interface|answer|policy|flow_table\w*)\.h",
     "a handler sees handler.h and what lies below it"),
    (r"dataplane/handlers/(\w+)\.c", r"dataplane/handlers/(?!kinds\.h|\1\.h).*", "a handler never includes another"),
    (r"dataplane/handler\.[ch]", r"dataplane/(worker|burst|answer)\.h", "handlers lie below the burst"),
    (r"dataplane/(parse|tcp_state|flow_key|drop|counters|latency)\.[ch]",
     r"rte_(?!byteorder|common|branch_prediction|jhash|prefetch).*\.h|dataplane/(worker|burst|interface|handler|policy"
     r"|flow_table\w*|fragment)\.h", "the parser and its like are pure"),
    (r"dataplane/%s\.[ch]" % STANDALONE, r"dataplane/(?!%s\.h|hash|cuckoo|counters|drop).*" % STANDALONE,
     "the flow table needs nothing of portier"),
    (r"dataplane/(policy|listener_index|rule_match|fragment)\.[ch]", r"dataplane/(worker|burst|answer|interface)\.h",
     "decisions lie below the burst"),
    (r"dataplane/generate\w*\.[ch]", r"dataplane/(worker|burst|policy|handler|flow_table\w*|judge|attach)\.h",
     "a generator is no part of the path that it tests"),
    (r"control/(address|capture|config|error|generate_config\w*|numa|port_range|quote|range_set|rule_(entry|file|iptables\w*|list|nft\w*|print|store"
     r"|text)|services|text_buffer|yaml\w*)\.[ch]",
     r"control/(runtime|server|commands|stats|replay|daemon|check|report)\.h", "texts and stores know nothing of what runs"),
    (r"control/(runtime|policy_compile|policy_publish|stats|rule_store)\.[ch]", r"control/(server|commands|replay|daemon|check)\.h",
     "what runs knows nothing of who asks"),
    (r"control/commands\.[ch]", r"control/(server|replay|daemon)\.h", "commands know nothing of the socket"),
    (r"control/ctl/.*", r"dataplane/.*|control/(runtime|server|commands|stats|config)\.h",
     "the client shares no insides with the daemon"),
]


def tracked():
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"], text=True,
                            stdout=subprocess.PIPE, check=False)
    names = listed.stdout.splitlines() if listed.returncode == 0 else \
        [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if not path.parts[len(ROOT.parts)].startswith("build")]
    return sorted(name for name in names if name.endswith(SOURCES) and (ROOT / name).is_file())


def includes(name):
    """(line, whether in quotes, path) of each #include of a file."""
    for number, line in enumerate((ROOT / name).read_text(errors="replace").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found[1] == '"', found[2]


def check_licence(name):
    if not any(LICENCE in line for line in (ROOT / name).read_text(errors="replace").splitlines()[:2]):
        yield f"{name}:1: no line '{LICENCE}' at its top"


def check_header(name):
    if name.endswith(".h") and "#pragma once" not in (ROOT / name).read_text(errors="replace"):
        yield f"{name}:1: no #pragma once"


def check_paths(name):
    for number, quoted, path in includes(name):
        if quoted and not (ROOT / path).is_file():
            yield f"{name}:{number}: \"{path}\" is no full path from the top of the tree"


def check_forbidden(name):
    for who, what, why in FORBIDDEN:
        match = re.fullmatch(who, name)
        if not match:
            continue
        what = re.compile(match.expand(what) if r"\1" in what else what)
        for number, _, path in includes(name):
            if what.fullmatch(path):
                yield f"{name}:{number}: must not include {path}: {why}"


def check_circles(names):
    """Depth first over headers; a header met again on the way down is a circle."""
    graph = {name: [path for _, quoted, path in includes(name) if quoted] for name in names if name.endswith(".h")}
    done = set()

    def walk(name, way):
        if name in way:
            yield f"{name}:1: headers include each other in a circle: {' -> '.join(way[way.index(name):] + [name])}"
        elif name in graph and name not in done:
            for other in graph[name]:
                yield from walk(other, way + [name])
            done.add(name)

    for name in graph:
        yield from walk(name, [])


def main():
    names = tracked()
    complaints = list(check_circles(names))
    for name in names:
        complaints += check_licence(name)
        if name.endswith((".c", ".h")):
            for check in (check_header, check_paths, check_forbidden):
                complaints += check(name)
    print("\n".join(complaints) if complaints else f"{len(names)} source files: includes and licences as they should be")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
