/// Checks the stand-in against RFC 4231, cases 2 and 6.
library;

import 'dart:convert';

import 'package:crypto/crypto.dart';

void main() {
  void check(List<int> key, String text, String expected) {
    final mac = Hmac(sha256, key).convert(utf8.encode(text)).toString();
    if (mac != expected) throw StateError('$text: $mac');
  }

  check(utf8.encode('Jefe'), 'what do ya want for nothing?',
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  check(List.filled(131, 0xaa), 'Test Using Larger Than Block-Size Key - Hash Key First',
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54');
}
