import com.sun.net.httpserver.HttpExchange;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;

record User(String id, String name) {}

/** Who is logged in is what the cookie says, as the query of /login said it. */
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
