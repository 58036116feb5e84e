/* The mailbox with real threads: nothing lost, order per sender, a ceiling, and what is left at the end is delivered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <alcove/base.h>

#include "net/loop.h"

#include <pthread.h>
#include <stdlib.h>

enum { SENDERS = 4, PER_SENDER = 5000 };

struct letter {
	struct net_mail mail;
	int		from, n;
};

static int next_of[SENDERS];
static int received;

static void
on_letter(struct net_loop *l, struct net_mail *m)
{
	struct letter *x = ALV_HOLDER(m, struct letter, mail);

	assert_int_equal(x->n, next_of[x->from]);
	next_of[x->from]++;
	free(x);
	if (++received == SENDERS * PER_SENDER)
		net_loop_stop(l);
}

static struct letter *
letter(int from, int n)
{
	struct letter *x = calloc(1, sizeof(*x));

	assert_non_null(x);
	*x = (struct letter){ .mail.fn = on_letter, .from = from, .n = n };
	return x;
}

struct sender {
	struct net_loop *loop;
	int		 id;
	pthread_t	 thread;
};

static void *
send_all(void *arg)
{
	struct sender *s = arg;

	for (int i = 0; i < PER_SENDER; i++) {
		struct letter *x = letter(s->id, i);

		while (net_mail_send(s->loop, &x->mail) != ALV_OK)
			sched_yield();
	}
	return NULL;
}

static void
test_many_senders(void **state)
{
	struct net_loop *loop = net_loop_new();
	struct sender	 s[SENDERS];

	(void)state;
	received = 0;
	memset(next_of, 0, sizeof(next_of));
	for (int i = 0; i < SENDERS; i++) {
		s[i] = (struct sender){ .loop = loop, .id = i };
		assert_int_equal(pthread_create(&s[i].thread, NULL, send_all, &s[i]), 0);
	}
	net_loop_run(loop);	/* a lost wake-up would hang here */
	for (int i = 0; i < SENDERS; i++)
		pthread_join(s[i].thread, NULL);
	assert_int_equal(received, SENDERS * PER_SENDER);
	net_loop_free(loop);
}

static void
test_full_and_delivered_at_the_end(void **state)
{
	struct net_loop *loop = net_loop_new();
	struct letter	*x;
	int		 n = 0;

	(void)state;
	received = 0;
	memset(next_of, 0, sizeof(next_of));
	for (;;) {
		x = letter(0, n);
		if (net_mail_send(loop, &x->mail) == ALV_E_FULL)
			break;
		n++;
	}
	assert_int_equal(n, NET_MAIL_MAX);
	net_mail_must(loop, &x->mail);
	net_loop_turn(loop, -1);
	assert_true(received > 0);
	assert_true(received < n);	/* a turn's share, not all */
	net_loop_free(loop);
	assert_int_equal(received, n + 1);
}

static void
on_reply(struct net_loop *l, struct net_mail *m)
{
	struct letter *x = ALV_HOLDER(m, struct letter, mail);

	if (--x->n == 0) {
		free(x);
		net_loop_stop(l);
	} else {
		net_mail_must(l, m);
	}
}

static void
test_a_loop_writes_to_itself(void **state)
{
	struct net_loop *loop = net_loop_new();
	struct letter	*x = letter(0, 50);

	(void)state;
	x->mail.fn = on_reply;
	net_mail_must(loop, &x->mail);
	net_loop_run(loop);
	net_loop_free(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_senders),
		cmocka_unit_test(test_full_and_delivered_at_the_end),
		cmocka_unit_test(test_a_loop_writes_to_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
