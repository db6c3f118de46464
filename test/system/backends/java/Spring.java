import com.fasterxml.jackson.databind.ObjectMapper;
import java.security.Principal;
import java.util.Map;

/** Prints the controller's response without a user, and then its response to the named user. */
final class Spring {
  public static void main(String[] args) throws Exception {
    for (Principal user : new Principal[] {null, () -> args[0]}) {
      var answer = new ChatTokenController().token(user);
      System.out.println(new ObjectMapper().writeValueAsString(Map.of(
          "status", answer.getStatusCodeValue(),
          "cacheControl", answer.getHeaders().getCacheControl(),
          "body", answer.getBody() == null ? Map.of() : answer.getBody())));
    }
  }
}
