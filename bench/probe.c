// SPDX-License-Identifier: BSD-3-Clause
// How fast this processor computes and reads memory right now. Stays in the background of a
// benchmark and answers each line on its standard input by one on its output: nanoseconds of a
// multiplication that waits for the one before, nanoseconds of a load whose address the load before
// has said, and ticks of the time stamp counter a second (0: there is none).
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
	WARM = 2, // slices that do not count: a processor that was idle, or ran wide vectors, takes
	          // a while
	SLICES = 5, // of each probe; the middle one counts, so that a short interruption does not
	MULTIPLICATIONS = 400000,
	LOADS = 8000,
	LINE = 64,
};

// One line of memory, which says where to read next.
struct line {
	_Alignas(LINE) uint32_t next;
};

struct memory {
	struct line *line;
	uint32_t count;
	uint32_t at; // where the last walk ended
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t value;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
	return value;
#else
	return 0;
#endif
}

static double ticks_per_second(void)
{
	const struct timespec while_ = { .tv_nsec = 50000000 };
	uint64_t start = now_ns(), first = ticks();

	nanosleep(&while_, NULL);
	return (double)(ticks() - first) * 1e9 / (double)(now_ns() - start);
}

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

// All lines on one random circle (Sattolo), which no prefetcher can guess.
static void make_circle(struct memory *memory)
{
	uint64_t state = 88172645463325252;

	for (uint32_t i = 0; i < memory->count; i++)
		memory->line[i].next = i;
	for (uint32_t i = memory->count - 1; i > 0; i--) {
		uint32_t other = (uint32_t)(random_next(&state) % i), kept = memory->line[i].next;

		memory->line[i].next = memory->line[other].next;
		memory->line[other].next = kept;
	}
}

// Huge pages where the kernel gives them, or the translation of addresses would be measured too. 0,
// or -errno.
static int memory_take(struct memory *memory, size_t bytes)
{
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return -errno;
	madvise(map, bytes, MADV_HUGEPAGE);
	*memory = (struct memory){ .line = map, .count = (uint32_t)(bytes / sizeof(struct line)) };
	make_circle(memory);
	return 0;
}

static double compute_ns(struct memory *unused)
{
	uint64_t value = 1, start = now_ns();

	(void)unused;
	for (unsigned i = 0; i < MULTIPLICATIONS; i++) {
		value *= 6364136223846793005u;
		__asm__ volatile("" : "+r"(value)); // or the compiler would multiply once for all
	}
	return (double)(now_ns() - start) / MULTIPLICATIONS;
}

static double load_ns(struct memory *memory)
{
	uint32_t at = memory->at;
	uint64_t start = now_ns();

	for (unsigned i = 0; i < LOADS; i++)
		at = memory->line[at].next;
	memory->at = at;
	return (double)(now_ns() - start) / LOADS;
}

static int by_size(const void *a, const void *b)
{
	double first = *(const double *)a, second = *(const double *)b;

	return (first > second) - (first < second);
}

static double middle_of(double (*probe)(struct memory *), struct memory *memory)
{
	double slice[SLICES];

	for (unsigned i = 0; i < WARM; i++)
		probe(memory);
	for (unsigned i = 0; i < SLICES; i++)
		slice[i] = probe(memory);
	qsort(slice, SLICES, sizeof(slice[0]), by_size);
	return slice[SLICES / 2];
}

static int number(const char *text, long least, long most, const char *name, long *value)
{
	char *end;

	*value = strtol(text, &end, 10);
	if (end != text && *end == '\0' && *value >= least && *value <= most)
		return 0;
	fprintf(stderr, "probe: %s is '%s', expected a number from %ld to %ld\n", name, text, least,
	        most);
	return -EINVAL;
}

static int pin(long cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == 0)
		return 0;
	fprintf(stderr, "probe: CPU %ld: %s\n", cpu, strerror(errno));
	return -errno;
}

int main(int argc, char **argv)
{
	struct memory memory;
	char request[64];
	long cpu, megabytes;

	if (argc != 3) {
		fprintf(stderr, "usage: probe CPU MEGABYTES; then a line on standard input for "
		                "each answer\n");
		return 2;
	}
	if (number(argv[1], 0, CPU_SETSIZE - 1, "CPU", &cpu) ||
	        number(argv[2], 1, 65536, "MEGABYTES", &megabytes) || pin(cpu))
		return 1;
	if (memory_take(&memory, (size_t)megabytes << 20) < 0) {
		fprintf(stderr, "probe: no %ld MB of memory\n", megabytes);
		return 1;
	}
	double hz = ticks_per_second();
	while (fgets(request, sizeof(request), stdin)) {
		printf("%.4f %.3f %.0f\n", middle_of(compute_ns, &memory),
		        middle_of(load_ns, &memory), hz);
		fflush(stdout);
	}
	return 0;
}
