"""All suites, in the order in which they run."""
import runner

runner.main([
    "produce_consume",
    "groups",
    "patterns",
    "group_admin",
    "share",
    "transactions",
    "admin",
    "configs",
    "storage",
    "refusals",
    "versions",
    "identity",
    "aliases",
    "sni",
    "tls_life",
    "listeners",
    "listing",
    "scale",
    "sessions",
    "tenants_live",
    "brokers",
    "life",
    "faults",
    "upstream",
])
