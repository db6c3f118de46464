import java.util.Map;

final class Mint {
  public static void main(String[] args) throws Exception {
    for (int i = 0; i < args.length; i += 2) {
      Map<String, String> profile = args[i + 1].isEmpty() || args[i + 1].equals("null") ? Map.of() : Map.of("name", args[i + 1]);
      System.out.println(ChatToken.create(args[i], profile) + " " + ChatSignature.of(args[i]));
    }
  }
}
