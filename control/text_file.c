// SPDX-License-Identifier: BSD-3-Clause
#include "control/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/address.h"

struct text_file {
	char *name;
	int fd;
	int error; // of the first write that failed
	size_t used;
	char buffer[64 * 1024];
};

static int open_name(const char *name)
{
	if (strcmp(name, "-") == 0)
		return dup(STDOUT_FILENO);
	return open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

struct text_file *text_file_open(const char *name, struct error *error)
{
	struct text_file *file = calloc(1, sizeof(*file));
	char *copy = strdup(strcmp(name, "-") == 0 ? "standard output" : name);
	int fd = file && copy ? open_name(name) : -1;
	if (fd < 0) {
		error_set(error, "%s: cannot open for writing: %s", name, strerror(errno));
		free(file);
		free(copy);
		return NULL;
	}
	file->name = copy;
	file->fd = fd;
	return file;
}

static void flush(struct text_file *file)
{
	size_t done = 0;
	while (!file->error && done < file->used) {
		ssize_t n = write(file->fd, file->buffer + done, file->used - done);
		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			file->error = errno;
	}
	file->used = 0;
}

int text_file_close(struct text_file *file, struct error *error)
{
	flush(file);
	if (close(file->fd) < 0 && !file->error)
		file->error = errno;
	int result = 0;
	if (file->error)
		result = error_set(error, "%s: cannot write: %s", file->name, strerror(file->error));
	free(file->name);
	free(file);
	return result;
}

void text_file_fail(struct text_file *file, int error_number)
{
	if (!file->error)
		file->error = error_number;
}

static void put_bytes(struct text_file *file, const char *bytes, size_t length)
{
	while (length > 0) {
		size_t room = sizeof(file->buffer) - file->used;
		size_t part = length < room ? length : room;
		memcpy(file->buffer + file->used, bytes, part);
		file->used += part;
		bytes += part;
		length -= part;
		if (file->used == sizeof(file->buffer))
			flush(file);
	}
}

void text_put(struct text_file *file, const char *text)
{
	put_bytes(file, text, strlen(text));
}

void text_put_char(struct text_file *file, char character)
{
	put_bytes(file, &character, 1);
}

void text_put_number(struct text_file *file, uint64_t number)
{
	char digits[20];
	size_t start = sizeof(digits);
	do {
		digits[--start] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	put_bytes(file, digits + start, sizeof(digits) - start);
}

void text_put_address(struct text_file *file, const struct ip_address *address, uint8_t family)
{
	char text[ADDRESS_TEXT_MAX];
	if (family == FAMILY_NONE) {
		text_put_char(file, '-');
	} else if (family == FAMILY_IP6) {
		text_put(file, address_format(address, family, text));
	} else {
		for (unsigned i = 0; i < 4; i++) {
			text_put_number(file, address->byte[i]);
			if (i < 3)
				text_put_char(file, '.');
		}
	}
}
