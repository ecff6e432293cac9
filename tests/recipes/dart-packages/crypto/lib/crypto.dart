/// Stands in for `package:crypto` of pub.dev, which the Dart VM of the tests cannot fetch: the few names that
/// the recipe uses, with the same meaning. Only for the tests; checked by RFC 4231's cases in `check.dart`.
library;

import 'dart:typed_data';

/// The only hash of this stand-in.
class Hash {
  const Hash._();

  Digest convert(List<int> bytes) => Digest(_sha256(bytes));
}

const sha256 = Hash._();

class Digest {
  Digest(this.bytes);

  final List<int> bytes;

  @override
  bool operator ==(Object other) {
    if (other is! Digest || other.bytes.length != bytes.length) return false;
    var difference = 0;
    for (var i = 0; i < bytes.length; i++) {
      difference |= bytes[i] ^ other.bytes[i];
    }
    return difference == 0;
  }

  @override
  int get hashCode => Object.hashAll(bytes);

  @override
  String toString() => bytes.map((byte) => byte.toRadixString(16).padLeft(2, '0')).join();
}

class Hmac {
  Hmac(this._hash, List<int> key) : _key = Uint8List(64) {
    _key.setAll(0, key.length > 64 ? _hash.convert(key).bytes : key);
  }

  final Hash _hash;
  final Uint8List _key;

  Digest convert(List<int> bytes) {
    final inner = _hash.convert([for (final byte in _key) byte ^ 0x36, ...bytes]);
    return _hash.convert([for (final byte in _key) byte ^ 0x5c, ...inner.bytes]);
  }
}

/// FIPS 180-4. The constants are the first bits of roots of primes and are calculated as such.
List<int> _sha256(List<int> bytes) {
  final primes = [for (var n = 2; n < 312; n++) if (!Iterable.generate(n - 2, (i) => i + 2).any((d) => n % d == 0)) n];
  final k = [for (final prime in primes.take(64)) _rootBits(prime, 3)];
  final h = [for (final prime in primes.take(8)) _rootBits(prime, 2)];
  final length = bytes.length;
  final padded = Uint8List((length + 9 + 63) ~/ 64 * 64)..setAll(0, bytes);
  padded[length] = 0x80;
  ByteData.sublistView(padded).setUint64(padded.length - 8, length * 8);
  int turn(int x, int n) => (x >> n | x << (32 - n)) & 0xffffffff;
  for (var block = 0; block < padded.length; block += 64) {
    final w = List.filled(64, 0);
    for (var i = 0; i < 64; i++) {
      if (i < 16) {
        w[i] = ByteData.sublistView(padded).getUint32(block + 4 * i);
        continue;
      }
      final a = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3;
      final b = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10;
      w[i] = (w[i - 16] + a + w[i - 7] + b) & 0xffffffff;
    }
    final v = [...h];
    for (var i = 0; i < 64; i++) {
      final choice = v[4] & v[5] ^ ~v[4] & v[6];
      final s1 = turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25);
      final t1 = v[7] + s1 + choice + k[i] + w[i];
      final s0 = turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22);
      final t2 = s0 + (v[0] & v[1] ^ v[0] & v[2] ^ v[1] & v[2]);
      v.setAll(0, [(t1 + t2) & 0xffffffff, v[0], v[1], v[2], (v[3] + t1) & 0xffffffff, v[4], v[5], v[6]]);
    }
    for (var i = 0; i < 8; i++) {
      h[i] = (h[i] + v[i]) & 0xffffffff;
    }
  }
  final out = ByteData(32);
  for (var i = 0; i < 8; i++) {
    out.setUint32(4 * i, h[i]);
  }
  return out.buffer.asUint8List();
}

/// The first 32 bits behind the point of the root of [prime] of that [degree].
int _rootBits(int prime, int degree) {
  final target = BigInt.from(prime) << 32 * degree;
  var low = BigInt.zero, high = BigInt.one << 40;
  while (high - low > BigInt.one) {
    final middle = (low + high) >> 1;
    if (middle.pow(degree) <= target) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return (low & BigInt.from(0xffffffff)).toInt();
}
