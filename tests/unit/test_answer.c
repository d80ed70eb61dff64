// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/pcap.h>
#include <rte_common.h>

#include "dataplane/answer.h"

enum {
	ETH = 14,
	FRAME_ROOM = 4096,
};

struct frame {
	uint8_t byte[FRAME_ROOM];
	uint32_t length;
};

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = value >> 8 & 0xff;
	at[1] = value & 0xff;
}

static uint32_t get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

static uint32_t sum_words(const uint8_t *bytes, uint32_t length)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
	return sum;
}

static uint16_t folded(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

// From 02::1, 10.0.0.1 or fd00::1 to 02::2, 10.0.0.2 or fd00::2, with tags VLAN tags.
static struct frame frame_of(unsigned family, uint8_t protocol, const uint8_t *payload, uint32_t length, unsigned tags)
{
	struct frame f = { .byte = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 } };
	uint8_t *ip = f.byte + ETH + 4 * tags;

	for (unsigned i = 0; i < tags; i++) {
		put16(f.byte + 12 + 4 * i, 0x8100);
		put16(f.byte + 14 + 4 * i, 100 + i);
	}
	put16(ip - 2, family == 4 ? 0x0800 : 0x86dd);
	if (family == 4) {
		const uint8_t head[20] = { 0x45, 0, 0, 0, 0, 1, 0x40, 0, 1, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2 };
		memcpy(ip, head, 20);
		put16(ip + 2, 20 + length);
		put16(ip + 10, ~folded(sum_words(ip, 20)));
	} else {
		ip[0] = 0x60;
		put16(ip + 4, length);
		ip[6] = protocol;
		ip[8] = ip[24] = 0xfd;
		ip[23] = 1;
		ip[39] = 2;
	}
	memcpy(ip + (family == 4 ? 20 : 40), payload, length);
	f.length = ETH + 4 * tags + (family == 4 ? 20 : 40) + length;
	return f;
}

static uint32_t answer_with(const struct frame *frame, enum rule_answer how, uint8_t code, uint8_t *out)
{
	static const struct parse_options options = { 0 };
	struct parse_input input = { .frame = frame->byte, .captured = frame->length, .on_wire = frame->length };
	struct fragment_info fragment;
	struct packet_meta meta;

	parse_frame(&input, &options, &meta, &fragment);
	return answer_build(frame->byte, frame->length, &meta, how, code, out);
}

static uint32_t answer(const struct frame *frame, bool prohibited, uint8_t *out)
{
	return answer_with(frame, prohibited ? ANSWER_PROHIBITED : ANSWER_BY_PROTOCOL, 0, out);
}

// Checks lengths, addresses, hop limit and checksums of an answer. Returns its transport header.
static const uint8_t *assert_sound(const struct frame *frame, const uint8_t *out, uint32_t length, unsigned tags,
				   uint8_t protocol)
{
	const uint8_t *ip = out + ETH + 4 * tags, *asked = frame->byte + ETH + 4 * tags;
	bool four = ip[0] >> 4 == 4;
	uint32_t header = four ? 20 : 40, bytes = four ? 4 : 16, payload = length - (ip - out) - header;

	assert_in_range(length, 1, ANSWER_BYTES_MAX);
	assert_memory_equal(out, frame->byte + 6, 6);
	assert_memory_equal(out + 6, frame->byte, 6);
	assert_memory_equal(out + 12, frame->byte + 12, ip - out - 12);
	assert_memory_equal(ip + header - 2 * bytes, asked + header - bytes, bytes);
	assert_memory_equal(ip + header - bytes, asked + header - 2 * bytes, bytes);
	assert_int_equal(get16(ip + (four ? 2 : 4)), payload + (four ? 20 : 0));
	assert_int_equal(ip[four ? 8 : 7], 64);
	assert_int_equal(ip[four ? 9 : 6], protocol);
	if (four)
		assert_int_equal(folded(sum_words(ip, 20)), 0xffff);
	uint32_t pseudo = protocol == 1 ? 0 : sum_words(ip + header - 2 * bytes, 2 * bytes) + protocol + payload;
	assert_int_equal(folded(pseudo + sum_words(ip + header, payload)), 0xffff);
	return ip + header;
}

static void tcp_is_answered_with_a_reset_as_in_rfc_9293(void **state)
{
	static const struct {
		const char *what;
		uint8_t flags, offset;
		uint32_t payload, sequence, acknowledgement;
		uint8_t answered; // flags
	} cases[] = {
		{ "syn", TCP_SYN, 5, 0, 0, 1001, TCP_RST | TCP_ACK },
		{ "syn with options and data", TCP_SYN, 7, 100, 0, 1101, TCP_RST | TCP_ACK },
		{ "ack", TCP_ACK, 5, 0, 2000, 0, TCP_RST },
		{ "data", TCP_ACK | TCP_PSH, 5, 300, 2000, 0, TCP_RST },
		{ "fin", TCP_FIN, 5, 7, 0, 1008, TCP_RST | TCP_ACK },
		{ "null", 0, 5, 0, 0, 1000, TCP_RST | TCP_ACK },
		{ "syn-ack", TCP_SYN | TCP_ACK, 5, 0, 2000, 0, TCP_RST },
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases) * 4; i++) {
		unsigned family = i % 2 ? 6 : 4, tags = i / 2 % 2 * 2, c = i / 4;
		uint8_t tcp[512] = { 0x30, 0x39, 0, 80, 0, 0, 3, 0xe8, 0, 0, 7, 0xd0, cases[c].offset << 4, cases[c].flags };
		struct frame frame = frame_of(family, 6, tcp, 4 * cases[c].offset + cases[c].payload, tags);
		uint8_t out[ANSWER_BYTES_MAX];
		uint32_t length = answer_with(&frame, i % 3 ? ANSWER_TCP_RESET : ANSWER_BY_PROTOCOL, 13, out);
		const uint8_t *reset = assert_sound(&frame, out, length, tags, 6);

		assert_int_equal(length, ETH + 4 * tags + (family == 4 ? 40 : 60));
		assert_int_equal(get16(reset), 80);
		assert_int_equal(get16(reset + 2), 12345);
		assert_int_equal(get32(reset + 4), cases[c].sequence);
		assert_int_equal(get32(reset + 8), cases[c].acknowledgement);
		assert_int_equal(reset[12], 0x50);
		assert_int_equal(reset[13], cases[c].answered);
	}
}

static void others_are_answered_with_unreachable_and_a_quote(void **state)
{
	static const uint32_t payloads[] = { 8, 9, 100, 520, 528, 529, 1192, 1193, 1400, 3000 };
	static const uint8_t protocols[] = { 17, 132, 50 };
	static const uint8_t code[2][2] = { { 3, 13 }, { 4, 1 } }; // by family, prohibited

	(void)state;
	for (size_t i = 0; i < RTE_DIM(payloads) * 24; i++) {
		bool six = i % 2, prohibited = i / 2 % 2;
		unsigned tags = i / 4 % 2 * 3, p = i / 24, protocol = protocols[i / 8 % 3];
		uint8_t udp[FRAME_ROOM] = { 0x30, 0x39, 0, 53 }, out[ANSWER_BYTES_MAX];

		put16(udp + 4, payloads[p]);
		struct frame frame = frame_of(six ? 6 : 4, protocol, udp, payloads[p], tags);
		uint32_t whole = frame.length - ETH - 4 * tags, room = six ? 1280 - 48 - 4 * tags : 548;
		uint32_t quoted = RTE_MIN(whole, room), length;

		frame.length += 5; // padding, which is not quoted
		length = answer(&frame, prohibited, out);
		const uint8_t *icmp = assert_sound(&frame, out, length, tags, six ? 58 : 1);
		assert_int_equal(icmp[0], six ? 1 : 3);
		assert_int_equal(icmp[1], code[six][prohibited]);
		assert_int_equal(get32(icmp + 4), 0);
		assert_int_equal(out + length - icmp, 8 + quoted);
		assert_memory_equal(icmp + 8, frame.byte + ETH + 4 * tags, quoted);
	}
}

// The rule says what to answer with; each code for both families, and for TCP as for all else.
static void rules_say_what_to_answer_with(void **state)
{
	enum { NOTHING = 0, RESET = 1, UNREACHABLE = 2 };
	static const struct {
		uint8_t how, code, protocol;
		uint8_t kind, codes[2]; // IPv4, IPv6
	} cases[] = {
		{ ANSWER_BY_PROTOCOL, 0, 6, RESET, { 0 } },
		{ ANSWER_BY_PROTOCOL, 0, 17, UNREACHABLE, { 3, 4 } },
		{ ANSWER_BY_PROTOCOL, 0, 47, UNREACHABLE, { 3, 4 } },
		{ ANSWER_PROHIBITED, 0, 6, UNREACHABLE, { 13, 1 } },
		{ ANSWER_PROHIBITED, 0, 17, UNREACHABLE, { 13, 1 } },
		{ ANSWER_TCP_RESET, 0, 6, RESET, { 0 } },
		{ ANSWER_TCP_RESET, 0, 17, NOTHING, { 0 } },
		{ ANSWER_ICMP_CODE, 0, 17, UNREACHABLE, { 0, 0 } },
		{ ANSWER_ICMP_CODE, 1, 6, UNREACHABLE, { 1, 1 } },
		{ ANSWER_ICMP_CODE, 2, 17, UNREACHABLE, { 2, 2 } },
		{ ANSWER_ICMP_CODE, 3, 6, UNREACHABLE, { 3, 3 } },
		{ ANSWER_ICMP_CODE, 4, 17, UNREACHABLE, { 4, 4 } },
		{ ANSWER_ICMP_CODE, 5, 17, UNREACHABLE, { 5, 5 } },
		{ ANSWER_ICMP_CODE, 6, 17, UNREACHABLE, { 6, 6 } },
		{ ANSWER_ICMP_CODE, 9, 17, UNREACHABLE, { 9, 9 } },
		{ ANSWER_ICMP_CODE, 10, 6, UNREACHABLE, { 10, 10 } },
		{ ANSWER_ICMP_CODE, 13, 17, UNREACHABLE, { 13, 13 } },
		{ ANSWER_ICMP_CODE, ANSWER_ICMPX | ICMPX_NO_ROUTE, 17, UNREACHABLE, { 0, 0 } },
		{ ANSWER_ICMP_CODE, ANSWER_ICMPX | ICMPX_PORT, 6, UNREACHABLE, { 3, 4 } },
		{ ANSWER_ICMP_CODE, ANSWER_ICMPX | ICMPX_HOST, 17, UNREACHABLE, { 1, 3 } },
		{ ANSWER_ICMP_CODE, ANSWER_ICMPX | ICMPX_PROHIBITED, 6, UNREACHABLE, { 13, 1 } },
	};
	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases) * 2; i++) {
		bool six = i % 2;
		uint8_t payload[40] = { 0x30, 0x39, 0, 80, 0, 40, 0, 0, 0, 0, 0, 0, 0x50, TCP_SYN }, out[ANSWER_BYTES_MAX];
		struct frame frame = frame_of(six ? 6 : 4, cases[i / 2].protocol, payload, sizeof(payload), 0);
		uint32_t length = answer_with(&frame, cases[i / 2].how, cases[i / 2].code, out);

		if (cases[i / 2].kind == NOTHING) {
			assert_int_equal(length, 0);
			continue;
		}
		bool reset = cases[i / 2].kind == RESET;
		const uint8_t *l4 = assert_sound(&frame, out, length, 0, reset ? 6 : six ? 58 : 1);
		if (reset) {
			assert_int_equal(l4[13], TCP_RST | TCP_ACK);
			continue;
		}
		assert_int_equal(l4[0], six ? 1 : 3);
		assert_int_equal(l4[1], cases[i / 2].codes[six]);
		assert_memory_equal(l4 + 8, frame.byte + ETH, frame.length - ETH);
	}
}

static void some_are_never_answered(void **state)
{
	static const struct {
		const char *what;
		uint8_t family, protocol;
		uint16_t at[2]; // which bytes of the frame are other ones
		uint8_t value[2];
	} cases[] = {
		{ "broadcast mac", 4, 17, { 0, 0 }, { 0xff, 0xff } },
		{ "multicast mac", 6, 17, { 0, 0 }, { 0x33, 0x33 } },
		{ "from a group's mac", 4, 17, { 6, 0 }, { 3, 2 } },
		{ "multicast destination", 4, 17, { 30, 0 }, { 224, 2 } },
		{ "multicast destination", 6, 6, { 38, 0 }, { 0xff, 2 } },
		{ "multicast source", 4, 17, { 26, 0 }, { 239, 2 } },
		{ "unspecified source", 4, 17, { 26, 29 }, { 0, 0 } },
		{ "unspecified source", 6, 17, { 22, 37 }, { 0, 0 } },
		{ "later fragment", 4, 17, { 21, 0 }, { 1, 2 } },
		{ "reset", 4, 6, { 47, 0 }, { TCP_RST, 2 } },
		{ "reset", 6, 6, { 67, 0 }, { TCP_RST | TCP_ACK, 2 } },
		{ "icmp error", 4, 1, { 34, 0 }, { 3, 2 } },
		{ "icmp redirect", 4, 1, { 34, 0 }, { 5, 2 } },
		{ "icmpv6 error", 6, 58, { 54, 0 }, { 1, 2 } },
		{ "icmpv6 redirect", 6, 58, { 54, 0 }, { 137, 2 } },
	};
	uint8_t payload[64] = { 8, 0, 0, 80, 0, 64, 0, 0, 0, 0, 0, 0, 0x50, TCP_SYN }, out[ANSWER_BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct frame frame = frame_of(cases[i].family, cases[i].protocol, payload, sizeof(payload), 0);

		if (cases[i].protocol != 58 && cases[i].protocol != 1) // echo reply and such have other reasons
			assert_int_not_equal(answer(&frame, false, out), 0);
		frame.byte[cases[i].at[0]] = cases[i].value[0];
		frame.byte[cases[i].at[1]] = cases[i].value[1];
		if (answer(&frame, false, out) != 0)
			fail_msg("%s was answered", cases[i].what);
	}
}

static void directed_packets_that_ask_are_answered(void **state)
{
	uint8_t echo[16] = { 8 }, out[ANSWER_BYTES_MAX];
	struct frame frame = frame_of(4, 1, echo, sizeof(echo), 0);

	(void)state;
	assert_int_not_equal(answer(&frame, true, out), 0);
	frame.byte[30] = 255;
	assert_int_not_equal(answer(&frame, true, out), 0); // 255.0.0.2
	memset(frame.byte + 30, 255, 4);
	assert_int_equal(answer(&frame, true, out), 0);
}

static void cut_tcp_header_is_not_answered(void **state)
{
	uint8_t tcp[20] = { 0x30, 0x39, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, TCP_SYN }, out[ANSWER_BYTES_MAX];
	struct frame frame = frame_of(4, 6, tcp, sizeof(tcp), 0);

	(void)state;
	for (frame.length = 0; frame.length < 54; frame.length++)
		assert_int_equal(answer(&frame, false, out), 0);
	assert_int_not_equal(answer(&frame, false, out), 0);
}

static void answers_are_limited_to_rate_and_burst(void **state)
{
	struct answer_limit limit = { .interval = 100, .burst = 300 };
	unsigned allowed = 0;

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		allowed += answer_allowed(&limit, 1000);
	assert_int_equal(allowed, 4); // the burst, and the one that was due
	assert_false(answer_allowed(&limit, 1099));
	assert_true(answer_allowed(&limit, 1100));
	assert_false(answer_allowed(&limit, 1100));
	for (uint64_t now = 10000; now < 20000; now++)
		allowed += answer_allowed(&limit, now);
	assert_in_range(allowed, 4 + 100, 4 + 104);
}

// Writes one answer of each kind to a capture, and lets tshark look for anything malformed.
static void tshark_finds_no_fault(void **state)
{
	char path[] = "/tmp/portier_answer_XXXXXX", command[384], line[256];
	uint8_t payload[1400] = { 0x30, 0x39, 0, 80, 0, 0, 3, 0xe8, 0, 0, 7, 0xd0, 0x50, TCP_SYN }, out[ANSWER_BYTES_MAX];
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 65535);
	int fd = mkstemp(path);
	pcap_dumper_t *dumper = pcap_dump_fopen(dead, fdopen(fd, "wb"));
	unsigned faults = 0;

	(void)state;
	if (system("tshark --version >/dev/null 2>&1") != 0) {
		pcap_dump_close(dumper);
		pcap_close(dead);
		remove(path);
		skip();
	}
	for (unsigned i = 0; i < 24; i++) {
		bool tcp = i / 4 % 3 == 0 || i % 4 == ANSWER_TCP_RESET;
		if (!tcp)
			put16(payload + 4, i / 12 ? 1400 : 30);
		struct frame frame = frame_of(i % 2 ? 6 : 4, tcp ? 6 : 17, payload, i / 12 ? 1400 : 30, i / 2 % 2);
		struct pcap_pkthdr header = { .caplen = answer_with(&frame, tcp ? ANSWER_TCP_RESET : i % 4, ANSWER_ICMPX | i % 4, out) };

		header.len = header.caplen;
		assert_int_not_equal(header.len, 0);
		pcap_dump((u_char *)dumper, &header, out);
	}
	pcap_dump_close(dumper);
	pcap_close(dead);
	snprintf(command, sizeof(command),
		 "tshark -r %s -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE 2>/dev/null "
		 "-Y '_ws.malformed || _ws.expert.severity >= 0x800000 || ip.checksum.status == 0 "
		 "|| tcp.checksum.status == 0 || icmp.checksum.status == 0 || icmpv6.checksum.status == 0'",
		 path);
	FILE *output = popen(command, "r");
	while (fgets(line, sizeof(line), output)) {
		print_message("%s", line);
		faults++;
	}
	assert_int_equal(pclose(output), 0);
	remove(path);
	assert_int_equal(faults, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_is_answered_with_a_reset_as_in_rfc_9293),
		cmocka_unit_test(others_are_answered_with_unreachable_and_a_quote),
		cmocka_unit_test(rules_say_what_to_answer_with),
		cmocka_unit_test(some_are_never_answered),
		cmocka_unit_test(directed_packets_that_ask_are_answered),
		cmocka_unit_test(cut_tcp_header_is_not_answered),
		cmocka_unit_test(answers_are_limited_to_rate_and_burst),
		cmocka_unit_test(tshark_finds_no_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
