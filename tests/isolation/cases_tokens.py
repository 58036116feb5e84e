"""Tokens: what the victim's issuer signed for the victim's tenant, shown at the attacker's door and at the one that tenants share."""

import contextlib

import kafkawire as kw
import stack
from cases import case, expect
from issuer import Issuer

OAUTH = """
oauth:
  issuers:
    - name: victims
      sasl.oauthbearer.expected.issuer: {issuer.iss}
      sasl.oauthbearer.expected.audience: {issuer.audience}
      sasl.oauthbearer.jwks.endpoint.url: "file:{issuer.folder}/keys.json"
      tenants: {tenants}
      sasl.oauthbearer.sub.claim.name: sub
"""


@contextlib.contextmanager
def issued(world, tenants):
    gateway = world.stack.gateway
    path, head = gateway.folder / "alcove.yaml", "  scram.iterations: 4096\n"
    before = path.read_text()
    with Issuer(gateway.folder / "issuer", gateway.folder / "server.pem", gateway.folder / "server.key") as issuer:
        (issuer.folder / "keys.json").write_bytes(issuer.jwks)
        path.write_text(before.replace(head, head + "  sasl.mechanisms: SCRAM-SHA-512, SCRAM-SHA-256, PLAIN, OAUTHBEARER\n") +
                        OAUTH.format(issuer=issuer, tenants=tenants))
        gateway.reload()
        stack.wait_until("the keys are there", lambda: gateway.metric("alcove_jwks_keys", issuer="victims") == 1)
        try:
            yield issuer
        finally:
            path.write_text(before)
            gateway.reload()


def told(wire, token):
    """All that a login by this token gets; "in" where it is one."""
    try:
        wire.sasl("OAUTHBEARER", "", token)
        return "in"
    except kw.SaslFailed as e:
        return e.code, e.text, [len(x) for x in wire.received]
    finally:
        wire.close()


@case("a good token of the victim's tenant is a forged one at the attacker's door, whoever is its user")
def _(world, v):
    victims = world.stack.globex.name
    with issued(world, victims) as issuer:
        expect("the victim's own login", told(world.stack.globex.connect(), issuer.token(world.victims_user)), "in")
        forged = told(world.raw(), "e30.e30.e30")
        expect("a forged one", forged[0], 58)
        for user in (world.victims_user, "nobody-" + v.topic):
            expect(f"{user}'s token", told(world.raw(), issuer.token(user)), [forged])
            expect(f"{user}'s token that names the attacker's tenant", told(world.raw(), issuer.token(user, tenant="acme")), [forged])
        shared = world.stack.tenant("acme", via="shared")
        with shared.connect() as w:
            w.sasl("OAUTHBEARER", "", issuer.token("ann", tenant="acme"))
            expect("at the shared door it is the victim's tenant, not the one it names",
                   w.request("Metadata", 9, {"Topics": []})["ClusterId"] == world.victims_cluster_id, True)
            w.received.clear()  # what the victim itself may see
