// SPDX-License-Identifier: BSD-3-Clause
// The straight line for usual segments against the state machine.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/parse.h"
#include "dataplane/random.h"
#include "dataplane/tcp_state.h"

enum {
	ISS_O = 0xfffffff0, // both numbers wrap soon
	ISS_B = 0xffffff00,
};

// Near to each other, so that all ways are gone.
static struct flow random_flow(uint64_t *random)
{
	return (struct flow){
		.state = random_below(random, 4) ? FLOW_TCP_ESTABLISHED : random_below(random, FLOW_STATES),
		.tcp_known = random_below(random, 4),
		.tcp_scale0 = random_below(random, 16),
		.tcp_scale1 = random_below(random, 16),
		.tcp_next = { ISS_B + random_below(random, 512), ISS_O + random_below(random, 512) },
		.tcp_window = { random_below(random, 256), random_below(random, 256) },
	};
}

static void random_header(uint8_t header[20], uint64_t *random)
{
	const uint8_t flags = (uint8_t)(random_below(random, 2) ? TCP_ACK : random_next(random));
	const uint32_t numbers[2] = { rte_cpu_to_be_32(ISS_O + random_below(random, 512)),
		rte_cpu_to_be_32(ISS_B + random_below(random, 512)) };

	memset(header, 0, 20);
	memcpy(header + 4, numbers, sizeof(numbers));
	header[12] = 5 << 4;
	header[13] = flags;
	header[15] = (uint8_t)random_next(random);
}

static void usual_segments_are_followed_as_the_state_machine_does(void **state)
{
	unsigned usual = 0, unusual = 0;
	uint64_t random = 4711;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		const enum flow_direction direction = random_below(&random, 2);
		const struct flow before = random_flow(&random);
		struct flow quick = before, slow = before;
		struct tcp_segment segment;
		uint8_t header[20];

		random_header(header, &random);
		if (!tcp_follow_usual(&quick, direction, header)) {
			assert_memory_equal(&quick, &before, sizeof(quick));
			unusual++;
			continue;
		}
		tcp_read(header, sizeof(header), sizeof(header), &segment);
		assert_int_equal(tcp_follow(&slow, direction, &segment), TCP_FOLLOWED);
		assert_memory_equal(&quick, &slow, sizeof(quick));
		usual++;
	}
	assert_true(usual > 1000 && unusual > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_segments_are_followed_as_the_state_machine_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
