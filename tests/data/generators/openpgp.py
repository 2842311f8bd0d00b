"""Verifies detached OpenPGP signatures of version 4 RSA keys: RFC 4880, and PKCS #1 version 1.5 for the number."""

import base64
import hashlib

# By OpenPGP's number: the hash, and what stands before its digest in the signed number (RFC 4880, 5.2.2).
HASHES = {
    8: ("sha256", bytes.fromhex("3031300d060960864801650304020105000420")),
    9: ("sha384", bytes.fromhex("3041300d060960864801650304020205000430")),
    10: ("sha512", bytes.fromhex("3051300d060960864801650304020305000440")),
}
PUBLIC_KEY, SIGNATURE, RSA = 6, 2, 1


class Refused(Exception):
    pass


def crc24(data):
    crc = 0xB704CE
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc = crc << 1 ^ (0x1864CFB if crc & 0x800000 else 0)
    return crc.to_bytes(3, "big")


def without_armor(text):
    """The bytes of base64 text, `=`, and a checksum in base64: MIG's form, which has no lines."""
    body, checksum = text[:-5], text[-5:]
    try:
        data = base64.b64decode(body, validate=True)
        if checksum[:1] != "=" or base64.b64decode(checksum[1:], validate=True) != crc24(data):
            raise Refused("a wrong checksum")
    except ValueError:
        raise Refused("no base64") from None
    return data


def packets(data):
    while data:
        if not data[0] & 0x80:
            raise Refused("no packet")
        if data[0] & 0x40:
            tag = data[0] & 0x3F
            first = data[1]
            if first < 192:
                size, begin = first, 2
            elif first < 224:
                size, begin = (first - 192 << 8) + data[2] + 192, 3
            else:
                size, begin = int.from_bytes(data[2:6], "big"), 6
        else:
            tag = data[0] >> 2 & 0xF
            bytes_of_size = 1 << (data[0] & 3)
            size, begin = int.from_bytes(data[1 : 1 + bytes_of_size], "big"), 1 + bytes_of_size
        yield tag, data[begin : begin + size]
        data = data[begin + size :]


def number(data):
    size = (int.from_bytes(data[:2], "big") + 7) // 8
    return int.from_bytes(data[2 : 2 + size], "big"), data[2 + size :]


class Key:
    """The primary key of an armored public key block."""

    def __init__(self, armored):
        lines = armored.split("\n\n", 1)[1].split("-----END")[0].split()
        tag, body = next(packets(without_armor("".join(lines))))
        if tag != PUBLIC_KEY or body[0] != 4 or body[5] != RSA:
            raise Refused("no version 4 RSA key")
        self.fingerprint = hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body).hexdigest().upper()
        self.modulus, rest = number(body[6:])
        self.exponent, _ = number(rest)

    def size(self):
        return (self.modulus.bit_length() + 7) // 8

    def verify(self, text, signature):
        """Gives the number of bytes of the signature's number; Refused if it is not over this text."""
        tag, body = next(packets(without_armor(signature)))
        if tag != SIGNATURE or body[0] != 4 or body[1] != 0 or body[2] != RSA or body[3] not in HASHES:
            raise Refused("no version 4 RSA signature of a binary document")
        hash_name, prefix = HASHES[body[3]]
        hashed_end = 6 + int.from_bytes(body[4:6], "big")
        hashed = body[:hashed_end]
        rest = body[hashed_end + 2 + int.from_bytes(body[hashed_end : hashed_end + 2], "big") :]
        trailer = hashed + b"\x04\xff" + len(hashed).to_bytes(4, "big")
        digest = hashlib.new(hash_name, text.encode() + trailer).digest()
        if rest[:2] != digest[:2]:
            raise Refused("the hash's first bytes differ")
        value, _ = number(rest[2:])
        end = b"\x00" + prefix + digest
        wanted = b"\x00\x01" + b"\xff" * (self.size() - 2 - len(end)) + end
        if pow(value, self.exponent, self.modulus) != int.from_bytes(wanted, "big"):
            raise Refused("the number is not of this text")
        return (value.bit_length() + 7) // 8
