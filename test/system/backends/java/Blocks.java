/** Stands for the site's own list of who has blocked whom. */
final class Blocks {
  static boolean hasBlocked(String user, String other) {
    return user.equals("bob") && other.equals("eve");
  }
}
