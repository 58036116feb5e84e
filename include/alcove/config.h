/* alcove.yaml, checked whole and bound to this struct by policies/ (option.def is the one table of options).
 * Immutable after loading. Strings are never NULL unless said. */
#ifndef ALCOVE_CONFIG_H
#define ALCOVE_CONFIG_H

#include <alcove/base.h>
#include <alcove/buf.h>
#include <alcove/cidr.h>
#include <alcove/err.h>
#include <alcove/log.h>
#include <alcove/tenant.h>

enum pol_scale { POL_SCALE_CLUSTER, POL_SCALE_PER_BROKER };
enum pol_racks { POL_RACKS_HIDE, POL_RACKS_EXPOSE };
enum pol_endpoint { POL_ENDPOINT_SNI, POL_ENDPOINT_PORT };
/* security.protocol */
enum pol_security { POL_PLAINTEXT, POL_SSL, POL_SASL_PLAINTEXT, POL_SASL_SSL };
/* The same numbers as enum aut_mechanism. */
enum pol_sasl { POL_SASL_SCRAM_SHA_256, POL_SASL_SCRAM_SHA_512, POL_SASL_PLAIN, POL_SASL_OAUTHBEARER, POL_SASL_MECHANISMS };

/* Is a PROXY header wanted before anything else? */
enum pol_proxy { POL_PROXY_OFF, POL_PROXY_V1, POL_PROXY_V2, POL_PROXY_ANY };

struct pol_bind {
	char	 host[256];
	uint16_t port;
};

/* ssl.client.auth */
enum pol_client_auth { POL_CLIENT_NONE, POL_CLIENT_REQUESTED, POL_CLIENT_REQUIRED };

/* Whether a client's certificate is its login, with no SASL behind it (Kafka's security.protocol SSL); which of its names counts. */
enum pol_tls_login { POL_LOGIN_SASL, POL_LOGIN_CERTIFICATE };
enum pol_named { POL_NAMED_SUBJECT, POL_NAMED_DNS, POL_NAMED_URI, POL_NAMED_EMAIL };

/* Authorities of one tenant's clients, in place of the listener's. */
enum { POL_AUTHORITIES_MAX = 1000 };
struct pol_authority {
	char	    tenant[TEN_ID_MAX + 1];
	const char *ca_file, *crl_file;	/* crl_file: NULL: nobody asks */
};

enum { POL_PAIRS_MAX = 65 };
struct pol_files {
	const char *certificate_file, *key_file;
};

struct pol_listener {
	char		  name[64];
	struct pol_bind	  bind;
	enum pol_endpoint endpoint;
	char		  domain[256];		/* sni: "kafka.example.com"; "" where both patterns are given */
	const char	 *bootstrap_pattern, *node_pattern;	/* NULL: by domain */
	struct ten_hosts  hosts;		/* sni: what is made of these */
	char		  advertised_host[256];	/* port: what clients are told */
	uint16_t	  advertised_port;	/* 0: the port that was bound */
	uint16_t	  node_port_first, node_port_last;	/* port: broker n is at first + n - node_id_first */
	int32_t		  node_id_first;
	char		  tenant[33];		/* port: "" shared by all (login "<tenant>/<user>") */
	enum pol_proxy	  proxy_protocol;
	size_t		  ntrusted;		/* whose PROXY headers are believed; 0 only where it is off */
	const struct alv_cidr *trusted;
	bool		  tls;			/* always with sni */
	const char	 *certificate_file, *key_file;	/* the single pair; NULL: there is none */
	size_t		  npairs;		/* 0 without tls */
	const struct pol_files *pairs;		/* the single one first */
	enum pol_client_auth client_auth;
	const char	 *client_ca_file;	/* NULL where client_auth is none */
	const char	 *client_crl_file;	/* NULL: nobody asks what was revoked */
	size_t		  nauthorities;
	const struct pol_authority *authorities;
	enum pol_tls_login login;
	enum pol_named	  named;
	const char	 *principal_rules;	/* ssl.principal.mapping.rules */
	const char	 *min_protocol;		/* "TLSv1.2", "TLSv1.3" */
};

struct pol_rename {
	struct alv_str phys, virt;
};

struct pol_upstream {
	size_t		       nbootstrap;
	const struct pol_bind *bootstrap;
	enum pol_security      security;
	bool		       tls, sasl;	/* by security.protocol */
	const char	      *ca_file;		/* NULL: the system's */
	const char	      *certificate_file, *key_file;	/* NULL: no mTLS */
	bool		       verify_host;
	int		       mechanism;	/* enum aut_mechanism */
	const char	      *username;	/* NULL without sasl, as the next two */
	const char	      *password_file;
	struct alv_str	       password;	/* read from password.file */
	uint32_t	       connect_timeout_ms, request_timeout_ms;
	uint32_t	       connect_rate;	/* per broker and second, all workers together; 0: no limit */
	size_t		       nsources;
	const char *const     *source;		/* addresses that connections come from */
	uint32_t	       dns_cache_ms, dead_peer_ms;
	const char	      *cluster_id;	/* NULL: the first that answers */
	uint32_t	       metadata_refresh_ms;	/* brokers and topics */
	enum pol_racks	       racks;
	size_t		       nrack_names;
	const struct pol_rename *rack_names;	/* brokers' racks that tenants know under other names */
	uint32_t	       listing_max_age_ms;	/* of answers that clients share; 0: none do */
	uint32_t	       census_interval_ms;	/* of what tenants have (alcove/tally.h) */
};

struct pol_limits {
	uint32_t connections_max;		/* in all */
	uint32_t connections_unauthenticated_max;	/* of these; 0: half */
	uint32_t connections_max_idle_ms;
	uint32_t dead_peer_ms;			/* a silent client counts as gone */
	uint32_t handshake_timeout_ms, authentication_timeout_ms;
	uint32_t frame_max_bytes;		/* socket.request.max.bytes */
	uint32_t frame_max_bytes_unauthenticated;
	uint32_t frame_timeout_ms;		/* a begun frame must complete within */
	uint32_t response_max_bytes;		/* from brokers */
	uint32_t fetch_max_bytes;		/* what a Fetch may ask for at most */
	uint32_t in_flight_max;			/* requests per connection */
	uint32_t out_max_bytes;			/* unsent responses per connection before its upstream is not read */
	uint32_t arena_max_bytes;		/* decoded form of one request or response */
	uint32_t topic_ids_max;			/* cached per worker */
	uint32_t fetch_sessions_max;		/* of one connection; 0: none are given */
	uint32_t fetch_session_partitions_max;
	uint64_t memory_max_bytes;		/* frames and answers on their way, of all connections; 0: by what there is */
	uint32_t memory_share_percent;		/* of that for one tenant at most */
	uint32_t memory_floor_bytes;		/* for each tenant, whatever the others hold */
	uint32_t request_min_rate, response_min_rate;	/* bytes a second; 0: any */
	uint32_t audit_native_rows;		/* of the audit, for each tenant; 0: any number */
};

/* A claim that a token has to have; value NULL: any. */
struct pol_claim {
	const char *name, *value;
};

/* Whose tokens are taken, and for what. */
struct pol_issuer {
	char		       name[64];
	const char	      *issuer;		/* iss */
	size_t		       naudiences;
	const char *const     *audiences;	/* one of them in aud */
	const char	      *jwks_url;
	const char	      *jwks_file;	/* where that is a file; else NULL */
	const char	      *ca_file;		/* NULL: the system's */
	size_t		       nallowed;
	const struct alv_cidr *allowed;		/* private networks that the URL may lead to */
	uint32_t	       refresh_ms, stale_ms;
	const char	      *user_claim, *groups_claim, *tenant_claim;	/* the last two may be NULL */
	size_t		       ntenants;
	const char *const     *tenants;		/* none: all that the claim names */
	size_t		       nrequired;
	const struct pol_claim *required;
	uint32_t	       skew_s;
};
struct pol_oauth {
	size_t			 nissuers;
	const struct pol_issuer *issuers;
};

struct pol_config {
	const char	   *file;
	unsigned	    workers;		/* 0 in the file: one per core; here never 0 */
	size_t		    nlisteners;
	const struct pol_listener *listeners;
	struct pol_upstream upstream;
	bool		    mechanisms[8];	/* enum aut_mechanism: offered to clients */
	uint32_t	    scram_iterations;
	struct pol_oauth    oauth;
	uint32_t	    reauth_max_ms;	/* connections.max.reauth.ms; 0: logins do not end by themselves */
	uint32_t	    failed_delay_ms, failed_delay_max_ms;
	struct {
		struct pol_bind bind;
		bool		tls;		/* without it the bind is loopback */
		const char     *certificate_file, *key_file, *tokens_file;
	} admin;
	struct pol_bind	    ops;
	struct {
		const char *file;		/* SQLite */
		const char *key_file;		/* 32 bytes, base64 */
	} state;
	struct pol_limits   limits;
	struct {
		enum pol_scale native_scale;	/* of numbers that Kafka's tools set and see */
		uint32_t throttle_max_ms;	/* the longest that a client is told to wait, and muted */
	} quota;
	struct {
		uint32_t delay_ms, grace_ms;	/* drain */
		uint32_t warn_ms, abort_ms;	/* watchdog; abort 0: never */
	} life;
	struct {
		enum alv_log_level  level;
		enum alv_log_format format;
	} log;
};

/* Reads and checks everything. On failure *c is NULL and err holds lines "file:line: key: found ..., expected ...". */
enum alv_err pol_config_load(const char *file, struct pol_config **c, struct alv_buf *err) ALV_MUST;
void	     pol_config_free(struct pol_config *c);	/* wipes secrets */
/* For a running gateway. What differs between two files although it needs a restart: a line "key: ..." for each into
 * out. False: nothing does, so `fresh` may take the place of `running`. */
bool pol_config_needs_restart(const struct pol_config *running, const struct pol_config *fresh, struct alv_buf *out) ALV_MUST;
/* Is there any difference in what the two files say? (Files that they name may still differ.) */
bool pol_config_same(const struct pol_config *a, const struct pol_config *b) ALV_MUST;
/* *out: NULL when the password's file still says the same, else a copy of c with the new one; c stays. On failure err says why. */
enum alv_err pol_config_renew_password(struct pol_config *c, struct pol_config **out, struct alv_buf *err) ALV_MUST;
/* When the first certificate in the file ends, seconds since 1970; 0: it cannot be read. */
int64_t	     pol_certificate_end(const char *file);
/* docs/configuration.md, from the option table. */
void	     pol_config_doc(struct alv_buf *out);
/* `alcove init DIR`: development CA, server certificate, state key, admin token, commented alcove.yaml. Refuses to
 * overwrite anything. Text for the user goes to out. */
struct pol_init {
	const char *dir, *domain, *bootstrap;	/* domain: "localhost.localdomain"-like; bootstrap: "127.0.0.1:9092" */
	const char *const *sans; size_t nsans;	/* more names or addresses for the certificate */
};
enum alv_err pol_init_dir(const struct pol_init *i, struct alv_buf *out, struct alv_buf *err) ALV_MUST;

#endif
