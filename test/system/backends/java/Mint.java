import java.util.Map;

final class Mint {
  public static void main(String[] args) throws Exception {
    for (int i = 0; i < args.length; i += 2) {
      Map<String, String> profile = args[i + 1].isEmpty() || args[i + 1].equals("null") ? Map.of() : Map.of("name", args[i + 1]);
      Object id = args[i].matches("[1-9][0-9]*") ? (Object) Long.valueOf(args[i]) : args[i];
      System.out.println(ChatToken.create(id, profile) + " " + ChatSignature.of(id));
    }
  }
}
