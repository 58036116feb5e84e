"""All suites, in the order in which they run."""
import runner

runner.main(["produce_consume", "groups", "transactions", "admin", "versions", "identity", "aliases", "sni", "scale",
             "tenants_live", "brokers", "faults", "upstream"])
