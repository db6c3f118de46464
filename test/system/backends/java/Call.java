import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;

/** Calls the functions of ChatCalls.java: a line of standard input has a name and arguments, the line printed for it the answer or the error. */
final class Call {
  static Map<String, Object> maySend(Map<String, String> headers, String body) throws Exception {
    var answer = ChatMaySend.answer(headers::get, body.getBytes(StandardCharsets.UTF_8));
    return Map.of("status", answer == null ? 401 : 200, "body", answer == null ? "" : answer);
  }

  public static void main(String[] args) throws Exception {
    var json = new ObjectMapper();
    var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = lines.readLine()) != null; ) {
      var input = json.readTree(line);
      var method = Stream.of(ChatCalls.class, ChatPage.class, Call.class).flatMap(type -> Arrays.stream(type.getDeclaredMethods())).filter(m -> m.getName().equals(input.get(0).asText())).findFirst().orElseThrow();
      var types = method.getGenericParameterTypes();
      var arguments = new Object[types.length];
      for (int i = 0; i < types.length; i++) {
        var given = input.get(1).get(i);
        arguments[i] = given == null ? Map.of() : json.convertValue(given, json.constructType(types[i]));
      }
      var result = new HashMap<String, Object>();
      try {
        result.put("answer", method.invoke(null, arguments));
      } catch (InvocationTargetException thrown) {
        var error = new HashMap<String, Object>();
        error.put("message", String.valueOf(thrown.getCause().getMessage()));
        if (thrown.getCause() instanceof ChatRest.ChatError answered) {
          error.put("status", answered.status);
          error.put("code", answered.code);
        }
        result.put("error", error);
      }
      System.out.write(json.writeValueAsBytes(result));
      System.out.println();
    }
  }
}
