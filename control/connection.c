// SPDX-License-Identifier: BSD-3-Clause
#include "control/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/commands.h"
#include "control/line_buffer.h"

struct connection {
	int fd;
	struct line_buffer input;
	char *reply; // what it has not read yet, or NULL
	size_t reply_length, reply_sent;
	uint64_t waiting_since; // nanoseconds; 0: nobody waits
	bool more;   // another request is in the buffer already
	bool ended;  // it will say nothing more
	bool broken; // out of step: answer, then close
};

struct connection *connection_create(int fd, size_t request_max)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	if (!connection)
		return NULL;
	connection->fd = fd;
	line_buffer_init(&connection->input, request_max);
	return connection;
}

void connection_destroy(struct connection *connection)
{
	line_buffer_free(&connection->input);
	free(connection->reply);
	close(connection->fd);
	free(connection);
}

int connection_fd(const struct connection *connection)
{
	return connection->fd;
}

bool connection_wants_to_write(const struct connection *connection)
{
	return connection->reply || connection->more;
}

uint64_t connection_waiting_ns(const struct connection *connection, uint64_t now_ns)
{
	return connection->waiting_since && now_ns > connection->waiting_since ? now_ns - connection->waiting_since : 0;
}

// The reply as one line with its newline, for free(); NULL without memory.
static char *reply_line(json_t *reply, size_t *length)
{
	char *text = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
	json_decref(reply);
	if (!text)
		return NULL;
	*length = strlen(text) + 1;
	text[*length - 1] = '\n'; // in place of the terminator: it is not a string from here on
	return text;
}

void connection_refuse(int fd, const char *why)
{
	size_t length;
	char *line = reply_line(command_refusal(why), &length);
	// A new socket has room for one line; if not, the peer learns nothing, and that is all.
	if (line && send(fd, line, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		shutdown(fd, SHUT_RDWR);
	free(line);
}

// 0: all is written, or the socket takes no more. -1: the peer is gone.
static int write_reply(struct connection *connection, uint64_t now_ns)
{
	while (connection->reply) {
		ssize_t sent = send(connection->fd, connection->reply + connection->reply_sent,
				    connection->reply_length - connection->reply_sent, MSG_NOSIGNAL);
		if (sent < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		connection->reply_sent += (size_t)sent;
		connection->waiting_since = now_ns;
		if (connection->reply_sent == connection->reply_length) {
			free(connection->reply);
			connection->reply = NULL;
			connection->waiting_since = 0;
		}
	}
	return 0;
}

// 0: something was read, or nothing is there. -1: the connection is broken.
static int read_input(struct connection *connection)
{
	size_t room;
	char *to = line_buffer_room(&connection->input, &room);
	if (!to)
		return -1;
	ssize_t received = recv(connection->fd, to, room, 0);
	if (received < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	connection->ended = received == 0;
	if (connection->ended)
		line_buffer_end(&connection->input);
	line_buffer_filled(&connection->input, (size_t)received);
	return 0;
}

// What came last has no newline: a whole request, or half of one. No half of a JSON object is one.
static json_t *answer_last(struct runtime *runtime, const char *text, size_t length)
{
	json_t *request = json_loadb(text, length, 0, NULL);
	if (!request)
		return command_refusal("the connection ended in the middle of a request: a request is one line of JSON");
	json_decref(request);
	return command_answer(runtime, text, length);
}

static int answer_one(struct connection *connection, struct runtime *runtime)
{
	const char *line;
	size_t length;
	json_t *reply = NULL;
	enum line_result result = line_buffer_next(&connection->input, &line, &length);
	if (result == LINE_NONE)
		return 0;
	if (result == LINE_FOUND) {
		reply = command_answer(runtime, line, length);
	} else if (result == LINE_LAST) {
		reply = answer_last(runtime, line, length);
	} else {
		reply = command_refusal("the request is longer than a request may be");
		connection->broken = true;
	}
	connection->waiting_since = 0;
	connection->reply_sent = 0;
	connection->reply = reply_line(reply, &connection->reply_length);
	return connection->reply ? 0 : -1;
}

int connection_advance(struct connection *connection, struct runtime *runtime, uint64_t now_ns)
{
	if (!connection_wants_to_write(connection) && read_input(connection))
		return -1;
	if (!connection->reply && !connection->broken && answer_one(connection, runtime))
		return -1;
	if (write_reply(connection, now_ns))
		return -1;
	connection->more = !connection->broken && line_buffer_ready(&connection->input);
	if (!connection->reply && (connection->broken || (connection->ended && !connection->more)))
		return -1;
	bool waits = connection->reply || (!connection->more && line_buffer_partial(&connection->input));
	if (!waits)
		connection->waiting_since = 0;
	else if (!connection->waiting_since)
		connection->waiting_since = now_ns;
	return 0;
}
