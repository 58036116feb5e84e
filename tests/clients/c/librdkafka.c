/* librdkafka's C interface; see ../README.md. */
#include <librdkafka/rdkafka.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PARTITIONS = 4, SENT = 200, COMMITTED = 50, WAIT_MS = 60000, TEXT = 128 };

static const char *topic, *group, *guest;
static char	   err[512];

static const char *
env(const char *name)
{
	char whole[64];

	snprintf(whole, sizeof(whole), "CLIENT_%s", name);
	return getenv(whole);
}

static void
say(const char *step)
{
	printf("{\"step\": \"%s\"}\n", step);
	fflush(stdout);
}

__attribute__((format(printf, 2, 3))) static void
must(bool ok, const char *what, ...)
{
	va_list args;

	if (ok)
		return;
	va_start(args, what);
	vfprintf(stderr, what, args);
	va_end(args);
	fprintf(stderr, " %s\n", err);
	exit(1);
}

static void
set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	must(rd_kafka_conf_set(conf, name, value, err, sizeof(err)) == RD_KAFKA_CONF_OK, "%s:", name);
}

static rd_kafka_conf_t *
conf(void)
{
	rd_kafka_conf_t *c = rd_kafka_conf_new();

	set(c, "bootstrap.servers", env("BOOTSTRAP"));
	set(c, "security.protocol", "SASL_SSL");
	set(c, "ssl.ca.location", env("CA"));
	set(c, "sasl.mechanism", env("MECHANISM"));
	set(c, "sasl.username", env("USER"));
	set(c, "sasl.password", env("PASSWORD"));
	return c;
}

static rd_kafka_t *
client(rd_kafka_type_t type, rd_kafka_conf_t *c)
{
	rd_kafka_t *rk = rd_kafka_new(type, c, err, sizeof(err));

	must(rk != NULL, "rd_kafka_new:");
	return rk;
}

static void
done(const char *what, rd_kafka_error_t *e)
{
	must(e == NULL, "%s: %s", what, e == NULL ? "" : rd_kafka_error_string(e));
}

static bool
in_time(time_t *end)
{
	if (*end == 0)
		*end = time(NULL) + WAIT_MS / 1000;
	return time(NULL) < *end;
}

/* ---- make ------------------------------------------------------------------------------------------------ */

/* The one result of an admin call whose results are all of this form. */
static void
admin_result(rd_kafka_t *rk, rd_kafka_queue_t *queue, const char *what)
{
	rd_kafka_event_t	      *e = rd_kafka_queue_poll(queue, WAIT_MS);
	const rd_kafka_topic_result_t **topics = NULL;
	const rd_kafka_group_result_t **groups = NULL;
	size_t			       n = 0;

	must(e != NULL, "%s: no answer", what);
	must(rd_kafka_event_error(e) == 0, "%s: %s", what, rd_kafka_event_error_string(e));
	switch (rd_kafka_event_type(e)) {
	case RD_KAFKA_EVENT_CREATETOPICS_RESULT:
		topics = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(e), &n);
		break;
	case RD_KAFKA_EVENT_DELETETOPICS_RESULT:
		topics = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(e), &n);
		break;
	default:
		groups = rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(e), &n);
	}
	must(n == 1, "%s: %zu results", what, n);
	if (topics != NULL)
		must(rd_kafka_topic_result_error(topics[0]) == 0, "%s: %s", what, rd_kafka_topic_result_error_string(topics[0]));
	else
		must(rd_kafka_group_result_error(groups[0]) == NULL, "%s: %s", what,
		    rd_kafka_error_string(rd_kafka_group_result_error(groups[0])));
	rd_kafka_event_destroy(e);
	rd_kafka_queue_destroy(queue);
	(void)rk;
}

static void
create(void)
{
	rd_kafka_t	    *rk = client(RD_KAFKA_PRODUCER, conf());
	rd_kafka_queue_t    *queue = rd_kafka_queue_new(rk);
	rd_kafka_NewTopic_t *t = rd_kafka_NewTopic_new(topic, PARTITIONS, -1, err, sizeof(err));

	must(t != NULL, "NewTopic:");
	rd_kafka_CreateTopics(rk, &t, 1, NULL, queue);
	admin_result(rk, queue, "create");
	rd_kafka_NewTopic_destroy(t);
	rd_kafka_destroy(rk);
	say("create");
}

static void
delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *arg)
{
	(void)rk;
	(void)arg;
	must(m->err == 0, "delivery: %s", rd_kafka_err2str(m->err));
}

static void
send_all(rd_kafka_t *rk, const char *kind, int n)
{
	for (int i = 0; i < n; i++) {
		char key[TEXT], value[TEXT];
		int  kn = snprintf(key, sizeof(key), "k%d", i), vn = snprintf(value, sizeof(value), "%s-%s-%d", env("MARK"), kind, i);

		must(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(key, (size_t)kn), RD_KAFKA_V_VALUE(value, (size_t)vn),
			 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END) == 0, "produce");
	}
	must(rd_kafka_flush(rk, WAIT_MS) == 0, "flush");
}

static rd_kafka_t *
producer(const char *name, const char *value)
{
	rd_kafka_conf_t *c = conf();

	set(c, name, value);
	rd_kafka_conf_set_dr_msg_cb(c, delivered);
	return client(RD_KAFKA_PRODUCER, c);
}

static void
make(void)
{
	rd_kafka_t *rk;

	create();
	rk = producer("enable.idempotence", "true");
	send_all(rk, "sent", SENT);
	rd_kafka_destroy(rk);
	say("produce");
	rk = producer("transactional.id", env("TXN"));
	done("init_transactions", rd_kafka_init_transactions(rk, WAIT_MS));
	done("begin", rd_kafka_begin_transaction(rk));
	send_all(rk, "committed", COMMITTED);
	done("commit", rd_kafka_commit_transaction(rk, WAIT_MS));
	done("begin", rd_kafka_begin_transaction(rk));
	send_all(rk, "aborted", COMMITTED);
	done("abort", rd_kafka_abort_transaction(rk, WAIT_MS));
	rd_kafka_destroy(rk);
	say("transaction");
}

/* ---- use --------------------------------------------------------------------------------------------------- */

static rd_kafka_t *
consumer(void)
{
	rd_kafka_conf_t			*c = conf();
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
	rd_kafka_t			*rk;

	set(c, "group.id", group);
	set(c, "auto.offset.reset", "earliest");
	set(c, "isolation.level", "read_committed");
	set(c, "enable.auto.commit", "false");
	set(c, "session.timeout.ms", "10000");
	rk = client(RD_KAFKA_CONSUMER, c);
	rd_kafka_poll_set_consumer(rk);
	rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
	must(rd_kafka_subscribe(rk, topics) == 0, "subscribe");
	rd_kafka_topic_partition_list_destroy(topics);
	return rk;
}

/* What came, as counts: one for each value that was to come. */
struct got {
	int n, sent[SENT], committed[COMMITTED];
};

static void
count(struct got *g, const char *value, size_t n)
{
	char text[TEXT], kind[TEXT];
	int  i = -1;
	size_t mark = strlen(env("MARK"));

	must(n < sizeof(text), "a value of %zu bytes", n);
	memcpy(text, value, n);
	text[n] = '\0';
	must(strncmp(text, env("MARK"), mark) == 0 && sscanf(text + mark, "-%[a-z]-%d", kind, &i) == 2, "not ours: %s", text);
	if (strcmp(kind, "sent") == 0 && i >= 0 && i < SENT)
		g->sent[i]++;
	else if (strcmp(kind, "committed") == 0 && i >= 0 && i < COMMITTED)
		g->committed[i]++;
	else
		must(false, "unexpected: %s", text);
	g->n++;
}

static void
take(rd_kafka_t *rk, struct got *g)
{
	rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 200);

	if (m == NULL)
		return;
	must(m->err == 0, "consume: %s", rd_kafka_message_errstr(m));
	count(g, m->payload, m->len);
	rd_kafka_message_destroy(m);
}

static int
assigned(rd_kafka_t *rk)
{
	rd_kafka_topic_partition_list_t *list;
	int				 n;

	must(rd_kafka_assignment(rk, &list) == 0, "assignment");
	n = list->cnt;
	rd_kafka_topic_partition_list_destroy(list);
	return n;
}

static void
consume_all(rd_kafka_t *rk)
{
	struct got g = { 0 };
	time_t	   end = 0;

	while (g.n < SENT + COMMITTED) {
		must(in_time(&end), "%d records came", g.n);
		take(rk, &g);
	}
	for (int i = 0; i < SENT; i++)
		must(g.sent[i] == 1, "sent %d came %d times", i, g.sent[i]);
	for (int i = 0; i < COMMITTED; i++)
		must(g.committed[i] == 1, "committed %d came %d times", i, g.committed[i]);
	say("consume");
	must(rd_kafka_commit(rk, NULL, 0) == 0, "commit");
	say("commit");
}

static void
describe(rd_kafka_t *rk)
{
	const struct rd_kafka_group_list *list;
	const struct rd_kafka_group_info *g = NULL;

	must(rd_kafka_list_groups(rk, NULL, &list, WAIT_MS) == 0, "list groups");
	for (int i = 0; i < list->group_cnt; i++)
		if (strcmp(list->groups[i].group, group) == 0)
			g = &list->groups[i];
	must(g != NULL && g->member_cnt == 2, "of %d groups none is ours with two members", list->group_cnt);
	rd_kafka_group_list_destroy(list);
	say("describe");
}

static void
leave(rd_kafka_t *rk)
{
	must(rd_kafka_consumer_close(rk) == 0, "close");
	rd_kafka_destroy(rk);
}

static void
use(void)
{
	rd_kafka_t *a = consumer(), *b;
	struct got  more = { 0 };
	time_t	    end = 0;

	consume_all(a);
	b = consumer();
	while (assigned(a) != 2 || assigned(b) != 2) {
		must(in_time(&end), "%d and %d partitions", assigned(a), assigned(b));
		take(a, &more);
		take(b, &more);
	}
	describe(a);
	leave(b);
	for (end = 0; assigned(a) != PARTITIONS; take(a, &more))
		must(in_time(&end), "%d partitions", assigned(a));
	must(more.n == 0, "%d records came twice", more.n);
	say("rebalance");
	leave(a);
}

/* ---- secure ------------------------------------------------------------------------------------------------- */

static rd_kafka_event_t *
answer(rd_kafka_queue_t *queue, const char *what)
{
	rd_kafka_event_t *e = rd_kafka_queue_poll(queue, WAIT_MS);

	must(e != NULL, "%s: no answer", what);
	must(rd_kafka_event_error(e) == 0, "%s: %s", what, rd_kafka_event_error_string(e));
	rd_kafka_queue_destroy(queue);
	return e;
}

static rd_kafka_AclBinding_t *
acl(rd_kafka_ResourcePatternType_t pattern, rd_kafka_AclOperation_t operation)
{
	char		       principal[TEXT];
	rd_kafka_AclBinding_t *a;

	snprintf(principal, sizeof(principal), "User:%s", guest);
	a = rd_kafka_AclBinding_new(RD_KAFKA_RESOURCE_TOPIC, topic, pattern, principal, "*", operation, RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, err,
	    sizeof(err));
	must(a != NULL, "AclBinding:");
	return a;
}

static void
create_acl(rd_kafka_t *rk, rd_kafka_ResourcePatternType_t pattern, rd_kafka_AclOperation_t operation)
{
	rd_kafka_queue_t	    *queue = rd_kafka_queue_new(rk);
	rd_kafka_AclBinding_t	    *a = acl(pattern, operation);
	const rd_kafka_acl_result_t **made;
	rd_kafka_event_t	    *e;
	size_t			     n;

	rd_kafka_CreateAcls(rk, &a, 1, NULL, queue);
	e = answer(queue, "create an ACL");
	made = rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(e), &n);
	must(n == 1 && rd_kafka_acl_result_error(made[0]) == NULL, "create an ACL: not made");
	rd_kafka_event_destroy(e);
	rd_kafka_AclBinding_destroy(a);
}

static rd_kafka_AclBindingFilter_t *
fits(rd_kafka_AclOperation_t operation)
{
	char			     principal[TEXT];
	rd_kafka_AclBindingFilter_t *f;

	snprintf(principal, sizeof(principal), "User:%s", guest);
	f = rd_kafka_AclBindingFilter_new(RD_KAFKA_RESOURCE_ANY, NULL, RD_KAFKA_RESOURCE_PATTERN_ANY, principal, NULL, operation,
	    RD_KAFKA_ACL_PERMISSION_TYPE_ANY, err, sizeof(err));
	must(f != NULL, "AclBindingFilter:");
	return f;
}

static size_t
described(rd_kafka_t *rk)
{
	rd_kafka_queue_t	    *queue = rd_kafka_queue_new(rk);
	rd_kafka_AclBindingFilter_t *f = fits(RD_KAFKA_ACL_OPERATION_ANY);
	rd_kafka_event_t	    *e;
	size_t			     n;

	rd_kafka_DescribeAcls(rk, f, NULL, queue);
	e = answer(queue, "describe ACLs");
	rd_kafka_DescribeAcls_result_acls(rd_kafka_event_DescribeAcls_result(e), &n);
	rd_kafka_event_destroy(e);
	rd_kafka_AclBinding_destroy(f);
	return n;
}

static void
delete_acl(rd_kafka_t *rk, rd_kafka_AclOperation_t operation)
{
	rd_kafka_queue_t	    *queue = rd_kafka_queue_new(rk);
	rd_kafka_AclBindingFilter_t *f = fits(operation);
	const rd_kafka_DeleteAcls_result_response_t **gone;
	rd_kafka_event_t	    *e;
	size_t			     n, found = 0;

	rd_kafka_DeleteAcls(rk, &f, 1, NULL, queue);
	e = answer(queue, "delete an ACL");
	gone = rd_kafka_DeleteAcls_result_responses(rd_kafka_event_DeleteAcls_result(e), &n);
	if (n == 1)
		rd_kafka_DeleteAcls_result_response_matching_acls(gone[0], &found);
	must(n == 1 && found == 1, "delete an ACL: %zu fit", found);
	rd_kafka_event_destroy(e);
	rd_kafka_AclBinding_destroy(f);
}

/* The right to read, which stays, and the one to write, which is taken back. */
static void
secure(void)
{
	rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, conf());

	create_acl(rk, RD_KAFKA_RESOURCE_PATTERN_LITERAL, RD_KAFKA_ACL_OPERATION_READ);
	create_acl(rk, RD_KAFKA_RESOURCE_PATTERN_PREFIXED, RD_KAFKA_ACL_OPERATION_WRITE);
	must(described(rk) == 2, "two ACLs");
	delete_acl(rk, RD_KAFKA_ACL_OPERATION_WRITE);
	must(described(rk) == 1, "the other is left");
	rd_kafka_destroy(rk);
	say("acls");
	printf("{\"step\": \"quotas\", \"none\": \"it has no call for it\"}\n");
	printf("{\"step\": \"users\", \"none\": \"this version has no call for it\"}\n");
}

/* ---- drop --------------------------------------------------------------------------------------------------- */

static bool
listed(rd_kafka_t *rk)
{
	const rd_kafka_metadata_t *m;
	bool			   found = false;

	must(rd_kafka_metadata(rk, 1, NULL, &m, WAIT_MS) == 0, "metadata");
	for (int i = 0; i < m->topic_cnt; i++)
		found |= strcmp(m->topics[i].topic, topic) == 0;
	rd_kafka_metadata_destroy(m);
	return found;
}

static void
drop(void)
{
	rd_kafka_t	       *rk = client(RD_KAFKA_PRODUCER, conf());
	rd_kafka_queue_t       *queue = rd_kafka_queue_new(rk);
	rd_kafka_DeleteGroup_t *g = rd_kafka_DeleteGroup_new(group);
	rd_kafka_DeleteTopic_t *t = rd_kafka_DeleteTopic_new(topic);
	time_t			end = 0;

	rd_kafka_DeleteGroups(rk, &g, 1, NULL, queue);
	admin_result(rk, queue, "delete group");
	rd_kafka_DeleteGroup_destroy(g);
	say("delete group");
	queue = rd_kafka_queue_new(rk);
	rd_kafka_DeleteTopics(rk, &t, 1, NULL, queue);
	admin_result(rk, queue, "delete topic");
	rd_kafka_DeleteTopic_destroy(t);
	while (listed(rk))
		must(in_time(&end), "the topic is still there");
	rd_kafka_destroy(rk);
	say("delete topic");
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} phases[] = { { "make", make }, { "use", use }, { "secure", secure }, { "drop", drop } };

	topic = env("TOPIC");
	group = env("GROUP");
	guest = env("GUEST");
	for (size_t i = 0; argc == 2 && i < sizeof(phases) / sizeof(phases[0]); i++)
		if (strcmp(argv[1], phases[i].name) == 0) {
			phases[i].run();
			return 0;
		}
	fprintf(stderr, "usage: %s make|use|secure|drop\n", argv[0]);
	return 2;
}
