// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_nft_source.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "control/rule_file.h"
#include "control/rule_nft_lex.h"

void nft_lexer_init(struct nft_lexer *lexer, struct error *error)
{
	*lexer = (struct nft_lexer){ .error = error };
}

static void source_begin(struct nft_source *source, const char *text, size_t length)
{
	source->at = source->line_begin = text;
	source->end = text + length;
	source->line = 1;
	source->line_is_blank = true;
}

static struct nft_source *source_push(struct nft_lexer *lexer, const char *file)
{
	struct nft_source *source = calloc(1, sizeof(*source));
	if (!source)
		return NULL;
	source->file = file;
	source->outer = source->parent = lexer->source;
	source->depth = lexer->source ? lexer->source->depth + 1 : 1;
	source->all = lexer->all;
	lexer->source = lexer->all = source;
	return source;
}

int nft_lexer_push(struct nft_lexer *lexer, const char *file, const char *text, size_t length)
{
	struct nft_source *source = source_push(lexer, file);
	if (!source)
		return error_set(lexer->error, "%s: no memory for the rules", file);
	source_begin(source, text, length);
	return 0;
}

void nft_lexer_free(struct nft_lexer *lexer)
{
	while (lexer->all) {
		struct nft_source *source = lexer->all;
		lexer->all = source->all;
		free(source->owned_text);
		free(source->owned_file);
		free(source);
	}
	lexer->source = NULL;
}

// Includes

static int include_error(const struct nft_lexer *lexer, const struct nft_token *at, const char *file, const char *why)
{
	return error_at(lexer->error, at->file, at->line, at->column, "can't include %s: %s", file, why);
}

static bool same_file(const char *a, const char *b)
{
	struct stat one, other;
	if (strcmp(a, b) == 0)
		return true;
	return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static bool in_circle(const struct nft_lexer *lexer, const char *file)
{
	for (const struct nft_source *source = lexer->source; source; source = source->parent) {
		if (same_file(source->file, file))
			return true;
	}
	return false;
}

static unsigned sources_of(const struct nft_lexer *lexer)
{
	unsigned count = 0;
	for (const struct nft_source *source = lexer->all; source; source = source->all)
		count++;
	return count;
}

static const char *refusal(const struct nft_lexer *lexer, const char *file)
{
	if (in_circle(lexer, file))
		return "it includes itself";
	if (lexer->source->depth >= NFT_INCLUDE_DEPTH)
		return "files include each other more than 16 deep";
	return sources_of(lexer) >= NFT_FILES_MAX ? "more than 4096 files are included" : NULL;
}

static int include_file(struct nft_lexer *lexer, const struct nft_token *at, const char *file)
{
	const char *why = refusal(lexer, file);
	if (why)
		return include_error(lexer, at, file, why);
	size_t length;
	char *text = rule_file_read(file, NFT_BYTES_MAX - lexer->bytes, &length);
	if (!text)
		return include_error(lexer, at, file, strerror(errno));
	char *name = strdup(file);
	struct nft_source *source = name ? source_push(lexer, name) : NULL;
	if (!source) {
		free(text);
		free(name);
		return include_error(lexer, at, file, "no memory");
	}
	source->owned_text = text;
	source->owned_file = name;
	lexer->bytes += length;
	source_begin(source, text, length);
	return 0;
}

// Beside the file where it stands.
static char *pattern_path(const struct nft_token *pattern)
{
	const char *slash = strrchr(pattern->file, '/');
	bool relative = pattern->length == 0 || pattern->text[0] != '/';
	size_t beside = slash && relative ? (size_t)(slash + 1 - pattern->file) : 0;
	char *path = malloc(beside + pattern->length + 1);
	if (!path)
		return NULL;
	memcpy(path, pattern->file, beside);
	memcpy(path + beside, pattern->text, pattern->length);
	path[beside + pattern->length] = '\0';
	return path;
}

// The last is pushed first, so that the first is read first. Directories are left out.
static int include_found(struct nft_lexer *lexer, const struct nft_token *at, const glob_t *found)
{
	struct nft_source *outer = lexer->source;
	for (size_t i = found->gl_pathc; i-- > 0;) {
		const char *file = found->gl_pathv[i];
		if (file[0] && file[strlen(file) - 1] == '/')
			continue;
		struct nft_source *inner = lexer->source;
		lexer->source = outer; // beside each other, not inside
		int result = include_file(lexer, at, file);
		if (result)
			return -1;
		lexer->source->outer = inner;
	}
	return 0;
}

static int include_pattern(struct nft_lexer *lexer, const struct nft_token *at, const char *path)
{
	glob_t found;
	int why = glob(path, GLOB_NOESCAPE | GLOB_MARK, NULL, &found);
	int result = 0;
	if (why == 0)
		result = include_found(lexer, at, &found);
	else if (why != GLOB_NOMATCH)
		result = include_error(lexer, at, path, "it can't be looked for");
	if (why == 0)
		globfree(&found);
	return result;
}

int nft_lexer_include(struct nft_lexer *lexer, const struct nft_token *pattern)
{
	if (pattern->length == 0 || memchr(pattern->text, '\0', pattern->length))
		return include_error(lexer, pattern, "\"\"", "it is no file's name");
	char *path = pattern_path(pattern);
	if (!path)
		return include_error(lexer, pattern, "it", "no memory");
	int result = strpbrk(path, "*?[") ? include_pattern(lexer, pattern, path) : include_file(lexer, pattern, path);
	free(path);
	return result;
}
