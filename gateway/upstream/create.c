/* Topics that come into being by being asked for: collected, and created some at a time.
 * Invariants: one CreateTopics under way at a time; a name waits once, however many ask for it; what is asked for stands at
 * the front of the list until its answer came, whatever that says. */
#include "upstream/follower_state.h"

#include <alcove/log.h>
#include <alcove/str.h>

#include <stdlib.h>

#include "kafka/gen/field_ids.h"

enum { CREATE_TOPICS_VERSION = 7, BATCH = 50 };

static void ask(struct ups_follower *f);

static struct alv_str
name_of(const struct ups_creation *x)
{
	return alv_str_make(x->name, x->n);
}

static void
drop_asked(struct ups_follower *f)
{
	while (f->creations != NULL && f->creations->asked) {
		struct ups_creation *x = f->creations;

		f->creations = x->next;
		free(x);
	}
}

static bool
was_asked(const struct ups_follower *f, struct alv_str name)
{
	for (const struct ups_creation *x = f->creations; x != NULL && x->asked; x = x->next)
		if (alv_str_eq(name_of(x), name))
			return true;
	return false;
}

#define R(field) KFK_CREATE_TOPICS_RESPONSE_TOPICS_##field

static void
take_result(struct ups_follower *f, const struct kfk_tree *t, const struct kfk_node *e)
{
	struct alv_str name = kfk_get_str(t, e, R(NAME));
	int16_t	       code = (int16_t)kfk_get_int(t, e, R(ERROR_CODE));
	int64_t	       parts = kfk_get_int(t, e, R(NUM_PARTITIONS));

	if (!was_asked(f, name))
		return;		/* not a word of ours */
	if (code == 0)
		ups_learn(f, name, kfk_get_uuid(t, e, R(TOPIC_ID)), parts > 0 ? (int32_t)parts : 1, false);
	else if (code == KFK_TOPIC_ALREADY_EXISTS)
		ups_refresh(f);
	else
		alv_log(ALV_LOG_WARN, "a topic that was asked for cannot be created", ALV_KV_S("topic", name),
		    ALV_KV_Z("error", kfk_code_name(code)));
}

static void
answered(struct ups_question *q, enum alv_err err, const char *words, struct alv_chain *body)
{
	struct ups_follower *f = q->owner;
	struct alv_arena     a;
	struct kfk_tree	     t;

	f->is_creating = false;
	alv_arena_init(&a, UPS_SMALL_ARENA_MAX);
	if (!err)
		err = kfk_tree_decode(&t, kfk_schema_find(KFK_API_CREATE_TOPICS, KFK_RESPONSE), CREATE_TOPICS_VERSION, body, &a);
	if (err) {
		alv_log(ALV_LOG_WARN, "topics that were asked for cannot be created", ALV_KV_Z("because", words[0] == '\0' ?
		    alv_err_text(err) : words));
	} else {
		const struct kfk_node *all = kfk_get(&t.root, KFK_CREATE_TOPICS_RESPONSE_TOPICS);

		for (const struct kfk_node *e = all == NULL ? NULL : all->kids; e != NULL; e = e->next)
			take_result(f, &t, e);
		kfk_tree_fini(&t);
		if (!f->ending)
			ups_publish(f);
	}
	alv_arena_fini(&a);
	drop_asked(f);
	if (!f->ending)
		ask(f);
}

static void
add(struct kfk_tree *t, struct kfk_node *list, struct ups_creation *x)
{
	struct kfk_node *e = kfk_add(t, list);

	kfk_set_str(t, e, KFK_CREATE_TOPICS_REQUEST_TOPICS_NAME, name_of(x));
	kfk_set_int(t, e, KFK_CREATE_TOPICS_REQUEST_TOPICS_NUM_PARTITIONS, x->partitions);
	kfk_set_int(t, e, KFK_CREATE_TOPICS_REQUEST_TOPICS_REPLICATION_FACTOR, x->replication_factor);
	x->asked = true;
}

static void
ask(struct ups_follower *f)
{
	uint32_t	  ms = f->ctx->conf->request_timeout_ms;
	struct ups_asker *any = ups_any_asker(f);
	struct alv_arena  a;
	struct kfk_tree	  t;
	struct kfk_node	 *list;
	size_t		  n = 0;

	if (f->is_creating || f->creations == NULL)
		return;
	if (any == NULL) {
		ups_creations_end(f);	/* who needs them asks again */
		return;
	}
	alv_arena_init(&a, UPS_SMALL_ARENA_MAX);
	kfk_tree_init(&t, kfk_schema_find(KFK_API_CREATE_TOPICS, KFK_REQUEST), CREATE_TOPICS_VERSION, &a);
	list = kfk_set_empty(&t, &t.root, KFK_CREATE_TOPICS_REQUEST_TOPICS);
	for (struct ups_creation *x = f->creations; x != NULL && n < BATCH; x = x->next, n++)
		add(&t, list, x);
	kfk_set_int(&t, &t.root, KFK_CREATE_TOPICS_REQUEST_TIMEOUT_MS, ms);
	f->is_creating = true;
	f->creating.owner = f;
	f->creating.done = answered;
	ups_ask(any, &f->creating, &t, ms * 2);
	kfk_tree_fini(&t);
	alv_arena_fini(&a);
}

void
ups_create_topic(struct ups_follower *f, uint64_t who, struct alv_str name, int32_t partitions, int32_t replication_factor)
{
	struct ups_creation **at, *x;
	size_t		      all = 0, own = 0;

	if (f->ending || name.n == 0)
		return;
	for (at = &f->creations; *at != NULL; at = &(*at)->next) {
		if (alv_str_eq(name_of(*at), name))
			return;
		all++;
		own += (*at)->who == who;
	}
	if (all >= UPS_CREATE_MAX || own >= UPS_CREATE_WHO_MAX || (x = malloc(sizeof(*x) + name.n)) == NULL)
		return;
	*x = (struct ups_creation){ .who = who, .partitions = partitions, .replication_factor = replication_factor, .n = name.n };
	memcpy(x->name, name.p, name.n);
	*at = x;
	ask(f);
}

void
ups_creations_end(struct ups_follower *f)
{
	while (f->creations != NULL) {
		struct ups_creation *x = f->creations;

		f->creations = x->next;
		free(x);
	}
}
