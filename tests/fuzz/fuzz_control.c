// SPDX-License-Identifier: BSD-3-Clause
// The control protocol: whatever a client says, in whatever pieces, is answered line by line with one JSON object each.
#include <assert.h>
#include <string.h>

#include <rte_log.h>

#include "control/commands.h"
#include "control/line_buffer.h"
#include "tests/unit/fake_runtime.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE_MAX_BYTES = 4096 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	rte_log_set_global_level(RTE_LOG_EMERG);
	return 0;
}

static void answer(struct fake_runtime *fake, const char *line, size_t length)
{
	json_t *reply = command_answer(&fake->runtime, line, length);
	assert(reply && json_is_boolean(json_object_get(reply, "ok")));
	assert(json_is_true(json_object_get(reply, "ok")) == (json_object_get(reply, "result") != NULL));
	char *text = json_dumps(reply, JSON_COMPACT);
	assert(text && !strchr(text, '\n'));
	free(text);
	json_decref(reply);
}

// The first byte says how large the pieces are.
static void feed(struct fake_runtime *fake, const uint8_t *data, size_t size)
{
	struct line_buffer buffer;
	const char *line;
	size_t length, room, piece = size ? 1 + *data : 1;
	enum line_result result = LINE_NONE;
	line_buffer_init(&buffer, LINE_MAX_BYTES);
	for (size_t at = size ? 1 : 0; at < size && result != LINE_TOO_LONG;) {
		char *to = line_buffer_room(&buffer, &room);
		assert(to && room > 0);
		size_t n = size - at < piece ? size - at : piece;
		n = n < room ? n : room;
		memcpy(to, data + at, n);
		line_buffer_filled(&buffer, n);
		at += n;
		while ((result = line_buffer_next(&buffer, &line, &length)) == LINE_FOUND) {
			assert(length <= LINE_MAX_BYTES && !memchr(line, '\n', length));
			answer(fake, line, length);
		}
	}
	line_buffer_free(&buffer);
}

// The same at each call: rules that an input has changed are thrown away.
static struct fake_runtime *fresh_runtime(void)
{
	static struct fake_runtime *fake; // a rule store is a megabyte: too much to make for each input
	if (fake && !fake->published)
		return fake;
	if (fake)
		fake_runtime_free(fake);
	else
		fake = malloc(sizeof(*fake));
	fake_runtime_fill(fake, 2);
	fake_runtime_handler(fake, "web");
	return fake;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	feed(fresh_runtime(), data, size);
	return 0;
}
