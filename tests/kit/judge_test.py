"""The judge finds what others own in what a client was told, and lets pass what the client said first."""
import pathlib
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from judge import Judge  # noqa: E402

ID, OTHER = bytes(range(200, 216)), bytes(range(100, 116))


def piece(way, tenant, data):
    return way + bytes([len(tenant)]) + tenant + struct.pack(">I", len(data)) + data


class Taps(unittest.TestCase):
    def verdict(self, *pieces, tenant="acme"):
        with tempfile.TemporaryDirectory() as folder:
            judge = Judge(["alcove.test", "example"], pathlib.Path(folder) / "taps")
            judge.taps.mkdir()
            (judge.taps / "one").write_bytes(b"".join(pieces))
            judge.forbid(tenant, "globex", "acme.", ID, OTHER)
            judge.allow(tenant, OTHER)
            found = judge.verdict()
            self.assertEqual([], list(judge.taps.iterdir()))
            self.assertEqual([], judge.verdict())
            return found

    def test_nothing(self):
        self.assertEqual([], self.verdict(piece(b"i", b"", b"hello"), piece(b"o", b"acme", b"orders"), piece(b"o", b"acme", b"acme.alcove.test"),
                                          piece(b"o", b"acme", b"b1.acme.example" + OTHER)))

    def test_a_name_in_any_case(self):
        self.assertEqual(1, len(self.verdict(piece(b"o", b"acme", b"..GlobeX.orders"))))

    def test_the_own_prefix(self):
        self.assertEqual(1, len(self.verdict(piece(b"o", b"acme", b"acme.alcove.test and acme.orders"))))

    def test_in_the_midst_of_base64(self):
        self.assertEqual([], self.verdict(piece(b"o", b"acme", b"v=qqfgLObeXUB0rGWHz1zn+fRqt5u5z2cAVkDiODv3IK0w=")))
        self.assertEqual(1, len(self.verdict(piece(b"o", b"acme", b"qqfgLObeXUB0r xglobex.orders"))))
        self.assertEqual(1, len(self.verdict(piece(b"o", b"acme", b"globexyz"))))
        self.assertEqual(1, len(self.verdict(piece(b"o", b"acme", b"xyzglobex"))))

    def test_an_id(self):
        self.assertEqual(1, len(self.verdict(piece(b"o", b"acme", b"x" + ID))))

    def test_told_before_the_login(self):
        self.assertEqual(1, len(self.verdict(piece(b"o", b"", b"globex"), piece(b"i", b"acme", b"x"))))

    def test_said_first(self):
        self.assertEqual([], self.verdict(piece(b"i", b"acme", b"globex?"), piece(b"o", b"acme", b"no globex")))

    def test_of_another_tenant(self):
        self.assertEqual([], self.verdict(piece(b"o", b"globex", b"globex")))


if __name__ == "__main__":
    unittest.main()
