/* What a charge costs. Prints one JSON object.
 *
 *   quotas charge THREADS COUNT	COUNT charges of one cell by each of so many threads */
#include "tests/bench/bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "quota/cell.h"

enum { THREADS_MAX = 64 };

struct job {
	struct quo_cell *cell;
	size_t		 count;
	uint64_t	 ns, owed;
};

/* Of this thread: other processes' time is not ours. */
static uint64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Not inlined: callgrind counts what is inside. */
__attribute__((noinline)) static uint64_t
charge_again(struct quo_cell *c, size_t count)
{
	uint64_t owed = 0;

	for (size_t i = 0; i < count; i++)
		owed += quo_charge(c, 65536, 1000000000 + i * 3000);
	return owed;
}

static void *
run(void *arg)
{
	struct job *j = arg;
	uint64_t    begin = cpu_ns();

	j->owed = charge_again(j->cell, j->count);
	j->ns = cpu_ns() - begin;
	return NULL;
}

static void
charge(size_t threads, size_t count)
{
	struct quo_cell cell;
	struct job	job[THREADS_MAX];
	pthread_t	id[THREADS_MAX];
	uint64_t	ns = 0;

	quo_init(&cell, 20e6, 1000000, 1000000000, false);
	for (size_t i = 0; i < threads; i++) {
		job[i] = (struct job){ .cell = &cell, .count = count };
		if (pthread_create(&id[i], NULL, run, &job[i]))
			bench_die("no thread");
	}
	for (size_t i = 0; i < threads; i++) {
		pthread_join(id[i], NULL);
		ns += job[i].ns;
	}
	printf("{\"threads\": %zu, \"charges\": %zu, \"ns\": %.1f, \"owed_us\": %llu}\n", threads, threads * count,
	    (double)ns / (double)(threads * count), (unsigned long long)job[0].owed);
}

int
main(int argc, char **argv)
{
	long threads = argc == 4 ? bench_number(argv[2], "THREADS") : 0;

	if (argc != 4 || strcmp(argv[1], "charge") != 0 || threads < 1 || threads > THREADS_MAX)
		bench_die("usage: quotas charge THREADS COUNT");
	charge((size_t)threads, (size_t)bench_number(argv[3], "COUNT"));
	return 0;
}
