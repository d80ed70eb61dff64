// SPDX-License-Identifier: BSD-3-Clause
// A configuration with a value for every key, which tests read and change.
#pragma once

#include <string.h>

#include "control/config.h"

static const char whole[] =
	"interfaces:\n"
	"  - name: wan0\n"
	"    device: \"0000:3b:00.0\"\n"
	"    queues: auto\n"
	"    mtu: 9000\n"
	"    promiscuous: false\n"
	"    checksum: verify\n"
	"    rx_descriptors: 2048\n"
	"    tx_descriptors: 512\n"
	"  - {name: lan0, device: 'net_tap0,iface=x', queues: 3}\n"
	"workers:\n"
	"  cpus: [2, 3, 5-7]\n"
	"  control_cpus: [0]\n"
	"  share_cpus: true\n"
	"flows:\n"
	"  capacity: 1M\n"
	"  embryonic_percent: 25\n"
	"  fragments: 8K\n"
	"  fragment_timeout: 60s\n"
	"  vlan_in_key: true\n"
	"  timeouts: {tcp_established: 300s, profile: lab, udp_replied: 2m, other_replied: 1500ms}\n"
	"listeners:\n"
	"  - {handler: web, port: https, protocol: tcp, address: 203.0.113.0/24}\n"
	"  - {protocol: udp, port: 5000-5010, interface: lan0, vlan: 7, handler: app}\n"
	"  - {protocol: icmpv6, address: '2001:db8::/32', handler: web}\n"
	"handlers:\n"
	"  - name: web\n"
	"    kind: count\n"
	"  - {name: app, kind: device, device: 'net_memif0,role=server', uplink: wan0, mtu: 9000,\n"
	"     queues: 2, checksum: verify}\n"
	"  - {name: tap, kind: device, device: net_tap1}\n"
	"default_handler: web\n"
	"rules: sub/portier.rules\n"
	"policy:\n"
	"  tcp_pickup: strict\n"
	"  unbound: reject\n"
	"  fragments: steer\n"
	"  truncated: drop\n"
	"  martians: accept\n"
	"  non_ip: default_handler\n"
	"  state: packet\n"
	"  on_rule_change: keep\n"
	"  answers_per_second: 7\n"
	"  logs_per_second: 9\n"
	"latency: 100\n"
	"control:\n"
	"  socket: /tmp/p.sock\n"
	"eal: [\"--no-huge\", \"-m\", \"512\"]\n";

static inline int parse(const char *text, struct config *config, struct error *error)
{
	*error = (struct error){ "" };
	return config_parse("etc/t.yaml", text, strlen(text), config, error);
}

// The handlers of configurations about something else.
#define H "handlers: [{name: web, kind: count}]\n"
