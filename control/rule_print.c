// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_print.h"

#include <stdlib.h>
#include <string.h>

#include "control/rule_print_set.h"
#include "dataplane/protocol.h"

enum { PROTOCOL_NONE = 256 };

// Ports and bytes

// "!= 5": all but one in the middle.
static bool says_not_one(const struct port_set *set, unsigned most)
{
	return set->count == 2 && set->range[0].low == 0 && set->range[0].high + 2 == set->range[1].low &&
	       set->range[1].high == most;
}

// nft 1.0.6 makes one comparison of "tcp sport != 1 tcp dport != 2", and by that "not both". Behind such a one the other is
// written as a range, which it leaves alone.
static void print_ports(struct text_buffer *text, const char *before, const struct port_set *set, unsigned most,
			const struct port_set *first)
{
	const struct number_style style = { most, NFT_TYPES, false,
					    first && says_not_one(first, most) && says_not_one(set, most) };
	text_buffer_add(text, before);
	print_port_set(text, set, &style);
}

static void print_bytes(struct text_buffer *text, const char *before, const struct byte_set *set, enum nft_type names)
{
	const struct number_style style = { UINT8_MAX, names, false, false };
	text_buffer_add(text, before);
	print_byte_set(text, set, &style);
}

// Connection states

static void print_states(struct text_buffer *text, uint8_t states)
{
	static const struct {
		uint8_t state;
		const char *name;
	} names[] = {
		{ CONNECTION_INVALID, "invalid" }, { CONNECTION_ESTABLISHED, "established" }, { CONNECTION_RELATED, "related" },
		{ CONNECTION_NEW, "new" }, { CONNECTION_UNTRACKED, "untracked" },
	};
	bool first = true;
	text_buffer_add(text, "ct state ");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(states & names[i].state))
			continue;
		text_buffer_format(text, "%s%s", first ? "" : ",", names[i].name);
		first = false;
	}
	text_buffer_add(text, first ? "0 " : " "); // "0": none of them
}

// Protocol and family: said by what stands for them anyway, or for themselves

static unsigned only_protocol(const struct rule *rule)
{
	unsigned count = 0, protocol = 0;
	for (unsigned i = 0; i < 4 && rule->asks & RULE_PROTOCOL; i++) {
		uint64_t word = rule->protocols.word[i];
		count += (unsigned)__builtin_popcountll(word);
		if (word)
			protocol = 64 * i + (unsigned)__builtin_ctzll(word);
	}
	return count == 1 ? protocol : PROTOCOL_NONE;
}

static const char *ports_header(const struct rule *rule)
{
	switch (only_protocol(rule)) {
	case 6:
		return "tcp";
	case 17:
		return "udp";
	case 33:
		return "dccp";
	case 132:
		return "sctp";
	case 136:
		return "udplite";
	default:
		return "th";
	}
}

static bool asks_icmp(const struct rule *rule)
{
	return rule->asks & (RULE_ICMP_TYPE | RULE_ICMP_CODE);
}

static bool asks_ports(const struct rule *rule)
{
	return rule->asks & (RULE_SOURCE_PORT | RULE_DESTINATION_PORT);
}

static bool one_family(const struct rule *rule)
{
	return rule->ip4 != rule->ip6;
}

// "icmp type" says IPv4 too, unless something was said before.
static bool icmp_says_all(const struct rule *rule)
{
	unsigned protocol = only_protocol(rule);
	return asks_icmp(rule) && one_family(rule) && protocol == (rule->ip4 ? PROTO_ICMP : PROTO_ICMP6);
}

static bool protocol_is_said(const struct rule *rule)
{
	unsigned protocol = only_protocol(rule);
	if (asks_icmp(rule) && protocol_is_icmp(protocol))
		return one_family(rule);
	bool reset = rule->verdict == VERDICT_REJECT && rule->answer == ANSWER_TCP_RESET;
	if (protocol == PROTO_TCP && (rule->asks & RULE_TCP_FLAGS || reset))
		return true;
	return asks_ports(rule) && strcmp(ports_header(rule), "th") != 0;
}

static bool no_protocol(const struct rule *rule)
{
	const uint64_t *word = rule->protocols.word;
	return rule->asks & RULE_PROTOCOL && !(word[0] | word[1] | word[2] | word[3]);
}

// "ip protocol" says both.
static bool says_ip_protocol(const struct rule *rule)
{
	return rule->asks & RULE_PROTOCOL && rule->ip4 && !rule->ip6 && !protocol_is_said(rule) && (!asks_icmp(rule) || no_protocol(rule));
}

static bool says_family_later(const struct rule *rule)
{
	if (asks_icmp(rule) && !no_protocol(rule))
		return icmp_says_all(rule);
	bool answer = rule->verdict == VERDICT_REJECT && rule->answer == ANSWER_ICMP_CODE && !(rule->answer_code & ANSWER_ICMPX);
	return says_ip_protocol(rule) || answer || rule->asks & (RULE_SOURCE | RULE_DESTINATION | RULE_NEXT_HEADER);
}

static void print_family(struct text_buffer *text, const struct rule *rule)
{
	if (one_family(rule) && !says_family_later(rule))
		text_buffer_format(text, "meta nfproto ipv%c ", rule->ip4 ? '4' : '6');
}

static void print_protocol(struct text_buffer *text, const struct rule *rule)
{
	if (rule->asks & RULE_PROTOCOL && !protocol_is_said(rule))
		print_bytes(text, says_ip_protocol(rule) ? "ip protocol " : "meta l4proto ", &rule->protocols, NFT_TYPE_PROTOCOL);
}

// As print_ports.
static void print_icmp_code(struct text_buffer *text, const struct rule *rule, const char *before)
{
	struct port_range types[BYTE_SET_RUNS_MAX], codes[BYTE_SET_RUNS_MAX];
	const struct port_set type = { types, byte_set_runs(&rule->icmp_types, types) };
	const struct port_set code = { codes, byte_set_runs(&rule->icmp_codes, codes) };
	const struct number_style style = { UINT8_MAX, NFT_TYPES, false,
					    rule->asks & RULE_ICMP_TYPE && says_not_one(&type, UINT8_MAX) &&
						    says_not_one(&code, UINT8_MAX) };
	text_buffer_add(text, before);
	print_byte_set(text, &rule->icmp_codes, &style);
}

static void print_icmp(struct text_buffer *text, const struct rule *rule)
{
	bool six = only_protocol(rule) == PROTO_ICMP6;
	if (rule->asks & RULE_ICMP_TYPE)
		print_bytes(text, six ? "icmpv6 type " : "icmp type ", &rule->icmp_types,
			    six ? NFT_TYPE_ICMPV6_TYPE : NFT_TYPE_ICMP_TYPE);
	if (rule->asks & RULE_ICMP_CODE)
		print_icmp_code(text, rule, six ? "icmpv6 code " : "icmp code ");
}

// A rule for no protocol at all says no more than that.
static void print_transport(struct text_buffer *text, const struct rule *rule)
{
	char before[16] = "";
	if (no_protocol(rule))
		return;
	if (rule->asks & RULE_SOURCE_PORT)
		print_ports(text, strcat(strcpy(before, ports_header(rule)), " sport "), &rule->source_ports, UINT16_MAX, NULL);
	if (rule->asks & RULE_DESTINATION_PORT)
		print_ports(text, strcat(strcpy(before, ports_header(rule)), " dport "), &rule->destination_ports, UINT16_MAX,
			    rule->asks & RULE_SOURCE_PORT ? &rule->source_ports : NULL);
	if (rule->asks & RULE_TCP_FLAGS) {
		text_buffer_add(text, "tcp flags ");
		print_tcp_flags(text, &rule->tcp_flags);
	}
	print_icmp(text, rule);
}

// Behind "ip6 nexthdr" and what it is nft no longer takes an answer of TCP; behind what it is not it does.
static void print_next_header(struct text_buffer *text, const struct rule *rule)
{
	bool reset = rule->verdict == VERDICT_REJECT && rule->answer == ANSWER_TCP_RESET;
	const struct number_style style = { UINT8_MAX, NFT_TYPE_PROTOCOL, reset, false };
	text_buffer_add(text, rule->ip4 ? "ip protocol " : "ip6 nexthdr ");
	print_byte_set(text, &rule->next_headers, &style);
}

static void print_addresses(struct text_buffer *text, const struct rule *rule, const char *name, const struct address_set *set)
{
	text_buffer_format(text, "%s %s ", rule->ip4 ? "ip" : "ip6", name);
	print_address_set(text, rule->ip4 ? FAMILY_IP4 : FAMILY_IP6, set);
}

static void print_network(struct text_buffer *text, const struct rule *rule)
{
	if (rule->asks & RULE_NEXT_HEADER)
		print_next_header(text, rule);
	if (rule->asks & RULE_SOURCE)
		print_addresses(text, rule, "saddr", &rule->sources);
	if (rule->asks & RULE_DESTINATION)
		print_addresses(text, rule, "daddr", &rule->destinations);
}

static void print_matches(struct text_buffer *text, const struct rule *rule, const char *interfaces)
{
	if (rule->asks & RULE_INTERFACE && interfaces) {
		text_buffer_add(text, "iifname ");
		print_interfaces(text, interfaces);
	}
	if (rule->asks & RULE_VLAN)
		print_ports(text, "vlan id ", &rule->vlans, RULE_VLAN_MAX, NULL);
	print_family(text, rule);
	print_protocol(text, rule);
	print_transport(text, rule);
	print_network(text, rule);
	if (rule->asks & RULE_CONNECTION)
		print_states(text, rule->connection);
}

// Statements

static void print_limit(struct text_buffer *text, const struct rule_limit *limit)
{
	const char *period = limit->period_sec == 1 ? "second" : limit->period_sec == 60 ? "minute" :
			     limit->period_sec == 3600 ? "hour" : limit->period_sec == 86400 ? "day" : "week";
	if (limit->rate == 0)
		return;
	text_buffer_format(text, "limit rate %s%llu%s/%s burst %llu %s ", limit->over ? "over " : "",
			   (unsigned long long)limit->rate, limit->bytes ? " bytes" : "", period,
			   (unsigned long long)limit->burst, limit->bytes ? "bytes" : "packets");
}

// How many bytes a character of UTF-8 has here, 0: it is none.
static size_t character_length(const char *at)
{
	const unsigned char *byte = (const unsigned char *)at;
	size_t length = byte[0] < 0x80 ? 1 : byte[0] >= 0xc2 && byte[0] < 0xe0 ? 2 : byte[0] >= 0xe0 && byte[0] < 0xf0 ? 3 :
			byte[0] >= 0xf0 && byte[0] < 0xf5 ? 4 : 0;
	for (size_t i = 1; i < length; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
	}
	bool long_form = (byte[0] == 0xe0 && byte[1] < 0xa0) || (byte[0] == 0xf0 && byte[1] < 0x90);
	bool beyond = (byte[0] == 0xed && byte[1] >= 0xa0) || (byte[0] == 0xf4 && byte[1] >= 0x90);
	return long_form || beyond ? 0 : length;
}

// What can't stand in a string of nft's is replaced.
static void print_string(struct text_buffer *text, const char *string, size_t most, bool dollar)
{
	size_t used = 0;
	text_buffer_add(text, "\"");
	while (*string) {
		size_t length = character_length(string);
		bool control = length == 0 || (unsigned char)*string < 0x20 || *string == 0x7f;
		used += length ? length : 1;
		if (used > most)
			break;
		if (control || *string == '"' || (*string == '$' && !dollar))
			text_buffer_add(text, *string == '"' ? "'" : *string == '$' ? "_" : "?");
		else
			text_buffer_add_bytes(text, string, length);
		string += length ? length : 1;
	}
	text_buffer_add(text, "\"");
}

static void print_log(struct text_buffer *text, const struct rule *rule, const char *prefix)
{
	if (!rule->log)
		return;
	text_buffer_add(text, " log");
	if (prefix) {
		text_buffer_add(text, " prefix ");
		print_string(text, prefix, RULE_LOG_PREFIX_MAX, false);
	}
}

static void print_code(struct text_buffer *text, const struct rule *rule)
{
	enum nft_type type = rule->answer_code & ANSWER_ICMPX ? NFT_TYPE_ICMPX_CODE :
			     rule->ip4			   ? NFT_TYPE_ICMP_CODE :
							     NFT_TYPE_ICMPV6_CODE;
	const char *header = type == NFT_TYPE_ICMPX_CODE ? "icmpx" : type == NFT_TYPE_ICMP_CODE ? "icmp" : "icmpv6";
	unsigned code = rule->answer_code & ~(unsigned)(type == NFT_TYPE_ICMPX_CODE ? ANSWER_ICMPX : 0);
	const char *name = nft_type_name(type, code);
	text_buffer_format(text, " with %s ", header);
	if (name)
		text_buffer_add(text, name);
	else
		text_buffer_format(text, "%u", code);
}

static void print_reject(struct text_buffer *text, const struct rule *rule)
{
	text_buffer_add(text, " reject");
	if (rule->answer == ANSWER_PROHIBITED)
		text_buffer_add(text, " with icmpx admin-prohibited");
	else if (rule->answer == ANSWER_TCP_RESET)
		text_buffer_add(text, " with tcp reset");
	else if (rule->answer == ANSWER_ICMP_CODE)
		print_code(text, rule);
}

static void print_verdict(struct text_buffer *text, const struct rule *rule)
{
	if (rule->verdict == VERDICT_ACCEPT)
		text_buffer_add(text, " accept");
	else if (rule->verdict == VERDICT_DROP)
		text_buffer_add(text, " drop");
	else if (rule->verdict == VERDICT_REJECT)
		print_reject(text, rule);
}

static void print_rule(struct text_buffer *text, const struct rule *rule, const char *comment, const char *log_prefix,
		       const char *interfaces, const struct rule_print_count *counted)
{
	print_matches(text, rule, interfaces);
	print_limit(text, &rule->limit);
	text_buffer_add(text, "counter");
	if (counted)
		text_buffer_format(text, " packets %llu bytes %llu", (unsigned long long)counted->packets,
				   (unsigned long long)counted->bytes);
	print_log(text, rule, log_prefix);
	print_verdict(text, rule);
	if (comment) {
		text_buffer_add(text, " comment ");
		print_string(text, comment, RULE_COMMENT_MAX, true);
	}
	if (counted && counted->id)
		text_buffer_format(text, " # handle %u", counted->id);
}

char *rule_print(const struct rule *rule, const char *comment, const char *log_prefix, const char *interfaces)
{
	struct text_buffer text = { 0 };
	print_rule(&text, rule, comment, log_prefix, interfaces, NULL);
	return text_buffer_take(&text);
}

// Lists

static void print_head(struct text_buffer *text, enum verdict default_verdict, const struct rule_print_count *counted)
{
	text_buffer_format(text, "table inet portier {\n\tchain input {\n\t\ttype filter hook input priority filter; policy %s;",
			   default_verdict == VERDICT_ACCEPT ? "accept" : "drop");
	if (counted)
		text_buffer_format(text, " # packets %llu bytes %llu", (unsigned long long)counted->packets,
				   (unsigned long long)counted->bytes);
	text_buffer_add(text, "\n");
}

static void print_entry(struct text_buffer *text, const struct rule_entry *entry, const struct rule_print_count *counted)
{
	text_buffer_add(text, "\t\t");
	if (counted)
		print_rule(text, &entry->rule, entry->comment, entry->log_prefix, entry->interfaces, counted);
	else
		text_buffer_add(text, entry->text);
	text_buffer_add(text, "\n");
}

char *rule_list_print(struct rule_entry *const entry[], const struct rule_print_count counted[], size_t count,
		      enum verdict default_verdict)
{
	struct text_buffer text = { 0 };
	print_head(&text, default_verdict, counted ? &counted[count] : NULL);
	for (size_t i = 0; i < count; i++)
		print_entry(&text, entry[i], counted ? &counted[i] : NULL);
	if (default_verdict == VERDICT_REJECT)
		text_buffer_add(&text, "\t\tcounter reject comment \"default\"\n");
	text_buffer_add(&text, "\t}\n}\n");
	return text_buffer_take(&text);
}
