/* What a verdict costs, and what tenants with ACLs take. Prints one JSON object.
 *
 *   acls ask ACLS COUNT	COUNT verdicts over a tenant with so many ACLs: on one name again and again, as a client does; on
 *				names all over it, by one who asked before; and by one who has to be looked up each time
 *   acls tenants N ACLS	N tenants with so many each: resident bytes; bytes and time of publishing one anew */
#include "tests/bench/bench.h"

#include <alcove/policy.h>
#include <alcove/str.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { NAME = 48, NAMES_ASKED = 1024, USERS = 50 };

/* Of this thread: other processes' time is not ours. */
static uint64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* As an organisation would have them: for each team a prefix and some literals, some of another host, some denies. */
static void
make_rules(struct pol_rule *rules, char (*text)[3][NAME], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool prefixed = i % 4 == 0;

		snprintf(text[i][0], NAME, "team-%03zu.service-%02zu.%s%zu", i % 97, i % 13, prefixed ? "p" : "topic-", i);
		snprintf(text[i][1], NAME, "User:user-%zu", i % USERS);
		snprintf(text[i][2], NAME, "10.0.%zu.%zu", i % 256, i / 256 % 256);
		rules[i] = (struct pol_rule){ .resource = i % 5 == 0 ? POL_GROUP : POL_TOPIC, .pattern = prefixed ? POL_PREFIXED : POL_LITERAL,
			.name = alv_str_of(text[i][0]), .principal = alv_str_of(text[i][1]),
			.host = i % 10 == 0 ? alv_str_of(text[i][2]) : ALV_STR("*"),
			.op = i % 2 == 0 ? POL_OP_READ : POL_OP_WRITE, .permission = i % 20 == 19 ? POL_DENY : POL_ALLOW };
	}
}

static struct pol_tenant *
make_tenant(const char *id, size_t n)
{
	struct pol_rule	  *rules = bench_alloc((n + 1) * sizeof(*rules));
	char (*text)[3][NAME] = bench_alloc((n + 1) * sizeof(*text));
	struct pol_parts   p = { .id = alv_str_of(id), .display_name = alv_str_of(id), .cluster_id = "AAAAAAAAAAAAAAAAAAAAAA",
		  .rules = rules, .nrules = n };
	struct pol_tenant *t;

	make_rules(rules, text, n);
	t = pol_build(&p);
	if (t == NULL)
		bench_die("out of memory");
	free(rules);
	free(text);
	return t;
}

/* ---- verdicts ---------------------------------------------------------------------------------------------- */

/* Not inlined: callgrind counts what is inside. */
__attribute__((noinline)) static size_t
ask_known(const struct pol_tenant *t, struct pol_who *w, char (*names)[NAME], const size_t *n, size_t count)
{
	size_t allowed = 0;

	for (size_t i = 0; i < count; i++)
		allowed += pol_may(t, w, POL_OP_READ, POL_TOPIC, alv_str_make(names[i % NAMES_ASKED], n[i % NAMES_ASKED]));
	return allowed;
}

__attribute__((noinline)) static size_t
ask_again(const struct pol_tenant *t, struct pol_who *w, const char *name, size_t n, size_t count)
{
	size_t allowed = 0;

	for (size_t i = 0; i < count; i++)
		allowed += pol_may(t, w, POL_OP_READ, POL_TOPIC, alv_str_make(name, n));
	return allowed;
}

__attribute__((noinline)) static size_t
ask_anew(const struct pol_tenant *t, char (*names)[NAME], const size_t *n, size_t count)
{
	struct pol_query q = { .principal = ALV_STR("User:user-8"), .host = ALV_STR("10.0.9.9"), .op = POL_OP_READ, .resource = POL_TOPIC };
	size_t		 allowed = 0;

	for (size_t i = 0; i < count; i++) {
		q.name = alv_str_make(names[i % NAMES_ASKED], n[i % NAMES_ASKED]);
		allowed += pol_decide(t, &q);
	}
	return allowed;
}

static void
ask(size_t acls, size_t count)
{
	struct pol_tenant *t = make_tenant("acme", acls);
	static char	   names[NAMES_ASKED][NAME];
	static size_t	   n[NAMES_ASKED];
	struct pol_who	   w;
	size_t		   allowed;
	uint64_t	   begin, again, known, anew;
	struct mallinfo2   before, after;

	for (size_t i = 0; i < NAMES_ASKED; i++) {
		size_t at = acls == 0 ? i : i * 7919 % acls;

		n[i] = (size_t)snprintf(names[i], NAME, "team-%03zu.service-%02zu.%s%zu", at % 97, at % 13, at % 4 == 0 ? "p" : "topic-", at);
	}
	pol_who_set(&w, t, ALV_STR("User:user-8"), ALV_STR("10.0.9.9"), NULL);
	before = mallinfo2();
	begin = cpu_ns();
	allowed = ask_again(t, &w, names[0], n[0], count);
	again = cpu_ns() - begin;
	begin = cpu_ns();
	allowed += ask_known(t, &w, names, n, count);
	known = cpu_ns() - begin;
	begin = cpu_ns();
	allowed += ask_anew(t, names, n, count);
	anew = cpu_ns() - begin;
	after = mallinfo2();
	printf("{\"acls\": %zu, \"asked\": %zu, \"allowed\": %zu, \"ns_again\": %.1f, \"ns_known\": %.1f, \"ns_anew\": %.1f, "
	    "\"allocated\": %zd}\n", acls, count, allowed, (double)again / (double)count, (double)known / (double)count, (double)anew / (double)count, (ssize_t)(after.uordblks - before.uordblks));
	pol_tenant_free(t);
}

/* ---- tenants -------------------------------------------------------------------------------------------------- */

static size_t
resident(void)
{
	FILE  *f = fopen("/proc/self/statm", "r");
	size_t all, pages;

	if (f == NULL || fscanf(f, "%zu %zu", &all, &pages) != 2)
		bench_die("/proc/self/statm cannot be read");
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void
tenants(size_t count, size_t acls)
{
	struct alv_qsbr	  *q = alv_qsbr_new();
	int		   reader;
	struct pol_dir	  *d = pol_dir_new(q);
	size_t		   from = resident(), full, before, after;
	struct pol_tenant *t;
	uint64_t	   begin;
	char		   id[24];

	for (size_t i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "t%05zu", i);
		if (pol_dir_publish(d, alv_str_of(id), make_tenant(id, acls)))
			bench_die("out of memory");
	}
	alv_qsbr_reclaim(q);
	reader = alv_qsbr_join(q);
	full = resident();
	snprintf(id, sizeof(id), "t%05zu", count / 2);
	before = mallinfo2().uordblks + mallinfo2().hblkhd;
	begin = cpu_ns();
	t = make_tenant(id, acls + 1);
	if (pol_dir_publish(d, alv_str_of(id), t))
		bench_die("out of memory");
	begin = cpu_ns() - begin;
	after = mallinfo2().uordblks + mallinfo2().hblkhd;	/* the old one waits for the reader */
	printf("{\"tenants\": %zu, \"acls\": %zu, \"resident\": %zu, \"one_more\": %zu, \"of_the_snapshot\": %zu, \"publish_us\": %.1f}\n",
	    count, acls, full - from, after - before, malloc_usable_size(t), (double)begin / 1e3);
	alv_qsbr_idle(q, reader);
	pol_dir_free(d);
	alv_qsbr_free(q);
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "ask") == 0)
		ask((size_t)bench_number(argv[2], "ACLS"), (size_t)bench_number(argv[3], "COUNT"));
	else if (argc == 4 && strcmp(argv[1], "tenants") == 0)
		tenants((size_t)bench_number(argv[2], "N"), (size_t)bench_number(argv[3], "ACLS"));
	else
		bench_die("usage: acls ask ACLS COUNT | acls tenants N ACLS");
	return 0;
}
