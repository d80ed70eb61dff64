// SPDX-License-Identifier: BSD-3-Clause
#include "control/ctl/ask.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/protocol.h"

enum { PATIENCE_SECONDS = 60 };

static void explain_connect(const char *path, int why)
{
	if (why == ENOENT)
		fprintf(stderr, "portierctl: no socket at %s: is portier running? --socket PATH looks elsewhere\n", path);
	else if (why == ECONNREFUSED)
		fprintf(stderr, "portierctl: nobody answers at %s: is portier running? (an old socket is left there)\n",
			path);
	else if (why == EACCES || why == EPERM)
		fprintf(stderr, "portierctl: permission denied at %s: only root and the user that portier runs as may "
			"control it\n", path);
	else
		fprintf(stderr, "portierctl: %s: %s\n", path, strerror(why));
}

int daemon_connect(struct daemon *daemon, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_SECONDS };
	*daemon = (struct daemon){ .path = path, .fd = -1 };
	if (strlen(path) >= sizeof(address.sun_path)) {
		explain_connect(path, ENAMETOOLONG);
		return -1;
	}
	strcpy(address.sun_path, path);
	daemon->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (daemon->fd < 0 || connect(daemon->fd, (struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(daemon->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    setsockopt(daemon->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ||
	    !(daemon->replies = fdopen(daemon->fd, "r"))) {
		explain_connect(path, errno);
		daemon_disconnect(daemon);
		return -1;
	}
	return 0;
}

void daemon_disconnect(struct daemon *daemon)
{
	if (daemon->replies)
		fclose(daemon->replies);
	else if (daemon->fd >= 0)
		close(daemon->fd);
	daemon->replies = NULL;
	daemon->fd = -1;
}

// false: the other end is gone or takes no more. It may have said why: the reply is looked at all the same.
static bool send_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		text += sent;
		length -= (size_t)sent;
	}
	return true;
}

static bool send_request(const struct daemon *daemon, const char *command, json_t *arguments)
{
	json_t *request = json_pack("{s:i, s:s, s:o}", "version", PROTOCOL_VERSION, "command", command,
				    "arguments", arguments ? arguments : json_object());
	char *text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	bool sent = text && send_all(daemon->fd, text, strlen(text)) && send_all(daemon->fd, "\n", 1);
	free(text);
	return sent;
}

static json_t *receive_reply(const struct daemon *daemon)
{
	char *line = NULL;
	size_t room = 0;
	json_error_t why;
	errno = 0;
	ssize_t length = getline(&line, &room, daemon->replies);
	json_t *reply = length > 0 ? json_loadb(line, (size_t)length, 0, &why) : NULL;
	if (length <= 0 && errno == EAGAIN)
		fprintf(stderr, "portierctl: portier at %s did not answer for %d seconds\n", daemon->path,
			PATIENCE_SECONDS);
	else if (length <= 0 && errno != EINTR)
		fprintf(stderr, "portierctl: portier at %s hung up: has it ended?\n", daemon->path);
	else if (length > 0 && !reply)
		fprintf(stderr, "portierctl: what answers at %s is no portier: %s\n", daemon->path, why.text);
	free(line);
	return reply;
}

json_t *daemon_ask(struct daemon *daemon, const char *command, json_t *arguments)
{
	send_request(daemon, command, arguments);
	json_t *reply = receive_reply(daemon);
	if (!reply)
		return NULL;
	json_int_t version = json_integer_value(json_object_get(reply, "version"));
	const char *error = json_string_value(json_object_get(reply, "error"));
	json_t *result = NULL;
	if (version != PROTOCOL_VERSION)
		fprintf(stderr, "portierctl: protocol version mismatch: portier at %s speaks version %lld, this portierctl "
			"(" PORTIER_VERSION ") %d: use the portierctl that came with it\n", daemon->path,
			(long long)version, PROTOCOL_VERSION);
	else if (!json_is_true(json_object_get(reply, "ok")))
		fprintf(stderr, "portierctl: %s\n", error ? error : "portier said no, and not why");
	else
		result = json_incref(json_object_get(reply, "result"));
	json_decref(reply);
	return result;
}
