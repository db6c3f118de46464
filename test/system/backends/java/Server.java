import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** The rest of a server, around the handler and the tag of docs/backends/java.md. */
final class Server {
  public static void main(String[] args) throws Exception {
    var server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(System.getenv("PORT"))), 0);
    server.createContext("/chat-token", new ChatTokenHandler());
    server.createContext("/login", exchange -> {
      exchange.getResponseHeaders().set("Set-Cookie", "user=" + exchange.getRequestURI().getRawQuery());
      exchange.getResponseHeaders().set("Location", "/");
      exchange.sendResponseHeaders(302, -1);
      exchange.close();
    });
    server.createContext("/", exchange -> {
      try (exchange) {
        var user = Users.current(exchange);
        var token = ChatToken.create(user.id(), Map.of("name", user.name()));
        var page = ("<!doctype html><meta charset=\"utf-8\"><script type=\"module\" async src=\"" + System.getenv("GATEWAY")
            + "/v1/chat-session.js\"></script><body>" + ChatTag.html(user.id(), token) + "</body>").getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/html");
        exchange.sendResponseHeaders(200, page.length);
        exchange.getResponseBody().write(page);
      } catch (java.security.GeneralSecurityException error) {
        throw new AssertionError(error);
      }
    });
    server.start();
  }
}
