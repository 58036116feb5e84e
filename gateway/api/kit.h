/* What the handlers of gateway/api are made of. Internal to this folder; the proxy knows call.h only.
 *
 * A family's file (topics.c, groups.c, ...) has for each api a request and a response handler, named in api.def:
 *
 *	enum api_result api_heartbeat_request(struct api_call *c, struct kfk_tree *q)
 *	{
 *		... judge: what is refused is answered here: api_answer_begin, set, api_answer
 *		return api_forward(c, q);	maps every field by its kind and encodes
 *	}
 *	response: api_pass (un-maps by kind and answers), or a function of its own that ends in api_pass.
 *
 * Invariants:
 *  - A handler sees its request decoded (q->version == hdr.version), authenticated, of an offered version, with an
 *    active tenant in c->tenant, a view in c->view (not for LOCAL apis) and a zeroed c->memo (struct api_memo).
 *  - What goes upstream passed api_forward, what comes back passed api_pass or map.c's rules: a kind without a rule
 *    for its direction is refused. Handlers judge first (illegal, denied): map.c closes on what is left of that.
 *  - A handler may be run again for the same request (API_WAIT with WAIT_IDS): it must not keep anything. */
#ifndef API_KIT_H
#define API_KIT_H

#include <alcove/str.h>

#include "api/call.h"
#include "kafka/gen/field_ids.h"

/* ---- the table of apis (api.def) ------------------------------------------------------------ */

typedef enum api_result (*api_tree_fn)(struct api_call *c, struct kfk_tree *t);
typedef struct api_stream *(*api_stream_fn)(struct api_call *c, bool leaves);

/* What was decided on a key; api.def says what each means. */
enum api_decision { API_REWRITE, API_LOCAL, API_DENY_E, API_DENY_X, API_PENDING };

enum {
	API_UNAUTHENTICATED = 1	/* legal before authentication */
};

struct api_def {
	const char  *permission, *tested;	/* for documents; NULL where nothing is offered */
	int16_t	     key, lo, hi;	/* versions that the gateway offers at most */
	uint8_t	     decision, flags;	/* enum api_decision */
	api_tree_fn  request;
	api_tree_fn  response;		/* NULL: local, or `stream` */
	const struct api_quick *quick;	/* the short way; NULL: there is none (quick.h) */
	api_stream_fn stream;		/* begins the walk of a response instead of a tree; NULL: no memory */
};

const struct api_def *api_def_find(int16_t key);	/* NULL: not offered at all */
const struct api_def *api_def_at(size_t i);		/* those that are offered, by key; NULL past the end */
const struct api_def *api_def_row(int16_t key);	/* with those that are not offered; NULL: not a key of Kafka */
/* What clients may use: the row, the tables and what every broker has. lo > hi: nothing. */
struct clu_range api_offered(const struct api_def *d, const struct clu_view *v);

/* Is there a user of that name who may not log in, however it was proved? (conn.c) */
bool api_user_disabled(const struct pol_tenant *t, struct alv_str name) ALV_MUST;

/* ---- how long a login lasts (reauth.c) -------------------------------------------------------- */

/* May a request of this api be looked at now? Always before the first login ended. */
bool api_reauth_lets(const struct api_conn *c, int16_t key, enum met_close *why) ALV_MUST;
/* A SaslHandshake on a connection that has logged in: does it begin a renewal? NOT: refused, as what it has goes on. */
enum api_again { API_AGAIN_BEGINS, API_AGAIN_NOT, API_AGAIN_OVER };
enum api_again api_reauth_begin(struct api_conn *c) ALV_MUST;
/* A login, the first or another one, ended well: its life begins. Milliseconds that the client is told; 0: no end. */
int64_t api_reauth_done(struct api_conn *c, const struct aut_account *a) ALV_MUST;

/* The handlers that api.def names; each family declares its own in handlers.h. */
#include "api/handlers.h"

/* ---- what a request leaves for its response (c->memo) ---------------------------------------- */

/* One topic that was judged here: it does not go upstream and is spliced into the response. */
struct api_denied {
	struct api_denied *next;
	struct alv_str	   name;	/* virtual; null where the client named an id */
	struct alv_uuid	   id;
	int16_t		   code;
	struct alv_str	   text;	/* null: none */
	uint32_t	   nparts;
	int32_t		  *parts;
};

struct api_split {
	struct api_denied *first, **tail;
	uint32_t	   kept;	/* topics that are left in the request */
	bool		   waiting;	/* ids must be resolved first: return api_wait_ids */
};

/* What a request asked for; see quick.h. */
struct api_asked {
	struct api_wanted *topic;
	uint32_t	   n, max, next;	/* in the request's order; where to look first */
};

/* Partitions, as readers.h has them; grows in the arena. */
struct api_reader_parts {
	uint64_t *part;
	size_t	  n, max;
};

struct api_memo {
	struct api_split split;
	struct api_asked asked;
	bool		 topic_ops, group_ops, cluster_ops;	/* AUTH_OPS were asked for */
	bool		 consumer;	/* the protocol type is "consumer": embedded names are mapped */
	enum ten_kind	 key_kind;	/* COORDINATOR_KEY: TEN_GROUP or TEN_TXN */
	bool		 all;		/* the client asked for everything */
	bool		 validate_only;	/* nothing is done upstream */
	bool		 creates;	/* topics that are named and missing may be created */
	bool		 streams;	/* the response may go on while it comes */
	uint8_t		 news;		/* api_news_of the request */
	bool		 shares;	/* the broker's answer may be one that was given to the same question before */
	struct alv_str	 question;	/* shared.c: its bytes; null: the answer is not kept */
	uint64_t	 asked_us;
	struct api_host_key *host;	/* hosts.h: the member that asks; NULL: none */
	struct alv_str	 group, member;	/* readers.h: the same; of a share fetch its group, of a commit by nobody's member too. Null: none */
	struct api_reader_topology *topology;	/* readers.h: that a streams group's member says; NULL: it says none */
	struct api_reader_parts reads;	/* readers.h: what a fetch asks for, */
	uint64_t	 reads_sum;	/* in brief, */
	bool		 reads_more;	/* and more than there is room for */
	struct alv_str	 reads_of;	/* the topic of the last of them, and its hash */
	uint64_t	 reads_topic;
	struct alv_str	 pattern;	/* TOPIC_REGEX: the one text that may go upstream, made here; of a list: what stays */
	struct api_counting *counting;	/* counts.h: members of which the broker's answer will say what came of them */
	void		*own;		/* the family's */
};

static inline struct api_memo *
api_memo(const struct api_call *c)
{
	return c->memo;
}

/* ---- ends of a handler ------------------------------------------------------------------------ */

/* Maps in by kind and encodes at q->version (raise or lower it before where another version goes upstream). */
enum api_result api_forward(struct api_call *c, struct kfk_tree *q) ALV_MUST;
/* Its first half: true: go on with api_send. False: *result is what to return. */
bool		api_mapped(struct api_call *c, struct kfk_tree *q, enum api_result *result) ALV_MUST;
/* What is in c->out already, by a walk, is the broker's. */
enum api_result api_send_out(struct api_call *c) ALV_MUST;
/* Only the second half of api_forward, for handlers that answer themselves when api_map_in refuses. */
enum api_result api_send(struct api_call *c, struct kfk_tree *q) ALV_MUST;
/* A response tree of the client's version, all defaults. Ends with api_answer, which also lets go of it. */
void		api_answer_begin(struct api_call *c, struct kfk_tree *r);
/* Encodes at the client's version. Nothing is un-mapped: for answers that are made here, in virtual names. */
enum api_result api_answer(struct api_call *c, struct kfk_tree *r) ALV_MUST;
/* Un-maps by kind what a broker sent, then api_answer (the caller of the handler lets go of r). */
enum api_result api_pass(struct api_call *c, struct kfk_tree *r) ALV_MUST;
/* Only the first half of api_pass, for handlers that look at virtual names afterwards. True: go on with api_answer.
 * False: *result is what to return. */
bool		api_unmap(struct api_call *c, struct kfk_tree *r, enum api_result *result) ALV_MUST;
/* long.c: ends as api_answer does, with what parts add to arrays of r, one in each turn. A part answers whether it was the last; it may
 * keep copies in c->arena. r: by value; its nodes are of c->arena. */
typedef bool api_part_fn(struct api_call *c, struct kfk_tree *r);
enum api_result api_answer_long(struct api_call *c, const struct kfk_tree *r, api_part_fn *part) ALV_MUST;
enum api_result api_long_more(struct api_call *c) ALV_MUST;
/* In a part: elements that are added to p.list, with p.tree, go behind those of `array`. All of an array's are added so, and arrays in their
 * order. */
struct api_part {
	struct alv_arena arena;
	struct kfk_tree	 tree;
	struct kfk_node *list, *array;
};
void api_part_begin(struct api_call *c, struct api_part *p, struct kfk_node *array);
void api_part_end(struct api_call *c, struct api_part *p);
/* The first of n sorted ones behind `last`, which need not be there; NULL: the very first. */
size_t api_part_after(const void *last, const void *all, size_t n, size_t size, int (*order)(const void *a, const void *b));
enum api_result api_close(struct api_call *c, enum met_close why) ALV_MUST;
enum api_result api_fail(struct api_call *c, enum alv_err err) ALV_MUST;	/* close by one of our own errors */
enum api_result api_wait_ids(struct api_call *c) ALV_MUST;
/* A local answer that only says one error in field `error` of the response's top level (and `text`, if in_text). */
enum api_result api_answer_code(struct api_call *c, uint16_t error, int16_t code) ALV_MUST;

/* The client id that goes to brokers for a client's. */
struct alv_str api_upstream_client_id(struct alv_str id);
/* For metrics: keeps the first that is not zero. */
void api_note(struct api_call *c, int64_t code);

/* ---- responses that are walked (stream.c) ----------------------------------------------------------- */

/* The first member of what the api's `stream` function makes in the arena and sets; the visitor's arg. The response's
 * version is the client's. Where it `leaves`, bytes of it are gone before later ones are here: then what is not the
 * tenant's is KFK_STOP with ALV_E_FOREIGN, and what is replaced outside tagged fields keeps its length. */
struct api_stream {
	const struct kfk_visitor *visitor;	/* with array_begin.. of the functions below, or of the api's own */
	uint64_t		  kinds;	/* 1 << enum kfk_kind that it sees */
	void			(*end)(struct api_stream *s);	/* its walk is over, in whatever way; NULL: nobody asks */
	size_t			  room;		/* how much the last tagged fields may grow; at least 2 where not 0 */
	uint16_t		  list;		/* behind its last element: */
	uint32_t		  nextra;
	struct alv_chain	  extra;
	void (*fini)(struct api_stream *s);	/* lets go of what is not the arena's; NULL: nothing */
	/* the core's */
	struct kfk_visitor	  own;
	int64_t			  throttle_ms;	/* that the client is told at least */
	struct kfk_walk		  walk;
	struct alv_chain	  ready;	/* written, not final */
	size_t			  body_n, total, gone;	/* of the broker's; of ours, 0: not known yet; taken out of ready */
	bool			  leaves;
};
/* Of a visitor of a response that may leave: array_begin, array_more, array_end, tail. */
enum kfk_do api_stream_list(void *arg, uint16_t id, int32_t n);
uint32_t    api_stream_more(void *arg, uint16_t id, int32_t n);
uint32_t    api_stream_add(void *arg, uint16_t id, struct alv_chain *out);
uint32_t    api_stream_fill(void *arg, struct alv_chain *out);
/* Elements of t's list `list` will follow those of the broker. False: no memory. */
bool api_stream_append(struct api_call *c, struct api_stream *s, uint16_t list, const struct kfk_tree *t) ALV_MUST;

enum api_result api_walk_whole(struct api_call *c, const struct alv_chain *body) ALV_MUST;
enum api_result api_stream_part(struct api_call *c, size_t body_n, const struct alv_chain *in) ALV_MUST;
void		api_stream_fini(struct api_call *c);

/* ---- judging ----------------------------------------------------------------------------------- */

/* May it? For lists that leave out what is hidden, and where another right would do. */
bool api_may(const struct api_call *c, enum pol_op op, enum pol_resource res, struct alv_str virt) ALV_MUST;
bool api_may_cluster(const struct api_call *c, enum pol_op op) ALV_MUST;
/* The same where a no is the request's refusal, or a part's: it is counted, and logged with what decided it. */
bool api_enforce(struct api_call *c, enum pol_op op, enum pol_resource res, struct alv_str virt) ALV_MUST;
bool api_enforce_cluster(struct api_call *c, enum pol_op op) ALV_MUST;
/* denial.c: notes a right that was missing; the core counts them when the request, or its answer, is through: each once. */
void api_want(struct api_call *c, enum pol_op op, enum pol_resource res, struct alv_str virt);
void api_wants_settle(struct api_call *c);
bool api_may_any(const struct api_call *c, enum pol_op op, enum pol_resource res) ALV_MUST;
/* On every one of the type, also on those that are yet to come? Certain where true. */
bool api_may_all(const struct api_call *c, enum pol_op op, enum pol_resource res) ALV_MUST;
int32_t api_operations(const struct api_call *c, enum pol_resource res, struct alv_str virt);

enum {
	API_WRITES = 1,		/* read-only aliases are refused */
	API_OR_CLUSTER = 2,	/* the operation on the cluster allows it as well */
	API_QUIET = 4		/* a no is nobody's refusal: lists leave it out */
};

/* A topic by its virtual name: 0, 29 (denied, a read-only alias that would be written), 17 (illegal). */
int16_t api_judge_name(struct api_call *c, struct alv_str virt, enum pol_op op, int flags);
int16_t api_judge_topic(struct api_call *c, struct alv_str virt, enum pol_op op, int flags, struct alv_str *phys);	/* 0: phys, in the arena */
/* A topic by id: 0, 100 (foreign or unknown), 29. *virt is set for 0 and 29. API_UNRESOLVED: nobody knows yet; the id was
 * added to c->ids (never once c->ids_asked is set). */
enum { API_UNRESOLVED = -2 };
int16_t api_judge_id(struct api_call *c, struct alv_uuid id, enum pol_op op, int flags, struct alv_str *virt);
/* OK: *phys is the own topic's name. NOT_FOUND: foreign or unknown. AGAIN: nobody knows yet (added to c->ids). */
enum alv_err api_own_id(struct api_call *c, struct alv_uuid id, struct alv_str *phys);

bool api_internal_name(struct alv_str virt);	/* as Kafka's own internal topics */

/* Groups and transactional ids: 0; `illegal` (empty or impossible); `denied` (no right, or an alias that is read-only here
 * and op is more than looking). */
int16_t api_judge_other(struct api_call *c, enum ten_kind kind, struct alv_str virt, enum pol_op op, int16_t illegal,
    int16_t denied);

/* ---- topics with partitions in request and response (shape.def) ------------------------------ */

#define API_NO_FIELD UINT16_MAX

struct api_default {
	uint16_t field;
	int32_t	 value;
};

/* Where an api has its topics. Ids of fields; API_NO_FIELD where it has none. */
struct api_shape {
	uint16_t q_topics, q_name, q_id, q_parts;
	uint16_t q_index;		/* API_NO_FIELD: q_parts holds plain numbers */
	uint16_t r_topics, r_name, r_id, r_parts, r_index, r_error;
	enum pol_op op;
	int	 flags;			/* API_WRITES */
	int16_t	 illegal;		/* code for an illegal name; 0: 3 UNKNOWN_TOPIC_OR_PARTITION */
	struct api_default dflt[3];	/* of a refused partition, beside what the tables say; ends with field API_NO_FIELD */
};
enum api_shape_id {
#define SHAPE(name, ...) API_SHAPE_##name,
#include "api/shape.def"
#undef SHAPE
	API_SHAPES
};
const struct api_shape *api_shape(enum api_shape_id id);

/* Judges each topic below `parent` (the root, or a group's element), unlinks what is refused and puts it into s.
 * s->waiting: return api_wait_ids(c). Out of memory stays in c->arena.failed, which encoding reports. */
void api_split(struct api_call *c, struct kfk_tree *q, struct kfk_node *parent, const struct api_shape *sh, struct api_split *s);
/* Refuses every topic that is left with one code (53, 30, ...). */
void api_split_all(struct api_call *c, struct kfk_tree *q, struct kfk_node *parent, const struct api_shape *sh,
    struct api_split *s, int16_t code);
/* Appends what was refused to the response's topics below `parent`. */
void api_splice(struct api_call *c, struct kfk_tree *r, struct kfk_node *parent, const struct api_shape *sh,
    const struct api_split *s);
/* The same for one of them. */
void api_splice_one(struct kfk_tree *r, struct kfk_node *topics, const struct api_shape *sh, const struct api_denied *d);
/* Nothing is left to forward: the answer is what was refused. */
enum api_result api_answer_denied(struct api_call *c, const struct api_shape *sh) ALV_MUST;
/* The whole of it for apis whose topics are at the top level: split, then forward what is left or answer here. */
enum api_result api_split_forward(struct api_call *c, struct kfk_tree *q, const struct api_shape *sh) ALV_MUST;
/* And back: un-map, splice, answer. */
enum api_result api_splice_answer(struct api_call *c, struct kfk_tree *r, const struct api_shape *sh) ALV_MUST;

/* Remembers a refused topic (strings are not copied: they are in the call's arena already). NULL: out of memory. */
struct api_denied *api_deny(struct api_call *c, struct api_split *s, struct alv_str name, struct alv_uuid id, int16_t code);

/* ---- results by name: CreateTopics, DeleteTopics, CreatePartitions, configs -------------------------- */

struct api_result_fields {
	uint16_t list, name, id, code, text;	/* id: API_NO_FIELD where there is none */
};
/* Appends what was refused (api_deny) to the response's list, each with its code and text. */
void api_add_results(struct api_call *c, struct kfk_tree *r, const struct api_result_fields *f);

/* Takes a field out of a struct, so that its default is sent. */
void api_drop_field(struct kfk_node *parent, uint16_t id);

/* Kafka's numbers for what has configs. */
enum {
	API_RES_TOPIC = 2, API_RES_BROKER = 4, API_RES_BROKER_LOGGER = 8, API_RES_CLIENT_METRICS = 16, API_RES_GROUP = 32
};

/* The built-in policy over configs of topics and groups (config_policy.def): 0, 44 (not for tenants), 40 (no config of that type, or a
 * value that cannot be read). value null: back to the default. *text says why, in the arena. */
int16_t api_config(struct api_call *c, int64_t type, struct alv_str name, struct alv_str value, struct alv_str *text);
enum api_config_know { API_CONFIG_UNKNOWN, API_CONFIG_CLOSED, API_CONFIG_OPEN, API_CONFIG_LIST };
enum api_config_know api_config_know(int64_t type, struct alv_str name);
/* The next config of that type that tenants may set; *i from 0. NULL: no more. */
const char *api_config_open_at(int64_t type, size_t *i);
/* Values that carry names: to what brokers are told (judged before), and back; another's name reads as none. */
enum alv_err api_config_in(struct api_call *c, int64_t type, struct alv_str name, struct alv_str *value) ALV_MUST;
void	     api_config_out(const struct api_call *c, int64_t type, struct alv_str name, struct alv_str *value);
/* Where a config's value comes from, as tenants see it: the platform's own settings are defaults to them. */
int64_t api_config_source(int64_t source);

/* ---- changes of the tenant's own state (change.c) ------------------------------------------------------ */

/* A request that changes ACLs, quotas, users: parts that the control thread makes one after the other, in order, each whole or not at
 * all and with its own outcome. What a part points to lives in the call's arena. */
struct api_changes {
	size_t n;		/* parts */
	/* Says in ch what is to be changed; tenant, actor and origin are filled in, ch->rules, ch->quotas and ch->credentials are freed
	 * for it. False: nothing, it was
	 * refused before. Out of memory: c->arena.failed. */
	bool (*begin)(struct api_call *c, size_t i, struct con_change *ch);
	/* What came of it, in ch->err and the rest. Of every part that was begun. */
	void (*end)(struct api_call *c, size_t i, const struct con_change *ch);
	/* None is left; c->tenant is the snapshot that came of them. */
	enum api_result (*answer)(struct api_call *c);
	size_t next;		/* the core's: the first that is not done */
};
/* What a handler ends with: API_WAIT, or `answer` at once where nothing is to be changed. `changes` is copied. */
enum api_result api_change(struct api_call *c, const struct api_changes *changes) ALV_MUST;
/* Of a part that ended: Kafka's code for it, and what to say to the client (null: what Kafka says of the code); in the arena. A family
 * that has better codes for some looks at ch->err first. */
int16_t	       api_change_code(const struct con_change *ch);
struct alv_str api_change_text(struct api_call *c, const struct con_change *ch);
/* The core's: the control thread gave c->change back; the call ends. */
enum api_result api_change_made(struct api_call *c) ALV_MUST;
void		api_change_forget(struct api_call *c);

/* ---- brokers ------------------------------------------------------------------------------------- */

/* Is it a node that this connection's clients can be sent to? (api_advertise without the address; conn.c) */
bool api_reachable(const struct api_conn *c, int64_t node);

/* Bytes that the hosts and racks of all those nodes have together, at most; of the first nodes where there are many. */
size_t api_endpoints_room(const struct api_call *c);

/* Fills an array of endpoints with the brokers that this connection's clients can reach. Fields of an element: node, host,
 * port. */
void api_put_brokers(struct api_call *c, struct kfk_tree *r, struct kfk_node *list, uint16_t node, uint16_t host, uint16_t port);
/* Racks as tenants know them; null: none, or they are not told. The text is the view's or the configuration's. racks.c */
struct alv_str api_rack_out(const struct api_call *c, struct alv_str phys);
struct alv_str api_rack_of(const struct api_call *c, int64_t node);
/* And back; null: none of the brokers'. */
struct alv_str api_rack_in(const struct api_call *c, struct alv_str virt);
size_t	       api_racks_room(const struct api_call *c);	/* bytes of the longest */
/* Into each element of a list of brokers. */
void api_put_racks(struct api_call *c, struct kfk_tree *r, struct kfk_node *list, uint16_t node, uint16_t rack);
/* One of those, to be named as controller: `wanted` where it can be reached; -1: there is none. */
int32_t api_some_broker(struct api_call *c, int64_t wanted);

/* ---- names and the catalogue -------------------------------------------------------------------- */

/* FLAVOR=leak only, where the isolation suite has to fail: Metadata of all topics asks for all there are, and what
 * cannot be un-mapped in its response passes as it is. */
static inline bool
api_leaks(const struct api_call *c)
{
#ifdef ALV_LEAK_ON_PURPOSE
	return c->hdr.key == KFK_API_METADATA;
#else
	(void)c;
	return false;
#endif
}

/* map.c: the whole tree by kind. In: NAME and others are refusals. Out: FOREIGN where something foreign has no list to
 * disappear from; AGAIN: ids to resolve were added. */
enum alv_err api_map_in(struct api_call *c, struct kfk_tree *q) ALV_MUST;
enum alv_err api_map_out(struct api_call *c, struct kfk_tree *r) ALV_MUST;

/* Calls fn for every topic of the catalogue that is this tenant's and that the principal may describe; stops on false. */
typedef bool (*api_topic_fn)(void *arg, struct alv_str phys, struct alv_str virt);
void api_each_topic(struct api_call *c, api_topic_fn fn, void *arg);
/* Every one that is the tenant's: where a right on the cluster covers them all. */
void api_each_own_topic(struct api_call *c, api_topic_fn fn, void *arg);

void api_learn_id(struct api_call *c, struct alv_uuid id, struct alv_str phys);
/* Notes for the catalogue; the handler ends with api_learnt_or_answer after api_answer. */
void		api_learn(struct api_call *c, struct alv_str phys, struct alv_uuid id, int32_t partitions, bool deleted);
enum api_result api_learnt_or_answer(struct api_call *c, enum api_result answered) ALV_MUST;

/* ---- answers that many share (shared.c, news.c) ------------------------------------------------------------ */

/* What `out` asks was answered a moment ago, where memo->shares: the answer's body. */
bool api_shared_find(struct api_call *c, struct alv_chain *answer) ALV_MUST;
/* A broker's answer that went well; kept where the request asked with api_shared_find. */
void api_shared_keep(struct api_call *c, const struct alv_chain *answer);
/* Shared answers (enum clu_news) that were asked for before this are too old for this call. Monotonic. */
uint64_t api_good_since(const struct api_call *c, int what, uint32_t max_age_ms);

/* What the request may change of that, 1 << enum clu_news. Before it is mapped. */
uint8_t api_news_of(const struct kfk_tree *q);
/* The broker's answer is here: what was asked before it came is too old for this tenant. */
void api_news_note(struct api_call *c);

/* What its sessions of both kinds keep is counted anew (conn.c). */
void api_conn_weigh(struct api_conn *c);

/* ---- metering (charge.c) ---------------------------------------------------------------------------- */

/* Bytes of one topic (virtual), in the direction of Produce or Fetch. What is left of the frame is charged by the core. */
void api_charge_topic(struct api_call *c, enum met_direction d, struct alv_str topic, uint64_t bytes);
void api_charge_request(struct api_call *c);
void api_charge_response(struct api_call *c, uint64_t bytes);

/* ---- quotas (quota.c) ----------------------------------------------------------------------------------- */

/* Charges a request, once, as it comes: itself, and the bytes of a Produce. */
void api_quota_request(struct api_call *c);
/* Charges the answer to Fetch or ShareFetch, as soon as its size is known and before it is made. */
void api_quota_response(struct api_call *c, uint64_t bytes);
/* So many partitions are to be created or deleted: 89 where that is too many by now, said by those versions that may (`strict`). */
int16_t api_quota_mutates(struct api_call *c, uint64_t partitions, bool strict) ALV_MUST;
/* A topic is to be created because it is asked for, by its physical name: charged once, however often that is until it is there. */
int16_t api_quota_asked(struct api_call *c, struct alv_str phys, uint64_t partitions) ALV_MUST;
/* What the client's cells can pay soon of the bytes that a Fetch wants; it is asked for where the call is then forwarded. */
int64_t api_quota_fetch_max(struct api_call *c, int64_t want);
bool	api_quota_limits(const struct api_call *c, enum api_charge what);
void	api_quota_forwarded(struct api_call *c);
/* How long the client is to wait from now on, in milliseconds; 0: not at all. */
int64_t api_throttle_ms(const struct api_call *c);
/* Puts that into a response's own field, where it has one and says less. */
void api_quota_tell(const struct api_call *c, struct kfk_tree *r);
void api_quota_fini(struct api_conn *c);
/* connections.c: a login at this tenant is proven. How long its answer waits; API_CONNECTION_REFUSED: it is closed. Charges. */
#define API_CONNECTION_REFUSED UINT64_MAX
uint64_t api_connection_wait(const struct api_conn *c, struct alv_str tenant) ALV_MUST;
/* It is in: false where that is one too many. It ends. */
bool api_connection_enters(struct api_conn *c) ALV_MUST;
void api_connection_leaves(struct api_conn *c);
void api_quota_over(struct api_call *c);	/* the call ends, answered or not */

#endif
