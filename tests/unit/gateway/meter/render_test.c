/* The text on /metrics. */
#include <alcove/buf.h>
#include <alcove/meter.h>
#include <alcove/str.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static char *
text(struct met_worker *const *w, size_t n)
{
	struct alv_buf out;

	alv_buf_init(&out, 1 << 20);
	met_render(w, n, &out);
	alv_buf_byte(&out, 0);
	assert_int_equal(out.err, ALV_OK);
	return (char *)out.p;
}

static void
has(const char *t, const char *line)
{
	if (strstr(t, line) == NULL)
		fail_msg("not there: %s\nin:\n%s", line, t);
}

static void
of_the_process(void **state)
{
	struct met_worker	     *w[1] = { met_worker_new(4, 4) };
	const struct met_certificate certs[] = { { "listener main", "/tls/a \"b\".pem", 1800000000 }, { "admin", "x.pem", -1 } };
	char			     *t;

	(void)state;
	met_process_add(MET_RELOADED, 2);
	met_process_add(MET_NOT_RELOADED, 1);
	met_certificates(certs, 2);
	t = text(w, 1);
	has(t, "alcove_reload_total{result=\"ok\"} 2\nalcove_reload_total{result=\"failed\"} 1\n");
	has(t, "alcove_certificate_expiry_seconds{where=\"listener main\",file=\"/tls/a \\\"b\\\".pem\"} 1800000000\n"
	       "alcove_certificate_expiry_seconds{where=\"admin\",file=\"x.pem\"} -1\n");
	free(t);
	met_certificates(NULL, 0);
	t = text(w, 1);
	assert_null(strstr(t, "x.pem"));
	free(t);
	met_worker_free(w[0]);
}

static void
workers_are_summed(void **state)
{
	struct met_worker *w[2] = { met_worker_new(4, 4), met_worker_new(4, 4) };
	struct met_bytes   b = { .tenant = ALV_STR("zeta"), .direction = MET_PRODUCE, .bytes = 100 };
	char		  *t, *again;

	(void)state;
	for (int i = 0; i < 2; i++) {
		met_connection(w[i], +1);
		met_connection(w[i], +1);
		met_upstream(w[i], +1);
		met_upstream_waiting(w[i], +3);
		met_charge(w[i], &b);
		met_request(w[i], NULL, b.tenant, 0, 0, 40);
		met_request(w[i], NULL, ALV_STR("acme"), 1, -1, 1500);
		met_request(w[i], NULL, ALV_STR(""), 999, 9999, 2000000);
		met_reauthentication(w[i], i == 0);
		met_login(w[i], ALV_BY_PLAIN, i == 0 ? ALV_LOGIN_OK : ALV_LOGIN_PASSWORD);
		met_login(w[i], ALV_BY_SCRAM_SHA_256, ALV_LOGIN_UNKNOWN);
		met_login_late(w[i]);
		met_dropped(w[i], 3, 4);
		met_streamed(w[i]);
		for (int k = 0; k < MET_SESSION_COUNTS; k++)
			for (int j = 0; j < (k == MET_SESSION_OPENED ? 9 : k + 1) - (i == 1); j++)
				met_session(w[i], (enum met_session)k);
		for (int k = 0; k <= i; k++)
			met_denied(w[i], NULL, ALV_STR("acme"), 4, 2);
		met_denied(w[i], NULL, i == 0 ? ALV_STR("acme") : ALV_STR("zeta"), 7, 4);
		met_turn(w[i], 60);
		met_memory(w[i], 500);
		met_memory(w[i], -200);
		met_waiting(w[i], +1);
	}
	met_budget(w[0], 1000);
	met_waiting(w[1], -1);
	met_connection(w[1], -1);
	met_closed(w[1], MET_CLOSE_IDLE);
	t = text(w, 2);
	has(t, "# HELP alcove_connections Client connections that are open now.\n# TYPE alcove_connections gauge\nalcove_connections 3\n");
	has(t, "alcove_connections_opened_total 4\n");
	has(t, "alcove_connections_closed_total{reason=\"idle\",fault=\"nobody\"} 1\n");
	has(t, "alcove_connections_closed_total{reason=\"client_eof\",fault=\"nobody\"} 0\n");
	has(t, "alcove_connections_closed_total{reason=\"upstream_eof\",fault=\"broker\"} 0\n");
	has(t, "alcove_upstream_connections 2\n");
	has(t, "alcove_upstream_connects_waiting 6\n");
	has(t, "alcove_logins_total{mechanism=\"SCRAM-SHA-256\",result=\"failed\"} 2\nalcove_logins_total{mechanism=\"SCRAM-SHA-256\",result=\"ok\"} 0\n");
	has(t, "alcove_logins_total{mechanism=\"PLAIN\",result=\"failed\"} 1\nalcove_logins_total{mechanism=\"PLAIN\",result=\"ok\"} 1\n");
	has(t, "alcove_login_failures_total{mechanism=\"SCRAM-SHA-256\",reason=\"unknown_user\"} 2\n"
	       "alcove_login_failures_total{mechanism=\"PLAIN\",reason=\"wrong_password\"} 1\n");
	has(t, "alcove_logins_delayed_total 2\n");
	has(t, "alcove_reauthentications_total{result=\"failed\"} 1\nalcove_reauthentications_total{result=\"ok\"} 1\n");
	has(t, "alcove_requests_total{api=\"Produce\"} 2\nalcove_requests_total{api=\"Fetch\"} 2\nalcove_requests_total{api=\"_other\"} 2\n");
	has(t, "alcove_errors_total{code=\"-1\"} 2\nalcove_errors_total{code=\"_other\"} 2\n");
	has(t, "alcove_tenant_requests_total{tenant=\"_other\"} 0\nalcove_tenant_requests_total{tenant=\"acme\"} 2\nalcove_tenant_requests_total{tenant=\"zeta\"} 2\n");
	has(t, "alcove_tenant_bytes_total{tenant=\"zeta\",direction=\"produce\"} 200\n");
	has(t, "alcove_denied_total{tenant=\"acme\",operation=\"WRITE\",resource=\"TOPIC\"} 3\n"
	       "alcove_denied_total{tenant=\"acme\",operation=\"ALTER\",resource=\"CLUSTER\"} 1\n"
	       "alcove_denied_total{tenant=\"zeta\",operation=\"ALTER\",resource=\"CLUSTER\"} 1\n");
	has(t, "alcove_streamed_responses_total 2\n");
	has(t, "alcove_fetch_sessions_opened_total 17\n");
	has(t, "alcove_fetch_sessions_ended_total{by=\"client\"} 5\nalcove_fetch_sessions_ended_total{by=\"broker\"} 7\n"
	       "alcove_fetch_sessions_ended_total{by=\"evicted\"} 9\nalcove_fetch_sessions_ended_total{by=\"revoked\"} 11\n");
	has(t, "alcove_fetch_sessions 0\n");
	has(t, "alcove_fetch_session_requests_total 3\n");
	has(t, "alcove_dropped_tags_total 6\n");
	has(t, "alcove_filtered_elements_total 8\n");
	has(t, "alcove_own_latency_seconds_bucket{le=\"5e-05\"} 2\n");
	has(t, "alcove_own_latency_seconds_bucket{le=\"0.001\"} 2\n");
	has(t, "alcove_own_latency_seconds_bucket{le=\"0.002\"} 4\n");
	has(t, "alcove_own_latency_seconds_bucket{le=\"1\"} 4\nalcove_own_latency_seconds_bucket{le=\"+Inf\"} 6\n");
	has(t, "alcove_own_latency_seconds_sum 4.003080\nalcove_own_latency_seconds_count 6\n");
	has(t, "alcove_loop_turn_seconds_count 2\n");
	has(t, "alcove_memory_reserved_bytes 600\n");
	has(t, "alcove_memory_budget_bytes 1000\n");
	has(t, "alcove_admission_waiting 1\n");
	has(t, "alcove_admission_waits_total 2\n");
	again = text(w, 2);
	assert_string_equal(t, again);
	free(t);
	free(again);
	met_worker_free(w[0]);
	met_worker_free(w[1]);
}

static void
labels_are_escaped(void **state)
{
	struct met_worker *w = met_worker_new(4, 4);
	char		  *t;

	(void)state;
	met_request(w, NULL, ALV_STR("a\"} 1\nforged{x=\"\\"), 0, 0, 1);
	t = text(&w, 1);
	has(t, "alcove_tenant_requests_total{tenant=\"a\\\"} 1\\nforged{x=\\\"\\\\\"} 1\n");
	free(t);
	met_worker_free(w);
}

static void
no_worker_no_crash(void **state)
{
	char *t = text(NULL, 0);

	(void)state;
	has(t, "alcove_workers 0\n");
	free(t);
}

static void
ceiling_is_told(void **state)
{
	struct met_worker *w = met_worker_new(4, 4);
	struct alv_buf	   out;

	(void)state;
	alv_buf_init(&out, 100);
	met_render(&w, 1, &out);
	assert_int_equal(out.err, ALV_E_LIMIT);
	alv_buf_fini(&out);
	met_worker_free(w);
}

static void
close_reasons(void **state)
{
	(void)state;
	assert_string_equal(met_close_name(MET_CLOSE_SNI_UNKNOWN), "sni_unknown");
	assert_string_equal(met_close_name(MET_CLOSE_UPSTREAM_MALFORMED), "upstream_malformed");
	assert_string_equal(met_close_text(MET_CLOSE_SNI_UNKNOWN), "no such virtual host");
	assert_int_equal(met_close_fault(MET_CLOSE_SNI_UNKNOWN), 1);
	assert_string_equal(met_close_name(MET_CLOSES), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_are_summed),
		cmocka_unit_test(of_the_process),
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(no_worker_no_crash),
		cmocka_unit_test(ceiling_is_told),
		cmocka_unit_test(close_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
