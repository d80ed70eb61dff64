// SPDX-License-Identifier: BSD-3-Clause
#include "control/socket_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 16 };

static int bad_path(const char *path, struct error *error)
{
	if (!*path)
		return error_set(error, "the control socket has no path");
	if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return error_set(error, "control socket %.60s...: the path is longer than the %zu bytes that a unix "
				 "socket may have", path, sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
	return 0;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	memcpy(address.sun_path, path, strlen(path) + 1);
	return address;
}

// Whether somebody listens there. A full backlog (EAGAIN) is somebody.
static bool somebody_answers(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool answers = fd >= 0 && (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 || errno == EAGAIN);
	if (fd >= 0)
		close(fd);
	return answers;
}

static int clear_path(const char *path, struct error *error)
{
	struct stat there;
	if (lstat(path, &there))
		return 0;
	if (!S_ISSOCK(there.st_mode))
		return error_set(error, "control socket %s: a file that is no socket is in its place; remove it or name "
				 "another path", path);
	if (somebody_answers(path))
		return error_set(error, "another portier answers at %s: stop it, or give this one a socket of its own",
				 path);
	if (unlink(path))
		return error_set(error, "control socket %s: an old socket is in its place and can't be removed: %s",
				 path, strerror(errno));
	return 0;
}

// The mode is set before the name exists: no moment at which others could connect, and no umask to change (it belongs
// to all threads).
static int bind_private(int fd, const char *path)
{
	struct sockaddr_un address = address_of(path);
	if (fchmod(fd, S_IRUSR | S_IWUSR))
		return -1;
	return bind(fd, (struct sockaddr *)&address, sizeof(address));
}

static void explain_bind(const char *path, int why, struct error *error)
{
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash - path) : 0;
	if (why == ENOENT && folder)
		error_set(error, "control socket %s: its folder is not there: make it first (mkdir -p %.*s)", path, folder,
			path);
	else
		error_set(error, "control socket %s: %s; may you write to its folder?", path, strerror(why));
}

int socket_file_open(struct socket_file *file, const char *path, struct error *error)
{
	*file = (struct socket_file){ .fd = -1 };
	if (bad_path(path, error) || clear_path(path, error))
		return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct stat there;
	if (fd < 0 || bind_private(fd, path) || listen(fd, BACKLOG) || lstat(path, &there)) {
		explain_bind(path, errno, error);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	file->fd = fd;
	file->device = there.st_dev;
	file->inode = there.st_ino;
	memcpy(file->path, path, strlen(path) + 1);
	return 0;
}

void socket_file_close(struct socket_file *file)
{
	struct stat there;
	if (file->fd < 0)
		return;
	if (lstat(file->path, &there) == 0 && there.st_dev == file->device && there.st_ino == file->inode)
		unlink(file->path);
	close(file->fd);
	file->fd = -1;
}
