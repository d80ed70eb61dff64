-- SPDX-License-Identifier: BSD-3-Clause
-- One flow, at each of the usual sizes in turn. LAB_COUNT: packets at each size (10 million).
local lab = require "lab"

for _, size in ipairs { 64, 128, 256, 512, 1024, 1280, 1518 } do
	lab.run(lab.usual("fixed", size))
end
