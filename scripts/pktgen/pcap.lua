-- SPDX-License-Identifier: BSD-3-Clause
-- The capture that pktgen was started with (-s 0:FILE), round and round. LAB_COUNT: packets (10 million).
local lab = require "lab"

lab.run(lab.usual("pcap", 64))
