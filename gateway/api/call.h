/* One request on its way through the gateway: what the proxy hands to the api layer, and what comes back.
 *
 * The api layer decides and rewrites; it knows no socket and never the proxy. It is asked three times at most:
 *
 *   api_request  --FORWARD--> (upstream) --> api_response --ANSWER--> client
 *        |  \--ANSWER--> client                   |
 *        |                                        `--WAIT(learn)--> api_resume --ANSWER-->
 *        `--WAIT(ids, groups)--> api_request again;  --WAIT(work, time, change)--> api_resume
 * Where api_streams says so, a response may go on to the client while it still comes from the broker:
 * (upstream) --> api_stream --MORE--> client, --MORE--> client, ... --ANSWER--> client
 * A response may wait for ids as well (an assignment names a topic that was created elsewhere a moment ago):
 * api_response --WAIT(ids)--> api_resume; the api layer keeps what it needs of the response itself.
 *        `--CLOSE (close says why)
 *
 * Invariants: between two calls nothing of a snapshot, of the cluster's view or of a frame is kept but copies in the
 * call's arena (a JoinGroup waits for minutes). What cannot be decided is refused. A response element that is not the
 * tenant's never reaches `out`. */
#ifndef API_CALL_H
#define API_CALL_H

#include <alcove/authn.h>
#include <alcove/cluster.h>
#include <alcove/config.h>
#include <alcove/control.h>
#include <alcove/kafka.h>
#include <alcove/meter.h>
#include <alcove/policy.h>
#include <alcove/tally.h>

#include <stdatomic.h>

/* One per process; immutable after start, but for the configuration. */
struct api_shared {
	const struct pol_config *_Atomic conf;	/* the current one: look anew in each step */
	struct pol_dir		*dir;
	struct clu_board	*board;
	struct alv_str		 fake_secret;	/* for accounts that do not exist; from the store */
	struct aut_delays	*delays;	/* of failed logins; NULL: none */
	struct aut_oauth	*oauth;		/* issuers of tokens; NULL: nobody's tokens are taken */
	struct api_hosts	*hosts;		/* where members of groups are; NULL: nobody's is told */
	struct tal_book		*tally;		/* what tenants have, for limits on how many */
	atomic_bool		 draining;	/* we go: whoever asks is sent elsewhere */
	struct quo_table	*quotas;	/* what limits are charged to; NULL: there are no limits */
	struct api_readers	*readers;	/* which group reads what; NULL: nobody knows */
};
struct api_readers *api_readers_new(size_t max_bytes) ALV_MUST;	/* readers.h; NULL: out of memory */
void		    api_readers_free(struct api_readers *r);	/* NULL is allowed */
struct api_hosts *api_hosts_new(void) ALV_MUST;	/* hosts.h; NULL: out of memory */
void		  api_hosts_free(struct api_hosts *h);	/* NULL is allowed */

/* A topic that was asked for, and was charged as one to be created: by the hash of its name. */
struct api_asked_for {
	uint64_t name, until_us;
};
enum { API_ASKED_FOR = 64 };

/* One per worker; the worker's thread only. */
struct api_worker {
	const struct api_shared *shared;
	struct alv_pool		*pool;
	struct clu_ids		*ids;
	struct met_worker	*meter;
	struct api_keep		*keep;		/* answers that clients share; NULL: they do not */
	struct api_denials	*denials;	/* what was denied and logged lately; NULL: nothing is logged of it */
	uint64_t		 now_us;	/* the turn's clock */
	struct api_asked_for	 asked[API_ASKED_FOR];	/* see api_quota_asked */
};

struct api_denials *api_denials_new(void) ALV_MUST;
void		    api_denials_free(struct api_denials *d);	/* NULL is allowed */

struct api_keep *api_keep_new(void) ALV_MUST;
void		 api_keep_free(struct api_keep *k);

/* Requests that a connection may say again; see repeat.h. */
enum { API_REPEATS = 4 };
struct api_repeats {
	struct api_repeat *of[API_REPEATS];
	bool		   used[API_REPEATS];	/* said again since it was remembered */
	uint8_t		   next, pause;
};

/* What a connection's requests are charged to; see quota.c. */
enum api_charge { API_Q_PRODUCE, API_Q_FETCH, API_Q_REQUESTS, API_Q_TIME, API_Q_MUTATIONS, API_CHARGES };
enum { API_Q_TENANT, API_Q_CLIENT, API_Q_GROUP, API_Q_LEVELS };	/* a group's is that of the last fetch */
struct api_quota {
	uint64_t	 build;			/* of the snapshot that the cells are by; 0: none yet */
	uint64_t	 muted_until_us;	/* nothing is taken of the client before; 0: it is not muted */
	struct quo_cell *cell[API_CHARGES][API_Q_LEVELS];	/* NULL: no limit */
	uint64_t	 slack[API_CHARGES], pending[API_CHARGES];	/* units; what is pending is charged before it is more */
	uint64_t	 paid_us[API_CHARGES];	/* when all that it knows of is paid: until then nothing is pending */
	uint8_t		 limited;		/* 1 << enum api_charge: there is one */
	uint64_t	 worked_us;		/* proxy: the worker's time that it took since it was charged, where it is limited */
	bool		 by_client;		/* they depend on the client id: */
	size_t		 client_n;
	char		*client_id;		/* its head, CLIENT_MAX bytes at most */
};

/* Whose its last fetch was, and for how long that holds; see reader_group.c. */
struct api_fetcher {
	bool	 known;
	uint32_t at_s;
	uint64_t sum, version;
};

enum api_auth { API_AUTH_NONE, API_AUTH_HANDSHAKE, API_AUTH_DONE };

/* The api layer's part of a client connection. The proxy embeds it, calls init and fini, and sets what is marked. */
struct api_conn {
	struct api_worker	  *w;
	const struct pol_listener *listener;		/* proxy */
	uint16_t		   listener_port;	/* proxy: the port that was bound */
	int32_t			   node;		/* proxy: the endpoint's broker; -1: bootstrap */
	int32_t			   broker;		/* proxy: the one that answers it; -1: none was chosen yet */
	char			   tenant[TEN_ID_MAX + 1];	/* proxy: by SNI or port; "" on a shared port until login */
	char			   host[46];		/* proxy: the client's address */
	bool			   tls;			/* proxy */
	struct api_own		  *own;			/* by api_conn_own; NULL: it came in by one of the listener's hosts */
	struct pol_slot		  *slot;		/* set with the tenant; NULL: no such tenant (logins fail alike) */
	enum api_auth		   auth;
	bool			   certified;		/* by its certificate: nobody in the store need have the name */
	bool			   raw_sasl;		/* SaslHandshake v0 was used: next frames are bare tokens */
	struct aut_server	  *sasl;		/* while a login lasts; else NULL */
	char			   user[256];		/* after login */
	char			   principal[262];	/* "User:" + user */
	uint64_t		   user_revision;
	struct pol_groups	  *claimed;		/* groups by its login's claims; NULL: none. Its own; set by api_conn_claim */
	struct aut_claims	  *token;		/* of a login by a token: its groups, its extensions; NULL: by a password */
	struct pol_who		   who;			/* the principal in the snapshot that was asked last */
	enum aut_mechanism	   mechanism;		/* of that login */
	uint64_t		   expires_us;		/* when it is to be renewed at the latest; 0: never */
	uint64_t		   again_us;		/* when the last renewal began; 0: there was none */
	struct met_hint		   meter;		/* rows of the worker's meter */
	struct api_groups	  *groups;		/* what the api layer remembers per connection; its own */
	struct api_patterns	  *patterns;		/* the same, of members that subscribe by pattern */
	struct api_sessions	  *sessions;		/* fetch sessions; NULL: there never was one */
	struct api_shares	  *shares;		/* share sessions; NULL: there never was one */
	size_t			   kept;		/* bytes that these two have */
	struct api_repeats	   repeats;		/* requests said again; see repeat.h */
	struct quo_cell		  *counted[2];		/* connections.c: it is one of so many */
	struct api_fetcher	   fetcher;
	struct api_quota	   quota;		/* proxy: takes nothing while it is muted, and ends that */
};
void api_conn_init(struct api_conn *c, struct api_worker *w);
void api_conn_fini(struct api_conn *c);
/* It goes on at another worker, on whose thread this is called; nothing of it is in flight. */
void api_conn_enter(struct api_conn *c, struct api_worker *w);
/* Is it limited how long a worker works for it? Then quota.worked_us is to be kept. */
bool api_conn_timed(const struct api_conn *c);
/* Something was published: may a muted connection go on earlier? Its muted_until_us is what holds now. */
void api_conn_unmute(struct api_conn *c, uint64_t now_us);
/* There is no room for what it keeps: lets go of what clients can do without. Bytes that this gave back at once. */
size_t api_conn_release(struct api_conn *c);
/* The login said that its principal is in these groups, or in none (n 0): they count from here on. NOMEM: it is in those it was in. */
enum alv_err api_conn_claim(struct api_conn *c, const struct alv_str *groups, size_t n) ALV_MUST;
/* It came in by a host name of its tenant's own; a copy is kept. */
enum alv_err api_conn_own(struct api_conn *c, const struct ten_own *own) ALV_MUST;
/* A name of its certificate becomes its login, by principal.mapping.rules; there is no SASL then. own: only this tenant's clients have
 * certificates of that authority. False: *why is for our log; static. */
bool api_certificate_login(struct api_conn *c, const char *rules, struct alv_str name, bool own, const char **why) ALV_MUST;
/* Are they rules? If not, words for the operator. */
bool api_certificate_rules(const char *rules, struct alv_buf *err) ALV_MUST;
/* May this connection go on? Asked when the directory's generation changed: false sets *why (suspended, deleted, user
 * changed, its host name given away). */
bool api_conn_check(struct api_conn *c, enum met_close *why) ALV_MUST;

enum api_result { API_FORWARD, API_ANSWER, API_WAIT, API_CLOSE, API_MORE };
enum api_wait { API_WAIT_NONE, API_WAIT_IDS, API_WAIT_LEARN, API_WAIT_WORK, API_WAIT_GROUPS, API_WAIT_TIME, API_WAIT_CHANGE };

enum { API_WAIT_IDS_MAX = 64, API_LEARN_MAX = 1024 };

struct api_learnt {
	struct alv_str	name;	/* physical; arena */
	struct alv_uuid id;
	int32_t		partitions;
	bool		deleted;
};

/* A topic that a client asked for and that the gateway makes by itself, behind the answer. */
struct api_create {
	struct alv_str name;	/* physical; arena */
	int32_t	       partitions, replication_factor;	/* -1: the cluster's default */
};
enum { API_CREATE_MAX = 64 };

struct api_call {
	/* set by the proxy before api_request; all else is zero */
	struct api_conn	     *conn;
	struct kfk_req_header hdr;		/* client_id in the arena */
	struct alv_arena      arena;		/* lives until the response is written; limit arena_max_bytes */
	uint64_t	      begun_us;
	size_t		      request_bytes;	/* of the whole frame */
	/* set by the api layer */
	const struct api_def *def;
	struct alv_chain      out;		/* FORWARD: body for the broker; ANSWER: body for the client */
	size_t		      answer_n;		/* api_stream: bytes of the whole body for the client; known before the first */
	int16_t		      up_key, up_version;	/* FORWARD: what goes upstream (out is of it); mostly the client's own api */
	struct alv_str	      up_client_id;	/* FORWARD: the client id that goes upstream */
	bool		      framed;		/* FORWARD, ANSWER: out is a whole frame, size and header too */
	bool		      no_response;	/* FORWARD of acks=0: nothing will come back */
	bool		      raw;		/* ANSWER to a bare SASL token: a frame without response header */
	int16_t		      error_code;	/* for metrics: the first or worst */
	enum met_close	      close;		/* CLOSE: why; ANSWER: with close_after */
	bool		      close_after;	/* ANSWER: close when it has left (failed login) */
	const char	     *words;		/* CLOSE, close_after: more for our own log; static */
	struct kfk_fault     *fault;		/* CLOSE by a malformed message: where; arena */
	enum api_wait	      wait;
	size_t		      nids;		/* WAIT_IDS */
	struct alv_uuid	     *ids;		/* arena; API_WAIT_IDS_MAX */
	bool		      ids_asked;	/* proxy: the ids were resolved, or could not be: judge with what is known */
	uint64_t	      due_us;		/* WAIT_TIME: until then, on now_us's clock; 0: a later turn */
	uint64_t	      groups_since_us;	/* WAIT_GROUPS: of conn->broker, asked for then or later */
	bool		      groups_asked;	/* proxy: the board has such a list, or it could not be had */
	struct con_change    *change;		/* WAIT_CHANGE: the control thread's until api_resume, else ours; heap */
	struct api_changes   *changes;		/* the api layer's own; arena */
	size_t		      nlearnt;		/* WAIT_LEARN */
	struct api_learnt    *learnt;		/* arena */
	size_t		      ncreate;		/* ANSWER of a response: create these */
	struct api_create    *create;		/* arena; API_CREATE_MAX */
	uint64_t	      room;		/* for topics on their way (counts.h); 0: none */
	struct api_want	     *wants;		/* rights that were missing, until they are counted; the api layer's own; arena */
	size_t		      nwants;
	void		     *memo;		/* the handler's own; arena */
	uint64_t	      throttle_until_us;	/* so long the client is told to wait, and muted; 0: not at all */
	uint64_t	      promised_us;	/* quota.c: when `promised` bytes of an answer were asked for */
	int64_t		      promised;
	struct quo_cell	     *group;		/* quota.c: of the group that a fetch is for, held; NULL: no limit */
	bool		      counted;		/* it was charged as a request */
	uint64_t	      charged;		/* bytes of this direction that a topic has already been charged */
	struct alv_chain      kept;		/* a response that waits for ids, or what there is of a long answer; the api layer's own */
	struct api_long	     *more;		/* an answer that is made in parts; the api layer's own; arena */
	struct api_repeat    *repeat;		/* which one this is; NULL: none */
	struct api_stream    *stream;		/* a response that is walked; the api layer's own */
	/* valid during a call into the api layer only */
	const struct pol_tenant *tenant;
	const struct clu_view	*view;		/* NULL: the cluster was never reached */
};

/* Body without header; views only, the proxy keeps it until the request left. hdr, conn, arena are set. */
enum api_result api_request(struct api_call *call, const struct alv_chain *body) ALV_MUST;
/* To be asked first, with the frame but its size: may it go to the broker as one before it did? True: FORWARD, and the
 * frame was taken; hdr need not be set, and is. */
bool api_again(struct api_call *call, struct alv_chain *frame) ALV_MUST;
/* After WAIT_WORK (conn->sasl's work is done), WAIT_TIME (due_us has come, or a turn later), WAIT_CHANGE (call->change says what came of it), WAIT_LEARN, or
 * WAIT_IDS of api_response (ids_asked is set). */
enum api_result api_resume(struct api_call *call) ALV_MUST;
/* The broker's response body, of up_version. ANSWER, WAIT (learn or ids) or CLOSE. */
enum api_result api_response(struct api_call *call, const struct alv_chain *body) ALV_MUST;
/* Instead of api_response, where that says yes: the next bytes of a body of body_n bytes, of up_version; what is in `out`
 * may leave at once, and is the caller's to take. MORE: go on; ANSWER: with this it is whole, answer_n bytes in all;
 * CLOSE: what has left cannot be taken back, so nothing else helps. */
bool		api_streams(const struct api_call *call);
enum api_result api_stream(struct api_call *call, size_t body_n, const struct alv_chain *in) ALV_MUST;
/* Whose work a login's is, while one is under way: keys of a job in the crypto pool, of the tenant and of the client's address. */
void		api_login_share(const struct api_conn *c, uint64_t *key, uint64_t *part);
/* A bare SASL token (conn->raw_sasl); call->hdr is zero. */
enum api_result api_raw_token(struct api_call *call, struct alv_str token) ALV_MUST;
void		api_call_fini(struct api_call *call);	/* out, arena */
/* For the next one: zero but for a small piece of the arena's memory. */
void		api_call_reset(struct api_call *call);

/* Address that this connection's clients are told for a broker; false: it has none here (then it is not listed).
 * node -1: the bootstrap. host in the arena. */
bool api_advertise(const struct api_conn *c, struct alv_arena *a, int32_t node, struct alv_str *host, int32_t *port);

/* A page of Markdown: every key, and what was decided on it. */
void api_coverage(struct alv_buf *out);

/* Names of Kafka's apis for logs and labels; "unknown" outside. */
const char *api_name(int16_t key);

#endif
