import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A line has the body and the headers of a request: `BODY NAME:VALUE …`, the body and the values as base64. */
final class Check {
  public static void main(String[] args) throws Exception {
    for (var line : new BufferedReader(new InputStreamReader(System.in)).lines().toList()) {
      var parts = line.split(" ");
      Map<String, String> headers = Stream.of(parts).skip(1).map(part -> part.split(":", -1))
          .collect(Collectors.toMap(pair -> pair[0], pair -> new String(bytes(pair[1]), StandardCharsets.UTF_8)));
      System.out.println(VerifyWebhook.verify(headers::get, bytes(parts[0])));
    }
  }

  private static byte[] bytes(String base64) {
    return Base64.getDecoder().decode(base64);
  }
}
