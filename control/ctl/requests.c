// SPDX-License-Identifier: BSD-3-Clause
#include "control/ctl/requests.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/ctl/import.h"
#include "control/ctl/show.h"
#include "control/ctl/try.h"

static json_t *nothing(const struct options *options, char **words, unsigned count)
{
	(void)options, (void)words, (void)count;
	return json_object();
}

// Words that the shell has taken the quotes off get them back: rules have quotes too. A text that is one word is taken as it
// stands.
static void append_word(char *text, const char *word, bool alone)
{
	char *to = text + strlen(text);
	bool quoted = !alone && strpbrk(word, " \t#;") && !strchr(word, '"');
	if (to > text)
		*to++ = ' ';
	sprintf(to, quoted ? "\"%s\"" : "%s", word);
}

// {key: "word word word"}
static json_t *joined(const char *key, char **words, unsigned count)
{
	size_t length = 1;
	for (unsigned i = 0; i < count; i++)
		length += strlen(words[i]) + 3;
	char *text = calloc(1, length);
	for (unsigned i = 0; text && i < count; i++)
		append_word(text, words[i], count == 1);
	json_t *arguments = text ? json_pack("{s:s}", key, text) : NULL;
	if (!arguments)
		fprintf(stderr, "portierctl: the arguments are no UTF-8 text\n");
	free(text);
	return arguments;
}

static json_t *flow_filter(const struct options *options, char **words, unsigned count)
{
	(void)options;
	return joined("filter", words, count);
}

static json_t *packet_words(const struct options *options, char **words, unsigned count)
{
	(void)options;
	return joined("packet", words, count);
}

static json_t *rule_match(const struct options *options, char **words, unsigned count)
{
	json_t *arguments = joined("match", words, count);
	if (arguments && options->last)
		json_object_set_new(arguments, "last", json_true());
	return arguments;
}

static bool read_number(const char *text, const char *what, json_int_t *number)
{
	char *end;
	errno = 0;
	*number = strtoll(text, &end, 10);
	if (!*end && *text && !errno && *number >= 1)
		return true;
	fprintf(stderr, "portierctl: %s '%s': a number from 1 was expected\n", what, text);
	return false;
}

static json_t *rule_text(const struct options *options, char **words, unsigned count)
{
	json_int_t at = 0;
	if (options->at && !read_number(options->at, "--at", &at))
		return NULL;
	json_t *arguments = joined("text", words, count);
	if (arguments && options->at)
		json_object_set_new(arguments, "at", json_integer(at));
	return arguments;
}

// ID RULE
static json_t *rule_in_place(const struct options *options, char **words, unsigned count)
{
	(void)options;
	json_int_t id;
	if (!read_number(words[0], "rule", &id))
		return NULL;
	json_t *arguments = joined("text", words + 1, count - 1);
	if (arguments)
		json_object_set_new(arguments, "id", json_integer(id));
	return arguments;
}

static json_t *rule_listing(const struct options *options, char **words, unsigned count)
{
	(void)words, (void)count;
	return options->native ? json_pack("{s:b}", "native", 1) : json_object();
}

static json_t *rule_id(const struct options *options, char **words, unsigned count)
{
	(void)options, (void)count;
	json_int_t id;
	return read_number(words[0], "rule", &id) ? json_pack("{s:I}", "id", id) : NULL;
}

static json_t *log_level(const struct options *options, char **words, unsigned count)
{
	(void)options;
	json_t *arguments = json_pack("{s:s}", "level", words[0]);
	if (count > 1)
		json_object_set_new(arguments, "of", json_string(words[1]));
	return arguments;
}

enum { FILE_BYTES_MAX = 32 << 20 }; // more than portier takes in one request

// All of a stream, for free(), or NULL with errno set.
static char *read_all(FILE *in, size_t *length)
{
	size_t room = 0;
	char *text = NULL;
	*length = 0;
	do {
		if (*length + 1 >= room) {
			room = room ? 2 * room : 65536;
			char *larger = room <= FILE_BYTES_MAX ? realloc(text, room) : NULL;
			if (!larger) {
				errno = EFBIG;
				break;
			}
			text = larger;
		}
		*length += fread(text + *length, 1, room - *length - 1, in);
	} while (!feof(in) && !ferror(in));
	if (feof(in) && !ferror(in))
		return text;
	free(text);
	return NULL;
}

json_t *request_rule_file(const struct options *options, char **words, unsigned count)
{
	(void)options, (void)count;
	bool standard_input = strcmp(words[0], "-") == 0;
	FILE *in = standard_input ? stdin : fopen(words[0], "r");
	size_t length = 0;
	char *text = in ? read_all(in, &length) : NULL;
	if (!text)
		fprintf(stderr, "portierctl: %s: %s\n", words[0], strerror(errno));
	json_t *arguments = text ? json_pack("{s:s%, s:s}", "text", text, length, "file",
					     standard_input ? "standard input" : words[0]) : NULL;
	if (text && !arguments)
		fprintf(stderr, "portierctl: %s: this is no UTF-8 text\n", words[0]);
	free(text);
	if (in && !standard_input)
		fclose(in);
	return arguments;
}

enum { WORDS = UINT_MAX }; // as many as one likes

const struct ctl_command ctl_commands[] = {
	{ "status", "", "what runs, since when, with what", 0, 0, 0, nothing, show_status, NULL },
	{ "stats", "[--watch [SECONDS]]", "the ledger, handlers, flows and drops", 0, 0, TAKES_WATCH, nothing,
	  show_stats, NULL },
	{ "interfaces", "", "devices, their links and counters", 0, 0, 0, nothing, show_interfaces, NULL },
	{ "workers", "", "what each worker core does", 0, 0, 0, nothing, show_workers, NULL },
	{ "listeners", "", "which ports go to which handler, and how much came", 0, 0, 0, nothing, show_listeners, NULL },
	{ "handlers", "", "what handlers received and did", 0, 0, 0, nothing, show_handlers, NULL },
	{ "drops", "", "why packets went no further", 0, 0, 0, nothing, show_drops, NULL },
	{ "latency", "", "how long packets take, of portier run --latency", 0, 0, 0, nothing, show_latency, NULL },
	{ "flows", "[PROTO] [CIDR] [PORT] [state STATE] [handler NAME] [limit N]", "live flows", 0, WORDS, 0,
	  flow_filter, show_flows, NULL },
	{ "rules list", "[--native]", "rules in order, with their hits", 0, 0, TAKES_NATIVE, rule_listing, show_rules, NULL },
	{ "rules load", "FILE", "replace all rules by those of a file (-: standard input)", 1, 1, 0, request_rule_file,
	  show_published, NULL },
	{ "rules try", "[--for 60s] FILE", "what rules of a file would change, on live traffic; nothing changes", 1, 1,
	  TAKES_FOR, try_arguments, NULL, try_run },
	{ "rules import", "FILE", "print a file of rules, iptables' too, in nft's language; needs no portier", 1, 1, NEEDS_NO_DAEMON,
	  request_rule_file, NULL, import_run },
	{ "rules add", "[--at N] RULE", "add one rule, last or as the Nth", 1, WORDS, TAKES_AT | TAKES_RULE, rule_text,
	  show_added, NULL },
	{ "rules insert", "RULE", "add one rule, first", 1, WORDS, TAKES_RULE, rule_text, show_added, NULL },
	{ "rules replace", "ID RULE", "put a rule in the place of another", 2, WORDS, TAKES_RULE, rule_in_place,
	  show_added, NULL },
	{ "rules delete", "ID", "delete one rule", 1, 1, 0, rule_id, show_published, NULL },
	{ "rules", "[list | load FILE | try FILE | import FILE | add RULE | insert RULE | replace ID RULE | delete ID]",
	  "rules in order; or what changes them", 0, 0, TAKES_NATIVE, rule_listing, show_rules, NULL },
	{ "allow", "[--last] PROTO [PORT[-PORT]] [from CIDR [port PORT]] [to CIDR [port PORT]]",
	  "let in what matches: first of all rules", 1, WORDS,
	  TAKES_LAST, rule_match, show_added, NULL },
	{ "deny", "[--last] PROTO [PORT[-PORT]] [from CIDR [port PORT]] [to CIDR [port PORT]]",
	  "drop what matches: first of all rules", 1, WORDS,
	  TAKES_LAST, rule_match, show_added, NULL },
	{ "reject", "[--last] PROTO [PORT[-PORT]] [from CIDR [port PORT]] [to CIDR [port PORT]] [prohibited]",
	  "refuse what matches: first of all rules", 1, WORDS,
	  TAKES_LAST, rule_match, show_added, NULL },
	{ "explain", "PROTO SOURCE[:PORT] DESTINATION[:PORT] [FLAGS | TYPE[/CODE]] [vlan ID] [in INTERFACE]",
	  "what becomes of a packet, and why", 3, WORDS, 0, packet_words, show_explained, NULL },
	{ "reload", "", "read configuration and rules file anew", 0, 0, 0, nothing, show_reloaded, NULL },
	{ "log", "LEVEL [PATTERN|all]", "how much portier logs: error, warning, notice, info, debug", 1, 2, 0,
	  log_level, show_log, NULL },
	{ NULL, NULL, NULL, 0, 0, 0, NULL, NULL, NULL },
};

const struct ctl_command *ctl_command_find(char **words, unsigned count, unsigned *used)
{
	for (const struct ctl_command *command = ctl_commands; command->name; command++) {
		char two[128];
		snprintf(two, sizeof(two), "%s %s", words[0], count > 1 ? words[1] : "");
		*used = strchr(command->name, ' ') ? 2 : 1;
		if (strcmp(command->name, *used == 2 ? two : words[0]) == 0)
			return command;
	}
	return NULL;
}
