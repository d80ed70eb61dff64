// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/tcp_state.h"

#include <stdbool.h>

#include <rte_common.h>

#include "dataplane/parse.h"

enum {
	HEADER_MIN = 20,
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_SCALE = 3,
	SCALE_MAX = 14,  // RFC 7323 2.3
	SCALE_NONE = 15,
	TCP_STATES = FLOW_TCP_CLOSED + 1,
};

// What a segment means to the state machine. FIN_ACKED comes before the event of the segment that brings it.
enum event {
	EVENT_NONE, // nothing that a state depends on
	EVENT_SYN,
	EVENT_SYN_ACK,
	EVENT_ACK,
	EVENT_FIN,
	EVENT_FIN_ACKED, // the responder has acknowledged the originator's FIN
	EVENT_RST,
	EVENTS
};

// How a flow begins that is first seen with this event.
static const uint8_t opening[EVENTS][2] = {
	[EVENT_NONE] = { FLOW_TCP_SYN_SENT, FLOW_TCP_SYN_SENT },
	[EVENT_SYN] = { FLOW_TCP_SYN_SENT, FLOW_TCP_SYN_SENT },
	[EVENT_SYN_ACK] = { FLOW_TCP_SYN_RCVD, FLOW_TCP_SYN_RCVD },
	[EVENT_ACK] = { FLOW_TCP_ESTABLISHED, FLOW_TCP_ESTABLISHED },
	[EVENT_FIN] = { FLOW_TCP_FIN_WAIT_1, FLOW_TCP_CLOSE_WAIT },
	[EVENT_RST] = { FLOW_TCP_CLOSED, FLOW_TCP_CLOSED },
};

// The state that follows; 0 (SYN_SENT, which nothing leads to): the state stays. RFC 9293 3.3.2, the originator's states.
// What is not in the table changes nothing: a SYN on a synchronised flow (RFC 5961 4.2), a SYN-ACK from the originator,
// a segment from the originator alone before anybody answered.
static const uint8_t transitions[TCP_STATES][2][EVENTS] = {
	[FLOW_TCP_SYN_SENT] = {
		[FLOW_ORIG] = { [EVENT_RST] = FLOW_TCP_CLOSED },
		[FLOW_RESP] = { [EVENT_SYN] = FLOW_TCP_SYN_RCVD, // simultaneous open
				[EVENT_SYN_ACK] = FLOW_TCP_SYN_RCVD,
				[EVENT_ACK] = FLOW_TCP_SYN_RCVD, // its SYN-ACK was missed
				[EVENT_FIN] = FLOW_TCP_CLOSE_WAIT,
				[EVENT_RST] = FLOW_TCP_CLOSED } },
	[FLOW_TCP_SYN_RCVD] = {
		[FLOW_ORIG] = { [EVENT_ACK] = FLOW_TCP_ESTABLISHED,
				[EVENT_FIN] = FLOW_TCP_FIN_WAIT_1,
				[EVENT_RST] = FLOW_TCP_CLOSED },
		[FLOW_RESP] = { [EVENT_FIN] = FLOW_TCP_CLOSE_WAIT, [EVENT_RST] = FLOW_TCP_CLOSED } },
	[FLOW_TCP_ESTABLISHED] = {
		[FLOW_ORIG] = { [EVENT_FIN] = FLOW_TCP_FIN_WAIT_1, [EVENT_RST] = FLOW_TCP_CLOSED },
		[FLOW_RESP] = { [EVENT_FIN] = FLOW_TCP_CLOSE_WAIT, [EVENT_RST] = FLOW_TCP_CLOSED } },
	[FLOW_TCP_FIN_WAIT_1] = {
		[FLOW_ORIG] = { [EVENT_RST] = FLOW_TCP_CLOSED },
		[FLOW_RESP] = { [EVENT_FIN] = FLOW_TCP_CLOSING,
				[EVENT_FIN_ACKED] = FLOW_TCP_FIN_WAIT_2,
				[EVENT_RST] = FLOW_TCP_CLOSED } },
	[FLOW_TCP_FIN_WAIT_2] = {
		[FLOW_ORIG] = { [EVENT_RST] = FLOW_TCP_CLOSED },
		[FLOW_RESP] = { [EVENT_FIN] = FLOW_TCP_TIME_WAIT, [EVENT_RST] = FLOW_TCP_CLOSED } },
	[FLOW_TCP_CLOSING] = {
		[FLOW_ORIG] = { [EVENT_RST] = FLOW_TCP_CLOSED },
		[FLOW_RESP] = { [EVENT_FIN_ACKED] = FLOW_TCP_TIME_WAIT, [EVENT_RST] = FLOW_TCP_CLOSED } },
	[FLOW_TCP_CLOSE_WAIT] = {
		[FLOW_ORIG] = { [EVENT_FIN] = FLOW_TCP_LAST_ACK, [EVENT_RST] = FLOW_TCP_CLOSED },
		[FLOW_RESP] = { [EVENT_RST] = FLOW_TCP_CLOSED } },
	[FLOW_TCP_LAST_ACK] = {
		[FLOW_ORIG] = { [EVENT_RST] = FLOW_TCP_CLOSED },
		[FLOW_RESP] = { [EVENT_FIN_ACKED] = FLOW_TCP_CLOSED, [EVENT_RST] = FLOW_TCP_CLOSED } },
	[FLOW_TCP_TIME_WAIT] = {
		[FLOW_ORIG] = { [EVENT_RST] = FLOW_TCP_CLOSED },
		[FLOW_RESP] = { [EVENT_RST] = FLOW_TCP_CLOSED } },
};

static bool known(const struct flow *flow, enum flow_direction end)
{
	return flow->tcp_known >> end & 1;
}

static int32_t sequence_distance(uint32_t from, uint32_t to)
{
	return (int32_t)(to - from);
}

static uint8_t window_scale(const uint8_t *option, const uint8_t *end)
{
	while (end - option >= 3 && *option != OPTION_END) {
		if (*option == OPTION_NOP) {
			option++;
			continue;
		}
		if (option[0] == OPTION_SCALE && option[1] == 3)
			return RTE_MIN(option[2], (uint8_t)SCALE_MAX);
		if (option[1] < 2 || option[1] > end - option)
			break;
		option += option[1];
	}
	return SCALE_NONE;
}

void tcp_read(const uint8_t *header, uint32_t available, uint32_t l4_length, struct tcp_segment *segment)
{
	uint32_t offset = (header[12] >> 4) * 4;
	rte_be32_t numbers[2];
	rte_be16_t window;

	memcpy(numbers, header + 4, sizeof(numbers));
	memcpy(&window, header + 14, sizeof(window));
	segment->sequence = rte_be_to_cpu_32(numbers[0]);
	segment->acknowledgement = rte_be_to_cpu_32(numbers[1]);
	segment->payload = l4_length > offset ? l4_length - offset : 0;
	segment->window = rte_be_to_cpu_16(window);
	segment->flags = header[13];
	segment->scale = SCALE_NONE;
	if (segment->flags & TCP_SYN && offset > HEADER_MIN)
		segment->scale = window_scale(header + HEADER_MIN, header + RTE_MIN(offset, available));
}

static enum event event_of(const struct tcp_segment *segment)
{
	if (segment->flags & TCP_RST)
		return EVENT_RST;
	if (segment->flags & TCP_SYN)
		return segment->flags & TCP_ACK ? EVENT_SYN_ACK : EVENT_SYN;
	if (segment->flags & TCP_FIN)
		return EVENT_FIN;
	return segment->flags & TCP_ACK ? EVENT_ACK : EVENT_NONE;
}

// The receive window of one end, in bytes. Scales count only if both ends offered one (RFC 7323 2.2).
static uint32_t window_bytes(const struct flow *flow, enum flow_direction end)
{
	bool scaled = flow->tcp_scale0 != SCALE_NONE && flow->tcp_scale1 != SCALE_NONE;
	unsigned scale = end == FLOW_ORIG ? flow->tcp_scale0 : flow->tcp_scale1;

	return (uint32_t)flow->tcp_window[end] << (scaled ? scale : 0);
}

// Whether the receiver could take this sequence number: in its window, whose right edge counts, as in Linux.
static bool in_window(const struct flow *flow, enum flow_direction direction, uint32_t sequence)
{
	enum flow_direction receiver = !direction;
	int32_t ahead = sequence_distance(flow->tcp_next[receiver], sequence);

	return !known(flow, receiver) || (ahead >= 0 && (uint32_t)ahead <= window_bytes(flow, receiver));
}

static uint32_t segment_end(const struct tcp_segment *segment)
{
	return segment->sequence + segment->payload + !!(segment->flags & TCP_SYN) + !!(segment->flags & TCP_FIN);
}

// A FIN counts if the receiver has not acknowledged it yet and it lies in the window.
static bool fin_counts(const struct flow *flow, enum flow_direction direction, const struct tcp_segment *segment)
{
	enum flow_direction receiver = !direction;
	uint32_t end = segment_end(segment);

	if (!known(flow, receiver))
		return true;
	return sequence_distance(flow->tcp_next[receiver], end) > 0 &&
	       sequence_distance(flow->tcp_next[receiver] + window_bytes(flow, receiver), segment->sequence) <= 0;
}

static void set_next(struct flow *flow, enum flow_direction end, uint32_t next)
{
	flow->tcp_next[end] = next;
	FLOW_SET(flow, tcp_known, 2, flow->tcp_known | 1u << end);
}

static void set_scale(struct flow *flow, enum flow_direction end, uint8_t scale)
{
	if (end == FLOW_ORIG)
		FLOW_SET(flow, tcp_scale0, 4, scale);
	else
		FLOW_SET(flow, tcp_scale1, 4, scale);
}

// Whether the segment is the very next one that its receiver waits for.
static bool is_next(const struct flow *flow, enum flow_direction direction, const struct tcp_segment *segment)
{
	enum flow_direction receiver = !direction;

	return known(flow, receiver) && segment->sequence == flow->tcp_next[receiver];
}

// Whether the sender may have got what it acknowledges: no less than before, and no more than the window that it offered,
// as no end sends beyond that (RFC 9293 3.10.7.4, RFC 5961 5.2). Segments may have been missed here, so that it is more:
// then the sequence number must be right to the byte, which forgers don't know (whoever does may as well send an RST).
static bool acknowledgement_counts(const struct flow *flow, enum flow_direction direction,
				   const struct tcp_segment *segment)
{
	int32_t ahead = sequence_distance(flow->tcp_next[direction], segment->acknowledgement);

	if (!(segment->flags & TCP_ACK))
		return false;
	if (!known(flow, direction))
		return true;
	return ahead >= 0 && ((uint32_t)ahead <= window_bytes(flow, direction) || is_next(flow, direction, segment));
}

// What the sender wants next and how much of it it can take. A SYN starts the numbers anew.
static void note_window(struct flow *flow, enum flow_direction direction, const struct tcp_segment *segment)
{
	bool syn = segment->flags & TCP_SYN;

	if (!syn && !acknowledgement_counts(flow, direction, segment))
		return;
	if (syn)
		set_scale(flow, direction, segment->scale);
	if (segment->flags & TCP_ACK)
		set_next(flow, direction, segment->acknowledgement);
	else
		FLOW_SET(flow, tcp_known, 2, 0);
	flow->tcp_window[direction] = segment->window;
}

// What the first segment of a flow in SYN_SENT makes known: an RST has to fit it. Kept as what the responder wants next, and
// how much it may want more, until it says so itself.
static void note_opening(struct flow *flow, const struct tcp_segment *segment)
{
	flow->tcp_next[FLOW_RESP] = segment->sequence + !!(segment->flags & TCP_SYN);
	flow->tcp_window[FLOW_RESP] = RTE_MIN(segment->payload, (uint32_t)UINT16_MAX);
}

static bool fits_opening(const struct flow *flow, uint32_t number)
{
	int32_t ahead = sequence_distance(flow->tcp_next[FLOW_RESP], number);

	return ahead >= 0 && ahead <= flow->tcp_window[FLOW_RESP];
}

// In SYN_SENT an RST counts if it acknowledges the SYN (RFC 9293 3.10.7.3), or is the sender's own next; else if its number
// is in the window.
static bool reset_counts(const struct flow *flow, enum flow_direction direction, const struct tcp_segment *segment)
{
	if (flow->state != FLOW_TCP_SYN_SENT)
		return in_window(flow, direction, segment->sequence);
	return fits_opening(flow, segment->sequence) ||
	       (segment->flags & TCP_ACK && fits_opening(flow, segment->acknowledgement));
}

// A SYN on TIME_WAIT opens a new flow if it is beyond all that its end has sent, else it is an old duplicate (RFC 1122
// 4.2.2.13; without RFC 6191's time stamps, which the record has no room for).
static bool opens_anew(const struct flow *flow, enum flow_direction direction, const struct tcp_segment *segment)
{
	enum flow_direction receiver = !direction;

	return flow->state != FLOW_TCP_TIME_WAIT || !known(flow, receiver) ||
	       sequence_distance(flow->tcp_next[receiver], segment->sequence) >= 0;
}

// Returns whether the state has changed.
static bool step(struct flow *flow, enum flow_direction direction, enum event event)
{
	uint8_t to = transitions[flow->state][direction][event];

	if (to == 0)
		return false;
	FLOW_SET(flow, state, FLOW_STATE_BITS, to);
	return true;
}

// Once the originator has sent its FIN, what the responder wants in the end is known: the number behind that FIN. Kept
// in its tcp_next, it tells exactly when the FIN is acknowledged.
static void note_fin(struct flow *flow, enum flow_direction direction, const struct tcp_segment *segment)
{
	if (direction == FLOW_ORIG)
		set_next(flow, FLOW_RESP, segment_end(segment));
}

static bool fin_outstanding(const struct flow *flow)
{
	return flow->state == FLOW_TCP_FIN_WAIT_1 || flow->state == FLOW_TCP_CLOSING ||
	       flow->state == FLOW_TCP_LAST_ACK;
}

static bool acknowledges_fin(const struct flow *flow, enum flow_direction direction,
			     const struct tcp_segment *segment)
{
	return direction == FLOW_RESP && known(flow, FLOW_RESP) && fin_outstanding(flow) &&
	       acknowledgement_counts(flow, FLOW_RESP, segment);
}

void tcp_open(struct flow *flow, enum flow_direction direction, const struct tcp_segment *segment)
{
	enum event event = event_of(segment);

	FLOW_SET(flow, state, FLOW_STATE_BITS, opening[event][direction]);
	FLOW_SET(flow, tcp_known, 2, 0);
	set_scale(flow, FLOW_ORIG, SCALE_MAX); // not seen: as wide as it may be
	set_scale(flow, FLOW_RESP, SCALE_MAX);
	flow->tcp_window[FLOW_ORIG] = flow->tcp_window[FLOW_RESP] = 0;
	note_window(flow, direction, segment);
	if (event == EVENT_FIN)
		note_fin(flow, direction, segment);
	else if (flow->state == FLOW_TCP_SYN_SENT)
		note_opening(flow, segment);
}

enum tcp_result tcp_follow(struct flow *flow, enum flow_direction direction, const struct tcp_segment *segment)
{
	enum event event = event_of(segment);
	bool moved;

	if (flow->state >= TCP_STATES) { // opened by what was no segment
		tcp_open(flow, direction, segment);
		return TCP_FOLLOWED;
	}
	if (event == EVENT_SYN && flow->state >= FLOW_TCP_TIME_WAIT && opens_anew(flow, direction, segment))
		return TCP_REOPENED;
	if ((event == EVENT_SYN || event == EVENT_SYN_ACK) && flow->state >= FLOW_TCP_ESTABLISHED)
		event = EVENT_NONE;
	else if (event == EVENT_SYN_ACK && direction == FLOW_ORIG)
		event = EVENT_NONE;
	else if (event == EVENT_RST)
		event = reset_counts(flow, direction, segment) ? EVENT_RST : EVENT_NONE;
	else if (acknowledges_fin(flow, direction, segment))
		step(flow, direction, EVENT_FIN_ACKED);
	if (event == EVENT_FIN && !fin_counts(flow, direction, segment))
		event = EVENT_ACK;
	moved = step(flow, direction, event);
	if (event != EVENT_NONE && event != EVENT_RST)
		note_window(flow, direction, segment);
	if (event == EVENT_SYN && flow->state == FLOW_TCP_SYN_SENT)
		note_opening(flow, segment);
	if (event == EVENT_FIN && moved)
		note_fin(flow, direction, segment);
	return TCP_FOLLOWED;
}
