import 'dart:convert';
import 'dart:io';

import 'package:crypto/crypto.dart';

final secret = Platform.environment['NOTIFICATION_TOKEN'] ?? 'sandbox-sa-notification';
List<int> decode(String part) => base64Url.decode(base64Url.normalize(part));

bool isTamara(String token) {
  try {
    final [head, claims, signature] = token.split('.');
    final expected = Hmac(sha256, utf8.encode(secret)).convert(utf8.encode('$head.$claims'));
    final said = jsonDecode(utf8.decode(decode(claims)));
    // A Digest compares in constant time.
    return jsonDecode(utf8.decode(decode(head)))['alg'] == 'HS256' && expected == Digest(decode(signature)) &&
        said['iss'] == 'Tamara' && said['exp'] + 60 > DateTime.now().millisecondsSinceEpoch ~/ 1000;
  } catch (_) {
    return false;
  }
}

Future<void> main() async {
  final port = int.parse(Platform.environment['PORT'] ?? '9000');
  await for (final request in await HttpServer.bind('127.0.0.1', port)) {
    final body = await utf8.decodeStream(request);
    final known = isTamara((request.headers.value('authorization') ?? '').replaceFirst('Bearer ', ''));
    // The token says who calls, not what is true: read the order before acting on an event.
    if (known) print('${jsonDecode(body)['event_type']} ${jsonDecode(body)['order_id']}');
    request.response.statusCode = known ? 200 : 401;
    await request.response.close();
  }
}
