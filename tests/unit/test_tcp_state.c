// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <rte_common.h>

#include "dataplane/parse.h"
#include "dataplane/tcp_state.h"

enum {
	S = TCP_SYN,
	A = TCP_ACK,
	F = TCP_FIN,
	R = TCP_RST,
	P = TCP_PSH,
	O = FLOW_ORIG,
	B = FLOW_RESP, // "back"
	ISS_O = 0xfffffff0, // both numbers wrap soon
	ISS_B = 0xffffff00,
};

// Numbers are relative to each end's ISS.
struct step {
	uint8_t direction, flags;
	uint32_t sequence, acknowledgement, payload;
	enum flow_state after;
};

static struct tcp_segment segment_of(const struct step *step)
{
	bool orig = step->direction == FLOW_ORIG;

	return (struct tcp_segment){ .sequence = (orig ? ISS_O : ISS_B) + step->sequence,
				     .acknowledgement =
					     step->flags & TCP_ACK ? (orig ? ISS_B : ISS_O) + step->acknowledgement : 0,
				     .payload = step->payload,
				     .window = 1000,
				     .flags = step->flags,
				     .scale = 15 };
}

static struct flow play(const char *what, const struct step *steps, size_t count)
{
	struct flow flow = { .embryonic = 1 };

	for (size_t i = 0; i < count; i++) {
		struct tcp_segment segment = segment_of(&steps[i]);

		if (i == 0)
			tcp_open(&flow, steps[i].direction, &segment);
		else if (tcp_follow(&flow, steps[i].direction, &segment) == TCP_REOPENED)
			fail_msg("%s: reopened at %zu", what, i);
		if (flow.state != steps[i].after)
			fail_msg("%s: state %u at step %zu, expected %u", what, flow.state, i, steps[i].after);
	}
	return flow;
}

#define PLAY(what, ...)                                                  \
	play(what, (const struct step[]){ __VA_ARGS__ },                 \
	     sizeof((const struct step[]){ __VA_ARGS__ }) / sizeof(struct step))
#define OPEN                                               \
	{ O, S, 0, 0, 0, FLOW_TCP_SYN_SENT },              \
	{ B, S | A, 0, 1, 0, FLOW_TCP_SYN_RCVD },          \
	{ O, A, 1, 1, 0, FLOW_TCP_ESTABLISHED }

static void originator_closes(void **state)
{
	(void)state;
	PLAY("FIN, ACK, FIN, ACK", OPEN, { O, P | A, 1, 1, 100, FLOW_TCP_ESTABLISHED },
	     { O, F | A, 101, 1, 20, FLOW_TCP_FIN_WAIT_1 }, { B, A, 1, 101, 0, FLOW_TCP_FIN_WAIT_1 },
	     { B, A, 1, 121, 0, FLOW_TCP_FIN_WAIT_1 }, { B, A, 1, 122, 50, FLOW_TCP_FIN_WAIT_2 },
	     { O, A, 122, 51, 0, FLOW_TCP_FIN_WAIT_2 }, { B, F | A, 51, 122, 0, FLOW_TCP_TIME_WAIT },
	     { O, A, 122, 52, 0, FLOW_TCP_TIME_WAIT });
	PLAY("FIN, FIN with ACK, ACK", OPEN, { O, F | A, 1, 1, 0, FLOW_TCP_FIN_WAIT_1 },
	     { B, F | A, 1, 2, 0, FLOW_TCP_TIME_WAIT }, { O, A, 2, 2, 0, FLOW_TCP_TIME_WAIT });
	PLAY("FINs cross", OPEN, { O, F | A, 1, 1, 0, FLOW_TCP_FIN_WAIT_1 }, { B, F | A, 1, 1, 0, FLOW_TCP_CLOSING },
	     { O, A, 2, 2, 0, FLOW_TCP_CLOSING }, { B, A, 2, 2, 0, FLOW_TCP_TIME_WAIT });
}

static void responder_closes(void **state)
{
	(void)state;
	PLAY("FIN, ACK, FIN, ACK", OPEN, { B, F | A, 1, 1, 10, FLOW_TCP_CLOSE_WAIT },
	     { O, A, 1, 12, 300, FLOW_TCP_CLOSE_WAIT }, { B, A, 12, 301, 0, FLOW_TCP_CLOSE_WAIT },
	     { O, F | A, 301, 12, 5, FLOW_TCP_LAST_ACK }, { B, A, 12, 306, 0, FLOW_TCP_LAST_ACK },
	     { B, A, 12, 307, 0, FLOW_TCP_CLOSED });
	PLAY("FIN of a half-open connection", { O, S, 0, 0, 0, FLOW_TCP_SYN_SENT },
	     { B, S | A, 0, 1, 0, FLOW_TCP_SYN_RCVD }, { B, F | A, 1, 1, 0, FLOW_TCP_CLOSE_WAIT });
}

static void retransmissions_change_nothing(void **state)
{
	(void)state;
	PLAY("SYN, SYN-ACK", { O, S, 0, 0, 0, FLOW_TCP_SYN_SENT }, { O, S, 0, 0, 0, FLOW_TCP_SYN_SENT },
	     { B, S | A, 0, 1, 0, FLOW_TCP_SYN_RCVD }, { B, S | A, 0, 1, 0, FLOW_TCP_SYN_RCVD },
	     { O, S, 0, 0, 0, FLOW_TCP_SYN_RCVD }, { O, A, 1, 1, 0, FLOW_TCP_ESTABLISHED },
	     { B, S | A, 0, 1, 0, FLOW_TCP_ESTABLISHED });
	PLAY("FIN", OPEN, { O, F | A, 1, 1, 0, FLOW_TCP_FIN_WAIT_1 }, { O, F | A, 1, 1, 0, FLOW_TCP_FIN_WAIT_1 },
	     { B, A, 1, 2, 0, FLOW_TCP_FIN_WAIT_2 }, { O, F | A, 1, 1, 0, FLOW_TCP_FIN_WAIT_2 },
	     { B, F | A, 1, 2, 0, FLOW_TCP_TIME_WAIT }, { B, F | A, 1, 2, 0, FLOW_TCP_TIME_WAIT });
	PLAY("keep-alive", OPEN, { O, A, 1, 1, 10, FLOW_TCP_ESTABLISHED }, { B, A, 1, 11, 0, FLOW_TCP_ESTABLISHED },
	     { O, A, 10, 1, 1, FLOW_TCP_ESTABLISHED }, { B, A, 1, 11, 0, FLOW_TCP_ESTABLISHED });
}

static void fin_outside_the_window_changes_nothing(void **state)
{
	(void)state;
	PLAY("beyond", OPEN, { O, F | A, 1002, 1, 0, FLOW_TCP_ESTABLISHED });
	PLAY("before", OPEN, { O, A, 1, 1, 10, FLOW_TCP_ESTABLISHED }, { B, A, 1, 11, 0, FLOW_TCP_ESTABLISHED },
	     { O, F | A, 10, 1, 0, FLOW_TCP_ESTABLISHED });
	PLAY("a second one further on", OPEN, { O, F | A, 1, 1, 0, FLOW_TCP_FIN_WAIT_1 },
	     { O, F | A, 500, 1, 0, FLOW_TCP_FIN_WAIT_1 }, { B, A, 1, 2, 0, FLOW_TCP_FIN_WAIT_2 });
}

static void reset_counts_only_in_the_window(void **state)
{
	static const struct {
		uint32_t sequence;
		bool counts;
	} cases[] = { { 1, true }, { 500, true }, { 1001, true }, { 1002, false }, { 0, false }, { 0x80000000, false } };

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		enum flow_state after = cases[i].counts ? FLOW_TCP_CLOSED : FLOW_TCP_ESTABLISHED;

		PLAY("originator", OPEN, { O, R, cases[i].sequence, 0, 0, after });
		PLAY("responder", OPEN, { B, R | A, cases[i].sequence, 1, 30, after });
	}
}

// A segment of an established flow, whose window is small and unscaled. Numbers as in struct step.
static void follow(struct flow *flow, const struct step *step, uint16_t window)
{
	struct tcp_segment segment = segment_of(step);

	segment.window = window;
	tcp_follow(flow, step->direction, &segment);
	if (flow->state != step->after)
		fail_msg("state %u, expected %u", flow->state, step->after);
}

static void forged_acknowledgement_moves_no_window(void **state)
{
	static const uint32_t forged[] = { 1002, 0x10000, 0x40000000, 0x80000000, 0x80000001, 0xffff0000, 0 };

	(void)state;
	for (size_t i = 0; i < RTE_DIM(forged); i++) {
		for (unsigned from = O; from <= B; from++) {
			struct step lie = { from, A, 0x12345678, forged[i], 0, FLOW_TCP_ESTABLISHED };
			struct step hit = { !from, R, forged[i], 0, 0, FLOW_TCP_ESTABLISHED };
			struct step reset = { !from, R, 1, 0, 0, FLOW_TCP_CLOSED };
			struct flow flow = PLAY("established", OPEN);

			follow(&flow, &lie, 1000);
			follow(&flow, &hit, 0);
			follow(&flow, &reset, 0);
		}
	}
}

static void acknowledgement_counts_up_to_one_window_ahead(void **state)
{
	(void)state;
	for (uint32_t acknowledged = 1000; acknowledged <= 1002; acknowledged++) {
		struct flow flow = PLAY("established", OPEN);
		bool counts = acknowledged <= 1001;

		follow(&flow, &(struct step){ B, A, 100, acknowledged, 0, FLOW_TCP_ESTABLISHED }, 10);
		assert_int_equal(flow.tcp_next[FLOW_RESP], (uint32_t)(ISS_O + (counts ? acknowledged : 1)));
		assert_int_equal(flow.tcp_window[FLOW_RESP], counts ? 10 : 1000);
	}
}

static void acknowledgement_after_a_gap_counts_if_its_sequence_is_the_next(void **state)
{
	static const struct {
		uint32_t sequence;
		bool counts;
	} cases[] = { { 1, true }, { 0, false }, { 2, false }, { 1001, false } };

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct flow flow = PLAY("established", OPEN);
		enum flow_state after = cases[i].counts ? FLOW_TCP_CLOSED : FLOW_TCP_ESTABLISHED;

		follow(&flow, &(struct step){ B, A, cases[i].sequence, 5000000, 0, FLOW_TCP_ESTABLISHED }, 1000);
		follow(&flow, &(struct step){ O, R, 5000000, 0, 0, after }, 0);
	}
}

static void window_of_unknown_scale_is_as_wide_as_can_be(void **state)
{
	struct flow flow = PLAY("from the middle", { O, A, 50, 1, 10, FLOW_TCP_ESTABLISHED },
				{ B, A, 1, 60, 0, FLOW_TCP_ESTABLISHED });

	(void)state;
	follow(&flow, &(struct step){ B, A, 7, 60 + (1000 << 14), 0, FLOW_TCP_ESTABLISHED }, 1000);
	assert_int_equal(flow.tcp_next[FLOW_RESP], (uint32_t)(ISS_O + 60 + (1000 << 14)));
	follow(&flow, &(struct step){ B, A, 7, 60 + (2000 << 14) + 1, 0, FLOW_TCP_ESTABLISHED }, 1000);
	assert_int_equal(flow.tcp_next[FLOW_RESP], (uint32_t)(ISS_O + 60 + (1000 << 14)));
}

static void window_is_taken_from_no_old_segment(void **state)
{
	(void)state;
	for (unsigned old = 0; old < 2; old++) {
		struct flow flow = PLAY("established", OPEN, { O, A, 1, 1, 100, FLOW_TCP_ESTABLISHED },
					{ B, A, 1, 101, 0, FLOW_TCP_ESTABLISHED });
		enum flow_state after = old ? FLOW_TCP_ESTABLISHED : FLOW_TCP_CLOSED;

		follow(&flow, &(struct step){ B, A, 1, old ? 100 : 101, 0, FLOW_TCP_ESTABLISHED }, 60000);
		follow(&flow, &(struct step){ O, R, 50000, 0, 0, after }, 0);
	}
}

static void window_is_taken_from_no_segment_without_acknowledgement(void **state)
{
	struct flow flow = PLAY("established", OPEN);

	(void)state;
	follow(&flow, &(struct step){ B, F, 1, 0, 0, FLOW_TCP_CLOSE_WAIT }, 60000);
	follow(&flow, &(struct step){ O, R, 50000, 0, 0, FLOW_TCP_CLOSE_WAIT }, 0);
}

static void forged_acknowledgement_of_a_fin_changes_nothing(void **state)
{
	(void)state;
	PLAY("fin wait 1", OPEN, { O, F | A, 1, 1, 0, FLOW_TCP_FIN_WAIT_1 },
	     { B, A, 77, 5000, 0, FLOW_TCP_FIN_WAIT_1 }, { B, A, 1, 2, 0, FLOW_TCP_FIN_WAIT_2 });
	PLAY("closing", OPEN, { O, F | A, 1, 1, 0, FLOW_TCP_FIN_WAIT_1 }, { B, F | A, 1, 1, 0, FLOW_TCP_CLOSING },
	     { B, A, 77, 5000, 0, FLOW_TCP_CLOSING }, { B, A, 2, 2, 0, FLOW_TCP_TIME_WAIT });
	PLAY("last ack", OPEN, { B, F | A, 1, 1, 0, FLOW_TCP_CLOSE_WAIT }, { O, F | A, 1, 2, 0, FLOW_TCP_LAST_ACK },
	     { B, A, 77, 5000, 0, FLOW_TCP_LAST_ACK }, { B, A, 2, 2, 0, FLOW_TCP_CLOSED });
}

static void reset_counts_where_no_window_is_known(void **state)
{
	(void)state;
	PLAY("refused", { O, S, 0, 0, 0, FLOW_TCP_SYN_SENT }, { B, R | A, 12345, 1, 0, FLOW_TCP_CLOSED });
	PLAY("scanner's reset", { O, S, 0, 0, 0, FLOW_TCP_SYN_SENT }, { B, S | A, 0, 1, 0, FLOW_TCP_SYN_RCVD },
	     { O, R, 1, 0, 0, FLOW_TCP_CLOSED });
}

static void reset_of_an_unanswered_syn_counts_only_if_it_acknowledges_it(void **state)
{
	(void)state;
	PLAY("blind", { O, S, 0, 0, 0, FLOW_TCP_SYN_SENT }, { B, R, 12345, 0, 0, FLOW_TCP_SYN_SENT },
	     { B, R | A, 0, 0, 0, FLOW_TCP_SYN_SENT }, { B, R | A, 0, 2, 0, FLOW_TCP_SYN_SENT },
	     { O, R, 5000, 0, 0, FLOW_TCP_SYN_SENT }, { O, R | A, 0, 77, 0, FLOW_TCP_SYN_SENT },
	     { B, S | A, 0, 1, 0, FLOW_TCP_SYN_RCVD }, { O, A, 1, 1, 0, FLOW_TCP_ESTABLISHED });
	PLAY("the originator's own", { O, S, 0, 0, 0, FLOW_TCP_SYN_SENT }, { O, R, 1, 0, 0, FLOW_TCP_CLOSED });
	PLAY("data with the SYN", { O, S, 0, 0, 100, FLOW_TCP_SYN_SENT }, { B, R | A, 0, 102, 0, FLOW_TCP_SYN_SENT },
	     { B, R | A, 0, 101, 0, FLOW_TCP_CLOSED });
	PLAY("data with the SYN, not taken", { O, S, 0, 0, 100, FLOW_TCP_SYN_SENT },
	     { B, R | A, 0, 1, 0, FLOW_TCP_CLOSED });
	PLAY("another SYN", { O, S, 0, 0, 0, FLOW_TCP_SYN_SENT }, { O, S, 9000, 0, 0, FLOW_TCP_SYN_SENT },
	     { B, R | A, 0, 1, 0, FLOW_TCP_SYN_SENT }, { B, R | A, 0, 9001, 0, FLOW_TCP_CLOSED });
	PLAY("more behind the SYN", { O, S, 0, 0, 0, FLOW_TCP_SYN_SENT }, { O, A, 1, 1, 0, FLOW_TCP_SYN_SENT },
	     { B, R | A, 1, 1, 0, FLOW_TCP_CLOSED });
}

static void old_syn_on_time_wait_opens_nothing(void **state)
{
	static const struct {
		uint8_t direction;
		uint32_t sequence;
		bool opens;
	} cases[] = { { O, 0, false }, { O, 121, false }, { O, 122, true }, { O, 70000, true }, { B, 0, false },
		      { B, 51, false }, { B, 52, true } };

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct flow flow = PLAY("closed", OPEN, { O, F | A, 1, 1, 120, FLOW_TCP_FIN_WAIT_1 },
					{ B, F | A, 1, 122, 50, FLOW_TCP_TIME_WAIT },
					{ O, A, 122, 52, 0, FLOW_TCP_TIME_WAIT });
		struct step syn = { cases[i].direction, S, cases[i].sequence, 0, 0, FLOW_TCP_TIME_WAIT };
		struct tcp_segment segment = segment_of(&syn);

		if ((tcp_follow(&flow, syn.direction, &segment) == TCP_REOPENED) != cases[i].opens)
			fail_msg("case %zu", i);
		assert_int_equal(flow.state, FLOW_TCP_TIME_WAIT);
		assert_int_equal(flow.tcp_next[FLOW_RESP], (uint32_t)(ISS_O + 122));
	}
}

static void reset_ends_every_state(void **state)
{
	(void)state;
	PLAY("fin wait 1", OPEN, { O, F | A, 1, 1, 0, FLOW_TCP_FIN_WAIT_1 }, { O, R, 2, 0, 0, FLOW_TCP_CLOSED });
	PLAY("fin wait 2", OPEN, { O, F | A, 1, 1, 0, FLOW_TCP_FIN_WAIT_1 }, { B, A, 1, 2, 0, FLOW_TCP_FIN_WAIT_2 },
	     { B, R, 1, 0, 0, FLOW_TCP_CLOSED });
	PLAY("closing", OPEN, { O, F | A, 1, 1, 0, FLOW_TCP_FIN_WAIT_1 }, { B, F | A, 1, 1, 0, FLOW_TCP_CLOSING },
	     { B, R, 2, 0, 0, FLOW_TCP_CLOSED });
	PLAY("close wait", OPEN, { B, F | A, 1, 1, 0, FLOW_TCP_CLOSE_WAIT }, { O, R, 1, 0, 0, FLOW_TCP_CLOSED });
	PLAY("last ack", OPEN, { B, F | A, 1, 1, 0, FLOW_TCP_CLOSE_WAIT }, { O, F | A, 1, 2, 0, FLOW_TCP_LAST_ACK },
	     { O, R, 2, 0, 0, FLOW_TCP_CLOSED });
	PLAY("time wait", OPEN, { O, F | A, 1, 1, 0, FLOW_TCP_FIN_WAIT_1 }, { B, F | A, 1, 2, 0, FLOW_TCP_TIME_WAIT },
	     { O, R, 2, 0, 0, FLOW_TCP_CLOSED });
}

static void window_grows_by_the_scale_only_if_both_offer_one(void **state)
{
	(void)state;
	for (unsigned both = 0; both < 2; both++) {
		struct flow flow = { 0 };
		struct tcp_segment syn = { .sequence = 100, .flags = S, .window = 1000, .scale = 7 };
		struct tcp_segment syn_ack = { .sequence = 900, .acknowledgement = 101, .flags = S | A, .window = 1000,
					       .scale = both ? 2 : 15 };
		struct tcp_segment ack = { .sequence = 101, .acknowledgement = 901, .flags = A, .window = 1000 };
		struct tcp_segment reset = { .sequence = 101 + 4000, .flags = R };

		tcp_open(&flow, FLOW_ORIG, &syn);
		tcp_follow(&flow, FLOW_RESP, &syn_ack);
		tcp_follow(&flow, FLOW_ORIG, &ack);
		tcp_follow(&flow, FLOW_ORIG, &reset);
		assert_int_equal(flow.state, both ? FLOW_TCP_CLOSED : FLOW_TCP_ESTABLISHED);
	}
}

static void syn_on_a_live_flow_changes_nothing(void **state)
{
	struct flow flow = PLAY("both ways", OPEN, { O, S, 5000, 0, 0, FLOW_TCP_ESTABLISHED },
				{ B, S, 7000, 0, 0, FLOW_TCP_ESTABLISHED }, { B, S | A, 9, 999, 0, FLOW_TCP_ESTABLISHED },
				{ O, S | A, 9, 999, 0, FLOW_TCP_ESTABLISHED });

	(void)state;
	assert_int_equal(flow.tcp_next[FLOW_RESP], (uint32_t)(ISS_O + 1));
	assert_int_equal(flow.tcp_next[FLOW_ORIG], (uint32_t)(ISS_B + 1));
	PLAY("fin wait", OPEN, { O, F | A, 1, 1, 0, FLOW_TCP_FIN_WAIT_1 }, { O, S, 5000, 0, 0, FLOW_TCP_FIN_WAIT_1 });
}

static void syn_on_an_ended_flow_reopens_it(void **state)
{
	static const enum flow_state ended[] = { FLOW_TCP_TIME_WAIT, FLOW_TCP_CLOSED };
	struct tcp_segment syn = { .flags = S }, syn_ack = { .flags = S | A }, ack = { .flags = A };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct flow flow = { .state = ended[i / 2] };

		assert_int_equal(tcp_follow(&flow, i % 2, &syn_ack), TCP_FOLLOWED);
		assert_int_equal(tcp_follow(&flow, i % 2, &ack), TCP_FOLLOWED);
		assert_int_equal(flow.state, ended[i / 2]);
		assert_int_equal(tcp_follow(&flow, i % 2, &syn), TCP_REOPENED);
	}
}

static void mid_stream_segments_open_a_flow_as_they_fit(void **state)
{
	(void)state;
	PLAY("data", { O, A, 50, 1, 10, FLOW_TCP_ESTABLISHED }, { B, A, 1, 60, 0, FLOW_TCP_ESTABLISHED },
	     { O, R, 60, 0, 0, FLOW_TCP_CLOSED });
	PLAY("data of the responder", { B, A, 50, 1, 10, FLOW_TCP_ESTABLISHED });
	PLAY("syn-ack", { B, S | A, 0, 1, 0, FLOW_TCP_SYN_RCVD }, { O, A, 1, 1, 0, FLOW_TCP_ESTABLISHED });
	PLAY("fin", { O, F | A, 50, 1, 0, FLOW_TCP_FIN_WAIT_1 }, { B, A, 1, 50, 0, FLOW_TCP_FIN_WAIT_1 },
	     { B, A, 1, 51, 0, FLOW_TCP_FIN_WAIT_2 });
	PLAY("fin of the responder", { B, F | A, 50, 1, 0, FLOW_TCP_CLOSE_WAIT });
	PLAY("reset", { O, R, 1, 0, 0, FLOW_TCP_CLOSED });
	PLAY("null scan", { O, 0, 1, 0, 0, FLOW_TCP_SYN_SENT }, { B, R | A, 0, 1, 0, FLOW_TCP_CLOSED });
}

static void handshake_needs_both_ends(void **state)
{
	(void)state;
	PLAY("nobody answers", { O, S, 0, 0, 0, FLOW_TCP_SYN_SENT }, { O, A, 1, 1, 0, FLOW_TCP_SYN_SENT },
	     { O, A, 1, 1, 100, FLOW_TCP_SYN_SENT }, { O, S | A, 1, 1, 0, FLOW_TCP_SYN_SENT });
	PLAY("syn-ack missed", { O, S, 0, 0, 0, FLOW_TCP_SYN_SENT }, { B, A, 1, 1, 10, FLOW_TCP_SYN_RCVD },
	     { O, A, 1, 11, 0, FLOW_TCP_ESTABLISHED });
	PLAY("simultaneous open", { O, S, 0, 0, 0, FLOW_TCP_SYN_SENT }, { B, S, 0, 0, 0, FLOW_TCP_SYN_RCVD },
	     { O, S | A, 0, 1, 0, FLOW_TCP_SYN_RCVD }, { B, S | A, 0, 1, 0, FLOW_TCP_SYN_RCVD },
	     { O, A, 1, 1, 0, FLOW_TCP_ESTABLISHED });
}

static void no_segment_leaves_the_states(void **state)
{
	(void)state;
	for (unsigned from = 0; from < FLOW_STATES; from++) {
		for (unsigned flags = 0; flags < 512; flags++) {
			struct flow flow = { .state = from, .rule = 3, .listener = 5, .handler = 7 };
			struct tcp_segment segment = { .flags = flags & 255 };

			tcp_follow(&flow, flags >> 8, &segment);
			assert_true(flow.state <= FLOW_TCP_CLOSED);
			assert_int_equal(flow.rule + flow.listener + flow.handler, 15);
		}
	}
}

static void segment_is_read_with_its_scale(void **state)
{
	static const struct {
		uint8_t options[12];
		uint8_t bytes, scale;
	} cases[] = {
		{ { 2, 4, 5, 180, 1, 3, 3, 7 }, 8, 7 },  { { 1, 1, 1, 3, 3, 14 }, 8, 14 },
		{ { 3, 3, 200, 0 }, 4, 14 },             { { 0, 3, 3, 7 }, 4, 15 },
		{ { 5, 0, 3, 3, 7 }, 8, 15 },            { { 5, 200, 3, 3, 7 }, 8, 15 },
		{ { 1, 1, 3, 3 }, 4, 15 },               { { 3, 4, 7, 7 }, 4, 15 },
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		uint8_t header[32] = { 0, 1, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, (20 + cases[i].bytes) / 4 << 4, S, 0x12, 0x34 };
		struct tcp_segment segment;

		memcpy(header + 20, cases[i].options, 12);
		tcp_read(header, 20 + cases[i].bytes, 20 + cases[i].bytes + 9, &segment);
		assert_int_equal(segment.sequence, 0x01020304);
		assert_int_equal(segment.acknowledgement, 0x05060708);
		assert_int_equal(segment.window, 0x1234);
		assert_int_equal(segment.payload, 9);
		assert_int_equal(segment.scale, cases[i].scale);
		tcp_read(header, 20, 20, &segment); // the options were not captured
		assert_int_equal(segment.scale, 15);
		assert_int_equal(segment.payload, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(originator_closes),
		cmocka_unit_test(responder_closes),
		cmocka_unit_test(retransmissions_change_nothing),
		cmocka_unit_test(fin_outside_the_window_changes_nothing),
		cmocka_unit_test(reset_counts_only_in_the_window),
		cmocka_unit_test(forged_acknowledgement_moves_no_window),
		cmocka_unit_test(acknowledgement_counts_up_to_one_window_ahead),
		cmocka_unit_test(acknowledgement_after_a_gap_counts_if_its_sequence_is_the_next),
		cmocka_unit_test(window_of_unknown_scale_is_as_wide_as_can_be),
		cmocka_unit_test(window_is_taken_from_no_old_segment),
		cmocka_unit_test(window_is_taken_from_no_segment_without_acknowledgement),
		cmocka_unit_test(forged_acknowledgement_of_a_fin_changes_nothing),
		cmocka_unit_test(reset_counts_where_no_window_is_known),
		cmocka_unit_test(reset_of_an_unanswered_syn_counts_only_if_it_acknowledges_it),
		cmocka_unit_test(old_syn_on_time_wait_opens_nothing),
		cmocka_unit_test(reset_ends_every_state),
		cmocka_unit_test(window_grows_by_the_scale_only_if_both_offer_one),
		cmocka_unit_test(syn_on_a_live_flow_changes_nothing),
		cmocka_unit_test(syn_on_an_ended_flow_reopens_it),
		cmocka_unit_test(mid_stream_segments_open_a_flow_as_they_fit),
		cmocka_unit_test(handshake_needs_both_ends),
		cmocka_unit_test(no_segment_leaves_the_states),
		cmocka_unit_test(segment_is_read_with_its_scale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
