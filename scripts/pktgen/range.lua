-- SPDX-License-Identifier: BSD-3-Clause
-- 23,552 flows (23 addresses and 1,024 ports, which have no factor in common), at each of the usual sizes in turn.
-- LAB_COUNT: packets at each size (10 million).
local lab = require "lab"

for _, size in ipairs { 64, 128, 256, 512, 1024, 1280, 1518 } do
	local run = lab.usual("range", size)
	run.src_ip = { start = "10.0.0.1", max = "10.0.0.23", inc = "0.0.0.1" }
	run.src_port = { start = 1024, max = 2047, inc = 1 }
	lab.run(run)
end
