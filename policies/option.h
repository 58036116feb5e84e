/* The table of options (option.def), and values of its types. */
#ifndef ALCOVE_POLICIES_OPTION_H
#define ALCOVE_POLICIES_OPTION_H

#include <alcove/config.h>

#include "policies/diag.h"
#include "policies/doc.h"

enum pol_type {
	POL_T_BOOL, POL_T_NUMBER, POL_T_PORT, POL_T_PORTS, POL_T_BIND, POL_T_BINDS, POL_T_ADDRESSES, POL_T_RENAMES, POL_T_NAME, POL_T_TEXT, POL_T_HOST,
	POL_T_DOMAIN, POL_T_TENANT, POL_T_CHOICE, POL_T_CHOICES, POL_T_WORD, POL_T_CERTIFICATE, POL_T_KEY, POL_T_SECRET,
	POL_T_NETS, POL_T_TEXTS, POL_T_TENANTS, POL_T_URL, POL_T_CLAIM, POL_T_CLAIMS, POL_T_NEW_FILE, POL_T_CRL, POL_T_PART, POL_TYPES
};

/* When a changed value takes effect. */
enum pol_takes { POL_TAKES_RESTART, POL_TAKES_NEW, POL_TAKES_ONCE };

struct pol_option {
	const char   *path;
	enum pol_type type;
	enum pol_takes takes;
	size_t	      at, also, size;	/* offsets in the holder; bytes of the member */
	const char   *dflt;		/* NULL: none; pol_required */
	uint64_t      lo, hi;
	const char   *words, *help;
};

struct pol_section {
	const char *path, *help;
};

extern const char	       pol_required[];
extern const struct pol_option pol_options[];
extern const size_t	       pol_noptions;
extern const struct pol_section pol_sections[];
extern const size_t		pol_nsections;

/* What loading carries along. */
struct pol_load {
	struct alv_arena *a;	/* strings of the configuration */
	struct pol_diag	 *d;
	const char	 *dir;	/* relative paths start here */
};

/* One value as it stands in the file, or a default. */
struct pol_value {
	const struct pol_node *node;	/* NULL: a default */
	struct alv_str	       text;	/* null for lists and sections */
	unsigned	       line;
	const char	      *key;	/* as shown: "listeners[0].bind" */
};

/* Into the holder. False: the diag says why. */
bool pol_value_set(struct pol_load *l, const struct pol_option *o, const struct pol_value *v, void *holder) ALV_MUST;
/* "a number from 1 to 5 (ms)". */
struct alv_str pol_value_expected(const struct pol_option *o, struct alv_arena *a);
/* "number", for the manual. */
const char *pol_value_type(const struct pol_option *o);

/* "host:port", "[::1]:port"; the port within lo and hi. */
bool pol_bind_parse(struct alv_str s, uint64_t lo, uint64_t hi, struct pol_bind *out) ALV_MUST;
/* "https://host[:port]/...", "http://...", "file:..." without blanks, user or fragment. */
bool pol_url_legal(struct alv_str s);
/* The host of such a URL, without brackets; "" for a file. */
struct alv_str pol_url_host(struct alv_str s);
/* A DNS name with at least one label (RFC 1123). */
bool pol_domain_legal(struct alv_str s);
bool pol_host_legal(struct alv_str s);
/* An IPv4 or IPv6 address, in network order: 4 or 16; 0: it is none. */
size_t pol_address_bytes(struct alv_str s, uint8_t out[static 16]) ALV_MUST;
/* An address that only this machine reaches: 127.0.0.0/8, ::1, "localhost". */
bool pol_host_loopback(const char *host);
bool pol_host_wildcard(const char *host);
/* May sockets bound to both (and one port) not be there at once? "::" takes IPv4 as well; names are equal or apart. */
bool pol_host_overlap(const char *a, const char *b);

/* ---- file.c: what files must be ------------------------------------------------------------ */
/* l->dir joined in front of a relative path. */
const char *pol_file_path(struct pol_load *l, struct alv_str s);
/* NULL: good; else "found ..., expected ..." in the arena. */
const char *pol_file_certificate(struct pol_load *l, const char *path);
const char *pol_file_crl(struct pol_load *l, const char *path);
const char *pol_file_key(struct pol_load *l, const char *path);
const char *pol_file_secret(struct pol_load *l, const char *path);
const char *pol_file_plain(struct pol_load *l, const char *path);
const char *pol_file_new(struct pol_load *l, const char *path);
/* NULL: the key belongs to the first certificate. Both files are good by themselves. */
const char *pol_file_pair(struct pol_load *l, const char *certificate, const char *key);
/* Is the first certificate good for every host right below domain? */
bool pol_file_covers(const char *certificate, const char *domain);
/* A small file whole, into memory that the caller frees (and wipes). */
enum alv_err pol_file_read(const char *path, size_t max, struct alv_buf *out) ALV_MUST;

/* ---- hosts.c ---------------------------------------------------------------------------------------- */
/* Sets x->hosts. NULL: good. Else what was expected at *key, where *found is. */
const char *pol_hosts_make(struct pol_load *l, struct pol_listener *x, const char **key, const char **found);
/* The domain whose wildcard certificate fits all hosts of the pattern; null: none can. */
struct alv_str pol_hosts_wildcard(const struct ten_pattern *p);


/* The list whose items have the option, as the head of its path: "listeners/"; "": none. */
struct alv_str pol_list_of(const struct pol_option *o);

/* ---- bind.c, check.c -------------------------------------------------------------------------- */
/* The tree into the struct: unknown keys, types, ranges, files, defaults. */
void pol_config_bind(struct pol_load *l, const struct pol_node *root, struct pol_config *c);
/* What the options must be together; root gives lines. Only after a bind without errors. */
void pol_config_check(struct pol_load *l, const struct pol_node *root, struct pol_config *c);

/* check_oauth.c: the same for issuers of tokens. */
void pol_config_check_oauth(struct pol_load *l, const struct pol_node *root, struct pol_config *c);

/* What the file said, as long as c lives. */
const struct pol_node *pol_config_root(const struct pol_config *c);
/* check.c: password.file's one line into memory that the caller wipes and frees. NULL: good, else "found ..., expected ...". */
const char *pol_config_password(const struct pol_upstream *u, struct alv_str *out) ALV_MUST;

#endif
