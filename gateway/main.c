/* alcove: options, the order in which things start and stop, signals. What is started last is stopped first. */
#include <alcove/buf.h>
#include <alcove/clock.h>
#include <alcove/config.h>
#include <alcove/control.h>
#include <alcove/log.h>

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "admin-api/server.h"
#include "control/control.h"
#include "jwks/fetcher.h"
#include "life/drain.h"
#include "life/limits.h"
#include "life/notify.h"
#include "life/watchdog.h"
#include "net/dial.h"
#include "net/tls.h"
#include "proxy/budget.h"
#include "proxy/endpoint.h"
#include "proxy/worker.h"
#include "reload.h"
#include "version.h"

enum { EXIT_USAGE = 2, TEXT_MAX = 256 * 1024 };
enum { BASE_BYTES = 32 * 1024 * 1024, CONNECTION_BYTES = 24 * 1024 };	/* of a process that does nothing; of a quiet connection */
enum { JWKS_MS = 6000 };	/* for issuers to tell their keys, at the start */
enum { SPARE_MS = 5000 };	/* after the grace time, to write down and to free what there is */
enum { CRYPTO_QUEUE = 4096, CRYPTO_PER_KEY = 512, RESOLVER_QUEUE = 1024 };

static const char usage[] =
	"usage: alcove run -c FILE [--ports-file FILE]   serve, in the foreground\n"
	"       alcove check -c FILE                     check the configuration and say what is wrong with it\n"
	"       alcove init DIR [options]                make a development CA, certificate, keys, token, configuration\n"
	"         --domain NAME        what tenants' host names end in (default: alcove.localhost)\n"
	"         --bootstrap H:P      the physical cluster (default: 127.0.0.1:9092)\n"
	"         --san NAME           one more name or address for the certificate; may be repeated\n"
	"       alcove options                           every option of alcove.yaml, as Markdown\n"
	"       alcove apis                              every api of Kafka and what is offered of it, as Markdown\n"
	"       alcove limits                            every limit that a quota can set, as Markdown\n"
	"       alcove version | --version\n"
	"       alcove help | --help\n"
	"\n"
	"alcove run logs to standard error. SIGTERM and SIGINT drain: nothing new is accepted, connections close between\n"
	"two requests, and after drain.grace.ms (20 s) at most it ends with exit code 0; a second signal ends it at once. Exit\n"
	"codes: 1 it could not start, 2 usage. A thread that hangs ends it by SIGABRT after watchdog.abort.ms.\n"
	"SIGHUP reads the configuration and its files anew; changed files are noticed without it.\n";

/* ---- what runs ---------------------------------------------------------------------------------- */

struct alcove {
	struct pol_config     *conf;
	struct alv_qsbr	      *qsbr;
	struct pol_dir	      *dir;
	struct clu_board      *board;
	struct tal_book	      *tally;
	struct net_loop	      *loop;	/* main's: listeners and signals */
	struct net_jobs	      *crypto, *resolver;
	struct net_tls_client *upstream_tls;
	struct con_control    *control;
	struct aut_oauth      *oauth;
	struct jwk_fetcher    *jwks;
	struct adm_server     *admin;
	struct px_gateway      gateway;
	bool		       gateway_made;
	_Atomic bool	       serving;	/* workers may be sent orders */
	struct net_fd	       signals;
	struct lif_drain       drain;
	struct reload	       reload;
	_Atomic(struct lif_watchdog *) watchdog;
	_Atomic bool	       ready;
};

static int
fail(const char *what, const struct alv_buf *words)
{
	fprintf(stderr, "alcove: %s\n", what);
	if (words != NULL && words->n > 0)
		fprintf(stderr, "%.*s%s", (int)words->n, (const char *)words->p,
		    words->p[words->n - 1] == '\n' ? "" : "\n");
	return EXIT_FAILURE;
}

static void
published(void *arg)
{
	struct alcove *a = arg;

	if (atomic_load(&a->serving))
		px_gateway_published(&a->gateway);
}

static bool
is_ready(void *arg, struct alv_buf *why)
{
	struct alcove *a = arg;

	if (!atomic_load(&a->ready)) {
		alv_buf_z(why, "the gateway is starting or shutting down\n");
		return false;
	}
	return con_ready(a->control, why);
}

static bool
is_healthy(void *arg, struct alv_buf *why)
{
	struct alcove *a = arg;

	return lif_watchdog_fine(atomic_load(&a->watchdog), why);
}

/* ---- limits of the process ------------------------------------------------------------------------ */

/* What was asked for by number; a budget that nobody set goes by what there is. It may be passed by an eighth. */
static uint64_t
memory_needed(const struct pol_limits *l)
{
	return BASE_BYTES + (uint64_t)l->connections_max * CONNECTION_BYTES + l->memory_max_bytes + l->memory_max_bytes / 8;
}

static bool
limits_fit(const struct pol_config *conf, struct alv_buf *words)
{
	return lif_limits_files(conf->limits.connections_max, words) &&
	    lif_limits_memory(memory_needed(&conf->limits), px_memory_limit(), words);
}

static int
check_limits(const struct pol_config *conf)
{
	struct alv_buf words;
	int	       r = 0;

	alv_buf_init(&words, TEXT_MAX);
	if (!limits_fit(conf, &words))
		r = fail("the limits of the process are too low", &words);
	alv_buf_fini(&words);
	return r;
}

/* ---- start ------------------------------------------------------------------------------------------- */

static bool
make_shared(struct alcove *a)
{
	a->qsbr = alv_qsbr_new();
	a->loop = net_loop_new();
	if (a->qsbr == NULL || a->loop == NULL)
		return false;
	a->dir = pol_dir_new(a->qsbr);
	a->board = clu_board_new(a->qsbr);
	a->tally = tal_book_new();
	a->crypto = net_jobs_new(a->conf->workers > 1 ? 2 : 1, CRYPTO_QUEUE, CRYPTO_PER_KEY);
	a->resolver = net_jobs_new(2, RESOLVER_QUEUE, RESOLVER_QUEUE);
	a->oauth = aut_oauth_new();
	return a->dir != NULL && a->board != NULL && a->tally != NULL && a->crypto != NULL && a->resolver != NULL && a->oauth != NULL;
}

static int
make_upstream_tls(struct alcove *a)
{
	const struct pol_upstream *u = &a->conf->upstream;
	struct net_tls_client_conf c = { .ca_file = u->ca_file, .cert_file = u->certificate_file, .key_file = u->key_file,
		.min_protocol = "TLSv1.2", .verify_host = u->verify_host };
	struct net_tls_error	   err = { "" };

	if (!u->tls)
		return 0;
	a->upstream_tls = net_tls_client_new(&c, &err);
	if (a->upstream_tls != NULL)
		return 0;
	fprintf(stderr, "alcove: upstream: %s\n", err.text);
	return EXIT_FAILURE;
}

/* Only the machine that serves can tell whether it has these addresses. */
static int
check_sources(const struct pol_config *conf)
{
	const char *missing = net_sources_missing(conf->upstream.source, conf->upstream.nsources);

	if (missing != NULL)
		fprintf(stderr, "alcove: %s: upstream.source.addresses: found '%s', expected an address of this machine\n",
		    conf->file, missing);
	return missing == NULL ? 0 : EXIT_FAILURE;
}

static int
start_control(struct alcove *a)
{
	struct alv_buf	words;
	struct con_conf c = { .conf = a->conf, .qsbr = a->qsbr, .dir = a->dir, .board = a->board, .tally = a->tally, .crypto = a->crypto,
		.resolver = a->resolver, .upstream_tls = a->upstream_tls, .on_publish = published, .arg = a };
	int		r = 0;

	alv_buf_init(&words, TEXT_MAX);
	if (con_start(&c, &a->control, &words))
		r = fail("the state cannot be used", &words);
	alv_buf_fini(&words);
	return r;
}

/* A client that is told that its token is bad gives up for good: so nobody is let in before the issuers were asked. */
static int
start_jwks(struct alcove *a)
{
	a->jwks = jwk_fetcher_new(a->oauth);
	if (a->jwks == NULL || jwk_fetcher_configure(a->jwks, &a->conf->oauth))
		return fail("out of memory, or no thread for issuers' keys", NULL);
	jwk_fetcher_settle(a->jwks, JWKS_MS);
	return 0;
}

static int
start_gateway(struct alcove *a)
{
	struct px_gateway *g = &a->gateway;
	struct alv_buf	   words;
	int		   r = 0;

	*g = (struct px_gateway){ .conf = a->conf, .control = a->control, .qsbr = a->qsbr, .crypto = a->crypto,
		.resolver = a->resolver, .upstream_tls = a->upstream_tls, .acceptor = a->loop,
		.shared = { .conf = a->conf, .dir = a->dir, .board = a->board, .tally = a->tally, .fake_secret = con_fake_secret(a->control),
		.oauth = a->oauth } };
	alv_buf_init(&words, TEXT_MAX);
	if (px_gateway_init(g))
		r = fail("out of memory", NULL);
	else if (px_gateway_start(g, &words))
		r = fail("cannot listen", &words);
	a->gateway_made = true;
	atomic_store(&a->serving, r == 0);
	alv_buf_fini(&words);
	return r;
}

static int
start_admin(struct alcove *a)
{
	struct alv_buf	words;
	struct adm_conf c = { .config = a->conf, .control = a->control, .dir = a->dir, .board = a->board, .qsbr = a->qsbr,
		.meters = a->gateway.meters, .nmeters = a->gateway.nworkers, .ready = is_ready, .ready_arg = a, .healthy = is_healthy, .version = ALCOVE_VERSION };
	int		r = 0;

	alv_buf_init(&words, TEXT_MAX);
	if (adm_start(&c, &a->admin, &words))
		r = fail("the admin API cannot start", &words);
	alv_buf_fini(&words);
	return r;
}

/* ---- drain and signals ---------------------------------------------------------------------------------- */

static void
stop_accepting(void *arg, uint32_t grace_ms)
{
	struct alcove *a = arg;

	px_gateway_drain(&a->gateway, grace_ms);
}

static uint32_t
connections_left(void *arg)
{
	struct alcove *a = arg;

	return px_gateway_connections(&a->gateway);
}

static void
drained(void *arg)
{
	struct alcove *a = arg;

	net_loop_stop(a->loop);
}

static void
begin_drain(struct alcove *a, uint32_t signal_number)
{
	uint64_t most_ms = (uint64_t)a->drain.delay_ms + a->drain.grace_ms + SPARE_MS;
	char	 state[96];

	atomic_store(&a->ready, false);
	snprintf(state, sizeof(state), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%llu", (unsigned long long)most_ms * 1000);
	(void)lif_notify(state);
	lif_drain_begin(&a->drain);
	alv_log(ALV_LOG_INFO, "draining", ALV_KV_I("signal", signal_number),
	    ALV_KV_I("connections", px_gateway_connections(&a->gateway)));
}

static void
on_signal(struct net_fd *f, uint32_t events)
{
	struct alcove		*a = ALV_HOLDER(f, struct alcove, signals);
	struct signalfd_siginfo info;

	(void)events;
	while (read(f->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo == SIGHUP)
			reload_now(&a->reload);
		else
			begin_drain(a, info.ssi_signo);
}

/* Before any thread starts, so that all inherit the mask. */
static int
watch_signals(struct alcove *a)
{
	sigset_t set;
	int	 fd;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);	/* a file that may not grow is a failed write, not our end */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	a->drain = (struct lif_drain){ .loop = a->loop, .delay_ms = a->conf->life.delay_ms, .grace_ms = a->conf->life.grace_ms,
		.close = stop_accepting, .left = connections_left, .over = drained, .arg = a };
	lif_drain_init(&a->drain);
	if (fd < 0 || net_fd_open(a->loop, &a->signals, fd, 1 /* EPOLLIN */, on_signal))
		return fail("cannot watch signals", NULL);
	return 0;
}

static int
watch_files(struct alcove *a)
{
	a->reload = (struct reload){ .first = a->conf, .loop = a->loop, .gateway = &a->gateway, .fits = limits_fit };
	return reload_start(&a->reload) ? fail("out of memory", NULL) : 0;
}

/* ---- the watchdog ------------------------------------------------------------------------------------------ */

static int
start_watchdog(struct alcove *a)
{
	struct lif_watched   watched[LIF_WATCHED_MAX];
	struct lif_watchdog *d;
	size_t		     n = 0;

	watched[n++] = (struct lif_watched){ .name = "main", .pulse = net_loop_pulse(a->loop) };
	for (unsigned i = 0; i < a->gateway.nworkers && n < LIF_WATCHED_MAX; i++) {
		const struct px_worker *w = a->gateway.workers[i];

		watched[n++] = (struct lif_watched){ .name = "worker", .number = i, .pulse = net_loop_pulse(w->loop),
			.doing = px_worker_doing, .arg = w };
	}
	if (lif_watchdog_start(watched, n, a->conf->life.warn_ms, a->conf->life.abort_ms, &d))
		return fail("the watchdog cannot start", NULL);
	atomic_store(&a->watchdog, d);
	return 0;
}

/* ---- the bound ports, for those who configured port 0 ---------------------------------------------------- */

static int
tell_ports(const struct alcove *a, const char *file)
{
	struct alv_buf b;
	FILE	      *f;
	int	       r = 0;

	alv_buf_init(&b, TEXT_MAX);
	px_gateway_ports(&a->gateway, &b);
	alv_buf_printf(&b, "admin - %u\nops - %u\n", (unsigned)adm_port(a->admin), (unsigned)adm_ops_port(a->admin));
	if (file != NULL) {
		f = fopen(file, "we");
		if (f == NULL || b.err || fwrite(b.p, 1, b.n, f) != b.n || fclose(f) != 0) {
			fprintf(stderr, "alcove: --ports-file %s: %s\n", file, strerror(errno));
			r = EXIT_FAILURE;
		}
	}
	alv_log(ALV_LOG_INFO, "serving", ALV_KV_Z("version", ALCOVE_VERSION), ALV_KV_I("workers", a->gateway.nworkers),
	    ALV_KV_I("admin_port", adm_port(a->admin)), ALV_KV_I("ops_port", adm_ops_port(a->admin)));
	alv_buf_fini(&b);
	return r;
}

/* ---- commands ---------------------------------------------------------------------------------------------- */

static void
stop_all(struct alcove *a)
{
	if (a->admin != NULL)
		adm_stop(a->admin);
	lif_watchdog_stop(atomic_load(&a->watchdog));
	jwk_fetcher_free(a->jwks);	/* logins that wait for keys go on */
	if (a->gateway_made)
		px_gateway_end(&a->gateway);
	if (a->control != NULL)
		con_stop(a->control);
	net_jobs_free(a->crypto);
	net_jobs_free(a->resolver);
	if (a->gateway_made)
		px_gateway_free(&a->gateway);
	aut_oauth_free(a->oauth);
	reload_end(&a->reload);
	if (a->loop != NULL)
		net_loop_free(a->loop);
	net_tls_client_free(a->upstream_tls);
	clu_board_free(a->board);
	pol_dir_free(a->dir);
	tal_book_free(a->tally);
	alv_qsbr_free(a->qsbr);
	pol_config_free(a->conf);
}

static int
load(const char *file, struct pol_config **conf)
{
	struct alv_buf words;
	int	       r = 0;

	alv_buf_init(&words, TEXT_MAX);
	if (pol_config_load(file, conf, &words))
		r = fail("the configuration is not usable", &words);
	for (size_t i = 0; r == 0 && i < (*conf)->nlisteners; i++)
		if (px_listener_check(&(*conf)->listeners[i], &words))
			r = fail("the configuration is not usable", &words);
	alv_buf_fini(&words);
	return r;
}

static int
serve(struct alcove *a, const char *ports_file)
{
	int r = watch_signals(a);

	if (r == 0)
		r = check_sources(a->conf);
	if (r == 0)
		r = watch_files(a);
	if (r == 0)
		r = make_upstream_tls(a);
	if (r == 0)
		r = start_control(a);
	if (r == 0)
		r = start_jwks(a);
	if (r == 0)
		r = start_gateway(a);
	if (r == 0)
		r = start_admin(a);
	if (r == 0)
		r = start_watchdog(a);
	if (r == 0)
		r = tell_ports(a, ports_file);
	if (r != 0)
		return r;
	a->reload.control = a->control;
	a->reload.admin = a->admin;
	a->reload.upstream_tls = a->upstream_tls;
	a->reload.jwks = a->jwks;
	atomic_store(&a->ready, true);
	(void)lif_notify("READY=1");
	net_loop_run(a->loop);
	alv_log(ALV_LOG_INFO, "ending", ALV_KV_I("connections", px_gateway_connections(&a->gateway)));
	return 0;
}

static int
cmd_run(const char *file, const char *ports_file)
{
	struct alcove a = { .signals = { .fd = -1 } };
	int	      r = load(file, &a.conf);

	if (r == 0) {
		lif_limits_secrets();
		lif_limits_heap();
		alv_log_setup(2, a.conf->log.level, a.conf->log.format);
		r = check_limits(a.conf);
		if (r == 0 && !make_shared(&a))
			r = fail("out of memory", NULL);
		if (r == 0)
			r = serve(&a, ports_file);
	}
	stop_all(&a);
	return r;
}

static int
cmd_check(const char *file)
{
	struct pol_config *conf = NULL;
	int		   r = load(file, &conf);

	if (r == 0)
		r = check_sources(conf);
	if (r == 0)
		printf("%s: ok\n", file);
	pol_config_free(conf);
	return r;
}

static int
print_text(enum alv_err err, struct alv_buf *out, struct alv_buf *words)
{
	int r = 0;

	if (err || out->err)
		r = fail("nothing was written", words);
	else
		fwrite(out->p, 1, out->n, stdout);
	alv_buf_wipe(out);	/* may hold a new token */
	if (words != NULL)
		alv_buf_fini(words);
	return r;
}

static int
cmd_init(const struct pol_init *i)
{
	struct alv_buf out, words;
	enum alv_err   err;

	alv_buf_init(&out, TEXT_MAX);
	alv_buf_init(&words, TEXT_MAX);
	err = pol_init_dir(i, &out, &words);
	return print_text(err, &out, &words);
}

static int
cmd_page(void (*write_page)(struct alv_buf *out))
{
	struct alv_buf out;

	alv_buf_init(&out, TEXT_MAX);
	write_page(&out);
	return print_text(ALV_OK, &out, NULL);
}

/* ---- the command line ------------------------------------------------------------------------------------------ */

static int
bad_usage(const char *why, const char *what)
{
	fprintf(stderr, "alcove: %s%s\n\n%s", why, what, usage);
	return EXIT_USAGE;
}

struct args {
	const char     *config, *ports_file;
	struct pol_init init;
	const char     *sans[64];
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },	{ "ports-file", required_argument, NULL, 'P' },
	{ "domain", required_argument, NULL, 'd' },	{ "bootstrap", required_argument, NULL, 'b' },
	{ "san", required_argument, NULL, 's' },	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },		{ NULL, 0, NULL, 0 },
};

/* 0: go on; else what main returns, less one. */
static int
parse(int argc, char **argv, struct args *a)
{
	int o;

	while ((o = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
		switch (o) {
		case 'c': a->config = optarg; break;
		case 'P': a->ports_file = optarg; break;
		case 'd': a->init.domain = optarg; break;
		case 'b': a->init.bootstrap = optarg; break;
		case 's':
			if (a->init.nsans == ALV_COUNT(a->sans))
				return 1 + bad_usage("too many --san", "");
			a->sans[a->init.nsans++] = optarg;
			break;
		case 'h': printf("%s", usage); return 1;
		case 'V': printf("alcove %s\n", ALCOVE_VERSION); return 1;
		default: fprintf(stderr, "\n%s", usage); return 1 + EXIT_USAGE;
		}
	}
	return 0;
}

static int
run_command(const char *name, struct args *a, int argc, char **argv)
{
	bool wants_config = strcmp(name, "run") == 0 || strcmp(name, "check") == 0;
	int  wants_args = strcmp(name, "init") == 0 ? 1 : 0;

	if (wants_config && a->config == NULL)
		return bad_usage("-c FILE is missing", "");
	if (argc > wants_args)
		return bad_usage("unexpected argument: ", argv[wants_args]);
	if (strcmp(name, "run") == 0)
		return cmd_run(a->config, a->ports_file);
	if (strcmp(name, "check") == 0)
		return cmd_check(a->config);
	if (strcmp(name, "options") == 0)
		return cmd_page(pol_config_doc);
	if (strcmp(name, "limits") == 0)
		return cmd_page(pol_quota_doc);
	if (strcmp(name, "apis") == 0)
		return cmd_page(api_coverage);
	if (strcmp(name, "version") == 0 || strcmp(name, "help") == 0)
		return printf(name[0] == 'v' ? "alcove " ALCOVE_VERSION "\n" : "%s", usage) < 0;
	if (strcmp(name, "init") != 0)
		return bad_usage("no such command: ", name);
	if (argc < 1)
		return bad_usage("init: which directory?", "");
	a->init.dir = argv[0];
	return cmd_init(&a->init);
}

int
main(int argc, char **argv)
{
	struct args a = { .init = { .domain = "alcove.localhost", .bootstrap = "127.0.0.1:9092" } };
	int	    r;

	net_tls_memory();
	a.init.sans = a.sans;
	r = parse(argc, argv, &a);
	if (r != 0)
		return r - 1;
	if (optind >= argc)
		return bad_usage("which command?", "");
	return run_command(argv[optind], &a, argc - optind - 1, argv + optind + 1);
}
