/* Virtual names <-> physical names of one tenant, and who owns what.
 * Rules (docs/names.md): physical = "<tenant id>." + virtual; ids hold neither '.' nor '_', so no prefix is a
 * prefix of another, also where Kafka takes '.' and '_' for the same. Aliases take precedence both ways.
 * All functions here: any thread, no locks, no allocation but in the caller's arena. */
#ifndef ALCOVE_TENANT_H
#define ALCOVE_TENANT_H

#include <alcove/base.h>
#include <alcove/buf.h>
#include <alcove/err.h>

enum ten_kind { TEN_TOPIC, TEN_GROUP, TEN_TXN, TEN_KINDS };

enum { TEN_ID_MAX = 32, TEN_TOPIC_MAX = 249 };

/* One alias: virtual name -> physical name that need not carry the prefix. Only platform admins make them. */
struct ten_alias {
	enum ten_kind  kind;
	struct alv_str virt, phys;
	bool	       writable;	/* false: read-only for this tenant */
};

/* A tenant's namespace: part of its snapshot, immutable. Aliases are sorted both ways. */
struct ten_names {
	struct alv_str		       id;	/* "acme" */
	struct alv_str		       prefix;	/* "acme." */
	size_t			       naliases;
	const struct ten_alias	      *by_virt;	/* sorted by kind, virt */
	const struct ten_alias *const *by_phys;	/* sorted by kind, phys */
};

/* NAME: not of the form [a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?; EXISTS: reserved (admin, alcove, localhost,
 * b<digits>[-...], xn--...). */
enum alv_err ten_id_check(struct alv_str id) ALV_MUST;

/* May an admin make this alias for tenant `id`? NAME: either name is illegal for its kind; DENIED: a target that is
 * never given away (begins with '_' or "alcove."); CONFLICT: a target below the tenant's own prefix. */
enum alv_err ten_alias_check(struct alv_str id, const struct ten_alias *a) ALV_MUST;

/* Orders of the two tables: by kind, then virtual (physical, then virtual) name. */
int ten_alias_cmp_virt(const struct ten_alias *a, const struct ten_alias *b);
int ten_alias_cmp_phys(const struct ten_alias *a, const struct ten_alias *b);
/* NULL: no such alias. */
const struct ten_alias *ten_alias_of_virt(const struct ten_names *t, enum ten_kind kind, struct alv_str virt);
const struct ten_alias *ten_alias_of_phys(const struct ten_names *t, enum ten_kind kind, struct alv_str phys);

/* Kafka's rules for a topic's virtual name, and that prefix + name fits 249. NAME otherwise. */
enum alv_err ten_topic_check(const struct ten_names *t, struct alv_str virt) ALV_MUST;

/* virtual -> physical in the arena. NAME: cannot be mapped (an illegal topic name, an empty transactional id, a name
 * whose physical form would be over the wire's limit, what is not UTF-8, a name whose physical form an alias has
 * taken). An empty group id is the caller's to judge: NAME here. NOMEM: the arena is full.
 * map and unmap are inverse: unmap(p) is v exactly where map(v) is p. */
enum alv_err ten_map(const struct ten_names *t, enum ten_kind kind, struct alv_str virt, struct alv_arena *a,
    struct alv_str *phys) ALV_MUST;

/* physical -> virtual, a view into phys or the alias. FOREIGN: not this tenant's. A physical name that is also the
 * target of an alias of this tenant un-maps to the alias; one whose virtual name an alias has taken is FOREIGN. */
enum alv_err ten_unmap(const struct ten_names *t, enum ten_kind kind, struct alv_str phys, struct alv_str *virt) ALV_MUST;

/* Both at once: false where it is not the tenant's; *virt as by ten_unmap. */
bool ten_owned(const struct ten_names *t, enum ten_kind kind, struct alv_str phys, struct alv_str *virt, bool *writable);
/* True where the physical name belongs to the tenant, by prefix or alias. *writable may be NULL. */
bool ten_owns(const struct ten_names *t, enum ten_kind kind, struct alv_str phys, bool *writable);

/* The same for a topic id: phys is the name the id stands for, null where nobody knows it (then: not owned).
 * The zero id and Kafka's metadata topic (00..01) are never owned. */
bool ten_owned_id(const struct ten_names *t, struct alv_uuid id, struct alv_str phys, struct alv_str *virt, bool *writable);
bool ten_owns_id(const struct ten_names *t, struct alv_uuid id, struct alv_str phys);

/* Free text from a broker made fit for the tenant (one function for all of them): the own prefix in front of a name
 * is cut away; where another tenant's prefix, a broker's address or the gateway's principal could still occur, the
 * whole becomes `standard`. Null stays null. */
struct alv_str ten_clean_text(const struct ten_names *t, struct alv_str text, struct alv_str standard, struct alv_arena *a);

/* ---- endpoints: (tenant, node) <-> host ---------------------------------------------------- */

/* What an SNI host or a port names. */
struct ten_endpoint {
	struct alv_str tenant;	/* view into the host; null on a port shared by all */
	int32_t	       node;	/* physical node id; -1: the bootstrap */
};

/* How host names are made: "b$(node)-$(tenant).kafka.example.com". Texts are views of what was parsed. */
enum { TEN_TENANT = 1, TEN_NODE = 2 };
struct ten_pattern {
	struct alv_str part[3];		/* in front of, between and behind the placeholders */
	uint8_t	       hole[2];		/* TEN_TENANT, TEN_NODE, in their order */
	uint8_t	       nholes;
};
/* text: lower case, with just the placeholders in `want`, one at least. VALUE: *expected (static) says what would do. A pattern that is
 * taken makes legal host names for every id and node, and reads each of them in one way only. */
enum alv_err ten_pattern_parse(struct alv_str text, unsigned want, struct ten_pattern *p, const char **expected) ALV_MUST;
/* In the arena; null: it is full. */
struct alv_str ten_pattern_host(const struct ten_pattern *p, struct alv_arena *a, struct alv_str tenant, int32_t node);
/* Case-insensitive; e->tenant is a view into host. False: not of this form, and *e stays. Without $(node) e->node is -1. */
bool ten_pattern_read(const struct ten_pattern *p, struct alv_str host, struct ten_endpoint *e);
/* How long a host can be at most for ids of so many characters. */
size_t ten_pattern_room(const struct ten_pattern *p, size_t tenant_n);
/* All labels behind the one with the last placeholder. */
struct alv_str ten_pattern_domain(const struct ten_pattern *p);

/* What a listener's clients dial. */
struct ten_hosts {
	struct ten_pattern bootstrap;	/* with $(tenant) */
	struct ten_pattern node;	/* with both */
};
/* "$(tenant).<domain>" and "b$(node)-$(tenant).<domain>", texts in the arena. VALUE: the domain is too long. */
enum alv_err ten_hosts_below(struct ten_hosts *h, struct alv_arena *a, struct alv_str domain) ALV_MUST;
/* "acme.<domain>" -> acme, -1; "b3-acme.<domain>" -> acme, 3. Case-insensitive (the view is of `host`; lower it first).
 * NOT_FOUND: neither. One reading only: a host that could be both is the broker's. */
enum alv_err ten_host_parse(struct alv_str host, const struct ten_hosts *h, struct ten_endpoint *e) ALV_MUST;
/* The host clients are told; in the arena. */
struct alv_str ten_host(struct alv_arena *a, struct alv_str tenant, int32_t node, const struct ten_hosts *h);
/* May there be a tenant of this id? Not where its bootstrap reads as a broker's host. */
bool ten_hosts_fit(const struct ten_hosts *h, struct alv_str id);

/* A DNS name of at least two labels, in lower case. */
bool ten_host_legal(struct alv_str s);

/* ---- host names of a tenant's own ------------------------------------------------------------ */

enum { TEN_OWN_MAX = 8, TEN_OWN_KEY = 264 };

struct ten_own {
	struct alv_str	   bootstrap;	/* "kafka.acme.com" */
	struct alv_str	   node_text;	/* "b$(node).kafka.acme.com" */
	struct ten_pattern node;	/* the same, read; views into node_text */
};
/* Views of both texts. VALUE: *field ("bootstrap", "nodePattern") is not what was *expected; both static. */
enum alv_err ten_own_parse(struct alv_str bootstrap, struct alv_str node_pattern, struct ten_own *o, const char **field,
    const char **expected) ALV_MUST;
/* Is there a host that both have? */
bool ten_own_overlap(const struct ten_own *a, const struct ten_own *b);
/* Is it one of them? *node: -1 for the bootstrap. Lower case. */
bool ten_own_read(const struct ten_own *o, struct alv_str host, int32_t *node);
/* A host as it may stand in a table of bootstraps and node patterns: itself, then with one number after the other of its
 * first label made $(node). Length of what is in out, NUL-terminated; 0: there are no more. */
size_t ten_own_key(struct alv_str host, unsigned i, char out[static TEN_OWN_KEY]);
/* Is one of its names the domain, or below it? */
bool ten_own_below(const struct ten_own *o, struct alv_str domain);

#endif
