"""An OIDC-style issuer for tests: keys of its own at /keys (https and http), tokens by client credentials at POST /token (http).

    with Issuer(folder, certificate, key) as issuer:   # PEM files of the https side
        issuer.url                       # https://localhost:PORT/keys
        issuer.token("ann", tenant="acme", exp=issuer.now() + 60)
        issuer.rotate()                  # another key signs from here on; both are shown, until forget()
        issuer.mode = "down"             # or "redirect", "large", "garbage"; None: well again

What signs is the openssl command: ES256 and RS256.
"""
import base64
import http.server
import json
import pathlib
import ssl
import subprocess
import threading
import time
import urllib.parse

CURVE_BYTES = 32


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*args, stdin=b""):
    return subprocess.run(["openssl", *map(str, args)], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True).stdout


def raw_ecdsa(der):
    """SEQUENCE of two INTEGERs -> both of fixed width, as RFC 7518 has them."""
    out, at = b"", 2
    for _ in range(2):
        n = der[at + 1]
        out += int.from_bytes(der[at + 2:at + 2 + n], "big").to_bytes(CURVE_BYTES, "big")
        at += 2 + n
    return out


class Key:
    def __init__(self, folder, kid, kind="EC"):
        self.kid, self.kind, self.path = kid, kind, pathlib.Path(folder) / f"{kid}.pem"
        options = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256") if kind == "EC" else (
            "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
        openssl("genpkey", *options, "-out", self.path)
        self.alg = "ES256" if kind == "EC" else "RS256"
        self.public = openssl("pkey", "-in", self.path, "-pubout")

    def jwk(self):
        more = {"kid": self.kid, "use": "sig", "alg": self.alg}
        if self.kind == "RSA":
            n = bytes.fromhex(openssl("rsa", "-in", self.path, "-noout", "-modulus").decode().strip().split("=")[1])
            return {"kty": "RSA", "n": b64(n), "e": "AQAB", **more}
        point = openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")[-2 * CURVE_BYTES:]
        return {"kty": "EC", "crv": "P-256", "x": b64(point[:CURVE_BYTES]), "y": b64(point[CURVE_BYTES:]), **more}

    def sign(self, data):
        der = openssl("dgst", "-sha256", "-sign", self.path, stdin=data)
        return raw_ecdsa(der) if self.kind == "EC" else der


class Issuer:
    def __init__(self, folder, certificate, key, kind="EC", iss="https://id.test", audience="kafka"):
        self.folder, self.kind, self.iss, self.audience = pathlib.Path(folder), kind, iss, audience
        self.folder.mkdir(exist_ok=True)
        self.keys, self.mode, self.asked, self.clients, self.life_s, self.made = [], None, 0, {}, 60, 0
        self.rotate()
        self.plain, self.tls = self.serve(), self.serve()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.tls.socket = context.wrap_socket(self.tls.socket, server_side=True)
        self.url = f"https://localhost:{self.tls.server_port}/keys"
        self.http_url = f"http://127.0.0.1:{self.plain.server_port}/keys"
        self.token_url = f"http://127.0.0.1:{self.plain.server_port}/token"

    def __enter__(self):
        for s in (self.plain, self.tls):
            threading.Thread(target=s.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        for s in (self.plain, self.tls):
            s.shutdown()
            s.server_close()

    # ---- keys and tokens

    def rotate(self):
        self.made += 1
        self.keys.append(Key(self.folder, f"key-{self.made}", self.kind))
        self.jwks = json.dumps({"keys": [k.jwk() for k in self.keys]}).encode()

    def forget(self):
        """All but the newest."""
        del self.keys[:-1]
        self.jwks = json.dumps({"keys": [k.jwk() for k in self.keys]}).encode()

    @staticmethod
    def now():
        return int(time.time())

    def claims(self, sub, **more):
        return {"iss": self.iss, "aud": self.audience, "sub": sub, "iat": self.now(), "exp": self.now() + 60, **more}

    def token(self, sub, key=None, header=None, **more):
        """Claims of None are left out."""
        key = key or self.keys[-1]
        claims = {k: v for k, v in self.claims(sub, **more).items() if v is not None}
        head = {"alg": key.alg, "kid": key.kid, "typ": "JWT", **(header or {})}
        data = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(claims).encode())}"
        return f"{data}.{b64(key.sign(data.encode()))}"

    # ---- http

    def serve(self):
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self, status, body, **headers):
                self.send_response(status)
                for k, v in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
                    self.send_header(k, v)
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                issuer.asked += 1
                if self.path == "/elsewhere" or issuer.mode is None:
                    self.answer(200, issuer.jwks)
                elif issuer.mode == "redirect":
                    self.answer(302, b"", Location="/elsewhere")
                elif issuer.mode == "large":
                    self.answer(200, issuer.jwks + b" " * (256 * 1024))
                elif issuer.mode == "garbage":
                    self.answer(200, b"<html>")
                else:
                    self.answer(503, b"{}")

            def do_POST(self):
                said = urllib.parse.parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
                kind, _, text = self.headers.get("Authorization", "").partition(" ")
                client, _, secret = base64.b64decode(text).decode().partition(":")
                if kind != "Basic" or said.get("grant_type") != ["client_credentials"] or issuer.clients.get(client, ("",))[0] != secret:
                    self.answer(401, b'{"error":"invalid_client"}')
                    return
                exp = issuer.now() + issuer.life_s
                token = issuer.token(client, **{"exp": exp, "scope": " ".join(said.get("scope", [])), **issuer.clients[client][1]})
                self.answer(200, json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": issuer.life_s}).encode())

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # whoever is asked too much of hangs up

        return Server(("127.0.0.1", 0), Handler)
