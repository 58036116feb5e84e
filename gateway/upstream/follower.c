/* Rounds: ask one broker for Metadata, every broker for ApiVersions, publish what changed, wait.
 *
 *   WAITING --timer, ups_refresh--> ASKING_META --answer--> ASKING_APIS --all told, or APIS_MS--> WAITING (refresh)
 *                                        |                       |
 *                                        +-------- failed -------+--> WAITING (next candidate; backoff after the last one)
 *
 * A round asks for brokers; for all topics as well when ups_refresh asked for it, when nothing is known of them, and else no
 * more often than TOPICS_RATE allows: with 20,000 topics an answer is megabytes, of which hardly ever anything is new. What passes
 * through the gateway is learnt at once (learn.c), an id that is not in the view is asked for by itself (resolve.c).
 *
 * Invariants: f->meta holds an answer exactly during ASKING_APIS. The cluster counts as lost when every candidate, the
 * brokers that are known and the configured servers, failed one after the other. The view on the board is never taken down:
 * then the last one stays and ups_reachable says so. A cluster with another id than upstream.cluster.id, or than the first
 * one seen, is not followed: its topics are not the ones that tenants own. If it is all that answers, it may be what is
 * behind the addresses in the view by now: then a view without brokers takes its place, until the right one is back. */
#include "upstream/follower_state.h"

#include <alcove/check.h>
#include <alcove/log.h>
#include <alcove/str.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "upstream/census.h"
#include "upstream/groups.h"

enum { BACKOFF_MIN_MS = 200, BACKOFF_MAX_MS = 5000, APIS_MS = 3000, SOON_MS = 50, PURGE_MS = 15000, META_MS = 10000,
	TOPICS_RATE = 256 * 1024 };	/* bytes a second that may be spent on lists of all topics */

static void start_round(struct ups_follower *f);

/* xorshift64: jitter only. */
uint64_t
ups_random(struct ups_follower *f)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return f->random;
}

bool
ups_reachable(const struct ups_follower *f)
{
	return f->reachable;
}

const char *
ups_words(const struct ups_follower *f)
{
	return f->reachable ? "" : f->words;
}

struct ups_asker *
ups_any_asker(struct ups_follower *f)
{
	struct ups_broker *b = ups_broker_find(f, f->main);

	if (!f->reachable)
		return NULL;
	if (b != NULL)
		return b->asker;
	return f->bootstrap != NULL ? f->bootstrap : ups_other_asker(f, NULL);
}

uint32_t
ups_patience_ms(const struct ups_follower *f, uint32_t most)
{
	uint32_t ms = f->ctx->conf->request_timeout_ms;

	return ms < most ? ms : most;
}

struct ups_asker *
ups_other_asker(struct ups_follower *f, const struct ups_asker *a)
{
	size_t first = f->nbrokers == 0 ? 0 : ups_random(f) % f->nbrokers;

	for (size_t i = 0; i < f->nbrokers && !f->ending; i++) {
		struct ups_broker *b = f->brokers[(first + i) % f->nbrokers];

		if (b->known && b->asker != a)
			return b->asker;
	}
	return NULL;
}

/* Between 90 and 110 percent of ms from now. */
static void
wait_ms(struct ups_follower *f, uint64_t ms)
{
	uint64_t us = ms * 900 + ups_random(f) % (ms * 200 + 1);

	f->phase = UPS_WAITING;
	net_timer_set(&f->timer, net_loop_now(f->loop) + us);
}

void
ups_refresh(struct ups_follower *f)
{
	f->topics_due_us = 0;
	if (f->phase != UPS_WAITING)
		f->again = true;
	else if (f->reachable)
		wait_ms(f, SOON_MS);
}

/* ---- who is asked ------------------------------------------------------------------------------------ */

static struct ups_asker *
bootstrap_asker(struct ups_follower *f, size_t server)
{
	const struct pol_bind *at = &f->ctx->conf->bootstrap[server];

	if (f->bootstrap != NULL && f->server == server)
		return f->bootstrap;
	ups_asker_end(f->bootstrap, false);
	f->server = server;
	f->bootstrap = ups_asker_new(f->ctx, alv_str_of(at->host), at->port, &f->alive);
	return f->bootstrap;
}

/* The broker that answered last; after a failure the one behind it, then the configured servers, then around. */
static struct ups_asker *
pick(struct ups_follower *f)
{
	size_t k;

	for (k = 0; k < f->nbrokers; k++) {
		if (f->brokers[k]->id != f->main)
			continue;
		f->turn = k;
		return f->brokers[k]->asker;
	}
	if (f->nbrokers + f->ctx->conf->nbootstrap == 0)
		return NULL;
	k = f->turn % (f->nbrokers + f->ctx->conf->nbootstrap);
	if (k >= f->nbrokers)
		return bootstrap_asker(f, k - f->nbrokers);
	f->main = f->brokers[k]->id;
	return f->brokers[k]->asker;
}

/* A broker that told what it offers can be reached where it says it is: from now on it is the one to ask. */
static void
choose_main(struct ups_follower *f)
{
	size_t first;

	if (ups_broker_find(f, f->main) != NULL)
		return;
	f->main = -1;
	first = f->nbrokers == 0 ? 0 : ups_random(f) % f->nbrokers;
	for (size_t i = 0; i < f->nbrokers && f->main < 0; i++) {
		struct ups_broker *b = f->brokers[(first + i) % f->nbrokers];

		if (b->known)
			f->main = b->id;
	}
	if (f->main >= 0) {
		ups_asker_end(f->bootstrap, false);
		f->bootstrap = NULL;
	}
}

/* ---- how a round ends -------------------------------------------------------------------------------- */

/* Nobody is let through to a cluster that is not ours. */
static void
take_brokers_away(struct ups_follower *f)
{
	const struct clu_view *now = clu_board_load(f->board);
	struct clu_view	       parts;

	if (now == NULL || now->nbrokers == 0)
		return;
	parts = *now;
	parts.nbrokers = 0;
	if (ups_view_publish(f, &parts, false))
		alv_log(ALV_LOG_ERROR, "out of memory: brokers of another cluster may still be reached");
}

/* Every candidate failed. */
static void
lose(struct ups_follower *f)
{
	bool was = f->reachable, foreign = f->foreign[0] != '\0';

	if (foreign)
		snprintf(f->words, sizeof(f->words), "another cluster answers than the one that tenants live on: found %s, expected "
		    "%s; nothing is served from it", f->foreign, f->cluster_id);
	f->reachable = false;
	alv_log(f->warned == 1 + foreign ? ALV_LOG_DEBUG : foreign ? ALV_LOG_ERROR : ALV_LOG_WARN, "the cluster cannot be reached",
	    ALV_KV_Z("error", f->words));
	f->warned = 1 + foreign;
	if (foreign)
		take_brokers_away(f);
	f->foreign[0] = '\0';
	f->failed = 0;
	wait_ms(f, f->backoff_ms);
	f->backoff_ms = f->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : f->backoff_ms * 2;
	if (was)
		f->on_change(f->arg);
}

static void
fail_round(struct ups_follower *f, const char *words)
{
	if (words != f->words)
		snprintf(f->words, sizeof(f->words), "%s", words);
	ups_meta_fini(&f->meta);
	f->again = false;
	f->main = -1;
	f->turn++;
	if (++f->failed >= f->nbrokers + f->ctx->conf->nbootstrap) {
		lose(f);
		return;
	}
	alv_log(ALV_LOG_DEBUG, "another server is asked", ALV_KV_Z("error", f->words));
	f->phase = UPS_WAITING;
	net_timer_set(&f->timer, net_loop_now(f->loop));
}

static void
end_round(struct ups_follower *f)
{
	struct clu_view parts = { .cluster_id = f->meta.cluster_id, .controller_id = f->meta.controller_id,
		.nbrokers = f->meta.nbrokers, .brokers = f->meta.brokers, .ntopics = f->meta.ntopics, .topics = f->meta.topics };
	const struct clu_view *now = clu_board_load(f->board);
	bool		was = f->reachable;
	enum alv_err	err;

	if (!f->all_topics && now != NULL) {
		parts.ntopics = now->ntopics;
		parts.topics = now->topics;
	}
	if (!ups_brokers_merge(f, &parts)) {
		fail_round(f, f->words[0] == '\0' ? "no broker said what it offers" : f->words);
		return;
	}
	choose_main(f);
	f->reachable = true;
	err = ups_view_publish(f, &parts, f->all_topics);
	ups_meta_fini(&f->meta);
	if (err) {
		f->reachable = was;
		fail_round(f, err == ALV_E_VALUE ? "Metadata names a topic twice" : alv_err_text(err));
		return;
	}
	if (!was) {
		alv_log(ALV_LOG_INFO, "the cluster is reached", ALV_KV_Z("cluster", f->cluster_id),
		    ALV_KV_I("brokers", parts.nbrokers), ALV_KV_I("topics", parts.ntopics));
		f->on_change(f->arg);
	}
	if (f->all_topics)
		f->topics_due_us = f->again ? 0 : net_loop_now(f->loop) + f->meta_bytes * 1000000ull / TOPICS_RATE;
	f->words[0] = f->foreign[0] = '\0';
	f->warned = 0;
	f->failed = 0;
	f->backoff_ms = BACKOFF_MIN_MS;
	wait_ms(f, f->again ? SOON_MS : f->ctx->conf->metadata_refresh_ms);
	f->again = false;
}

static bool
still_asking(const struct ups_follower *f)
{
	for (size_t i = 0; i < f->nbrokers; i++) {
		if (f->brokers[i]->asking)
			return true;
	}
	return false;
}

void
ups_broker_told(struct ups_follower *f, struct ups_broker *b, const char *words, bool changed)
{
	if (words != NULL && f->phase == UPS_ASKING_APIS)
		snprintf(f->words, sizeof(f->words), "%s", words);
	if (words != NULL)
		alv_log(ALV_LOG_DEBUG, "a broker does not answer", ALV_KV_I("node", b->id), ALV_KV_Z("error", words));
	if (f->phase == UPS_ASKING_APIS && !still_asking(f))
		end_round(f);
	else if (f->phase == UPS_WAITING && changed)
		ups_refresh(f);
}

/* ---- Metadata ------------------------------------------------------------------------------------------ */

/* NULL: it is the cluster that we follow. */
static const char *
check_cluster(struct ups_follower *f)
{
	const char    *want = f->ctx->conf->cluster_id;
	struct alv_str id = f->meta.cluster_id;

	if (id.n == 0 || id.n >= sizeof(f->cluster_id))
		return "Metadata without a cluster id";
	if (f->cluster_id[0] == '\0')
		snprintf(f->cluster_id, sizeof(f->cluster_id), "%s", want == NULL ? "" : want);
	if (f->cluster_id[0] == '\0')
		memcpy(f->cluster_id, id.p, id.n);
	if (alv_str_eqz(id, f->cluster_id))
		return NULL;
	snprintf(f->foreign, sizeof(f->foreign), "%.*s", ALV_STR_ARG(id));
	return "another cluster answers";
}

/* Topics that the broker could not name or that it does not know of are not there. */
static void
drop_nameless(struct ups_meta *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->ntopics; i++) {
		if (m->topics[i].name.n == 0 || m->codes[i] == KFK_UNKNOWN_TOPIC_OR_PARTITION)
			continue;
		m->codes[n] = m->codes[i];
		m->topics[n++] = m->topics[i];
	}
	m->ntopics = n;
}

static void
metadata_answered(struct ups_question *q, enum alv_err err, const char *words, struct alv_chain *body)
{
	struct ups_follower *f = q->owner;
	const char	    *wrong;

	if (err) {
		fail_round(f, words);
		return;
	}
	f->meta_bytes = body->n;
	err = ups_meta_read(&f->meta, body);
	wrong = err ? "an impossible answer to Metadata" : check_cluster(f);
	if (wrong == NULL && ups_brokers_sync(f, &f->meta))
		wrong = alv_err_text(ALV_E_NOMEM);
	if (wrong != NULL) {
		fail_round(f, wrong);
		return;
	}
	drop_nameless(&f->meta);
	f->phase = UPS_ASKING_APIS;
	net_timer_set(&f->timer, net_loop_now(f->loop) + APIS_MS * 1000ull);
	for (size_t i = 0; i < f->nbrokers; i++)
		ups_broker_ask_apis(f->brokers[i]);
}

static void
start_round(struct ups_follower *f)
{
	struct ups_asker *a = pick(f);
	struct alv_arena  arena;
	struct kfk_tree	  t;

	f->again = false;
	if (a == NULL) {
		fail_round(f, "no server to ask");
		return;
	}
	f->phase = UPS_ASKING_META;
	f->all_topics = clu_board_load(f->board) == NULL || !f->reachable || net_loop_now(f->loop) >= f->topics_due_us;
	f->question.owner = f;
	f->question.done = metadata_answered;
	alv_arena_init(&arena, UPS_SMALL_ARENA_MAX);
	if (f->all_topics)
		ups_meta_ask(&t, &arena, NULL, 0);
	else
		ups_meta_ask_brokers(&t, &arena);
	ups_ask(a, &f->question, &t, ups_patience_ms(f, META_MS));
	kfk_tree_fini(&t);
	alv_arena_fini(&arena);
}

static void
timer_due(struct net_timer *t)
{
	struct ups_follower *f = ALV_HOLDER(t, struct ups_follower, timer);

	if (f->phase == UPS_WAITING)
		start_round(f);
	else if (f->phase == UPS_ASKING_APIS)
		end_round(f);
}

/* ---- life ----------------------------------------------------------------------------------------------- */

struct ups_follower *
ups_follower_new(struct net_loop *l, struct ups_ctx *c, struct clu_board *board, void (*on_change)(void *arg), void *arg)
{
	struct ups_follower *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	*f = (struct ups_follower){ .loop = l, .ctx = c, .board = board, .on_change = on_change, .arg = arg, .main = -1,
		.backoff_ms = BACKOFF_MIN_MS, .purge_ms = PURGE_MS };
	if (getrandom(&f->random, sizeof(f->random), 0) != (ssize_t)sizeof(f->random))
		f->random = (uintptr_t)f;
	f->random |= 1;
	ups_ids_init(f);
	net_timer_init(l, &f->timer, timer_due);
	net_timer_set(&f->timer, net_loop_now(l));
	return f;
}

void
ups_follower_free(struct ups_follower *f)
{
	if (f == NULL)
		return;
	net_timer_stop(&f->timer);
	ups_brokers_free(f);
	ups_asker_end(f->bootstrap, true);
	f->bootstrap = NULL;
	f->ending = true;
	f->reachable = false;
	/* A scan's end may begin something in turn, which then ends at once. */
	while (f->scans != NULL || f->purges != NULL) {
		ups_scans_end(f);
		ups_purges_end(f);
	}
	ups_ids_end(f);
	ups_groups_end(f);
	ups_census_end(f);
	ups_creations_end(f);
	while (f->alive > 0)
		net_loop_turn(f->loop, 10);
	ups_meta_fini(&f->meta);
	ups_learned_free(f);
	free(f);
}
