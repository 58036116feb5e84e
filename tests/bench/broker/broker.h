/* A broker that keeps nothing: it acknowledges what is produced after a look at it, and answers each Fetch with a
 * response that was made once. So a relay before it is never waiting for a disk, and its CPU is what is measured. */
#ifndef BENCH_BROKER_H
#define BENCH_BROKER_H

#include "tests/bench/hot.h"

enum { BROKER_TOPICS_MAX = 8, BROKER_PARTITIONS = 4, BROKER_NODE = 1 };

struct broker {
	struct bench_topic topic[BROKER_TOPICS_MAX];
	size_t		   ntopics;
	SSL_CTX		  *tls;
};

/* Answers everything that is not Produce or Fetch. `port` is the one that the question came to: Metadata names it.
 * false: an api that it does not have. */
bool broker_answer(const struct broker *b, uint16_t port, const struct bench_head *h, struct bench_in body,
    struct alv_buf *out);
/* Serves its connections until the process ends. */
struct broker_thread;
struct broker_thread *broker_thread_new(const struct broker *b);
/* Any thread. */
void broker_thread_add(struct broker_thread *t, int fd, uint16_t port, bool tls);

#endif
