import 'dart:convert';
import 'dart:io';

final base = Platform.environment['TAMARA_URL'] ?? 'http://127.0.0.1:8081';
final http = HttpClient();

Future<Map<String, dynamic>> tamara(String method, String path, [Object? body]) async {
  final request = await http.openUrl(method, Uri.parse('$base$path'));
  request.headers.set('authorization', 'Bearer sandbox-sa');
  request.headers.contentType = ContentType.json;
  if (body != null) request.write(jsonEncode(body));
  final answer = await request.close();
  final text = await utf8.decodeStream(answer);
  if (answer.statusCode != 200) throw HttpException('$method $path: ${answer.statusCode} $text');
  return jsonDecode(text);
}

Future<void> main() async {
  final events = ['order_approved', 'order_authorised', 'order_captured', 'order_refunded'];
  final webhook = Platform.environment['WEBHOOK_URL'];
  if (webhook != null) await tamara('POST', '/webhooks', {'type': 'order', 'events': events, 'url': webhook});

  final cart = jsonDecode(File.fromUri(Platform.script.resolve('../checkout.json')).readAsStringSync());
  final session = await tamara('POST', '/checkout', cart);
  final order = session['order_id'], checkout = session['checkout_id'];
  print('a customer would open ${session['checkout_url']}');
  await tamara('POST', '/_sandbox/sessions/$checkout/approve', {'plan': '3'}); // only here, not at Tamara

  sar(int amount) => {'amount': amount, 'currency': 'SAR'};
  await tamara('POST', '/orders/$order/authorise');
  final shipping = {'shipped_at': DateTime.now().toUtc().toIso8601String(), 'shipping_company': 'Aramex'};
  await tamara('POST', '/payments/capture',
      {'order_id': order, 'total_amount': sar(300), 'shipping_info': shipping});
  await tamara('POST', '/payments/simplified-refund/$order',
      {'total_amount': sar(100), 'comment': 'one came back'});
  print((await tamara('GET', '/orders/$order'))['status']); // partially_refunded
  http.close();
}
