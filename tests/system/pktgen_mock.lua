-- SPDX-License-Identifier: BSD-3-Clause
-- Stands in for pktgen: a port that builds and sends packets as Pktgen-DPDK 23.03 does, and prints each.
local POOL = tonumber(os.getenv("MOCK_POOL"))
local FIELDS = { "src_ip", "dst_ip", "src_port", "dst_port", "pkt_size" }

local single, range, state = {}, {}, {}
local mode, count, proto, rate = "single", 0, "tcp", 100

local function number(text)
	local a, b, c, d = tostring(text):match("^(%d+)%.(%d+)%.(%d+)%.(%d+)")
	return a and ((a * 256 + b) * 256 + c) * 256 + d or math.tointeger(text)
end

-- What a fresh pktgen has in its packet for ranges: nothing that a run asks for.
for i, field in ipairs(FIELDS) do
	range[field] = {}
	state[field] = 1233 + i
end

-- One field goes on by one step.
local function advance(field)
	local r, value = range[field], state[field]
	if r.inc == 0 then
		return r.start
	end
	value = value + r.inc
	if value < r.min then
		return r.max
	elseif value > r.max then
		return r.min
	end
	return value
end

-- All buffers are filled, in the order of memory, though the pool hands them out in another one.
local pool, order = {}, {}
for i = 1, POOL do
	order[i] = i
end

local function fill()
	for i = 1, POOL do
		pool[i] = {}
		for _, field in ipairs(FIELDS) do
			if mode == "range" then
				state[field] = advance(field)
			end
			pool[i][field] = mode == "range" and state[field] or single[field]
		end
	end
end

local function print_packet(packet)
	local cells = { proto }
	for _, field in ipairs(FIELDS) do
		cells[#cells + 1] = tostring(packet[field])
	end
	print(table.concat(cells, " "))
end

local function start()
	assert(count > 0, "no end")
	if mode == "pcap" then
		print("pcap " .. count)
		return
	end
	fill()
	for _ = 1, count do
		local buffer = table.remove(order, 1)
		print_packet(pool[buffer])
		order[#order + 1] = buffer
	end
end

-- A function of pktgen's that takes exactly so many arguments, the port first.
local function takes(wanted, act)
	return function(...)
		assert(select("#", ...) == wanted, "wrong number of arguments")
		assert((...) == "0", "another port")
		return act(select(2, ...))
	end
end

local function switch(name)
	return takes(2, function(state_of)
		assert(state_of == "on" or state_of == "off")
		mode = state_of == "on" and name or "single"
	end)
end

local setters = {
	count = function(value) count = value end,
	rate = function(value) rate = value end,
	sport = function(value) single.src_port = value end,
	dport = function(value) single.dst_port = value end,
	size = function(value) single.pkt_size = value end,
}

pktgen = {
	delay = function(ms) assert(math.tointeger(ms)) end,
	stop = takes(1, function() end),
	start = takes(1, start),
	isSending = takes(1, function() return { [0] = "n", n = 1 } end),
	set_range = switch("range"),
	pcap = switch("pcap"),
	set = takes(3, function(what, value) setters[what](assert(math.tointeger(value))) end),
	set_type = takes(2, function(type) assert(type == "ipv4") end),
	set_proto = takes(2, function(name) proto = name end),
	set_mac = takes(3, function(which, mac) assert(which == "src" or which == "dst" and #mac == 17) end),
	set_ipaddr = takes(3, function(which, address)
		assert((which == "src") == (address:find("/") ~= nil), "the source has a prefix length, the destination none")
		single[which .. "_ip"] = number(address)
	end),
	range = {
		set_type = takes(2, function(type) assert(type == "ipv4") end),
		ip_proto = takes(2, function(name) proto = name end),
		src_mac = takes(3, function(what, mac) assert(what == "start" and #mac == 17) end),
		dst_mac = takes(3, function(what, mac) assert(what == "start" and #mac == 17) end),
	},
}
for _, field in ipairs(FIELDS) do
	pktgen.range[field] = takes(3, function(what, value)
		range[field][what] = assert(number(value))
		if what == "inc" and field:find("port") then
			range[field].inc = math.min(range[field].inc, 64)
		end
	end)
end
