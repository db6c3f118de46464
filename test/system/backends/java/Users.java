import com.sun.net.httpserver.HttpExchange;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;

record User(String id, String name) {}

/** The logged-in user is the cookie's, which /login sets from its query. */
final class Users {
  static User current(HttpExchange exchange) {
    var cookie = exchange.getRequestHeaders().getFirst("Cookie");
    if (cookie == null) return null;
    var values = cookie.replaceFirst("^user=id=", "").split("&name=", 2);
    return new User(decode(values[0]), decode(values[1]));
  }

  private static String decode(String text) {
    return URLDecoder.decode(text, StandardCharsets.UTF_8);
  }
}
