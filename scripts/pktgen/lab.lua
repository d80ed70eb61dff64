-- SPDX-License-Identifier: BSD-3-Clause
-- A run of Pktgen-DPDK, 23.03 and later, from a table that says what to send: fields are { start, max, inc }.
pcall(require, "Pktgen") -- its helpers, in its own folder; what is called here is part of the program

local lab = {}

local FIELDS = { "src_ip", "dst_ip", "src_port", "dst_port", "size" }
local STILL = { src_ip = "0.0.0.0", dst_ip = "0.0.0.0", src_port = 0, dst_port = 0, size = 0 }
local SETTLE_MS = 1000

local function wait_until_sent(port)
	repeat
		pktgen.delay(100)
	until pktgen.isSending(port)[tonumber(port)] ~= "y"
end

local function send(port, count)
	pktgen.set(port, "count", count)
	pktgen.start(port)
	wait_until_sent(port)
end

-- The three ways to choose packets exclude each other.
local function choose(run)
	pktgen.stop(run.port)
	pktgen.set_range(run.port, "off")
	pktgen.pcap(run.port, "off")
	if run.mode == "range" then
		pktgen.set_range(run.port, "on")
	elseif run.mode == "pcap" then
		pktgen.pcap(run.port, "on")
	end
	pktgen.set(run.port, "rate", run.rate)
end

local function set_fixed(run)
	pktgen.set_type(run.port, "ipv4")
	pktgen.set_proto(run.port, run.proto)
	pktgen.set_mac(run.port, "src", run.src_mac)
	pktgen.set_mac(run.port, "dst", run.dst_mac)
	pktgen.set_ipaddr(run.port, "src", run.src_ip.start .. "/24")
	pktgen.set_ipaddr(run.port, "dst", run.dst_ip.start)
	pktgen.set(run.port, "sport", run.src_port.start)
	pktgen.set(run.port, "dport", run.dst_port.start)
	pktgen.set(run.port, "size", run.size.start)
end

local function set_range(run, field, inc)
	local name = field == "size" and "pkt_size" or field
	pktgen.range[name](run.port, "start", run[field].start)
	pktgen.range[name](run.port, "min", run[field].start)
	pktgen.range[name](run.port, "max", run[field].max)
	pktgen.range[name](run.port, "inc", inc)
end

-- pktgen goes on from where a field was left, wherever that is, and takes "start" only for fields that stand still: one packet
-- with all of them still brings them to their start.
local function prime_ranges(run)
	pktgen.range.set_type(run.port, "ipv4")
	pktgen.range.ip_proto(run.port, run.proto)
	pktgen.range.src_mac(run.port, "start", run.src_mac)
	pktgen.range.dst_mac(run.port, "start", run.dst_mac)
	for _, field in ipairs(FIELDS) do
		set_range(run, field, STILL[field])
	end
	send(run.port, 1)
end

local function start_ranges(run)
	for _, field in ipairs(FIELDS) do
		set_range(run, field, run[field].inc)
	end
	send(run.port, run.count - 1)
end

function lab.run(run)
	choose(run)
	if run.mode == "range" then
		prime_ranges(run)
		start_ranges(run)
	else
		if run.mode == "fixed" then
			set_fixed(run)
		end
		send(run.port, run.count)
	end
	pktgen.delay(SETTLE_MS)
	print("lab: " .. run.count .. " packets were sent on port " .. run.port)
end

-- What the ready-made scripts begin with: port 0, at the line's rate. LAB_DST_MAC: portier's interface.
function lab.usual(mode, size)
	return {
		port = "0", mode = mode, proto = "udp", rate = 100,
		count = tonumber(os.getenv("LAB_COUNT") or 10000000),
		src_mac = "02:00:00:00:00:01", dst_mac = os.getenv("LAB_DST_MAC") or "02:00:00:00:00:02",
		src_ip = { start = "10.0.0.1", max = "10.0.0.1", inc = "0.0.0.0" },
		dst_ip = { start = "198.18.0.1", max = "198.18.0.1", inc = "0.0.0.0" },
		src_port = { start = 1024, max = 1024, inc = 0 },
		dst_port = { start = 53, max = 53, inc = 0 },
		size = { start = size, max = size, inc = 0 },
	}
end

return lab
