// SPDX-License-Identifier: BSD-3-Clause
// Statements of a rule: what is done with packets that its matches let through. portier counts, logs and limits at a rule's
// end only, so whatever nft would do before the last match is refused.
#include <string.h>

#include "control/rule_nft_rule.h"

enum {
	PACKET_BURST = 5,      // packets, if none is written
	CODE_NONE = 255,       // what nft takes for no code at all
};

static int check_free(struct nft_parser *parser, const struct nft_rule *rule)
{
	return rule->verdict == VERDICT_NONE ? 0 :
		nft_unexpected(parser, "expected 'comment' or end of line: nothing may follow a verdict");
}

// counter

static int read_counter(struct nft_parser *parser, struct nft_rule *rule)
{
	if (rule->counter)
		return nft_unexpected(parser, "expected one 'counter' in a rule");
	rule->counter = true;
	nft_next(parser);
	if (nft_is(parser, "name"))
		return nft_unexpected(parser, "expected 'packets', 'bytes' or the rest of the rule: named counters are not supported");
	while (nft_take(parser, "packets") || nft_take(parser, "bytes")) {
		if (nft_expect(parser, NFT_NUMBER, "expected a number"))
			return -1;
	}
	return 0;
}

// log

static int read_prefix(struct nft_parser *parser, struct nft_rule *rule)
{
	const struct nft_token *token = &parser->token;
	if (token->kind != NFT_STRING || memchr(token->text, '\0', token->length))
		return nft_unexpected(parser, "expected the prefix in quotes");
	if (token->length > RULE_LOG_PREFIX_MAX)
		return nft_unexpected(parser, "expected a prefix of at most 127 bytes");
	for (size_t i = 0; i < token->length; i++) { // it goes to terminals and logs
		if ((unsigned char)token->text[i] < 0x20 || (unsigned char)token->text[i] >= 0x7f)
			return nft_unexpected(parser, "expected a prefix of printable ASCII characters");
	}
	if (memchr(token->text, '$', token->length))
		return nft_unexpected(parser, "expected a prefix without '$': definitions in it are not supported");
	rule->log_prefix = nft_text(parser, token);
	nft_next(parser);
	return rule->log_prefix ? 0 : -1;
}

// Taken, and left aside: what portier shows has no level.
static int read_level(struct nft_parser *parser)
{
	static const char *const levels[] = { "emerg", "alert", "crit", "err", "warn", "notice", "info", "debug" };
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (nft_take(parser, levels[i]))
			return 0;
	}
	return nft_unexpected(parser, "expected emerg, alert, crit, err, warn, notice, info or debug");
}

static bool at_log_option(const struct nft_parser *parser)
{
	return nft_is(parser, "group") || nft_is(parser, "snaplen") || nft_is(parser, "queue-threshold") ||
	       nft_is(parser, "flags");
}

static int read_log(struct nft_parser *parser, struct nft_rule *rule)
{
	bool level = false;
	if (rule->log)
		return nft_unexpected(parser, "expected one 'log' in a rule");
	rule->log = true;
	nft_next(parser);
	while (nft_is(parser, "prefix") || nft_is(parser, "level")) {
		bool prefix = nft_is(parser, "prefix");
		if (prefix ? rule->log_prefix != NULL : level)
			return nft_unexpected(parser, "expected it once");
		level |= !prefix;
		nft_next(parser);
		if (prefix ? read_prefix(parser, rule) : read_level(parser))
			return -1;
	}
	return at_log_option(parser) ?
		nft_unexpected(parser, "expected 'prefix', 'level' or the rest of the rule: this part of log is not supported") : 0;
}

// limit

static int read_period(struct nft_parser *parser, const struct nft_token *word, uint32_t *seconds)
{
	static const struct {
		const char *name;
		uint32_t seconds;
	} periods[] = {
		{ "second", 1 }, { "minute", 60 }, { "hour", 3600 }, { "day", 86400 }, { "week", 604800 },
	};
	for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++) {
		if (nft_token_is(word, periods[i].name)) {
			*seconds = periods[i].seconds;
			return 0;
		}
	}
	return nft_unexpected_at(parser, word, "expected second, minute, hour, day or week");
}

static int read_unit(struct nft_parser *parser, const struct nft_token *word, uint64_t *factor)
{
	static const struct {
		const char *name;
		uint64_t factor;
	} units[] = { { "bytes", 1 }, { "kbytes", 1 << 10 }, { "mbytes", 1 << 20 } };
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (nft_token_is(word, units[i].name)) {
			*factor = units[i].factor;
			return 0;
		}
	}
	return nft_unexpected_at(parser, word, "expected '/', bytes, kbytes or mbytes");
}

// A number of bytes up to 32 bits wide, as the kernel has bursts, or of rates up to 40.
static int scale(struct nft_parser *parser, const struct nft_token *number, uint64_t factor, uint64_t most, uint64_t *value)
{
	if (number->number == 0 || number->number > most / factor)
		return nft_unexpected_at(parser, number, "expected a number above 0 that is not that large");
	*value = number->number * factor;
	return 0;
}

// "kbytes/second" is one word to nft.
static void split_word(const struct nft_token *word, struct nft_token *unit, struct nft_token *period)
{
	const char *slash = memchr(word->text, '/', word->length);
	*unit = *period = *word;
	period->length = 0;
	if (!slash)
		return;
	unit->length = (size_t)(slash - word->text);
	period->text = slash + 1;
	period->length = word->length - unit->length - 1;
	period->column += (unsigned)(unit->length + 1);
}

static int read_slash_period(struct nft_parser *parser, struct rule_limit *limit)
{
	if (nft_expect(parser, '/', "expected '/'"))
		return -1;
	if (read_period(parser, &parser->token, &limit->period_sec))
		return -1;
	nft_next(parser);
	return 0;
}

static int read_byte_rate(struct nft_parser *parser, const struct nft_token *number, struct rule_limit *limit)
{
	struct nft_token unit, period;
	uint64_t factor = 1;
	if (parser->token.kind != NFT_WORD)
		return nft_unexpected(parser, "expected '/', bytes, kbytes or mbytes");
	split_word(&parser->token, &unit, &period);
	if (read_unit(parser, &unit, &factor) || scale(parser, number, factor, UINT64_C(1) << 40, &limit->rate))
		return -1;
	nft_next(parser);
	limit->bytes = true;
	return period.length ? read_period(parser, &period, &limit->period_sec) : read_slash_period(parser, limit);
}

static int read_burst(struct nft_parser *parser, struct rule_limit *limit)
{
	struct nft_token number = parser->token;
	uint64_t factor = 1;
	if (nft_expect(parser, NFT_NUMBER, "expected a number"))
		return -1;
	if (limit->bytes) {
		if (read_unit(parser, &parser->token, &factor))
			return -1;
	} else if (!nft_is(parser, "packets")) {
		return nft_unexpected(parser, "expected 'packets'");
	}
	nft_next(parser);
	if (limit->bytes && number.number == 0) {
		limit->burst = 0;
		return 0;
	}
	return scale(parser, &number, factor, UINT32_MAX, &limit->burst);
}

// The kernel holds the tokens of a period and of the burst in nanoseconds of 64 bits.
static int check_size(struct nft_parser *parser, const struct nft_token *number, const struct rule_limit *limit)
{
	uint64_t nanoseconds = UINT64_C(1000000000) * limit->period_sec;
	if (!limit->bytes || limit->rate + limit->burst <= INT64_MAX / nanoseconds)
		return 0;
	return nft_unexpected_at(parser, number, "expected a smaller rate, or a shorter period: the kernel does not take it either");
}

static int read_rate(struct nft_parser *parser, struct rule_limit *limit)
{
	struct nft_token number = parser->token;
	if (nft_expect(parser, NFT_NUMBER, "expected 'over' or a number"))
		return -1;
	if (parser->token.kind == '/') {
		limit->burst = PACKET_BURST;
		if (scale(parser, &number, 1, UINT32_MAX, &limit->rate) || read_slash_period(parser, limit))
			return -1;
	} else if (read_byte_rate(parser, &number, limit)) {
		return -1;
	}
	if (nft_take(parser, "burst") && read_burst(parser, limit))
		return -1;
	return check_size(parser, &number, limit);
}

static int read_limit(struct nft_parser *parser, struct nft_rule *rule)
{
	if (rule->limit.rate)
		return nft_unexpected(parser, "expected one 'limit' in a rule");
	if (rule->counter || rule->log)
		return nft_unexpected(parser, "expected 'limit' in front of 'counter' and 'log': portier counts and logs what is "
					      "within the limit");
	nft_next(parser);
	if (!nft_take(parser, "rate"))
		return nft_unexpected(parser, "expected 'rate'");
	rule->limit.over = nft_take(parser, "over");
	return read_rate(parser, &rule->limit);
}

// Verdicts

static int read_code(struct nft_parser *parser, struct nft_rule *rule, enum nft_reject reject, enum nft_type type)
{
	uint32_t code;
	nft_next(parser);
	nft_take(parser, "type");
	struct nft_token at = parser->token;
	if (nft_type_number(parser, type, 0, &at, &code))
		return -1;
	if (code == CODE_NONE)
		return nft_unexpected(parser, "expected a code below 255");
	rule->reject = reject;
	rule->answer_code = (uint8_t)code;
	nft_next(parser);
	return 0;
}

static int read_with(struct nft_parser *parser, struct nft_rule *rule)
{
	if (nft_take(parser, "tcp")) {
		rule->reject = NFT_REJECT_TCP;
		return nft_take(parser, "reset") ? 0 : nft_unexpected(parser, "expected 'reset'");
	}
	if (nft_is(parser, "icmp"))
		return read_code(parser, rule, NFT_REJECT_ICMP, NFT_TYPE_ICMP_CODE);
	if (nft_is(parser, "icmpv6"))
		return read_code(parser, rule, NFT_REJECT_ICMPV6, NFT_TYPE_ICMPV6_CODE);
	if (nft_is(parser, "icmpx"))
		return read_code(parser, rule, NFT_REJECT_ICMPX, NFT_TYPE_ICMPX_CODE);
	return nft_unexpected(parser, "expected 'tcp reset', or 'icmp', 'icmpv6' or 'icmpx' and a code");
}

static int read_reject(struct nft_parser *parser, struct nft_rule *rule)
{
	rule->verdict = VERDICT_REJECT;
	rule->reject_at = parser->token;
	nft_next(parser);
	return nft_take(parser, "with") ? read_with(parser, rule) : 0;
}

static int read_verdict(struct nft_parser *parser, struct nft_rule *rule)
{
	if (nft_is(parser, "reject"))
		return read_reject(parser, rule);
	rule->verdict = nft_is(parser, "accept") ? VERDICT_ACCEPT : VERDICT_DROP;
	nft_next(parser);
	return 0;
}

static int read_match(struct nft_parser *parser, struct nft_rule *rule)
{
	if (rule->counter || rule->log || rule->limit.rate)
		return nft_unexpected(parser, "expected no match behind 'counter', 'log' or 'limit': portier counts, logs and "
					      "limits what the whole rule matches");
	struct nft_match *match = nft_read_match(parser);
	if (!match)
		return -1;
	*rule->last_match = match;
	rule->last_match = &match->next;
	return 0;
}

// What nft has and portier has not.
static int refuse(struct nft_parser *parser)
{
	static const char *const jumps[] = { "jump", "goto", "return", "continue" };
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		if (nft_is(parser, jumps[i]))
			return nft_unexpected(parser, "expected accept, drop or reject: portier has one chain");
	}
	return nft_unexpected(parser, "expected a match (ip, ip6, meta, iifname, tcp, udp, sctp, dccp, udplite, th, icmp, icmpv6, "
				      "vlan, ct), counter, limit, log, accept, drop, reject or comment: others are not supported");
}

int nft_read_statement(struct nft_parser *parser, struct nft_rule *rule)
{
	if (check_free(parser, rule))
		return -1;
	if (nft_at_match(parser))
		return read_match(parser, rule);
	if (nft_is(parser, "counter"))
		return read_counter(parser, rule);
	if (nft_is(parser, "log"))
		return read_log(parser, rule);
	if (nft_is(parser, "limit"))
		return read_limit(parser, rule);
	if (nft_is(parser, "accept") || nft_is(parser, "drop") || nft_is(parser, "reject"))
		return read_verdict(parser, rule);
	return refuse(parser);
}
