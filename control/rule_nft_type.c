// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_nft_type.h"

#include <arpa/inet.h>
#include <string.h>

#include "control/services.h"

enum { SERVICE_NAME_MAX = 64 };

struct symbol {
	const char *name;
	uint32_t number;
};

// nft's own words, and what /etc/protocols has. Of several names of a number the first is printed.
static const struct symbol protocols[] = {
	{ "tcp", 6 }, { "udp", 17 }, { "udplite", 136 }, { "icmp", 1 }, { "icmpv6", 58 }, { "ipv6-icmp", 58 },
	{ "sctp", 132 }, { "dccp", 33 }, { "esp", 50 }, { "ah", 51 }, { "comp", 108 }, { "ipcomp", 108 }, { "igmp", 2 },
	{ "gre", 47 }, { "ipencap", 4 }, { "ipip", 94 }, { "ipv6", 41 }, { "ipv6-route", 43 }, { "ipv6-frag", 44 },
	{ "ipv6-nonxt", 59 }, { "ipv6-opts", 60 }, { "rsvp", 46 }, { "egp", 8 }, { "igp", 9 }, { "eigrp", 88 },
	{ "ospf", 89 }, { "pim", 103 }, { "vrrp", 112 }, { "l2tp", 115 }, { "isis", 124 }, { "hip", 139 }, { NULL, 0 },
};

static const struct symbol icmp_types[] = {
	{ "echo-reply", 0 }, { "destination-unreachable", 3 }, { "source-quench", 4 }, { "redirect", 5 },
	{ "echo-request", 8 }, { "router-advertisement", 9 }, { "router-solicitation", 10 }, { "time-exceeded", 11 },
	{ "parameter-problem", 12 }, { "timestamp-request", 13 }, { "timestamp-reply", 14 }, { "info-request", 15 },
	{ "info-reply", 16 }, { "address-mask-request", 17 }, { "address-mask-reply", 18 }, { NULL, 0 },
};

static const struct symbol icmpv6_types[] = {
	{ "destination-unreachable", 1 }, { "packet-too-big", 2 }, { "time-exceeded", 3 }, { "parameter-problem", 4 },
	{ "echo-request", 128 }, { "echo-reply", 129 }, { "mld-listener-query", 130 }, { "mld-listener-report", 131 },
	{ "mld-listener-done", 132 }, { "mld-listener-reduction", 132 }, { "nd-router-solicit", 133 },
	{ "nd-router-advert", 134 }, { "nd-neighbor-solicit", 135 }, { "nd-neighbor-advert", 136 },
	{ "nd-redirect", 137 }, { "router-renumbering", 138 }, { "ind-neighbor-solicit", 141 },
	{ "ind-neighbor-advert", 142 }, { "mld2-listener-report", 143 }, { NULL, 0 },
};

static const struct symbol icmp_codes[] = {
	{ "net-unreachable", 0 }, { "host-unreachable", 1 }, { "prot-unreachable", 2 }, { "port-unreachable", 3 },
	{ "frag-needed", 4 }, { "net-prohibited", 9 }, { "host-prohibited", 10 }, { "admin-prohibited", 13 }, { NULL, 0 },
};

static const struct symbol icmpv6_codes[] = {
	{ "no-route", 0 }, { "admin-prohibited", 1 }, { "addr-unreachable", 3 }, { "port-unreachable", 4 },
	{ "policy-fail", 5 }, { "reject-route", 6 }, { NULL, 0 },
};

static const struct symbol icmpx_codes[] = {
	{ "no-route", 0 }, { "port-unreachable", 1 }, { "host-unreachable", 2 }, { "admin-prohibited", 3 }, { NULL, 0 },
};

static const struct symbol tcp_flags[] = {
	{ "fin", 0x01 }, { "syn", 0x02 }, { "rst", 0x04 }, { "psh", 0x08 }, { "ack", 0x10 }, { "urg", 0x20 },
	{ "ecn", 0x40 }, { "cwr", 0x80 }, { NULL, 0 },
};

static const struct symbol ct_states[] = {
	{ "invalid", 1 }, { "established", 2 }, { "related", 4 }, { "new", 8 }, { "untracked", 64 }, { NULL, 0 },
};

static const struct symbol families[] = { { "ipv4", 2 }, { "ipv6", 10 }, { NULL, 0 } };

static const struct {
	const char *name; // as sets have it; NULL: it has none
	unsigned most;
	const struct symbol *symbols;
	const char *expected;
} types[NFT_TYPES] = {
	[NFT_TYPE_IP4] = { "ipv4_addr", 0, NULL, "expected an IPv4 address, prefix or range" },
	[NFT_TYPE_IP6] = { "ipv6_addr", 0, NULL, "expected an IPv6 address, prefix or range" },
	[NFT_TYPE_PORT] = { "inet_service", UINT16_MAX, NULL, "expected a port from 0 to 65535 or a service's name" },
	[NFT_TYPE_PROTOCOL] = { "inet_proto", UINT8_MAX, protocols, "expected a protocol: its name or a number from 0 to 255" },
	[NFT_TYPE_ICMP_TYPE] = { "icmp_type", UINT8_MAX, icmp_types, "expected a type of ICMP: its name or a number from 0 to 255" },
	[NFT_TYPE_ICMPV6_TYPE] = { "icmpv6_type", UINT8_MAX, icmpv6_types,
				   "expected a type of ICMPv6: its name or a number from 0 to 255" },
	[NFT_TYPE_ICMP_CODE] = { "icmp_code", UINT8_MAX, icmp_codes, "expected a code of ICMP: its name or a number from 0 to 255" },
	[NFT_TYPE_ICMPV6_CODE] = { "icmpv6_code", UINT8_MAX, icmpv6_codes,
				   "expected a code of ICMPv6: its name or a number from 0 to 255" },
	[NFT_TYPE_ICMPX_CODE] = { NULL, 3, icmpx_codes,
				  "expected no-route, port-unreachable, host-unreachable or admin-prohibited" },
	[NFT_TYPE_TCP_FLAGS] = { "tcp_flag", UINT8_MAX, tcp_flags, "expected TCP flags: fin, syn, rst, psh, ack, urg, ecn, cwr" },
	[NFT_TYPE_CT_STATE] = { "ct_state", 127, ct_states, "expected new, established, related, invalid or untracked" },
	[NFT_TYPE_VLAN] = { NULL, 4095, NULL, "expected a VLAN id from 0 to 4095" },
	[NFT_TYPE_FAMILY] = { "nf_proto", UINT8_MAX, families, "expected ipv4 or ipv6" },
	[NFT_TYPE_INTERFACE] = { "ifname", 0, NULL, "expected an interface's name of at most 15 bytes, best in quotes" },
};

enum nft_type nft_type_find(const struct nft_token *name)
{
	for (enum nft_type type = 0; type < NFT_TYPES; type++) {
		if (types[type].name && nft_token_is(name, types[type].name))
			return type;
	}
	return NFT_TYPES;
}

unsigned nft_type_most(enum nft_type type)
{
	return types[type].most;
}

static bool text_is(const struct nft_token *token, const char *word)
{
	return strlen(word) == token->length && memcmp(token->text, word, token->length) == 0;
}

static bool find_symbol(const struct symbol *symbol, const struct nft_token *token, uint32_t *number)
{
	for (; symbol && symbol->name; symbol++) {
		if (text_is(token, symbol->name)) {
			*number = symbol->number;
			return true;
		}
	}
	return false;
}

const char *nft_type_name(enum nft_type type, uint32_t number)
{
	for (const struct symbol *symbol = types[type].symbols; symbol && symbol->name; symbol++) {
		if (symbol->number == number)
			return symbol->name;
	}
	return NULL;
}

static bool has_capitals(const char *name)
{
	for (; *name; name++) {
		if (*name >= 'A' && *name <= 'Z')
			return true;
	}
	return false;
}

// A service of the match's protocol; else of any other, as nft does not ask whose it is. It does ask for small letters.
static bool find_service(const struct nft_token *token, uint8_t protocol, uint32_t *number)
{
	char name[SERVICE_NAME_MAX];
	const uint8_t asked[] = { protocol, 6, 17, 132, 33 };
	if (token->length >= sizeof(name))
		return false;
	memcpy(name, token->text, token->length);
	name[token->length] = '\0';
	if (has_capitals(name))
		return false;
	for (size_t i = 0; i < sizeof(asked); i++) {
		int port = asked[i] ? service_port(name, asked[i]) : -1;
		if (port >= 0) {
			*number = (uint32_t)port;
			return true;
		}
	}
	return false;
}

int nft_type_number(struct nft_parser *parser, enum nft_type type, uint8_t protocol, const struct nft_token *token,
		    uint32_t *number)
{
	if (token->kind == NFT_NUMBER && token->number <= types[type].most) {
		*number = (uint32_t)token->number;
		return 0;
	}
	if (token->kind == NFT_WORD || token->kind == NFT_STRING) {
		if (type == NFT_TYPE_PORT && find_service(token, protocol, number))
			return 0;
		if (find_symbol(types[type].symbols, token, number))
			return 0;
	}
	return nft_unexpected_at(parser, token, types[type].expected);
}

int nft_type_address(struct nft_parser *parser, enum nft_type type, const struct nft_token *token,
		     struct ip_address *address)
{
	char text[INET6_ADDRSTRLEN] = "";
	*address = (struct ip_address){ 0 };
	if ((token->kind == NFT_WORD || token->kind == NFT_STRING) && token->length < sizeof(text))
		memcpy(text, token->text, token->length);
	if (inet_pton(type == NFT_TYPE_IP4 ? AF_INET : AF_INET6, text, address->byte) == 1)
		return 0;
	return nft_unexpected_at(parser, token, types[type].expected);
}

// '|' and '!' mean something in a rule's list of names.
static bool is_interface(const struct nft_token *token)
{
	size_t length = token->length;
	if (token->kind == NFT_NUMBER || length == 0 || length > NFT_INTERFACE_MAX || token->text[0] == '!')
		return false;
	if (token->kind == NFT_WORD && nft_is_reserved(token))
		return false;
	const char *star = memchr(token->text, '*', length);
	if (star && (length == 1 || star != token->text + length - 1))
		return false;
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)token->text[i] <= 0x20 || (unsigned char)token->text[i] >= 0x7f || strchr("|\\", token->text[i]))
			return false;
	}
	return true;
}

int nft_type_interface(struct nft_parser *parser, const struct nft_token *token, const char **name)
{
	if (!is_interface(token))
		return nft_unexpected_at(parser, token, types[NFT_TYPE_INTERFACE].expected);
	*name = nft_text(parser, token);
	return *name ? 0 : -1;
}
